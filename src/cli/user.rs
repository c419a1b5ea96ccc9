//! `amphi user`. A password is never an argument: others could read it in the list of processes.

use super::{Error, group, stdin, table};
use crate::catalogue::Catalogue;
use crate::catalogue::audit::Actor;
use crate::catalogue::id::PersonId;
use crate::catalogue::identity::NewPerson;
use crate::catalogue::person::{Person, PersonChange};
use crate::catalogue::secret::Password;
use crate::clock::{now, rfc3339};
use crate::policy::who::{Buildings, Role};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a person who signs in with a password.
    Add {
        #[command(flatten)]
        login: Login,
        /// As others see the person [default: the login].
        #[arg(long)]
        name: Option<String>,
        /// Where the link to a new password goes.
        #[arg(long)]
        mail: Option<String>,
        /// viewer, contributor, operator or administrator.
        #[arg(long, default_value = "administrator")]
        role: Role,
    },
    /// Give another password; ends all sessions.
    Passwd(Login),
    /// Change what a person is; what is not said stays.
    Change(Change),
    /// All of them.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Login {
    /// What the person types to sign in.
    login: String,
    /// Read the password from the first line of standard input; without it one is made and printed once.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// What the person types to sign in.
    login: String,
    /// As others see the person.
    #[arg(long)]
    name: Option<String>,
    /// Where the link to a new password goes; "" for nowhere.
    #[arg(long)]
    mail: Option<String>,
    /// viewer, contributor, operator or administrator.
    #[arg(long)]
    role: Option<Role>,
    /// Limits an operator to the building with this title. Can be repeated.
    #[arg(long = "building", value_name = "TITLE", conflicts_with = "everywhere")]
    buildings: Vec<String>,
    /// Lets an operator operate everywhere.
    #[arg(long)]
    everywhere: bool,
    /// The groups the person is in, by title, all of them. Can be repeated; "" alone for none.
    #[arg(long = "group", value_name = "TITLE")]
    groups: Vec<String>,
    /// What the institution says the person is, all of it, such as student. Can be repeated; "" alone for nothing.
    #[arg(long = "affiliation", value_name = "NAME")]
    affiliations: Vec<String>,
    /// The person may not sign in any more; ends all sessions.
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// The person may sign in again.
    #[arg(long)]
    enable: bool,
}

pub(super) async fn run(command: Command, catalogue: &Catalogue) -> Result<String, Error> {
    match command {
        Command::Add { login, name, mail, role } => {
            let (password, said) = login.password()?;
            let new = NewPerson { login: login.login, name, mail, role, buildings: Buildings::All };
            let person = catalogue.add_person(new, &password.hash()?, now()).await?;
            note(catalogue, "person.add", &person.id, person.role.name()).await?;
            Ok(format!("Added {}.{said}\n", person.login.unwrap_or_default()))
        }
        Command::Passwd(login) => {
            let (password, said) = login.password()?;
            let id = find(catalogue, &login.login).await?.id;
            catalogue.set_password(&id, &password.hash()?, None, now()).await?;
            note(catalogue, "person.password", &id, "").await?;
            Ok(format!("{} has a new password.{said}\n", login.login))
        }
        Command::Change(change) => {
            let person = find(catalogue, &change.login).await?;
            change.apply(catalogue, &person).await?;
            Ok(format!("{} is changed.\n", person.login.unwrap_or_default()))
        }
        Command::List { json } => {
            let people = catalogue.people().await?;
            if json {
                return Ok(table::json(people.iter().map(object).collect()));
            }
            let rows: Vec<Vec<String>> = people.into_iter().map(row).collect();
            Ok(table::columns(
                &["LOGIN", "ROLE", "CREATED", "NAME"],
                &rows,
                "There is nobody yet: amphi user add LOGIN",
            ))
        }
    }
}

/// The one who types this to sign in.
pub(super) async fn find(catalogue: &Catalogue, login: &str) -> Result<Person, Error> {
    let found = catalogue.person_by_login(login).await?;
    found.ok_or_else(|| Error::Other(format!("there is nobody called {login}")))
}

async fn note(catalogue: &Catalogue, act: &'static str, id: &PersonId, detail: &str) -> Result<(), Error> {
    Ok(catalogue.note(&Actor::CommandLine, act, id.as_str(), detail, now()).await?)
}

/// All that were named; `""` alone names none, and nothing at all says nothing.
fn named(words: &[String]) -> Option<Vec<&str>> {
    (!words.is_empty()).then(|| words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect())
}

impl Change {
    async fn apply(&self, catalogue: &Catalogue, person: &Person) -> Result<(), Error> {
        let buildings = match named(&self.buildings) {
            Some(titles) => {
                let ids = group::buildings(catalogue, &titles).await?;
                Some(Buildings::Only(ids.iter().map(ToString::to_string).collect()))
            }
            None => self.everywhere.then_some(Buildings::All),
        };
        let groups = match named(&self.groups) {
            Some(titles) => Some(group::groups(catalogue, &titles).await?),
            None => None,
        };
        let change = PersonChange {
            name: self.name.clone(),
            mail: self.mail.clone().map(|mail| Some(mail).filter(|mail| !mail.is_empty())),
            role: self.role,
            buildings,
            disabled: (self.disable || self.enable).then_some(self.disable),
        };
        let changed = catalogue.change_person(&person.id, change, now()).await?;
        if let Some(groups) = groups {
            catalogue.set_groups(&person.id, &groups).await?;
        }
        if let Some(affiliations) = named(&self.affiliations) {
            let affiliations = affiliations.into_iter().map(str::to_owned).collect();
            catalogue.set_affiliations(&person.id, &affiliations).await?;
        }
        let state = if changed.disabled_at.is_some() { ", disabled" } else { "" };
        note(catalogue, "person.change", &person.id, &format!("{}{state}", changed.role)).await
    }
}

fn row(person: Person) -> Vec<String> {
    let role = match (&person.disabled_at, &person.buildings) {
        (Some(_), _) => format!("{}, disabled", person.role),
        (None, Buildings::Only(some)) => format!("{} of {} buildings", person.role, some.len()),
        (None, Buildings::All) => person.role.to_string(),
    };
    vec![person.login.unwrap_or_else(|| "-".to_owned()), role, rfc3339(person.created_at), person.name]
}

fn object(person: &Person) -> Value {
    let buildings = match &person.buildings {
        Buildings::All => Value::Null,
        Buildings::Only(some) => json!(some),
    };
    json!({
        "id": person.id.as_str(), "login": person.login, "name": person.name, "mail": person.mail,
        "role": person.role.name(), "buildings": buildings, "created_at": rfc3339(person.created_at),
        "disabled_at": person.disabled_at.map(rfc3339)
    })
}

impl Login {
    /// The password, and what to say of it.
    fn password(&self) -> Result<(Password, String), Error> {
        if !self.password_stdin {
            let password = Password::random()?;
            let said = format!(" Password, shown only now: {}", password.reveal());
            return Ok((password, said));
        }
        Ok((Password::new(stdin::line()?)?, String::new()))
    }
}
