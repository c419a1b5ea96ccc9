//! People: who they are, and what they are at this tenant. How they sign in stands in `identity.rs`.

use super::database::{Row, Transaction};
use super::id::{BuildingId, GroupId, PersonId};
use super::slug;
use super::{Catalogue, Error, taken};
use crate::policy::who::{self, Buildings, Role};
use media::time::WallTime;
use std::collections::BTreeSet;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Names the person for ever.
    pub id: PersonId,
    /// As others see it.
    pub name: String,
    /// Where the link to a new password goes; lower case, unique.
    pub mail: Option<String>,
    /// What the person types to sign in with a password; lower case, unique. `None`: signs in elsewhere.
    pub login: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// Where an operator may do it.
    pub buildings: Buildings,
    /// Since when.
    pub created_at: WallTime,
    /// May not sign in since.
    pub disabled_at: Option<WallTime>,
}

/// What to change; `None` leaves as is, the inner `None` empties.
#[derive(Clone, Debug, Default)]
pub struct PersonChange {
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// See [`Person::mail`].
    pub mail: Option<Option<String>>,
    /// See [`Person::role`].
    pub role: Option<Role>,
    /// See [`Person::buildings`].
    pub buildings: Option<Buildings>,
    /// Whether the person may not sign in. Ends all sessions.
    pub disabled: Option<bool>,
}

const SELECT: &str = "SELECT p.id, p.name, p.mail, p.role, p.everywhere, p.created_ms, p.disabled_ms, i.subject \
     FROM people p LEFT JOIN identities i ON i.tenant_id = p.tenant_id AND i.person_id = p.id \
     AND i.provider = 'password' WHERE p.tenant_id = $1";

/// Of one look for people: whoever is not among them is looked for by more letters.
pub const MOST_FOUND: usize = 100;
/// Longer addresses can't be delivered to (RFC 5321 section 4.5.3.1.3).
const MAX_MAIL: usize = 254;
/// Longer names of affiliations are mistakes.
const MAX_AFFILIATION: usize = 64;

/// Without the buildings of who is limited to some.
fn model(row: &Row) -> Result<Person, Error> {
    Ok(Person {
        id: row.parsed("id")?,
        name: row.text("name")?,
        mail: row.maybe_text("mail")?,
        login: row.maybe_text("subject")?,
        // A role of a later version gives nothing here.
        role: row.text("role")?.parse().unwrap_or(Role::Viewer),
        buildings: if row.flag("everywhere")? { Buildings::All } else { Buildings::Only(BTreeSet::new()) },
        created_at: row.time("created_ms")?,
        disabled_at: row.maybe_time("disabled_ms")?,
    })
}

/// An address as it is stored: trimmed, lower case. Whether somebody reads there is found out by writing there.
pub(super) fn mail(text: &str) -> Result<String, Error> {
    let text = text.trim().to_lowercase();
    let whole = |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_control() && !c.is_whitespace());
    let parts = text.rsplit_once('@').filter(|(local, domain)| whole(local) && whole(domain) && !local.contains('@'));
    if parts.is_some() && text.len() <= MAX_MAIL && !text.contains([',', ';', '<', '>', '"']) {
        Ok(text)
    } else {
        Err(Error::invalid("mail", "must be an address such as marie@example.org"))
    }
}

impl Catalogue {
    /// All, by name.
    ///
    /// # Errors
    /// `Database`.
    pub async fn people(&self) -> Result<Vec<Person>, Error> {
        self.people_where("").await
    }

    /// Those of whom ` AND …` holds, by name.
    pub(super) async fn people_where(&self, and: &'static str) -> Result<Vec<Person>, Error> {
        let rows = self.database.rows(self.statement(SELECT).push(and).push(" ORDER BY p.name, p.id")).await?;
        let mut people = rows.iter().map(model).collect::<Result<Vec<_>, _>>()?;
        for person in &mut people {
            self.fill_buildings(person).await?;
        }
        Ok(people)
    }

    /// Those whose name, login or address holds this, without case and accents, by name: at most [`MOST_FOUND`], and whether there are
    /// more. Nothing typed finds everybody.
    ///
    /// # Errors
    /// `Database`.
    pub async fn find_people(&self, typed: &str) -> Result<(Vec<Person>, bool), Error> {
        // Neither database folds accents by itself, and administrators look seldom.
        let typed = slug::folded(typed);
        let holds = |text: &str| slug::folded(text).contains(&typed);
        let mut found = self.people().await?;
        found.retain(|person| {
            [Some(&person.name), person.login.as_ref(), person.mail.as_ref()]
                .into_iter()
                .flatten()
                .any(|text| holds(text))
        });
        let more = found.len() > MOST_FOUND;
        found.truncate(MOST_FOUND);
        Ok((found, more))
    }

    /// The one with this id.
    ///
    /// # Errors
    /// `Database`.
    pub async fn person(&self, id: &PersonId) -> Result<Option<Person>, Error> {
        self.one_person(" AND p.id = ", id.as_str()).await
    }

    /// The one who has this address, if any.
    ///
    /// # Errors
    /// `Database`.
    pub async fn person_by_mail(&self, text: &str) -> Result<Option<Person>, Error> {
        let Ok(mail) = mail(text) else { return Ok(None) };
        self.one_person(" AND p.mail = ", &mail).await
    }

    /// Who is meant by a login, by a mail address, or by what names somebody who has neither.
    ///
    /// # Errors
    /// `Database`.
    pub async fn person_named(&self, text: &str) -> Result<Option<Person>, Error> {
        if let Some(person) = self.person_by_login(text).await? {
            return Ok(Some(person));
        }
        match (self.person_by_mail(text).await?, text.trim().parse()) {
            (None, Ok(id)) => self.person(&id).await,
            (found, _) => Ok(found),
        }
    }

    /// The one who types this to sign in, if any.
    ///
    /// # Errors
    /// `Database`.
    pub async fn person_by_login(&self, text: &str) -> Result<Option<Person>, Error> {
        let Ok(login) = super::identity::login(text) else { return Ok(None) };
        self.one_person(" AND i.subject = ", &login).await
    }

    async fn one_person(&self, column: &'static str, value: &str) -> Result<Option<Person>, Error> {
        let row = self.database.row(self.statement(SELECT).push_bind(column, value)).await?;
        let Some(mut person) = row.as_ref().map(model).transpose()? else { return Ok(None) };
        self.fill_buildings(&mut person).await?;
        Ok(Some(person))
    }

    async fn fill_buildings(&self, person: &mut Person) -> Result<(), Error> {
        if let Buildings::Only(some) = &mut person.buildings {
            *some = self
                .texts_of(
                    "SELECT building_id AS value FROM operator_buildings WHERE tenant_id = $1 AND person_id = $2",
                    &person.id,
                )
                .await?;
        }
        Ok(())
    }

    async fn texts_of(&self, sql: &'static str, id: &PersonId) -> Result<BTreeSet<String>, Error> {
        let rows = self.database.rows(self.statement(sql).bind(id.as_str())).await?;
        rows.iter().map(|row| row.text("value")).collect()
    }

    /// What the policy has to know of a person; `None` when there is none who may sign in.
    ///
    /// # Errors
    /// `Database`.
    pub async fn standing(&self, id: &PersonId) -> Result<Option<who::Person>, Error> {
        match self.person(id).await? {
            Some(person) => self.standing_of(&person).await,
            None => Ok(None),
        }
    }

    /// The same of a person who was looked up.
    ///
    /// # Errors
    /// `Database`.
    pub async fn standing_of(&self, person: &Person) -> Result<Option<who::Person>, Error> {
        if person.disabled_at.is_some() {
            return Ok(None);
        }
        let groups = "SELECT group_id AS value FROM memberships WHERE tenant_id = $1 AND person_id = $2";
        let affiliations = "SELECT affiliation AS value FROM affiliations WHERE tenant_id = $1 AND person_id = $2";
        Ok(Some(who::Person {
            id: person.id.to_string(),
            role: person.role,
            buildings: person.buildings.clone(),
            groups: self.texts_of(groups, &person.id).await?,
            affiliations: self.texts_of(affiliations, &person.id).await?,
        }))
    }

    /// Changes a person and answers what it is now. What somebody may do changes at once for what they ask from then on.
    ///
    /// # Errors
    /// `NotFound` (a building, too), `Taken("mail")`, `Invalid`, `Database`; `Conflict`: nobody would be left who administers.
    pub async fn change_person(&self, id: &PersonId, change: PersonChange, now: WallTime) -> Result<Person, Error> {
        let mut statement = self.statement("UPDATE people SET tenant_id = $1");
        if let Some(name) = change.name {
            statement = statement.push_bind(", name = ", slug::title("name", &name)?);
        }
        if let Some(text) = change.mail {
            statement = statement.push_bind(", mail = ", text.map(|text| mail(&text)).transpose()?);
        }
        if let Some(role) = change.role {
            statement = statement.push_bind(", role = ", role.name());
        }
        if let Some(buildings) = &change.buildings {
            statement = statement.push_bind(", everywhere = ", *buildings == Buildings::All);
        }
        if let Some(disabled) = change.disabled {
            statement = statement.push_bind(", disabled_ms = ", disabled.then(|| now.millis()));
        }
        let mut tx = self.database.begin().await?;
        if change.disabled == Some(true) || change.role.is_some_and(|role| role != Role::Administrator) {
            self.spare_the_last_administrator(&mut tx, id).await?;
        }
        let statement = statement.push_bind(" WHERE tenant_id = $1 AND id = ", id.as_str());
        if taken(tx.execute(statement).await, "mail")? == 0 {
            return Err(Error::NotFound("person"));
        }
        if let Some(buildings) = &change.buildings {
            self.limit_to(&mut tx, id, buildings).await?;
        }
        if change.disabled == Some(true) {
            tx.execute(self.end_sessions_statement(id)).await?;
        }
        tx.commit().await?;
        self.person(id).await?.ok_or(Error::NotFound("person"))
    }

    /// That somebody administers without this person. Until the transaction ends no other can ask the same: two administrators who take each
    /// other's role would both be let.
    async fn spare_the_last_administrator(&self, tx: &mut Transaction, id: &PersonId) -> Result<(), Error> {
        // An update, as it locks the rows in both databases.
        let administrators =
            "UPDATE people SET tenant_id = $1 WHERE tenant_id = $1 AND role = 'administrator' AND disabled_ms IS NULL";
        let all = tx.execute(self.statement(administrators)).await?;
        let this = tx.execute(self.statement(administrators).push_bind(" AND id = ", id.as_str())).await?;
        if all == this && this > 0 { Err(Error::Conflict("somebody has to administer")) } else { Ok(()) }
    }

    pub(super) async fn limit_to(
        &self,
        tx: &mut Transaction,
        id: &PersonId,
        buildings: &Buildings,
    ) -> Result<(), Error> {
        let statement = self.statement("DELETE FROM operator_buildings WHERE tenant_id = $1 AND person_id = $2");
        tx.execute(statement.bind(id.as_str())).await?;
        let Buildings::Only(some) = buildings else { return Ok(()) };
        for building in some {
            let building: BuildingId = building.parse().map_err(|_| Error::NotFound("building"))?;
            let statement = self
                .statement(
                    "INSERT INTO operator_buildings (tenant_id, person_id, building_id) \
                     SELECT tenant_id, $2, id FROM buildings WHERE tenant_id = $1 AND id = $3",
                )
                .bind(id.as_str())
                .bind(building.as_str());
            if tx.execute(statement).await? == 0 {
                return Err(Error::NotFound("building"));
            }
        }
        Ok(())
    }

    /// Says all that the institution says a person is: lower-cased, 1 to 64 characters each.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Database`.
    pub async fn set_affiliations(&self, id: &PersonId, affiliations: &BTreeSet<String>) -> Result<(), Error> {
        let mut tx = self.database.begin().await?;
        let statement = self.statement("DELETE FROM affiliations WHERE tenant_id = $1 AND person_id = $2");
        tx.execute(statement.bind(id.as_str())).await?;
        for affiliation in affiliations {
            let affiliation = affiliation_name(affiliation)?;
            let statement = self
                .statement(
                    "INSERT INTO affiliations (tenant_id, person_id, affiliation) \
                     SELECT tenant_id, id, $3 FROM people WHERE tenant_id = $1 AND id = $2",
                )
                .bind(id.as_str())
                .bind(affiliation);
            if tx.execute(statement).await? == 0 {
                return Err(Error::NotFound("person"));
            }
        }
        tx.commit().await
    }

    /// The groups that a person was put into by hand.
    ///
    /// # Errors
    /// `Database`.
    pub async fn groups_by_hand(&self, id: &PersonId) -> Result<BTreeSet<GroupId>, Error> {
        let statement = self.statement(
            "SELECT group_id FROM memberships WHERE tenant_id = $1 AND person_id = $2 AND source = 'manual'",
        );
        let rows = self.database.rows(statement.bind(id.as_str())).await?;
        rows.iter().map(|row| row.parsed("group_id")).collect()
    }

    /// Says all the groups that a person was put into by hand. What a provider says of others stays.
    ///
    /// # Errors
    /// `NotFound` for a person or group; `Database`.
    pub async fn set_groups(&self, id: &PersonId, groups: &BTreeSet<GroupId>) -> Result<(), Error> {
        let known: BTreeSet<GroupId> = self.groups().await?.into_iter().map(|group| group.id).collect();
        if !groups.is_subset(&known) {
            return Err(Error::NotFound("group"));
        }
        if self.person(id).await?.is_none() {
            return Err(Error::NotFound("person"));
        }
        let mut tx = self.database.begin().await?;
        let statement =
            self.statement("DELETE FROM memberships WHERE tenant_id = $1 AND person_id = $2 AND source = 'manual'");
        tx.execute(statement.bind(id.as_str())).await?;
        for group in groups {
            let statement = self
                .statement(
                    // Where a provider has put the person, nothing changes.
                    "INSERT INTO memberships (tenant_id, group_id, person_id, source) VALUES ($1, $2, $3, 'manual') \
                     ON CONFLICT DO NOTHING",
                )
                .bind(group.as_str())
                .bind(id.as_str());
            tx.execute(statement).await?;
        }
        tx.commit().await
    }
}

/// An affiliation as it is stored.
pub(super) fn affiliation_name(text: &str) -> Result<String, Error> {
    let text = text.trim().to_lowercase();
    let whole = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | ':'));
    if (1..=MAX_AFFILIATION).contains(&text.len()) && whole {
        Ok(text)
    } else {
        Err(Error::invalid("affiliation", "must be 1 to 64 letters, digits and - _ . @ :"))
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn what_cannot_be_an_address_is_none() {
        assert_eq!(mail(" Marie@Example.ORG ").unwrap(), "marie@example.org");
        let long = format!("{}@example.org", "x".repeat(300));
        for bad in ["", "marie", "@", "a@", "@b", "a b@c", "a@b\r\nBcc: x@y", "a@b,c@d", "<a@b>", "a@b@c", &long] {
            assert!(mail(bad).is_err(), "{bad}");
        }
    }
}
