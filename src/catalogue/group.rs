//! Groups of people: what rights refer to by name.

use super::database::Row;
use super::id::GroupId;
use super::slug;
use super::{Catalogue, Error, taken};
use media::time::WallTime;
use std::collections::BTreeMap;

/// People whom things are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Names it for ever.
    pub id: GroupId,
    /// What people call it; unique.
    pub title: String,
}

fn group(row: &Row) -> Result<Group, Error> {
    Ok(Group { id: row.parsed("id")?, title: row.text("title")? })
}

impl Catalogue {
    /// All groups, by title.
    ///
    /// # Errors
    /// `Database`.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        let statement = self.statement("SELECT id, title FROM access_groups WHERE tenant_id = $1 ORDER BY title");
        self.database.rows(statement).await?.iter().map(group).collect()
    }

    /// How many people are in each group that somebody is in.
    ///
    /// # Errors
    /// `Database`.
    pub async fn group_sizes(&self) -> Result<BTreeMap<GroupId, u64>, Error> {
        let statement = self
            .statement("SELECT group_id, COUNT(*) AS people FROM memberships WHERE tenant_id = $1 GROUP BY group_id");
        let rows = self.database.rows(statement).await?;
        rows.iter().map(|row| Ok((row.parsed("group_id")?, row.unsigned("people")?))).collect()
    }

    /// One more group, without anybody.
    ///
    /// # Errors
    /// `Taken("group")`, `Invalid`, `Database`.
    pub async fn add_group(&self, title: &str, now: WallTime) -> Result<Group, Error> {
        let group = Group { id: GroupId::random()?, title: slug::title("title", title)? };
        let statement = self
            .statement("INSERT INTO access_groups (tenant_id, id, title, created_ms) VALUES ($1, $2, $3, $4)")
            .bind(group.id.as_str())
            .bind(group.title.as_str())
            .bind(now.millis());
        taken(self.database.execute(statement).await, "group")?;
        Ok(group)
    }

    /// Removes a group: from its people, and from everything that was for it. What was for it alone is then for nobody.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn remove_group(&self, id: &GroupId) -> Result<(), Error> {
        let mut tx = self.database.begin().await?;
        for sql in [
            "DELETE FROM memberships WHERE tenant_id = $1 AND group_id = $2",
            "DELETE FROM audiences WHERE tenant_id = $1 AND value = $2 AND part = 'group'",
        ] {
            tx.execute(self.statement(sql).bind(id.as_str())).await?;
        }
        let statement = self.statement("DELETE FROM access_groups WHERE tenant_id = $1 AND id = $2");
        if tx.execute(statement.bind(id.as_str())).await? == 0 {
            return Err(Error::NotFound("group"));
        }
        tx.commit().await
    }
}
