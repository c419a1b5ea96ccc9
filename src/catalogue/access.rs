//! Whom broadcasters and videos are for: what the policy has to know of them, and how it is changed.

use super::database::{Row, Transaction};
use super::id::{BroadcasterId, BuildingId, GroupId, PersonId, VideoId};
use super::person;
use super::secret::PasswordHash;
use super::slug::Slug;
use super::statement::Statement;
use super::{Catalogue, Error};
use crate::policy::state::{State, Visibility};
use crate::policy::who::Audience;
use std::collections::{BTreeMap, BTreeSet};

/// What to change of whom something is for; `None` leaves as is, the inner `None` empties.
#[derive(Clone, Debug, Default)]
pub struct AccessChange {
    /// Whom it is for.
    pub visibility: Option<Visibility>,
    /// For [`Visibility::Groups`].
    pub audience: Option<BTreeSet<Audience>>,
    /// For [`Visibility::Password`]. Whoever has typed the former one types again.
    pub password: Option<Option<PasswordHash>>,
    /// A video's only: who owns it.
    pub owners: Option<BTreeSet<PersonId>>,
    /// A video's only: see [`State::downloadable`].
    pub downloadable: Option<bool>,
    /// A broadcaster's only: where it is.
    pub building: Option<Option<BuildingId>>,
    /// A broadcaster's only: see [`State::open_figures`].
    pub open_figures: Option<bool>,
}

const BROADCASTER: &str = "SELECT id, visibility, password_version, open_figures, building_id FROM broadcasters \
     WHERE tenant_id = $1 AND deleted_ms IS NULL";

// A removed broadcaster's videos are still of its building.
const VIDEO: &str = "SELECT v.id, v.visibility, v.password_version, v.downloadable, v.listed, v.claimable, v.deleted_ms, b.building_id \
     FROM videos v JOIN broadcasters b ON b.tenant_id = v.tenant_id AND b.id = v.broadcaster_id WHERE v.tenant_id = $1";

/// What both have.
fn common(row: &Row) -> Result<State, Error> {
    Ok(State {
        // One of a later version is for nobody here.
        visibility: row.text("visibility")?.parse().unwrap_or(Visibility::Draft),
        password_version: Some(row.unsigned("password_version")?).filter(|version| *version > 0),
        building: row.maybe_text("building_id")?,
        ..State::default()
    })
}

fn broadcaster(row: &Row) -> Result<(BroadcasterId, State), Error> {
    Ok((row.parsed("id")?, State { open_figures: row.flag("open_figures")?, ..common(row)? }))
}

fn video(row: &Row) -> Result<(VideoId, State), Error> {
    let state = State {
        downloadable: row.flag("downloadable")?,
        listed: row.flag("listed")?,
        claimable: row.flag("claimable")?,
        deleted: row.maybe_int("deleted_ms")?.is_some(),
        ..common(row)?
    };
    Ok((row.parsed("id")?, state))
}

fn part(row: &Row) -> Result<Audience, Error> {
    let value = row.text("value")?;
    Ok(match row.text("part")?.as_str() {
        "group" => Audience::Group(value),
        _ => Audience::Affiliation(value),
    })
}

/// ` AND column IN ($2, $3…)`, or nothing that is so for none.
pub(super) fn among<'a>(
    mut statement: Statement,
    column: &'static str,
    ids: impl Iterator<Item = &'a str>,
) -> Statement {
    statement = statement.push(column).push(" IN (");
    let mut before = "";
    for id in ids {
        statement = statement.push_bind(before, id);
        before = ", ";
    }
    // Both databases refuse an empty list.
    if before.is_empty() { statement.push("NULL)") } else { statement.push(")") }
}

impl Catalogue {
    /// How things stand with the broadcaster of this slug; `None`: there is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn broadcaster_state(&self, slug: &Slug) -> Result<Option<(BroadcasterId, State)>, Error> {
        let statement = self.statement(BROADCASTER).push_bind(" AND slug = ", slug.as_str());
        let Some(row) = self.database.row(statement).await? else { return Ok(None) };
        let (id, mut state) = broadcaster(&row)?;
        state.audience = self.audience(id.as_str()).await?;
        Ok(Some((id, state)))
    }

    /// The same of all broadcasters.
    ///
    /// # Errors
    /// `Database`.
    pub async fn broadcaster_states(&self) -> Result<BTreeMap<BroadcasterId, State>, Error> {
        let rows = self.database.rows(self.statement(BROADCASTER)).await?;
        let mut states = rows.iter().map(broadcaster).collect::<Result<BTreeMap<_, _>, _>>()?;
        let statement = self.statement("SELECT object_id, part, value FROM audiences WHERE tenant_id = $1");
        let statement = among(statement, " AND object_id", states.keys().map(BroadcasterId::as_str));
        for row in self.database.rows(statement).await? {
            if let Some(state) = states.get_mut(&row.parsed("object_id")?) {
                state.audience.insert(part(&row)?);
            }
        }
        Ok(states)
    }

    /// How things stand with videos, deleted ones included. Those that do not exist are not in the answer.
    ///
    /// # Errors
    /// `Database`.
    pub async fn video_states(&self, ids: &[VideoId]) -> Result<BTreeMap<VideoId, State>, Error> {
        let these = |statement, column| among(statement, column, ids.iter().map(VideoId::as_str));
        let rows = self.database.rows(these(self.statement(VIDEO), " AND v.id")).await?;
        let mut states = rows.iter().map(video).collect::<Result<BTreeMap<_, _>, _>>()?;
        let statement = self.statement("SELECT object_id, part, value FROM audiences WHERE tenant_id = $1");
        for row in self.database.rows(these(statement, " AND object_id")).await? {
            if let Some(state) = states.get_mut(&row.parsed("object_id")?) {
                state.audience.insert(part(&row)?);
            }
        }
        let statement = self.statement("SELECT video_id, person_id FROM video_owners WHERE tenant_id = $1");
        for row in self.database.rows(these(statement, " AND video_id")).await? {
            if let Some(state) = states.get_mut(&row.parsed("video_id")?) {
                state.owners.insert(row.text("person_id")?);
            }
        }
        Ok(states)
    }

    /// How things stand with one video, deleted or not; `None`: there is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn video_state(&self, id: &VideoId) -> Result<Option<State>, Error> {
        Ok(self.video_states(std::slice::from_ref(id)).await?.remove(id))
    }

    async fn audience(&self, id: &str) -> Result<BTreeSet<Audience>, Error> {
        let statement =
            self.statement("SELECT part, value FROM audiences WHERE tenant_id = $1 AND object_id = $2").bind(id);
        self.database.rows(statement).await?.iter().map(part).collect()
    }

    /// The password of a broadcaster, and its number, to verify what somebody has typed; `None`: it has none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn broadcaster_password(&self, id: &BroadcasterId) -> Result<Option<(PasswordHash, u64)>, Error> {
        let sql = "SELECT password_hash, password_version FROM broadcasters \
                   WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NULL";
        self.object_password(self.statement(sql).bind(id.as_str())).await
    }

    /// The password of a video; see [`Self::broadcaster_password`].
    ///
    /// # Errors
    /// `Database`.
    pub async fn video_password(&self, id: &VideoId) -> Result<Option<(PasswordHash, u64)>, Error> {
        let sql = "SELECT password_hash, password_version FROM videos \
                   WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NULL";
        self.object_password(self.statement(sql).bind(id.as_str())).await
    }

    async fn object_password(&self, statement: Statement) -> Result<Option<(PasswordHash, u64)>, Error> {
        let Some(row) = self.database.row(statement).await? else { return Ok(None) };
        let Some(hash) = row.maybe_text("password_hash")? else { return Ok(None) };
        Ok(Some((PasswordHash(hash), row.unsigned("password_version")?)))
    }

    /// Changes whom a broadcaster is for. Videos that were recorded keep what they have.
    ///
    /// # Errors
    /// `NotFound` for it, a group or a building; `Invalid`: a password is asked for that there is not; `Database`.
    pub async fn change_broadcaster_access(&self, id: &BroadcasterId, change: AccessChange) -> Result<(), Error> {
        if let Some(Some(building)) = &change.building
            && !self.buildings().await?.iter().any(|known| known.id == *building)
        {
            return Err(Error::NotFound("building"));
        }
        let mut statement = begin(self.statement("UPDATE broadcasters SET tenant_id = $1"), &change);
        if let Some(building) = &change.building {
            statement = statement.push_bind(", building_id = ", building.as_ref().map(ToString::to_string));
        }
        if let Some(open) = change.open_figures {
            statement = statement.push_bind(", open_figures = ", open);
        }
        let statement = statement.push_bind(" WHERE tenant_id = $1 AND deleted_ms IS NULL AND id = ", id.as_str());
        let without = "UPDATE broadcasters SET tenant_id = $1 \
                       WHERE tenant_id = $1 AND id = $2 AND visibility = 'password' AND password_hash IS NULL";
        let groups = self.group_ids(&change).await?;
        let mut tx = self.database.begin().await?;
        if tx.execute(statement).await? == 0 {
            return Err(Error::NotFound("broadcaster"));
        }
        self.finish_access(&mut tx, id.as_str(), without, &change, &groups).await?;
        tx.commit().await
    }

    /// Changes whom a video is for, and whose it is.
    ///
    /// # Errors
    /// `NotFound` for it, a group or a person; `Invalid`: a password is asked for that there is not; `Database`.
    pub async fn change_video_access(&self, id: &VideoId, change: AccessChange) -> Result<(), Error> {
        let mut statement = begin(self.statement("UPDATE videos SET tenant_id = $1"), &change);
        if let Some(downloadable) = change.downloadable {
            statement = statement.push_bind(", downloadable = ", downloadable);
        }
        let statement = statement.push_bind(" WHERE tenant_id = $1 AND deleted_ms IS NULL AND id = ", id.as_str());
        let without = "UPDATE videos SET tenant_id = $1 \
                       WHERE tenant_id = $1 AND id = $2 AND visibility = 'password' AND password_hash IS NULL";
        let groups = self.group_ids(&change).await?;
        let mut tx = self.database.begin().await?;
        if tx.execute(statement).await? == 0 {
            return Err(Error::NotFound("video"));
        }
        if let Some(owners) = &change.owners {
            let statement = self.statement("DELETE FROM video_owners WHERE tenant_id = $1 AND video_id = $2");
            tx.execute(statement.bind(id.as_str())).await?;
            for owner in owners {
                let statement = self
                    .statement(
                        "INSERT INTO video_owners (tenant_id, video_id, person_id) \
                         SELECT tenant_id, $2, id FROM people WHERE tenant_id = $1 AND id = $3",
                    )
                    .bind(id.as_str())
                    .bind(owner.as_str());
                if tx.execute(statement).await? == 0 {
                    return Err(Error::NotFound("person"));
                }
            }
        }
        self.finish_access(&mut tx, id.as_str(), without, &change, &groups).await?;
        tx.commit().await
    }

    /// The groups there are, when the change names some.
    async fn group_ids(&self, change: &AccessChange) -> Result<BTreeSet<GroupId>, Error> {
        match &change.audience {
            Some(_) => Ok(self.groups().await?.into_iter().map(|group| group.id).collect()),
            None => Ok(BTreeSet::new()),
        }
    }

    /// The audience; and that nothing asks for a password that it does not have.
    async fn finish_access(
        &self,
        tx: &mut Transaction,
        id: &str,
        without_password: &'static str,
        change: &AccessChange,
        groups: &BTreeSet<GroupId>,
    ) -> Result<(), Error> {
        if let Some(audience) = &change.audience {
            let statement = self.statement("DELETE FROM audiences WHERE tenant_id = $1 AND object_id = $2");
            tx.execute(statement.bind(id)).await?;
            for one in audience {
                let (part, value) = match one {
                    Audience::Group(group) if groups.iter().any(|known| known.as_str() == group) => {
                        ("group", group.clone())
                    }
                    Audience::Group(_) => return Err(Error::NotFound("group")),
                    Audience::Affiliation(name) => ("affiliation", person::affiliation_name(name)?),
                };
                let statement = self
                    .statement("INSERT INTO audiences (tenant_id, object_id, part, value) VALUES ($1, $2, $3, $4)")
                    .bind(id)
                    .bind(part)
                    .bind(value);
                tx.execute(statement).await?;
            }
        }
        if tx.execute(self.statement(without_password).bind(id)).await? > 0 {
            return Err(Error::invalid("password", "must be set for the visibility password"));
        }
        Ok(())
    }
}

/// What both have.
fn begin(mut statement: Statement, change: &AccessChange) -> Statement {
    if let Some(visibility) = change.visibility {
        statement = statement.push_bind(", visibility = ", visibility.name());
    }
    if let Some(password) = &change.password {
        // Never back to a number that it had: somebody may have typed the password of then.
        statement = statement.push_bind(
            ", password_version = password_version + 1, password_hash = ",
            password.as_ref().map(|p| p.0.clone()),
        );
    }
    statement
}
