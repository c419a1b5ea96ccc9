//! A mail to operators that recordings wait for their owners: how many, and where they say whose they are. In both languages of the site, as nobody
//! knows which one its reader reads.
//!
//! **Promises.** Whoever is written to may say whose the recording is, as the policy has it: operators of its building, and where nobody of those
//! can be written to, administrators. Nobody is written to more than once an hour; what comes meanwhile is told an hour later, if it still waits.

use super::runner::micros;
use super::work::{Failure, Workshop};
use crate::catalogue::id::VideoId;
use crate::catalogue::person::Person;
use crate::catalogue::video::{MAX_PAGE, Video};
use crate::catalogue::{Catalogue, Error};
use crate::mail::{Mail, Post};
use crate::policy;
use crate::policy::object::{Action, Kind, Object, VideoPart};
use crate::policy::state::State;
use crate::policy::who::{self, Identity, Role, Who};
use media::time::WallTime;
use std::time::Duration;

/// Between two mails to one person.
const QUIET: Duration = Duration::from_secs(3_600);
/// A recording may be there so much later than it ended: as long as its live waited for its contribution to return.
const LATE: Duration = Duration::from_secs(300);

/// What is to be done for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// They are written to.
    Now,
    /// They were told of it.
    Told,
    /// Not before then.
    Later(WallTime),
}

/// For who was told last at `told`, of a recording that ended at `ended`.
fn turn(told: Option<WallTime>, ended: WallTime, now: WallTime) -> Turn {
    let Some(told) = told else { return Turn::Now };
    let free = told.plus_micros(micros(QUIET));
    if told >= ended.plus_micros(micros(LATE)) {
        Turn::Told
    } else if free <= now {
        Turn::Now
    } else {
        Turn::Later(free)
    }
}

fn may_attribute(catalogue: &Catalogue, person: &who::Person, (id, state): (&VideoId, &State), now: WallTime) -> bool {
    let tenant = catalogue.tenant().as_str();
    let who = Who { tenant, identity: Identity::Person(person), proofs: &[], now };
    let object = Object { tenant, id: id.as_str(), kind: Kind::Video(VideoPart::Rights) };
    policy::decide(&who, &object, Action::Change, state).is_allowed()
}

/// Whoever can be written to and may say whose this is: operators, or else administrators.
async fn addressees(
    catalogue: &Catalogue,
    of: (&VideoId, &State),
    now: WallTime,
) -> Result<Vec<(Person, who::Person)>, Error> {
    let mut found = Vec::new();
    for person in catalogue.operators_with_mail().await? {
        let Some(standing) = catalogue.standing_of(&person).await? else { continue };
        if may_attribute(catalogue, &standing, of, now) {
            found.push((person, standing));
        }
    }
    let operators = found.iter().any(|(person, _)| person.role == Role::Operator);
    found.retain(|(person, _)| !operators || person.role == Role::Operator);
    Ok(found)
}

/// How many recordings wait that this person may give to somebody, and whether there are more.
async fn waiting(catalogue: &Catalogue, person: &who::Person, now: WallTime) -> Result<(usize, bool), Error> {
    let page = catalogue.videos_to_claim(MAX_PAGE).await?;
    let ids: Vec<VideoId> = page.items.iter().map(|video| video.id.clone()).collect();
    let states = catalogue.video_states(&ids).await?;
    let theirs = states.iter().filter(|of| may_attribute(catalogue, person, *of, now)).count();
    Ok((theirs, page.next.is_some()))
}

/// Writes to them. What does not wait any more is done.
pub(super) async fn write(
    shop: &Workshop,
    post: &Post,
    video: &Video,
    state: &State,
    now: WallTime,
) -> Result<(), Failure> {
    let failed = |error: Error| Failure::Failed(error.to_string());
    let catalogue = &shop.catalogue;
    let ended = video.ended_at.unwrap_or(now);
    let (mut later, mut trouble) = (None::<WallTime>, None);
    for (person, standing) in addressees(catalogue, (&video.id, state), now).await.map_err(failed)? {
        match turn(catalogue.waiting_told(&person.id).await.map_err(failed)?, ended, now) {
            Turn::Told => continue,
            Turn::Later(at) => {
                later = Some(later.map_or(at, |other| other.min(at)));
                continue;
            }
            Turn::Now => {}
        }
        let (count, more) = waiting(catalogue, &standing, now).await.map_err(failed)?;
        let Some(mail) = mail(&person, count, more, &post.site) else { continue };
        if !catalogue.tell_waiting(&person.id, now.plus_micros(-micros(QUIET)), now).await.map_err(failed)? {
            continue;
        }
        let sent = post.mailer.send(mail).await;
        let result = if sent.is_ok() { "sent" } else { "failed" };
        metrics::counter!("amphi_mails_total", "result" => result).increment(1);
        if let Err(error) = sent {
            catalogue.forget_waiting_told(&person.id).await.map_err(failed)?;
            trouble = Some(error);
        }
    }
    match (trouble, later) {
        (Some(error), _) => Err(Failure::Failed(error.to_string())),
        (None, Some(at)) => Err(Failure::Later(at, "its operators were written to within the hour".to_owned())),
        (None, None) => Ok(()),
    }
}

/// `None`: there is nothing to write, or nowhere.
fn mail(person: &Person, count: usize, more: bool, site: &str) -> Option<Mail> {
    let to = person.mail.clone().filter(|_| count > 0)?;
    let name = &person.name;
    let (french, english) = match (count, more) {
        (_, true) => {
            (format!("plus de {count} enregistrements attendent"), format!("more than {count} recordings wait"))
        }
        (1, false) => ("un enregistrement attend".to_owned(), "one recording waits".to_owned()),
        (_, false) => (format!("{count} enregistrements attendent"), format!("{count} recordings wait")),
    };
    let text = format!(
        "Bonjour {name},\n\n{french} de savoir à qui ils sont. Vous pouvez le dire :\n\n{site}/recordings-to-claim\n\n\
         --\n\nHello {name},\n\n{english} for an owner. You can say whose they are:\n\n{site}/recordings-to-claim\n"
    );
    Some(Mail { to, subject: format!("Enregistrements à attribuer / Recordings to claim: {count}"), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> WallTime {
        WallTime::from_micros(1_790_000_000_000_000 + minute * 60_000_000)
    }

    #[test]
    fn nobody_is_told_twice_an_hour_and_everything_is_told() {
        assert_eq!(turn(None, at(0), at(1)), Turn::Now);
        assert_eq!(turn(Some(at(10)), at(20), at(21)), Turn::Later(at(70)));
        assert_eq!(turn(Some(at(10)), at(20), at(70)), Turn::Now);
        // What another job has told of since.
        assert_eq!(turn(Some(at(70)), at(20), at(70)), Turn::Told);
        // It may have come after the mail was counted.
        assert_eq!(turn(Some(at(10)), at(9), at(11)), Turn::Later(at(70)));
    }
}
