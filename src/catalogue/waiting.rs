//! Who is told that recordings wait for their owners, and when they were told last.

use super::id::PersonId;
use super::person::Person;
use super::{Catalogue, Error};
use media::time::WallTime;

impl Catalogue {
    /// When a person was last told that recordings wait; `None`: never.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn waiting_told(&self, person: &PersonId) -> Result<Option<WallTime>, Error> {
        let statement = self.statement("SELECT waiting_told_ms FROM people WHERE tenant_id = $1 AND id = $2");
        let row = self.database.row(statement.bind(person.as_str())).await?;
        row.ok_or(Error::NotFound("person"))?.maybe_time("waiting_told_ms")
    }

    /// Notes that a person is told now, unless somebody has told them after `since`. `false`: somebody has.
    ///
    /// # Errors
    /// `Database`.
    pub async fn tell_waiting(&self, person: &PersonId, since: WallTime, now: WallTime) -> Result<bool, Error> {
        let statement = self
            .statement(
                "UPDATE people SET waiting_told_ms = $3 \
                 WHERE tenant_id = $1 AND id = $2 AND (waiting_told_ms IS NULL OR waiting_told_ms <= $4)",
            )
            .bind(person.as_str())
            .bind(now.millis())
            .bind(since.millis());
        Ok(self.database.execute(statement).await? > 0)
    }

    /// What [`Self::tell_waiting`] noted did not come to pass.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_waiting_told(&self, person: &PersonId) -> Result<(), Error> {
        let statement = self.statement("UPDATE people SET waiting_told_ms = NULL WHERE tenant_id = $1 AND id = $2");
        self.database.execute(statement.bind(person.as_str())).await.map(|_| ())
    }

    /// Operators and administrators who can be written to: they have an address and may sign in. By name.
    ///
    /// # Errors
    /// `Database`.
    pub async fn operators_with_mail(&self) -> Result<Vec<Person>, Error> {
        self.people_where(
            " AND p.role IN ('operator', 'administrator') AND p.mail IS NOT NULL AND p.disabled_ms IS NULL",
        )
        .await
    }
}
