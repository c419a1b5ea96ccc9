//! The search as a whole: catalogue and transcripts in, ids and passages out.

use super::keeper::{Compared, Keeper, ask_for_another, keep};
use super::question::Question;
use super::{Search, Unanswered};
use crate::archive::layout::Layout;
use crate::archive::transcript::tests::say;
use crate::catalogue::broadcaster::{Broadcaster, BroadcasterChange, NewBroadcaster};
use crate::catalogue::details::{Cut, DetailsChange};
use crate::catalogue::id::VideoId;
use crate::catalogue::video::{Finished, NewVideo, VideoChange};
use crate::catalogue::{Catalogue, Tenant};
use crate::lifecycle::Tasks;
use media::caption::language::Language;
use media::time::WallTime;
use std::path::{Path, PathBuf};
use std::time::Duration;

const NOW: WallTime = WallTime::from_micros(1_790_000_000_000_000);

struct World {
    catalogue: Catalogue,
    layout: Layout,
    search: Search,
    hall: Broadcaster,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path().join("catalogue.sqlite").to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        let layout = Layout::new(folder.path().join("media"));
        let hall = catalogue.add_broadcaster(NewBroadcaster::new("borel".parse().unwrap(), "Amphi Borel"), NOW).await;
        let search = Search::new(folder.path(), catalogue.tenant().as_str());
        Self { catalogue, layout, search, hall: hall.unwrap(), folder }
    }

    async fn video(&self, title: &str, language: Option<&str>) -> VideoId {
        let new = NewVideo {
            broadcaster_id: self.hall.id.clone(),
            title: Some(title.to_owned()),
            started_at: NOW,
            first_msn: 0,
            first_discontinuity: 0,
        };
        let id = self.catalogue.begin_video(new).await.unwrap().id;
        let finished = Finished {
            ended_at: NOW.plus_micros(120_000_000),
            duration: Duration::from_secs(120),
            listed: true,
            ladder: false,
            next_msn: 60,
            next_discontinuity: 0,
        };
        self.catalogue.finish_video(&id, finished).await.unwrap();
        let language = Some(language.and_then(Language::new));
        self.change(&id, DetailsChange { language, ..DetailsChange::default() }).await;
        id
    }

    async fn change(&self, id: &VideoId, change: DetailsChange) {
        self.catalogue.change_details(id, change).await.unwrap();
    }

    async fn open(&self) -> Keeper {
        Keeper::open(self.search.clone(), self.catalogue.clone(), self.layout.clone()).await.unwrap()
    }

    async fn refresh(&self) -> Compared {
        self.open().await.refresh().await.unwrap()
    }

    async fn find(&self, typed: &str) -> Vec<String> {
        found(&self.search, typed).await.unwrap()
    }

    /// Seconds and texts, with what was meant in brackets.
    async fn said(&self, typed: &str, id: &VideoId) -> Vec<(u64, String)> {
        let looking = self.search.look(&Question::read(typed).unwrap()).await.unwrap();
        let mut hits = looking.find(0, 100).await.unwrap();
        hits.retain(|hit| hit.id == id.as_str());
        let passages = looking.passages(hits, 3).await.unwrap().remove(0);
        let text = |pieces: &[super::question::Piece]| {
            let piece = |p: &super::question::Piece| if p.meant { format!("[{}]", p.text) } else { p.text.clone() };
            pieces.iter().map(piece).collect::<String>()
        };
        passages.iter().map(|passage| (passage.at.as_secs(), text(&passage.pieces))).collect()
    }

    fn index(&self) -> PathBuf {
        self.folder.path().join("db").join("search").join("default")
    }
}

async fn found(search: &Search, typed: &str) -> Result<Vec<String>, Unanswered> {
    let hits = search.look(&Question::read(typed).unwrap()).await?.find(0, 100).await?;
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

#[tokio::test]
async fn words_are_found_whatever_their_accents_and_endings_in_the_texts_language() {
    let world = World::new().await;
    let maths = world.video("Équations différentielles", Some("fr")).await;
    let energy = world.video("Transition : l’énergie", None).await;
    let english = world.video("Lectures on batteries", Some("en")).await;
    let described = world.video("Sans titre", None).await;
    let change = DetailsChange {
        description: Some("Une **introduction** aux probabilités".to_owned()),
        tags: Some(vec!["Statistique".to_owned()]),
        speakers: Some(vec!["Émilie du Châtelet".to_owned()]),
        ..DetailsChange::default()
    };
    world.change(&described, change).await;
    world.refresh().await;
    for (typed, id) in [
        ("équation", &maths),
        ("EQUATIONS", &maths),
        ("équations différentielles", &maths),
        ("différent", &maths),
        ("energie", &energy),
        ("l'énergie", &energy),
        ("transitions énergies", &energy),
        ("lecture", &english),
        ("battery", &english),
        ("probabilité", &described),
        ("chatelet", &described),
        ("statistiques emilie", &described),
        ("stat", &described),
    ] {
        assert_eq!(world.find(typed).await, [id.as_str()], "{typed}");
    }
    assert_eq!(world.find("borel").await.len(), 4, "all are of that hall");
    for typed in ["équation énergie", "quati", "\"différentielles équations\""] {
        assert!(world.find(typed).await.is_empty(), "{typed}");
    }
    assert_eq!(world.find("\"equation différentielle\"").await, [maths.as_str()]);
}

#[tokio::test]
async fn what_is_said_is_found_with_its_second_and_a_title_weighs_more() {
    let world = World::new().await;
    let spoken = world.video("Cours 3", None).await;
    let said = [(5, "bonjour à tous"), (42, "voici les électrons libres"), (90, "merci et au revoir")];
    say(&world.layout, spoken.as_str(), "fr", &said);
    let titled = world.video("Électron", None).await;
    world.refresh().await;
    assert_eq!(world.find("électrons").await, [titled.as_str(), spoken.as_str()]);
    let passages = world.said("électron", &spoken).await;
    assert_eq!(passages.len(), 1, "{passages:?}");
    assert_eq!(passages[0].0, 42);
    assert!(passages[0].1.to_lowercase().contains("[électrons]"), "{passages:?}");
    assert!(world.said("électron", &titled).await.is_empty());
    assert_eq!(world.find("\"électron libre\"").await, [spoken.as_str()]);
    assert_eq!(world.find("cours électron").await, [spoken.as_str()], "one word by its title, one as it was said");
}

#[tokio::test]
async fn passages_are_those_of_their_video_whatever_was_put_and_taken_out_around_it() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for n in 0..6 {
        let id = world.video(&format!("Cours {n}"), None).await;
        // Silence between them: each is a passage of its own.
        let lines: Vec<_> = (0..n).map(|line| (2 + line * 17, format!("le photon numéro {n}{line}"))).collect();
        let lines: Vec<_> = lines.iter().map(|(at, text)| (*at, text.as_str())).collect();
        say(&world.layout, id.as_str(), "fr", &lines);
        ids.push(id);
        // A segment of the index each, of two of them.
        if n % 2 == 1 {
            world.refresh().await;
        }
    }
    let all_are_their_own = async |but: Option<usize>| {
        for (n, id) in ids.iter().enumerate().skip(1).filter(|(n, _)| Some(*n) != but) {
            let said = world.said("photon", id).await;
            assert_eq!(said.len(), n.min(3), "{n}: {said:?}");
            assert!(said.iter().all(|(_, text)| text.contains(&format!(" {n}"))), "{n}: {said:?}");
            assert_eq!(world.said(&format!("numéro {n}{} photon", n - 1), id).await.len(), n.min(3));
        }
    };
    all_are_their_own(None).await;
    let title = Some("Autrement".to_owned());
    let video = VideoChange { title, ..VideoChange::default() };
    world.change(&ids[3], DetailsChange { video, ..DetailsChange::default() }).await;
    world.catalogue.delete_video(&ids[4], NOW).await.unwrap();
    world.refresh().await;
    all_are_their_own(Some(4)).await;
}

#[tokio::test]
async fn what_is_cut_off_is_not_found() {
    let world = World::new().await;
    let id = world.video("Cours", None).await;
    say(&world.layout, id.as_str(), "fr", &[(2, "chuchotement avant"), (60, "photosynthèse")]);
    world.refresh().await;
    assert_eq!(world.find("chuchotement").await.len(), 1);
    let cut = Cut { start: Some(Duration::from_secs(12)), end: None };
    world.change(&id, DetailsChange { cut: Some(cut), ..DetailsChange::default() }).await;
    world.refresh().await;
    assert!(world.find("chuchotement").await.is_empty());
    assert_eq!(world.said("photosynthèse", &id).await[0].0, 48, "from the beginning of what is shown");
}

#[tokio::test]
async fn what_changed_while_nobody_looked_is_found_by_comparing() {
    let world = World::new().await;
    let (a, b) = (world.video("Alpha", None).await, world.video("Bêta", None).await);
    assert_eq!(world.refresh().await, Compared { videos: 2, indexed: 2, removed: 0 });
    assert_eq!(world.refresh().await, Compared { videos: 2, indexed: 0, removed: 0 }, "nothing changed");
    let title = Some("Gamma".to_owned());
    let video = VideoChange { title, ..VideoChange::default() };
    world.change(&a, DetailsChange { video, ..DetailsChange::default() }).await;
    world.catalogue.delete_video(&b, NOW).await.unwrap();
    assert_eq!(world.refresh().await, Compared { videos: 1, indexed: 1, removed: 1 });
    assert!(world.find("alpha").await.is_empty() && world.find("beta").await.is_empty());
    assert_eq!(world.find("gamma").await, [a.as_str()]);
    world.catalogue.restore_video(&b).await.unwrap();
    say(&world.layout, a.as_str(), "en", &[(3, "entropy")]);
    assert_eq!(world.refresh().await, Compared { videos: 2, indexed: 2, removed: 0 });
    assert_eq!((world.find("beta").await, world.find("entropy").await), (vec![b.to_string()], vec![a.to_string()]));
}

/// Asks until the answer is so: changes are found a moment later.
async fn until(what: &str, so: impl AsyncFn() -> bool) {
    for _ in 0..400 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 20 s: {what}");
}

#[tokio::test]
async fn what_changes_while_the_server_runs_is_found_by_itself_and_a_wish_makes_it_anew() {
    let world = World::new().await;
    let old = world.video("Ancienne", None).await;
    let tasks = Tasks::default();
    let kept = keep(world.search.clone(), world.catalogue.clone(), world.layout.clone(), tasks.clone());
    tasks.spawn("search", kept);
    let finds = async |typed: &str| found(&world.search, typed).await.map(|ids| ids.len()).unwrap_or_default();
    until("indexed at the start", async || finds("ancienne").await == 1 && world.search.is_whole()).await;
    let new = world.video("Nouvelle", None).await;
    until("a new one", async || finds("nouvelle").await == 1).await;
    world.catalogue.delete_video(&new, NOW).await.unwrap();
    until("deleted", async || finds("nouvelle").await == 0).await;
    let title = Some("Amphi Curie".to_owned());
    let renamed = BroadcasterChange { title, ..BroadcasterChange::default() };
    world.catalogue.update_broadcaster(&world.hall.id, renamed).await.unwrap();
    until("its hall has another name", async || finds("curie").await == 1).await;
    assert_eq!(world.find("curie").await, [old.as_str()]);
    let busy = Keeper::open(world.search.clone(), world.catalogue.clone(), world.layout.clone()).await;
    assert!(matches!(busy, Err(super::Error::Busy)), "one changes it at a time");
    let before = std::fs::metadata(world.index().join("version")).unwrap().modified().unwrap();
    ask_for_another(&world.search).unwrap();
    until("made anew", async || {
        let version = std::fs::metadata(world.index().join("version"));
        version.is_ok_and(|file| file.modified().unwrap() != before) && finds("curie").await == 1
    })
    .await;
    until("the wish is fulfilled", async || !world.search.wish().exists()).await;
    tasks.drain(std::future::pending(), Duration::from_secs(10), Duration::from_secs(10)).await;
}

fn largest_file(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end != "json" && end != "lock"))
        .max_by_key(|path| std::fs::metadata(path).unwrap().len())
        .unwrap()
}

#[tokio::test]
async fn an_index_that_is_missing_damaged_or_of_another_version_is_made_anew() {
    let world = World::new().await;
    let id = world.video("Toujours là", None).await;
    say(&world.layout, id.as_str(), "fr", &[(3, "encore des mots pour faire un fichier")]);
    assert_eq!(world.refresh().await.indexed, 1);
    let documents = world.index().join("documents");
    let damages: [(&str, &dyn Fn()); 5] = [
        ("missing", &|| std::fs::remove_dir_all(world.index()).unwrap()),
        ("another version", &|| std::fs::write(world.index().join("version"), "0").unwrap()),
        ("no list of segments", &|| std::fs::write(documents.join("meta.json"), "{").unwrap()),
        ("a file is gone", &|| std::fs::remove_file(largest_file(&documents)).unwrap()),
        ("a byte is another", &|| {
            let file = largest_file(&documents);
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[3] ^= 0x55;
            std::fs::remove_file(&file).unwrap();
            std::fs::write(&file, bytes).unwrap();
        }),
    ];
    for (what, damage) in damages {
        damage();
        assert_eq!(world.refresh().await.indexed, 1, "{what}");
        assert_eq!(world.find("toujours encore").await, [id.as_str()], "{what}");
        assert_eq!(world.refresh().await.indexed, 0, "{what}");
    }
}

#[tokio::test]
async fn tenants_have_an_index_each_and_names_that_lead_nowhere_else() {
    let world = World::new().await;
    world.video("À nous", None).await;
    world.refresh().await;
    let theirs = world.catalogue.of(Tenant::other("../x"));
    let search = Search::new(world.folder.path(), "../x");
    assert_eq!(found(&search, "nous").await, Err(Unanswered::NotReady));
    let mut keeper = Keeper::open(search.clone(), theirs, world.layout.clone()).await.unwrap();
    assert_eq!(keeper.refresh().await.unwrap().videos, 0);
    assert!(found(&search, "nous").await.unwrap().is_empty());
    assert_eq!(world.find("nous").await.len(), 1);
    let mut names: Vec<_> = std::fs::read_dir(world.folder.path().join("db").join("search"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["_2e_2e_2fx", "default"]);
}
