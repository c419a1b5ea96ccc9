//! `amphi user`. A password is never an argument: others could read it in the list of processes.

use super::{Error, stdin, table};
use crate::catalogue::Catalogue;
use crate::catalogue::secret::Password;
use crate::clock::{now, rfc3339};
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an administrator.
    Add(Login),
    /// Give another password.
    Passwd(Login),
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

pub(super) async fn run(command: Command, catalogue: &Catalogue) -> Result<String, Error> {
    match command {
        Command::Add(login) => {
            let (password, said) = login.password()?;
            let user = catalogue.add_user(&login.login, &password.hash()?, now()).await?;
            Ok(format!("Added {}.{said}\n", user.login))
        }
        Command::Passwd(login) => {
            let (password, said) = login.password()?;
            catalogue.set_password(&login.login, &password.hash()?).await?;
            Ok(format!("{} has a new password.{said}\n", login.login))
        }
        Command::List { json } => {
            let users = catalogue.users().await?;
            if json {
                let items = users.iter().map(|user| {
                    json!({
                        "id": user.id.as_str(), "login": user.login, "role": "administrator",
                        "created_at": rfc3339(user.created_at)
                    })
                });
                return Ok(table::json(items.collect()));
            }
            let rows: Vec<Vec<String>> = users
                .into_iter()
                .map(|user| vec![user.login, "administrator".to_owned(), rfc3339(user.created_at)])
                .collect();
            Ok(table::columns(&["LOGIN", "ROLE", "CREATED"], &rows, "There is nobody yet: amphi user add LOGIN"))
        }
    }
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
