//! A recording whose index or media file ends at any byte of its last record is opened, cut to what is whole, and goes on.

use crate::support::ask::{block, wait_playable};
use crate::support::flv::{encode, tags};
use crate::support::publisher::{Plan, Publisher};
use crate::support::server::{Options, Server};
use amphi::archive::layout::Layout;
use amphi::archive::load::{Loaded, load};
use amphi::archive::recover::recover;
use amphi::archive::writer::{Archive, archive};
use media::rendition::RenditionId;
use media::segment::index::{self, Record};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A recording that a killed server left, of a picture so small that its files can be cut at every byte.
struct Left {
    id: String,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Left {
    fn new() -> Self {
        let mut server = Server::start(Options::default());
        let small = ["-t", "8", "-g", "10", "-bf", "0", "-crf", "51", "-vf", "boxblur=8", "-b:a", "16k"];
        let tags = Arc::new(tags(encode("48x32", 10, &small)));
        let publisher = Publisher::start(server.rtmp(), "demo?key=demo", Plan { tags, silent_after: true });
        wait_playable(server.http(), "demo");
        std::thread::sleep(Duration::from_millis(3_300));
        server.kill_9();
        publisher.vanish();
        let media = server.data_dir().join("media");
        let id = std::fs::read_dir(&media).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
        let read = |entry: std::fs::DirEntry| (PathBuf::from(entry.file_name()), std::fs::read(entry.path()).unwrap());
        let files = std::fs::read_dir(media.join(&id)).unwrap().map(|entry| read(entry.unwrap())).collect();
        Self { id, files }
    }

    fn index(&self) -> &[u8] {
        self.file(Path::new("index"))
    }

    fn file(&self, name: &Path) -> &Vec<u8> {
        &self.files.iter().find(|(found, _)| found == name).unwrap().1
    }

    /// Lays it out anew, with one file cut.
    fn lay(&self, layout: &Layout, cut: &Path, bytes: usize) {
        let folder = layout.folder(&self.id);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, content) in &self.files {
            let end = if name == cut { bytes } else { content.len() };
            std::fs::write(folder.join(name), &content[..end]).unwrap();
        }
    }
}

/// Runs `test` with an archive whose writer works beside it.
fn with_archive(test: impl FnOnce(&Archive)) {
    let scratch = tempfile::tempdir().unwrap();
    let (archive, writer) = archive(scratch.path().to_owned());
    std::thread::scope(|scope| {
        scope.spawn(|| writer.run());
        test(&archive);
        drop(archive);
    });
}

fn parts(log: &[u8]) -> usize {
    index::read(log).iter().filter(|(record, _)| matches!(record, Record::Part(part) if part.bytes > 0)).count()
}

/// What a start must find: everything whole, in both kinds the same segments, the files as long as the index says, and
/// room to go on.
fn opened(archive: &Archive, id: &str) -> Loaded {
    let (loaded, recording) = block(recover(archive, id)).unwrap();
    assert!(!loaded.ended);
    let numbers = |id: RenditionId| loaded.tracks[&id].segments.iter().map(|s| s.msn).collect::<Vec<_>>();
    assert_eq!(numbers(RenditionId::Source), numbers(RenditionId::Audio), "both have the same segments");
    for (rendition, track) in &loaded.tracks {
        for segment in track.segments.iter().filter(|segment| !segment.is_gap()) {
            let location = segment.location.unwrap();
            let length = std::fs::metadata(archive.layout().file(id, *rendition, location.file)).unwrap().len();
            assert!(location.offset + u64::from(segment.bytes) <= length, "{rendition:?} {}", segment.msn);
        }
    }
    block(recording.finish()).unwrap();
    let again = load(archive.layout(), id).unwrap();
    assert!(again.ended);
    assert_eq!(again.duration_micros(), loaded.duration_micros());
    again
}

#[test]
fn an_index_that_ends_at_any_byte_of_its_last_records_is_opened() {
    let left = Left::new();
    let log = left.index();
    let ends: Vec<usize> = index::read(log).iter().map(|(_, end)| usize::try_from(*end).unwrap()).collect();
    let from = ends[ends.len() - 6];
    with_archive(|archive| {
        for bytes in from..=log.len() {
            left.lay(archive.layout(), Path::new("index"), bytes);
            let whole = parts(&log[..bytes]);
            let loaded = opened(archive, &left.id);
            let kept = parts(&std::fs::read(archive.layout().index(&left.id)).unwrap());
            assert!(kept >= whole, "cut at {bytes}: {kept} parts of {whole}");
            assert!(loaded.duration_micros() > 2_000_000, "cut at {bytes}: {}", loaded.duration_micros());
        }
    });
}

#[test]
fn a_media_file_that_ends_at_any_byte_of_its_last_part_is_opened() {
    let left = Left::new();
    let records = index::read(left.index());
    for rendition in [RenditionId::Source, RenditionId::Audio] {
        let mut file = 0;
        let mut last = None;
        for (record, _) in &records {
            match record {
                Record::File { rendition: of, file: number, .. } if *of == rendition => file = *number,
                Record::Part(part) if part.rendition == rendition && part.bytes > 0 => {
                    last = Some((file, part.clone()));
                }
                _ => {}
            }
        }
        let (file, part) = last.unwrap();
        let from = usize::try_from(part.offset).unwrap();
        with_archive(|archive| {
            let name = PathBuf::from(archive.layout().file(&left.id, rendition, file).file_name().unwrap());
            let length = left.file(&name).len();
            assert_eq!(length, from + part.bytes as usize, "the last part is the file's end");
            assert!(part.bytes < 6_000, "{} bytes are too many to cut at each", part.bytes);
            for bytes in from..=length {
                left.lay(archive.layout(), &name, bytes);
                let loaded = opened(archive, &left.id);
                let kept = parts(&std::fs::read(archive.layout().index(&left.id)).unwrap());
                let lost = parts(left.index()).saturating_sub(kept);
                // The other kind's parts that were written after it go with it; they are of the same half second.
                assert!(lost <= 3 && (bytes < length || lost == 0), "{rendition:?} cut at {bytes}: {lost} parts lost");
                assert!(loaded.duration_micros() > 2_000_000, "{rendition:?} cut at {bytes}");
            }
        });
    }
}
