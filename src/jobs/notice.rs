//! A mail to the owners of a recording that is a video now: where it is, and that nobody has looked over it yet; of one that waits for an owner,
//! see `waiting.rs`. In both languages of the site, as nobody
//! knows which one its reader reads.
//!
//! **Promises.** Each owner who has an address and may sign in is written to once, unless a mail server failed for all of them: then it is tried again.

use super::waiting;
use super::work::{Failure, Workshop};
use crate::catalogue::id::{PersonId, VideoId};
use crate::catalogue::person::Person;
use crate::catalogue::video::Video;
use crate::clock::now;
use crate::mail::Mail;

/// Writes to them. Where nobody can be written to, or nothing is owned any more, it is done.
pub(super) async fn write(shop: &Workshop, id: &VideoId) -> Result<(), Failure> {
    let failed = |error: crate::catalogue::Error| Failure::Failed(error.to_string());
    let post = shop.post.borrow().clone();
    let Some(post) = post else { return Ok(()) };
    let (Some(video), Some(state)) =
        (shop.catalogue.video(id).await.map_err(failed)?, shop.catalogue.video_state(id).await.map_err(failed)?)
    else {
        return Ok(());
    };
    if state.owners.is_empty() {
        return if state.claimable { waiting::write(shop, &post, &video, &state, now()).await } else { Ok(()) };
    }
    let (mut written, mut trouble) = (0, None);
    for owner in state.owners.iter().filter_map(|id| id.parse::<PersonId>().ok()) {
        let Some(person) = shop.catalogue.person(&owner).await.map_err(failed)? else { continue };
        let Some(mail) = mail(&person, &video, &post.site) else { continue };
        match post.mailer.send(mail).await {
            Ok(()) => written += 1,
            Err(error) => trouble = Some(error),
        }
    }
    for (result, count) in [("sent", written), ("failed", u64::from(trouble.is_some()))] {
        metrics::counter!("amphi_mails_total", "result" => result).increment(count);
    }
    match trouble {
        // Whoever was written to is not written to again.
        Some(error) if written > 0 => {
            tracing::warn!(video = %id, %error, "not all owners of a recording could be written to");
            Ok(())
        }
        Some(error) => Err(Failure::Failed(error.to_string())),
        None => Ok(()),
    }
}

/// `None`: they can't be written to.
fn mail(person: &Person, video: &Video, site: &str) -> Option<Mail> {
    let to = person.mail.clone().filter(|_| person.disabled_at.is_none())?;
    let (name, title, id) = (&person.name, &video.title, &video.id);
    let text = format!(
        "Bonjour {name},\n\nl’enregistrement « {title} » est prêt. Vous pouvez le modifier, le couper et dire pour qui il est :\n\n\
         {site}/videos/{id}/edit\n\n--\n\nHello {name},\n\nthe recording “{title}” is ready. You can edit and cut it, and say whom it \
         is for:\n\n{site}/videos/{id}/edit\n"
    );
    Some(Mail { to, subject: format!("Enregistrement prêt / Recording ready: {title}"), text })
}
