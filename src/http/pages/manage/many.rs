//! What can be done to many videos at once.

use crate::catalogue::Error;
use crate::catalogue::access::AccessChange;
use crate::catalogue::details::{DetailsChange, VideoKind};
use crate::catalogue::id::VideoId;
use crate::http::accounts::Accounts;
use crate::http::gate::visitor::Visitor;
use crate::http::pages::texts::Texts;
use crate::http::pages::visibility;
use crate::policy::object::{Action, Kind, VideoPart};
use crate::policy::state::Visibility;
use std::fmt;

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Show(Visibility),
    Kind(VideoKind),
    Tag(String),
    Untag(String),
    Delete,
    Restore,
}

/// As the form calls it.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Show(visibility) => write!(f, "show:{}", visibility.name()),
            Self::Kind(kind) => write!(f, "kind:{kind}"),
            Self::Tag(_) => f.write_str("tag"),
            Self::Untag(_) => f.write_str("untag"),
            Self::Delete => f.write_str("delete"),
            Self::Restore => f.write_str("restore"),
        }
    }
}

/// What is offered for videos that were deleted, or for the others.
pub(super) fn offered(deleted: bool) -> Vec<Act> {
    if deleted {
        return vec![Act::Restore];
    }
    let show = visibility::SIMPLE.into_iter().map(Act::Show);
    let tags = [Act::Tag(String::new()), Act::Untag(String::new())];
    show.chain(VideoKind::ALL.into_iter().map(Act::Kind)).chain(tags).chain([Act::Delete]).collect()
}

impl Act {
    /// What a form says; `None`: nothing that can be done.
    pub(super) fn read(name: &str, tag: &str) -> Option<Self> {
        let tag = tag.trim().to_lowercase();
        Some(match (name, name.split_once(':')) {
            ("delete", _) => Self::Delete,
            ("restore", _) => Self::Restore,
            ("tag", _) if !tag.is_empty() => Self::Tag(tag),
            ("untag", _) if !tag.is_empty() => Self::Untag(tag),
            (_, Some(("show", visibility))) => {
                Self::Show(visibility.parse().ok().filter(|v| visibility::SIMPLE.contains(v))?)
            }
            (_, Some(("kind", kind))) => Self::Kind(kind.parse().ok()?),
            _ => return None,
        })
    }

    /// For the reader.
    pub(super) fn text(&self, texts: &Texts) -> String {
        match self {
            Self::Show(to) => texts.with("many-show", "whom", texts.get(visibility::key(*to, "edit-for-draft"))),
            Self::Kind(kind) => texts.with("many-kind", "kind", texts.get(&format!("video-kind-{kind}"))),
            Self::Tag(_) => texts.get("many-tag"),
            Self::Untag(_) => texts.get("many-untag"),
            Self::Delete => texts.get("many-delete"),
            Self::Restore => texts.get("many-restore"),
        }
    }

    /// What the policy is asked, and what the audit log calls it.
    fn asks(&self) -> (VideoPart, Action, &'static str) {
        match self {
            Self::Show(_) => (VideoPart::Rights, Action::Change, "video.rights"),
            Self::Kind(_) | Self::Tag(_) | Self::Untag(_) => (VideoPart::Record, Action::Change, "video.change"),
            Self::Delete => (VideoPart::Record, Action::Delete, "video.delete"),
            Self::Restore => (VideoPart::Record, Action::Restore, "video.restore"),
        }
    }
}

/// Does it to one video, if this visitor may. Whether it was done; why it was not is logged when it is the server's fault.
pub(super) async fn apply(accounts: &Accounts, visitor: &Visitor, id: &VideoId, act: &Act) -> bool {
    match done(accounts, visitor, id, act).await {
        Ok(done) => done,
        // It is recorded now, was removed meanwhile, or has too many tags.
        Err(Error::Conflict(_) | Error::NotFound(_) | Error::Invalid { .. }) => false,
        Err(error) => {
            tracing::error!(%error, video = %id, "a video among many can't be changed");
            false
        }
    }
}

async fn done(accounts: &Accounts, visitor: &Visitor, id: &VideoId, act: &Act) -> Result<bool, Error> {
    let catalogue = accounts.catalogue();
    let Some(state) = catalogue.video_state(id).await? else { return Ok(false) };
    let (part, action, noted) = act.asks();
    if !visitor.may(action, Kind::Video(part), id.as_str(), &state) {
        return Ok(false);
    }
    let now = accounts.now();
    match act {
        Act::Show(to) => {
            let change = AccessChange { visibility: Some(*to), ..AccessChange::default() };
            catalogue.change_video_access(id, change).await?;
        }
        Act::Kind(kind) => {
            let change = DetailsChange { kind: Some(*kind), ..DetailsChange::default() };
            catalogue.change_details(id, change).await?;
        }
        Act::Tag(tag) | Act::Untag(tag) => {
            let mut tags = catalogue.details(id).await?.ok_or(Error::NotFound("video"))?.tags;
            if matches!(act, Act::Tag(_)) {
                tags.insert(tag.clone())
            } else {
                tags.remove(tag)
            };
            let change = DetailsChange { tags: Some(tags.into_iter().collect()), ..DetailsChange::default() };
            catalogue.change_details(id, change).await?;
        }
        Act::Delete => catalogue.delete_video(id, now).await?,
        Act::Restore => {
            catalogue.restore_video(id).await?;
        }
    }
    if let Err(error) = catalogue.note(&visitor.actor(), noted, id.as_str(), &act.to_string(), now).await {
        // What was done is done.
        tracing::error!(%error, act = noted, "what was done can't be noted in the audit log");
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_what_is_read() {
        for act in offered(false).into_iter().chain(offered(true)) {
            let read = Act::read(&act.to_string(), " Fourier ").unwrap();
            match act {
                Act::Tag(_) => assert_eq!(read, Act::Tag("fourier".to_owned())),
                Act::Untag(_) => assert_eq!(read, Act::Untag("fourier".to_owned())),
                act => assert_eq!(read, act),
            }
        }
        for (name, tag) in
            [("", ""), ("tag", " "), ("untag", ""), ("show:password", ""), ("show:groups", ""), ("kind:film", "")]
        {
            assert_eq!(Act::read(name, tag), None, "{name}");
        }
    }
}
