//! Who is heard in a broadcaster's lives, and what others may do with them: columns of its row.
//!
//! **Promises.** Both are bounded as a video's are. A recording takes over what its broadcaster has when it begins, and keeps it: what is
//! changed of one afterwards is not changed of the other.

use super::database::{Row, Transaction};
use super::id::{BroadcasterId, VideoId};
use super::statement::Statement;
use super::{Catalogue, Error, details};

/// As they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credits {
    /// In the order in which they are named; see [`details::DetailsChange::speakers`].
    pub speakers: Vec<String>,
    /// An identifier like those of SPDX, such as `CC-BY-4.0`; empty: none was given.
    pub licence: String,
}

/// What to change; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct CreditsChange {
    /// See [`details::DetailsChange::speakers`]; replaces all.
    pub speakers: Option<Vec<String>>,
    /// See [`details::DetailsChange::licence`].
    pub licence: Option<String>,
}

impl Credits {
    pub(super) fn of(row: &Row) -> Result<Self, Error> {
        let speakers = row.text("speakers")?.lines().map(str::to_owned).collect();
        Ok(Self { speakers, licence: row.text("licence")? })
    }

    /// The values of `speakers` and `licence`.
    pub(super) fn bind(&self, statement: Statement) -> Result<Statement, Error> {
        Ok(statement.bind(text(&self.speakers)?).bind(details::licence(&self.licence)?))
    }
}

impl CreditsChange {
    /// Adds what changes to an UPDATE.
    pub(super) fn push(self, mut statement: Statement) -> Result<Statement, Error> {
        if let Some(names) = self.speakers {
            statement = statement.push_bind(", speakers = ", text(&names)?);
        }
        if let Some(licence) = self.licence {
            statement = statement.push_bind(", licence = ", details::licence(&licence)?);
        }
        Ok(statement)
    }
}

/// Names have no line breaks.
fn text(names: &[String]) -> Result<String, Error> {
    Ok(details::speakers(names)?.join("\n"))
}

impl Catalogue {
    /// A recording that begins in this transaction takes over what its broadcaster has now.
    pub(super) async fn take_over_credits(
        &self,
        tx: &mut Transaction,
        broadcaster: &BroadcasterId,
        video: &VideoId,
    ) -> Result<(), Error> {
        let said = self
            .statement("SELECT speakers, licence FROM broadcasters WHERE tenant_id = $1 AND id = $2")
            .bind(broadcaster.as_str());
        let said = tx.row(said).await?.as_ref().map(Credits::of).transpose()?.unwrap_or_default();
        let licence = self
            .statement("UPDATE videos SET licence = $3 WHERE tenant_id = $1 AND id = $2")
            .bind(video.as_str())
            .bind(said.licence);
        let mut statements = vec![licence];
        self.add_speakers(&mut statements, video, said.speakers)?;
        for statement in statements {
            tx.execute(statement).await?;
        }
        Ok(())
    }
}
