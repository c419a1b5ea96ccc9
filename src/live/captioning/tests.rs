//! Languages that come late, fall silent or were there before a stop. No engine: nothing is heard here.

use super::super::timeline::Maker;
use super::*;
use crate::archive::load;
use crate::lifecycle::Tasks;
use crate::models::inventory::Inventory;
use media::caption::record::Record;
use media::caption::vocabulary::Vocabulary;
use media::origin::entry::{Location, Segment};
use media::rendition::RenditionId;
use media::segment::boundary::{PlacedFrame, SegmentInfo};
use media::segment::index::Begin;
use media::time::{Timescale, Timestamp, WallTime};
use media::track::Kind;
use pipelines::ladder::cost::Budget;
use pipelines::message::SessionStats;
use std::collections::BTreeMap;
use std::path::Path;

const SECOND: i64 = 1_000_000;

fn language(tag: &str) -> Language {
    Language::new(tag).unwrap()
}

/// A recording with segments of two seconds, the third of which begins anew.
fn loaded(msns: std::ops::Range<u64>) -> Loaded {
    let segment = |msn: u64| Segment {
        msn,
        discontinuity: msn == 7,
        init: 0,
        program_date_time: WallTime::from_micros(i64::try_from(msn).unwrap() * 2 * SECOND),
        start_micros: i64::try_from(msn).unwrap() * 2 * SECOND,
        duration_micros: 2 * SECOND,
        bytes: 9,
        samples: 1,
        location: Some(Location { file: 0, offset: 0 }),
        keyframes: Box::default(),
        parts: Box::default(),
        media: bytes::Bytes::new(),
    };
    let begin =
        Begin { origin: WallTime::default(), first_msn: msns.start, first_discontinuity: 3, target_duration_s: 4 };
    let mut track = load::Track::default();
    track.segments.extend(msns.map(segment));
    Loaded { begin, tracks: BTreeMap::from([(RenditionId::Source, track)]), ended: false }
}

fn boundary(msn: u64) -> Placed {
    let at_micros = i64::try_from(msn).unwrap() * 2 * SECOND;
    let program_date_time = WallTime::from_micros(at_micros);
    let segment = Some(SegmentInfo { msn, discontinuity: false, program_date_time });
    Placed::Boundary(Boundary { at_micros, picture_ticks: at_micros / 100 * 9, segment })
}

/// Installs models, each of the language that it is called after.
fn install(folder: &Path, tags: &[&str]) -> Inventory {
    for tag in tags {
        std::fs::create_dir_all(folder.join(tag)).unwrap();
        let text = format!(
            "name = \"{tag}\"\nengine = \"vosk\"\nlanguage = \"{tag}\"\ninstalled_at = \"\"\nsource = \"\"\nchecked = false\n\
             files = []\n"
        );
        std::fs::write(folder.join(tag).join("model.toml"), text).unwrap();
    }
    let models = Models::new(folder.to_owned(), Vec::new());
    Inventory::empty(models.clone()).look(models)
}

struct Hall {
    folder: tempfile::TempDir,
    captions: Captions,
    admission: Admission,
    captioning: Captioning,
    timeline: Arc<Timeline>,
}

impl Hall {
    /// On air with the segments 5 to 7, in the languages that have a model of `wanted`; `kept` is what was said before.
    fn new(wanted: &[&str], installed: &[&str], kept: &[Kept]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let models = install(folder.path(), installed);
        let languages = wanted.iter().map(|tag| language(tag)).collect();
        let offer = Offer { enabled: true, measures: false, languages, vocabulary: Vocabulary::default(), models };
        let captions = Captions::new(Some("/nowhere".into()), offer, Tasks::default());
        let admission = Admission::new(Budget { cores: 2.0, share: 0.5 });
        let mut captioning = Captioning::new("hall", captions.clone(), admission.clone(), CaptionSettings::default());
        let (rules, loaded) = (Rules::new(2_000_000, 500_000), loaded(5..8));
        let maker = Maker::resume("v", rules, &loaded, i64::MAX);
        let terms = Terms { rules, first_msn: 5, first_discontinuity: 3, window_micros: i64::MAX };
        captioning.resume(kept, &loaded, maker.timeline(), terms);
        Self { folder, captions, admission, captioning, timeline: Arc::clone(maker.timeline()) }
    }

    fn install(&self, tags: &[&str]) {
        let offer = Offer { models: install(self.folder.path(), tags), ..Offer::clone(&self.captions.offered()) };
        self.captions.offer(offer);
    }

    fn follow(&mut self) {
        let news = self.captioning.follow(Keep::Later);
        self.captioning.publish(news);
    }

    /// Segments begin, each with its first frame.
    fn begin(&mut self, msns: &[u64]) {
        for msn in msns {
            let at = Timestamp::from_micros(i64::try_from(*msn).unwrap() * 2 * SECOND, Timescale::MICROS);
            let (received, payload) = (WallTime::from_micros(at.micros()), bytes::Bytes::new());
            let frame =
                PlacedFrame { kind: Kind::Video, dts: at, pts: at, keyframe: true, cut: None, received, payload };
            self.feed(&[boundary(*msn), Placed::Frame(frame)]);
        }
    }

    fn feed(&mut self, placed: &[Placed]) {
        let news = self.captioning.feed(placed, Keep::Later);
        self.captioning.publish(news);
    }

    /// By language, the numbers that are listed and those that begin anew.
    fn listed(&self) -> Vec<(String, Vec<u64>, Vec<u64>)> {
        let list = |list: &Arc<super::super::caption_list::CaptionList>| {
            let snapshot = list.watch().borrow().clone();
            let anew = snapshot.segments().filter(|s| s.discontinuity).map(|s| s.msn).collect();
            (list.language.tag().to_owned(), snapshot.segments().map(|s| s.msn).collect(), anew)
        };
        self.timeline.captions().iter().map(list).collect()
    }

    fn health(&self) -> Vec<String> {
        self.captioning.findings().into_iter().map(|f| format!("{}: {}", f.code, f.message)).collect()
    }
}

#[test]
fn a_language_that_comes_late_has_a_segment_beside_each_of_the_sources() {
    let mut hall = Hall::new(&["fr", "en"], &["fr"], &[]);
    assert_eq!(hall.listed(), [("fr".to_owned(), vec![5, 6, 7], vec![7])]);
    assert!(hall.health()[0].contains("no captions in en: no model is installed: amphi models install en"));
    let version = hall.timeline.version();
    // The last segment that ended is not told yet.
    hall.begin(&[9]);
    hall.install(&["en"]);
    hall.follow();
    assert_eq!((hall.listed().len(), hall.timeline.version()), (1, version));
    // Now it is.
    hall.captioning.open = None;
    hall.begin(&[8]);
    hall.follow();
    assert_eq!(hall.listed()[1], ("en".to_owned(), vec![5, 6, 7], vec![7]));
    assert_eq!(hall.timeline.version(), version + 1, "pages are told");
    assert_eq!(hall.health(), [""; 0]);
    hall.begin(&[9]);
    assert_eq!(hall.listed()[1].1, [5, 6, 7, 8], "it goes on with the segment that was open when it came");
}

#[test]
fn every_playlist_says_where_the_captions_stand() {
    let hall = Hall::new(&["fr", "en"], &["fr", "en"], &[]);
    let reported = |beside: &str| {
        let reports = hall.timeline.reports(beside).into_iter();
        reports.map(|r| (r.uri, r.last_msn, r.last_part.is_some())).collect::<Vec<_>>()
    };
    let told = |name: &str, parts| (format!("../{name}/media.m3u8"), 7, parts);
    assert_eq!(reported("source"), [told("captions-fr", false), told("captions-en", false)]);
    assert_eq!(reported("captions-fr"), [told("source", true), told("captions-en", false)]);
}

#[test]
fn between_two_contributions_a_language_comes_too() {
    let mut hall = Hall::new(&["fr"], &[], &[]);
    hall.feed(&[boundary(7), Placed::SpanEnd(16 * SECOND)]);
    hall.install(&["fr"]);
    hall.follow();
    assert_eq!(hall.listed(), [("fr".to_owned(), vec![5, 6, 7], vec![7])]);
    hall.begin(&[8, 9]);
    assert_eq!(hall.listed()[0].1, [5, 6, 7, 8]);
}

#[test]
fn what_was_said_before_a_stop_stays_though_its_language_is_wanted_no_more() {
    let mut log = media::caption::record::MAGIC.to_vec();
    let names = Vocabulary::of_lines(["lille = Lille"]).unwrap();
    for record in [Record::Begin(language("de")), Record::Vocabulary(names)] {
        media::caption::record::write(&record, &mut log).unwrap();
    }
    let kept = Kept::open(&log).unwrap();
    let mut hall = Hall::new(&["fr"], &["fr", "de"], &[kept]);
    assert_eq!(hall.listed().iter().map(|(tag, ..)| tag.as_str()).collect::<Vec<_>>(), ["fr", "de"]);
    hall.begin(&[8, 9]);
    assert!(hall.listed().iter().all(|(_, msns, _)| *msns == [5, 6, 7, 8]), "it is silent, and there");
    assert_eq!(hall.health(), [""; 0]);
    // Wanted again, it goes on where it was.
    hall.captioning.set(CaptionSettings { languages: Some(vec![language("de")]), ..CaptionSettings::default() });
    hall.follow();
    assert_eq!(hall.listed().len(), 2);
}

#[test]
fn health_says_what_a_language_lacks() {
    let mut hall = Hall::new(&["xx"], &[], &[]);
    assert!(
        hall.health()[0].starts_with("captions_no_model: There are no captions in xx: no model is installed: none")
    );
    let exclusive = CaptionSettings {
        languages: Some(vec![language("fr")]),
        vocabulary: Vocabulary::of_lines(["oui", "non"]).unwrap(),
        exclusive: true,
    };
    hall.captioning.set(exclusive);
    let models = install(hall.folder.path(), &["fr"]);
    let record = hall.folder.path().join("fr/model.toml");
    let text = std::fs::read_to_string(&record).unwrap();
    let large = "files = [{ path = \"graph/HCLG.fst\", bytes = 1, sha256 = \"\" }]";
    std::fs::write(&record, text.replace("files = []", large)).unwrap();
    let models = models.look(Models::new(hall.folder.path().to_owned(), Vec::new()));
    hall.captions.offer(Offer { models, ..Offer::clone(&hall.captions.offered()) });
    hall.follow();
    let said = hall.health();
    assert!(said.len() == 1 && said[0].contains("words that are not in the vocabulary: fr can't be kept"), "{said:?}");
    hall.captioning.set(CaptionSettings { languages: Some(Vec::new()), ..CaptionSettings::default() });
    hall.follow();
    assert_eq!(hall.health(), [""; 0]);
}

#[tokio::test]
async fn what_there_is_no_room_for_is_not_heard_until_there_is_and_others_come_beside_what_it_takes() {
    let mut hall = Hall::new(&["fr", "en"], &["fr", "en"], &[]);
    let others = hall.admission.admit(0.5).unwrap();
    let aac = Arc::new(Aac::from_asc(&[0x12, 0x10]).unwrap());
    hall.feed(&[Placed::Parameters(Parameters::Audio(aac))]);
    let is_heard = |hall: &Hall| hall.captioning.tracks.iter().map(Track::is_heard).collect::<Vec<_>>();
    assert_eq!(is_heard(&hall), [true, false]);
    let said = hall.health();
    assert!(
        said.len() == 1
            && said[0]
                .starts_with("no_room_for_captions: There are no captions in en: they would take 0.3 cores, and 0.2"),
        "{said:?}"
    );
    hall.follow();
    assert_eq!(hall.health(), said, "it still waits");
    hall.begin(&[8, 9]);
    assert!(hall.listed().iter().all(|(_, msns, _)| *msns == [5, 6, 7, 8]), "it is there, and silent");

    // Of a lecture with pauses.
    for heard_s in [5, 10] {
        let stats = SessionStats {
            heard_micros: heard_s * 1_000_000,
            cpu_micros: heard_s * 100_000,
            ..SessionStats::default()
        };
        let news = hall.captioning.heard(Heard(Session::Track(0), Some(Event::Stats(stats))), Keep::Later);
        hall.captioning.publish(news);
    }
    hall.follow();
    assert_eq!((is_heard(&hall), hall.health()), (vec![true, true], vec![]));
    assert!((hall.admission.room() - 0.1).abs() < 1e-9, "{}", hall.admission.room());
    drop(others);
    hall.captioning.close();
    let news = hall.captioning.finish(Keep::Later);
    hall.captioning.publish(news);
    assert_eq!(hall.admission.room(), 1.0, "all is given back");
}

#[tokio::test]
async fn room_is_kept_for_sound_that_comes_after_the_pictures_for_as_long_as_the_first_segment() {
    let mut hall = Hall::new(&["fr"], &["fr"], &[]);
    hall.begin(&[8]);
    assert_eq!(hall.admission.room(), 0.7, "a ladder that is planned now has this");
    hall.begin(&[9]);
    assert_eq!(hall.admission.room(), 1.0, "there is no sound");
    hall.captioning.close();
    hall.feed(&[Placed::SpanEnd(20 * SECOND)]);
    hall.begin(&[10]);
    let aac = Arc::new(Aac::from_asc(&[0x12, 0x10]).unwrap());
    let others = hall.admission.admit(0.7).unwrap();
    hall.feed(&[Placed::Parameters(Parameters::Audio(aac))]);
    assert_eq!(hall.health(), [""; 0]);
    assert!(hall.captioning.is_heard());
    drop(others);
}

#[tokio::test]
async fn what_is_wanted_no_more_waits_for_no_room() {
    let mut hall = Hall::new(&["fr"], &["fr"], &[]);
    let others = hall.admission.admit(1.0).unwrap();
    let aac = Arc::new(Aac::from_asc(&[0x12, 0x10]).unwrap());
    hall.feed(&[Placed::Parameters(Parameters::Audio(aac))]);
    assert_eq!(hall.health().len(), 1);
    hall.captioning.set(CaptionSettings { languages: Some(Vec::new()), ..CaptionSettings::default() });
    hall.follow();
    assert_eq!(hall.health(), [""; 0]);
    drop(others);
    hall.follow();
    assert!(!hall.captioning.is_heard());
}
