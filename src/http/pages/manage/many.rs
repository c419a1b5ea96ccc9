//! What can be done to many videos at once.

use crate::catalogue::access::AccessChange;
use crate::catalogue::details::{self, DetailsChange, VideoKind};
use crate::catalogue::group::Group;
use crate::catalogue::id::{GroupId, PersonId, VideoId};
use crate::catalogue::{Catalogue, Error};
use crate::http::accounts::Accounts;
use crate::http::gate::visitor::Visitor;
use crate::http::pages::texts::Texts;
use crate::http::pages::visibility;
use crate::policy::object::{Action, Kind, VideoPart};
use crate::policy::state::Visibility;
use crate::policy::who::Audience;
use media::caption::language::Language;
use std::collections::BTreeSet;
use std::fmt;

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Show(Visibility),
    /// For those in a group.
    ShowGroup(GroupId),
    Kind(VideoKind),
    Tag(String),
    Untag(String),
    Language(Language),
    Licence(String),
    AddOwner(PersonId),
    RemoveOwner(PersonId),
    Delete,
    Restore,
}

/// What needs a word beside it, as the form calls it, with the key of its text.
const WITH_WORD: [(&str, &str); 6] = [
    ("tag", "many-tag"),
    ("untag", "many-untag"),
    ("language", "many-language"),
    ("licence", "many-licence"),
    ("own", "many-own"),
    ("disown", "many-disown"),
];

/// As the form calls it, and as the audit log tells it.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Show(visibility) => write!(f, "show:{}", visibility.name()),
            Self::ShowGroup(group) => write!(f, "group:{group}"),
            Self::Kind(kind) => write!(f, "kind:{kind}"),
            Self::Tag(_) => f.write_str("tag"),
            Self::Untag(_) => f.write_str("untag"),
            Self::Language(language) => write!(f, "language:{}", language.tag()),
            Self::Licence(licence) => write!(f, "licence:{licence}"),
            Self::AddOwner(person) => write!(f, "own:{person}"),
            Self::RemoveOwner(person) => write!(f, "disown:{person}"),
            Self::Delete => f.write_str("delete"),
            Self::Restore => f.write_str("restore"),
        }
    }
}

/// What is offered for videos that were deleted, or for the others: as the form calls it, and for the reader.
pub(super) fn offered(deleted: bool, groups: &[Group], texts: &Texts) -> Vec<(String, String)> {
    if deleted {
        return vec![(Act::Restore.to_string(), texts.get("many-restore"))];
    }
    let show = visibility::SIMPLE.map(|to| {
        let whom = texts.get(visibility::key(to, "edit-for-draft"));
        (Act::Show(to).to_string(), texts.with("many-show", "whom", whom))
    });
    let groups = groups.iter().map(|group| {
        let whom = texts.with("many-group", "group", group.title.as_str());
        (Act::ShowGroup(group.id.clone()).to_string(), texts.with("many-show", "whom", whom))
    });
    let kinds = VideoKind::ALL.into_iter().map(|kind| {
        let named = texts.get(&format!("video-kind-{kind}"));
        (Act::Kind(kind).to_string(), texts.with("many-kind", "kind", named))
    });
    let with_word = WITH_WORD.map(|(name, key)| (name.to_owned(), texts.get(key)));
    let delete = (Act::Delete.to_string(), texts.get("many-delete"));
    show.into_iter().chain(groups).chain(kinds).chain(with_word).chain([delete]).collect()
}

/// Why a form is none: what the page is asked to say of it.
#[derive(Debug)]
pub(super) enum Unread {
    /// A word is missing, or is not of its kind: a key of texts.
    Word(&'static str),
    Catalogue(Error),
}

impl Act {
    /// What a form says.
    ///
    /// # Errors
    /// [`Unread`]
    pub(super) async fn read(name: &str, word: &str, catalogue: &Catalogue) -> Result<Self, Unread> {
        let word = word.trim();
        let unknown = Unread::Word("many-bad-act");
        if word.is_empty() && WITH_WORD.iter().any(|(with, _)| *with == name) {
            return Err(Unread::Word("many-no-word"));
        }
        let person = async || match catalogue.person_named(word).await.map_err(Unread::Catalogue)? {
            Some(person) => Ok(person.id),
            None => Err(Unread::Word("many-bad-person")),
        };
        Ok(match (name, name.split_once(':')) {
            ("delete", _) => Self::Delete,
            ("restore", _) => Self::Restore,
            ("tag", _) => Self::Tag(word.to_lowercase()),
            ("untag", _) => Self::Untag(word.to_lowercase()),
            ("language", _) => Self::Language(Language::new(word).ok_or(Unread::Word("edit-bad-language"))?),
            ("licence", _) => Self::Licence(details::licence(word).map_err(|_| Unread::Word("edit-bad-licence"))?),
            ("own", _) => Self::AddOwner(person().await?),
            ("disown", _) => Self::RemoveOwner(person().await?),
            (_, Some(("show", visibility))) => {
                Self::Show(visibility.parse().ok().filter(|v| visibility::SIMPLE.contains(v)).ok_or(unknown)?)
            }
            (_, Some(("group", id))) => Self::ShowGroup(id.parse().map_err(|_| unknown)?),
            (_, Some(("kind", kind))) => Self::Kind(kind.parse().map_err(|_| unknown)?),
            _ => return Err(unknown),
        })
    }

    /// What the policy is asked, and what the audit log calls it.
    fn asks(&self) -> (VideoPart, Action, &'static str) {
        match self {
            Self::Show(_) | Self::ShowGroup(_) | Self::AddOwner(_) | Self::RemoveOwner(_) => {
                (VideoPart::Rights, Action::Change, "video.rights")
            }
            Self::Kind(_) | Self::Tag(_) | Self::Untag(_) | Self::Language(_) | Self::Licence(_) => {
                (VideoPart::Record, Action::Change, "video.change")
            }
            Self::Delete => (VideoPart::Record, Action::Delete, "video.delete"),
            Self::Restore => (VideoPart::Record, Action::Restore, "video.restore"),
        }
    }
}

/// Does it to one video, if this visitor may. Whether it was done; why it was not is logged when it is the server's fault.
pub(super) async fn apply(accounts: &Accounts, visitor: &Visitor, id: &VideoId, act: &Act) -> bool {
    match done(accounts, visitor, id, act).await {
        Ok(done) => done,
        // It is recorded now, was removed meanwhile, or has too many tags; or the group or the person is gone.
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
    let details = |change| catalogue.change_details(id, change);
    let access = |change| catalogue.change_video_access(id, change);
    match act {
        Act::Show(to) => access(AccessChange { visibility: Some(*to), ..AccessChange::default() }).await?,
        Act::ShowGroup(group) => {
            let audience = Some(BTreeSet::from([Audience::Group(group.to_string())]));
            let visibility = Some(Visibility::Groups);
            access(AccessChange { visibility, audience, ..AccessChange::default() }).await?;
        }
        Act::AddOwner(person) | Act::RemoveOwner(person) => {
            let mut owners: BTreeSet<PersonId> = state.owners.iter().filter_map(|id| id.parse().ok()).collect();
            if matches!(act, Act::AddOwner(_)) {
                owners.insert(person.clone())
            } else {
                owners.remove(person)
            };
            // What is nobody's is its operators' to look after: to that end it is given back.
            if owners.is_empty() {
                return Ok(false);
            }
            access(AccessChange { owners: Some(owners), ..AccessChange::default() }).await?;
        }
        Act::Kind(kind) => {
            details(DetailsChange { kind: Some(*kind), ..DetailsChange::default() }).await?;
        }
        Act::Language(language) => {
            details(DetailsChange { language: Some(Some(language.clone())), ..DetailsChange::default() }).await?;
        }
        Act::Licence(licence) => {
            details(DetailsChange { licence: Some(licence.clone()), ..DetailsChange::default() }).await?;
        }
        Act::Tag(tag) | Act::Untag(tag) => {
            let mut tags = catalogue.details(id).await?.ok_or(Error::NotFound("video"))?.tags;
            if matches!(act, Act::Tag(_)) {
                tags.insert(tag.clone())
            } else {
                tags.remove(tag)
            };
            details(DetailsChange { tags: Some(tags.into_iter().collect()), ..DetailsChange::default() }).await?;
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
    use crate::http::support::{World, now};
    use crate::policy::who::Role;

    #[tokio::test]
    async fn what_is_offered_is_what_is_read() {
        let world = World::new().await;
        world.person("zoe", Role::Contributor).await;
        let group = world.catalogue.add_group("L2 physics", now()).await.unwrap();
        let texts = crate::http::pages::texts::Language::English.texts();
        for (deleted, most) in [(false, 100), (true, 1)] {
            let all = offered(deleted, std::slice::from_ref(&group), texts);
            assert!((1..=most).contains(&all.len()));
            for (name, text) in all {
                assert!(!text.is_empty() && !text.contains("many-"), "{name}: {text}");
                let word = match name.as_str() {
                    "language" => "fr",
                    "licence" => "CC-BY-4.0",
                    "own" | "disown" => "zoe",
                    _ => " Fourier ",
                };
                let read = Act::read(&name, word, &world.catalogue).await.unwrap();
                assert!(read.to_string().starts_with(&name), "{name} is {read}");
                if let Act::Tag(tag) | Act::Untag(tag) = read {
                    assert_eq!(tag, "fourier");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_act_is_said() {
        let world = World::new().await;
        for (name, word, key) in [
            ("", "", "many-bad-act"),
            ("tag", " ", "many-no-word"),
            ("own", "", "many-no-word"),
            ("own", "nobody", "many-bad-person"),
            ("language", "Klingon!", "edit-bad-language"),
            ("licence", "all of it", "edit-bad-licence"),
            ("show:password", "", "many-bad-act"),
            ("show:groups", "", "many-bad-act"),
            ("kind:film", "", "many-bad-act"),
            ("group:x", "", "many-bad-act"),
        ] {
            let read = Act::read(name, word, &world.catalogue).await;
            assert!(matches!(read, Err(Unread::Word(said)) if said == key), "{name} {word}: {read:?}");
        }
    }
}
