//! How it goes with a live's engine, and what an operator is told of it: in sentences that say what viewers get, why, and what to do.

use crate::live::admission::{NoRoom, Ticket};
use crate::live::status::{Finding, Level};
use pipelines::encoder::{Choice, Encoder};
use pipelines::ladder::fit::{Fitted, Piece};

/// How it goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Standing {
    /// Nothing to make, or nothing known yet.
    Idle,
    Running,
    Missing(String),
    NoRoom(NoRoom),
    Lost(String),
    GivenUp(String),
}

impl Standing {
    /// What is wrong, if anything is.
    pub(super) fn finding(&self, slug: &str) -> Option<Finding> {
        let found = |level, code, message| Some(Finding { level, code, message });
        match self {
            Self::Idle | Self::Running => None,
            Self::Missing(reason) => {
                found(Level::Notice, "engine_missing", format!("Viewers get the source only: {reason}."))
            }
            Self::NoRoom(NoRoom { wanted, free }) => found(
                Level::Warning,
                "no_room_for_renditions",
                format!(
                    "Viewers get the source only: its renditions would take {wanted:.1} cores, {free:.1} are left of what engines may \
                     use, and not even the smallest fits. They begin when there is room; renditions.cpu_percent sets how much engines \
                     may use."
                ),
            ),
            Self::Lost(reason) => {
                found(Level::Warning, "engine_lost", format!("The engine ended and is started again: {reason}."))
            }
            Self::GivenUp(reason) => found(
                Level::Error,
                "engine_given_up",
                format!(
                    "Viewers get the source only: the engine ended again and again ({reason}). It is tried again with the next \
                     contribution, or by: amphi broadcaster retry {}",
                    retried(slug)
                ),
            ),
        }
    }
}

/// What the command line calls a broadcaster by its label.
fn retried(label: &str) -> String {
    match label.split_once('/') {
        Some((tenant, slug)) => format!("{slug} --tenant {tenant}"),
        None => label.to_owned(),
    }
}

/// That there was no room for all that was wanted.
pub(super) fn fewer(fitted: &Fitted, ticket: &Ticket) -> Option<Finding> {
    let left_out = names(&fitted.left_out);
    let (more, free) = (fitted.wanted_cores() - fitted.cores(), (ticket.room() - ticket.held()).max(0.0));
    let message = format!(
        "Not made for lack of room: {left_out}. They would take {more:.1} cores more, and {free:.1} are left of what engines may use. They \
         are added when there is room; renditions.cpu_percent sets how much engines may use."
    );
    (!left_out.is_empty()).then_some(Finding { level: Level::Warning, code: "fewer_renditions", message })
}

/// That the encoder which the operator chose is not the one that is used.
pub(super) fn other_encoder(wanted: Choice, used: Encoder, why: &str) -> Option<Finding> {
    let Choice::This(wanted) = wanted else { return None };
    let why = if why.is_empty() { "the engine ended early with it" } else { why };
    let message = format!(
        "Renditions are made with {} in place of {}: {why}. engine.encoder says which is used.",
        used.name(),
        wanted.name()
    );
    (used != wanted).then_some(Finding { level: Level::Warning, code: "other_encoder", message })
}

/// What viewers know them by.
pub(super) fn names(pieces: &[Piece]) -> String {
    let name = |piece: &Piece| match piece {
        Piece::Sound => "sound that every player decodes".to_owned(),
        Piece::Source(rung, _) => format!("{}p in place of a source that browsers can't play", rung.short_side_px()),
        Piece::Rung(rung) => format!("{}p", rung.short_side_px()),
    };
    pieces.iter().map(name).collect::<Vec<_>>().join(", ")
}
