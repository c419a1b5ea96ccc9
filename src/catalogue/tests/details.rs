//! What people say of videos, which part is shown, and whose a hall's recordings are.

use super::super::details::{Chapter, Cut, DetailsChange, VideoKind};
use super::super::id::{PersonId, VideoId};
use super::super::identity::NewPerson;
use super::super::recordings::{BroadcasterDetailsChange, Recordings, ToolPlace};
use super::super::secret::Password;
use super::super::video::{Finished, NewVideo, Video, VideoChange, VideoFilter};
use super::{Catalogue, at, hall};
use crate::catalogue::Error;
use crate::catalogue::broadcaster::Broadcaster;
use crate::policy::who::Role;
use media::caption::language::Language;
use std::time::Duration;

const FILTER: VideoFilter = VideoFilter { broadcaster: None, listed_only: false, limit: 9, cursor: None };

async fn begun(catalogue: &Catalogue, hall: &Broadcaster) -> Video {
    let (broadcaster_id, started_at) = (hall.id.clone(), at(1));
    let new = NewVideo { broadcaster_id, title: None, started_at, first_msn: 0, first_discontinuity: 0 };
    catalogue.begin_video(new).await.unwrap()
}

/// A minute long.
async fn recorded(catalogue: &Catalogue, hall: &Broadcaster) -> Video {
    let video = begun(catalogue, hall).await;
    let finished = Finished {
        ended_at: at(60_001),
        duration: Duration::from_secs(60),
        listed: true,
        ladder: false,
        next_msn: 1,
        next_discontinuity: 0,
    };
    catalogue.finish_video(&video.id, finished).await.unwrap()
}

async fn person(catalogue: &Catalogue, login: &str) -> PersonId {
    let hash = Password::random().unwrap().hash().unwrap();
    catalogue.add_person(NewPerson::new(login, Role::Contributor), &hash, at(1)).await.unwrap().id
}

fn chapter(seconds: u64, title: &str) -> Chapter {
    Chapter { start: Duration::from_secs(seconds), title: title.to_owned() }
}

fn cut(start: Option<u64>, end: Option<u64>) -> Cut {
    Cut { start: start.map(Duration::from_secs), end: end.map(Duration::from_secs) }
}

pub(super) async fn are_changed_all_or_nothing_and_read_back(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let video = recorded(&catalogue, &a).await;
    let empty = catalogue.details(&video.id).await.unwrap().unwrap();
    assert_eq!((empty.kind, empty.description.as_str(), empty.cut.is_none()), (VideoKind::Lecture, "", true));
    let change = DetailsChange {
        video: VideoChange::default(),
        description: Some("# Été\r\n\r\n*Bonjour*\n".to_owned()),
        language: Some(Language::new("fr")),
        kind: Some(VideoKind::Seminar),
        licence: Some("CC-BY-4.0".to_owned()),
        tags: Some(vec![" Chimie  Organique".to_owned(), "chimie organique".to_owned(), "L1".to_owned()]),
        speakers: Some(vec!["Zoé".to_owned(), "Ada".to_owned()]),
        chapters: Some(vec![chapter(30, "Fin"), chapter(12, "Début")]),
        cut: Some(cut(Some(12), Some(50))),
        poster_at: Some(Some(Duration::from_secs(20))),
        claimable: Some(true),
    };
    let changed = catalogue.change_details(&video.id, change).await.unwrap();
    assert_eq!(changed.description, "# Été\n\n*Bonjour*");
    assert_eq!(changed.language.as_ref().map(Language::tag), Some("fr"));
    assert_eq!((changed.kind, changed.licence.as_str()), (VideoKind::Seminar, "CC-BY-4.0"));
    assert_eq!(changed.tags.iter().map(String::as_str).collect::<Vec<_>>(), ["chimie organique", "l1"]);
    assert_eq!(changed.speakers, ["Zoé", "Ada"], "as they were named");
    assert_eq!(changed.chapters, [chapter(12, "Début"), chapter(30, "Fin")], "by their start");
    assert_eq!((changed.cut, changed.poster_at), (cut(Some(12), Some(50)), Some(Duration::from_secs(20))));
    assert!(changed.claimable);
    assert_eq!(catalogue.details(&video.id).await.unwrap().as_ref(), Some(&changed));
    let cut = catalogue.video(&video.id).await.unwrap().unwrap();
    assert_eq!(cut.cut, changed.cut);

    let half =
        DetailsChange { speakers: Some(Vec::new()), tags: Some(vec!["a,b".to_owned()]), ..DetailsChange::default() };
    assert!(catalogue.change_details(&video.id, half).await.is_err());
    assert_eq!(catalogue.details(&video.id).await.unwrap().as_ref(), Some(&changed), "all or nothing");

    let undone = DetailsChange { cut: Some(Cut::default()), ..DetailsChange::default() };
    let undone = catalogue.change_details(&video.id, undone).await.unwrap();
    assert!(undone.cut.is_none());
    assert_eq!(undone.chapters, changed.chapters, "what was said of the whole is still true");
    let theirs = catalogue.change_details(&VideoId::random().unwrap(), DetailsChange::default()).await;
    assert!(matches!(theirs, Err(Error::NotFound("video"))));
}

pub(super) async fn what_is_too_much_or_makes_no_sense_is_refused_by_name(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let video = recorded(&catalogue, &a).await;
    let none = DetailsChange::default;
    let bad = [
        ("description", DetailsChange { description: Some("é".repeat(10_001)), ..none() }),
        ("description", DetailsChange { description: Some("a\0".to_owned()), ..none() }),
        ("licence", DetailsChange { licence: Some("<b>".to_owned()), ..none() }),
        ("tags", DetailsChange { tags: Some(vec!["x".repeat(51)]), ..none() }),
        ("tags", DetailsChange { tags: Some((0..31).map(|n| n.to_string()).collect()), ..none() }),
        ("speakers", DetailsChange { speakers: Some(vec![" ".to_owned()]), ..none() }),
        ("speakers", DetailsChange { speakers: Some(vec!["x".to_owned(); 31]), ..none() }),
        ("chapters", DetailsChange { chapters: Some(vec![chapter(60, "late")]), ..none() }),
        ("chapters", DetailsChange { chapters: Some(vec![chapter(1, "a"), chapter(1, "b")]), ..none() }),
        ("chapters", DetailsChange { chapters: Some(vec![chapter(1, "")]), ..none() }),
        ("chapters", DetailsChange { chapters: Some((0..201).map(|n| chapter(n, "x")).collect()), ..none() }),
        ("cut_end_ms", DetailsChange { cut: Some(cut(None, Some(61))), ..none() }),
        ("cut_end_ms", DetailsChange { cut: Some(cut(Some(5), Some(5))), ..none() }),
        ("cut_start_ms", DetailsChange { cut: Some(cut(Some(60), None)), ..none() }),
        ("cut_start_ms", DetailsChange { cut: Some(cut(Some(u64::MAX), None)), ..none() }),
        ("poster_at_ms", DetailsChange { poster_at: Some(Some(Duration::from_secs(60))), ..none() }),
    ];
    for (n, (name, change)) in bad.into_iter().enumerate() {
        let refused = catalogue.change_details(&video.id, change).await;
        assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == name), "number {n}: {refused:?}");
    }
    let live = begun(&catalogue, &a).await;
    let early = DetailsChange { cut: Some(cut(Some(1), None)), ..none() };
    assert!(matches!(catalogue.change_details(&live.id, early).await, Err(Error::Conflict(_))));
}

pub(super) async fn a_tool_stands_where_it_was_put_whatever_its_address(catalogue: Catalogue) {
    let hall = hall(&catalogue, "a").await;
    let change = async |tool_url: Option<Option<&str>>, tool_place| {
        let tool_url = tool_url.map(|url| url.map(str::to_owned));
        let change = BroadcasterDetailsChange { tool_url, tool_place, ..BroadcasterDetailsChange::default() };
        let said = catalogue.change_broadcaster_details(&hall.id, change).await.unwrap();
        (said.tool_url, said.tool_place)
    };
    let url = "https://chat.example/a";
    assert_eq!(change(Some(Some(url)), None).await, (Some(url.to_owned()), ToolPlace::Beside));
    assert_eq!(change(None, Some(ToolPlace::Below)).await, (Some(url.to_owned()), ToolPlace::Below));
    assert_eq!(change(Some(None), None).await, (None, ToolPlace::Below));
    assert_eq!(change(None, Some(ToolPlace::Beside)).await, (None, ToolPlace::Beside));
}

pub(super) async fn a_recording_is_its_broadcasters_owners_or_waits_and_is_claimed_once(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let (ada, zoe) = (person(&catalogue, "ada").await, person(&catalogue, "zoe").await);
    let rule = |recordings, owner: &PersonId| BroadcasterDetailsChange {
        recordings: Some(recordings),
        owner: Some(Some(owner.clone())),
        ..BroadcasterDetailsChange::default()
    };
    catalogue.change_broadcaster_details(&a.id, rule(Recordings::Kept, &ada)).await.unwrap();
    let kept = recorded(&catalogue, &a).await;
    let owners = catalogue.video_state(&kept.id).await.unwrap().unwrap().owners;
    assert!(owners.contains(ada.as_str()) && owners.len() == 1);
    assert!(catalogue.videos_to_claim(9).await.unwrap().items.is_empty());
    assert!(matches!(catalogue.claim_video(&kept.id, &zoe).await, Err(Error::Conflict(_))));

    let said = catalogue.change_broadcaster_details(&a.id, rule(Recordings::ToClaim, &ada)).await.unwrap();
    assert_eq!((said.recordings, said.owner), (Recordings::ToClaim, Some(ada.clone())));
    let live = begun(&catalogue, &a).await;
    assert!(catalogue.claim_video(&live.id, &zoe).await.is_err(), "it is not there yet");
    let waits = recorded(&catalogue, &a).await;
    assert!(catalogue.video_state(&waits.id).await.unwrap().unwrap().owners.is_empty());
    let shown = catalogue.videos_to_claim(9).await.unwrap().items;
    assert_eq!(shown.iter().map(|video| &video.id).collect::<Vec<_>>(), [&waits.id]);
    let nobody = PersonId::random().unwrap();
    assert!(matches!(catalogue.claim_video(&waits.id, &nobody).await, Err(Error::NotFound("person"))));
    assert_eq!(catalogue.videos_to_claim(9).await.unwrap().items.len(), 1, "nothing has happened");
    catalogue.claim_video(&waits.id, &zoe).await.unwrap();
    assert!(matches!(catalogue.claim_video(&waits.id, &ada).await, Err(Error::Conflict(_))), "zoe was first");
    assert!(catalogue.videos_to_claim(9).await.unwrap().items.is_empty());

    let hers = catalogue.videos_owned(&zoe, false, FILTER).await.unwrap().items;
    assert_eq!(hers.iter().map(|video| &video.id).collect::<Vec<_>>(), [&waits.id]);
    catalogue.delete_video(&waits.id, at(9)).await.unwrap();
    assert!(catalogue.videos_owned(&zoe, false, FILTER).await.unwrap().items.is_empty());
    assert_eq!(catalogue.videos_owned(&zoe, true, FILTER).await.unwrap().items.len(), 1, "to be restored");
    let unknown = catalogue.change_broadcaster_details(&a.id, rule(Recordings::Kept, &nobody)).await;
    assert!(matches!(unknown, Err(Error::NotFound("person"))));
}
