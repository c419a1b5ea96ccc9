//! `amphi check --media` on recordings that are as written, damaged, missing and unknown.

use super::Error;
use super::tests::{amphi, json};
use crate::archive::writer::archive;
use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster::NewBroadcaster;
use crate::catalogue::video::{Finished, NewVideo};
use media::cmaf;
use media::codec::aac::Aac;
use media::rendition::RenditionId;
use media::segment::index::Begin;
use media::segment::{Event, SegmentStart, silent_segment};
use media::time::WallTime;
use media::track::Parameters;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const NOW: WallTime = WallTime::from_micros(1_790_000_000_000_000);

/// AAC-LC, 48 kHz, two channels.
const AUDIO_SPECIFIC_CONFIG: [u8; 2] = [0x11, 0x90];

/// Four seconds of silence as two segments, as a live would write them.
fn events() -> Vec<Event> {
    let aac = Arc::new(Aac::from_asc(&AUDIO_SPECIFIC_CONFIG).unwrap());
    let parameters = Parameters::Audio(Arc::clone(&aac));
    let mut events = vec![Event::Init {
        rendition: RenditionId::Audio,
        bytes: cmaf::init_segment(&parameters).unwrap(),
        parameters,
    }];
    for msn in 0..2_u32 {
        let (from, to) = (i64::from(msn) * 2_000_000, i64::from(msn + 1) * 2_000_000);
        let (rendition, msn) = (RenditionId::Audio, u64::from(msn));
        let program_date_time = NOW.plus_micros(from);
        events.push(Event::SegmentStart(SegmentStart { rendition, msn, discontinuity: false, program_date_time }));
        events.push(Event::Part(silent_segment(rendition, &aac, msn, from, to).unwrap().unwrap()));
        events.push(Event::SegmentEnd { rendition, msn });
    }
    events
}

/// A data directory with so many complete recordings; their ids, and the folder of all media.
fn recorded(data_dir: &Path, recordings: usize) -> (Vec<String>, PathBuf) {
    let media = data_dir.join("media");
    std::fs::create_dir_all(&media).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ids = runtime.block_on(async {
        let path = data_dir.join("db").join("catalogue.sqlite");
        let catalogue = Catalogue::open(path.to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        let new = NewBroadcaster::new("hall".parse().unwrap(), "Hall");
        let hall = catalogue.add_broadcaster(new, NOW).await.unwrap();
        let (archive, writer) = archive(media.clone());
        let writing = tokio::task::spawn_blocking(move || writer.run());
        let mut ids = Vec::new();
        for _ in 0..recordings {
            let new = NewVideo {
                broadcaster_id: hall.id.clone(),
                title: None,
                started_at: NOW,
                first_msn: 0,
                first_discontinuity: 0,
            };
            let video = catalogue.begin_video(new).await.unwrap();
            let begin = Begin { origin: NOW, first_msn: 0, first_discontinuity: 0, target_duration_s: 4 };
            let recording = archive.create(video.id.as_str(), begin).await.unwrap();
            recording.append(Arc::new(events())).unwrap().await.unwrap();
            recording.finish().await.unwrap();
            let duration = Duration::from_secs(4);
            let ended_at = NOW.plus_micros(4_000_000);
            let finished =
                Finished { ended_at, duration, listed: true, ladder: false, next_msn: 2, next_discontinuity: 1 };
            catalogue.finish_video(&video.id, finished).await.unwrap();
            ids.push(video.id.to_string());
        }
        catalogue.close().await;
        drop(archive);
        writing.await.unwrap();
        ids
    });
    (ids, media)
}

/// What is said of the recordings when something is wrong.
fn findings(data_dir: &Path) -> Vec<String> {
    let Err(Error::Missing(text)) = amphi(data_dir, &["check", "--media", "--json"]) else {
        panic!("nothing was found");
    };
    let findings = json(&text);
    let of_media = findings.as_array().unwrap().iter().filter(|finding| finding["what"] == "media");
    of_media.map(|finding| finding["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn good_recordings_are_called_good() {
    let folder = tempfile::tempdir().unwrap();
    let said = amphi(folder.path(), &["check", "--media"]).unwrap();
    assert!(said.contains("ok      media: there are no recordings yet"), "{said}");
    assert!(!folder.path().join("db").exists(), "looking changes nothing");
    let (_, media) = recorded(folder.path(), 2);
    std::fs::create_dir(media.join("lost+found")).unwrap();
    let said = amphi(folder.path(), &["check", "--media"]).unwrap();
    assert!(said.contains("ok      media: 2 recordings are as written"), "{said}");
    assert!(!amphi(folder.path(), &["check"]).unwrap().contains("media:"), "only when asked");
}

#[test]
fn every_damaged_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (ids, media) = recorded(folder.path(), 1);
    let id = &ids[0];
    let file = media.join(id).join("audio-0.mp4");
    let written = std::fs::read(&file).unwrap();
    let first_part = written.windows(4).position(|four| four == b"moof").unwrap() - 4;
    for at in [first_part, first_part + 300, written.len() - 1] {
        let mut damaged = written.clone();
        damaged[at] ^= 1;
        std::fs::write(&file, damaged).unwrap();
        let said = findings(folder.path());
        assert_eq!(said, [format!("{id}: 1 parts are missing or differ from what was written")], "byte {at}");
    }
    std::fs::write(&file, &written[..first_part]).unwrap();
    assert_eq!(findings(folder.path()), [format!("{id}: 2 parts are missing or differ from what was written")]);
    std::fs::write(&file, &written).unwrap();
    let index = media.join(id).join("index");
    let log = std::fs::read(&index).unwrap();
    std::fs::write(&index, &log[..log.len() - 1]).unwrap();
    assert_eq!(findings(folder.path()), [format!("{id}: it is complete in the catalogue but not on disk")]);
}

#[test]
fn catalogue_and_disk_are_compared_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let (ids, media) = recorded(folder.path(), 2);
    std::fs::remove_dir_all(media.join(&ids[1])).unwrap();
    std::fs::create_dir(media.join("aaaaaaaaaaaaaaaa")).unwrap();
    let said = findings(folder.path());
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with(&format!("{}: its folder is missing", ids[1])), "{said:?}");
    assert_eq!(said[1], "aaaaaaaaaaaaaaaa: the catalogue knows no video for this folder");
}
