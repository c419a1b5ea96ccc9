//! Hostile archives, made byte by byte: no writer makes them for us. Each leaves what is outside its folder as it was.

#![expect(clippy::cast_possible_truncation, reason = "these archives are small, but for what they claim")]

use super::*;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use std::path::PathBuf;

const FILES: [&str; 4] = ["am/final.mdl", "conf/model.conf", "graph/HCLr.fst", "graph/Gr.fst"];

/// An entry of a zip, honest unless told otherwise.
#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    data: Vec<u8>,
    mode: u32,
    /// What the headers say the data unpack to.
    claims: Option<u32>,
    /// Where the directory says it is.
    offset: Option<u32>,
    flags: u16,
}

fn entry(name: impl AsRef<[u8]>) -> Entry {
    let data = b"contents".to_vec();
    Entry { name: name.as_ref().to_vec(), data, mode: 0o100_644, claims: None, offset: None, flags: 1 << 11 }
}

fn model(prefix: &str) -> Vec<Entry> {
    FILES.iter().map(|name| entry(format!("{prefix}{name}"))).collect()
}

fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = entry.offset.unwrap_or(bytes.len() as u32);
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&entry.data).unwrap();
        let packed = packer.finish().unwrap();
        let mut head = Vec::new();
        head.extend([20, 0]);
        head.extend(entry.flags.to_le_bytes());
        // Deflate; no date.
        head.extend([8, 0, 0, 0, 0x21, 0]);
        head.extend(crc32fast::hash(&entry.data).to_le_bytes());
        head.extend((packed.len() as u32).to_le_bytes());
        head.extend(entry.claims.unwrap_or(entry.data.len() as u32).to_le_bytes());
        head.extend((entry.name.len() as u16).to_le_bytes());
        head.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&head);
        bytes.extend(&entry.name);
        bytes.extend(&packed);
        // Made on Unix, whose mode is in the upper half of the attributes.
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&head);
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&entry.name);
    }
    end(&mut bytes, &directory, entries.len() as u16);
    bytes
}

fn end(bytes: &mut Vec<u8>, directory: &[u8], count: u16) {
    let at = bytes.len() as u32;
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(at.to_le_bytes());
    bytes.extend([0, 0]);
}

/// One tar header and its data.
fn block(name: &[u8], kind: u8, link: &[u8], data: &[u8], claims: Option<u64>) -> Vec<u8> {
    let mut head = [0_u8; 512];
    head[..name.len()].copy_from_slice(name);
    head[100..107].copy_from_slice(b"0000644");
    head[108..115].copy_from_slice(b"0000000");
    head[116..123].copy_from_slice(b"0000000");
    head[124..135].copy_from_slice(format!("{:011o}", claims.unwrap_or(data.len() as u64)).as_bytes());
    head[136..147].copy_from_slice(b"00000000000");
    head[148..156].copy_from_slice(b"        ");
    head[156] = kind;
    head[157..157 + link.len()].copy_from_slice(link);
    head[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut bytes = head.to_vec();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn tar_gz(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    blocks.iter().for_each(|block| packer.write_all(block).unwrap());
    packer.write_all(&[0; 1024]).unwrap();
    packer.finish().unwrap()
}

fn tar_model(prefix: &str) -> Vec<Vec<u8>> {
    FILES.iter().map(|name| block(format!("{prefix}{name}").as_bytes(), b'0', b"", b"contents", None)).collect()
}

/// Unpacks; also gives everything that then lies in or beside the target.
fn unpacked(archive: &[u8]) -> (Result<Vec<File>, Error>, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let (path, into) = (folder.path().join("archive"), folder.path().join("in/to"));
    fs::write(&path, archive).unwrap();
    fs::create_dir_all(&into).unwrap();
    let mut file = fs::File::open(&path).unwrap();
    let result = from_archive(&mut file, "archive", archive.len() as u64, &into);
    let mut beside = Vec::new();
    for place in [folder.path().to_owned(), folder.path().join("in")] {
        beside.extend(
            fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path().strip_prefix(&folder).unwrap().to_owned()),
        );
    }
    beside.sort();
    (result, beside)
}

#[track_caller]
fn refused(archive: &[u8], why: &str) {
    let (result, beside) = unpacked(archive);
    let said = result.map(|files| format!("{files:?}")).unwrap_err();
    assert!(matches!(said, Error::Refused { .. }), "{said}");
    assert!(said.to_string().contains(why), "{said}");
    assert_eq!(beside, ["archive", "in", "in/to"].map(PathBuf::from), "it wrote elsewhere");
}

#[test]
fn an_honest_archive_gives_its_files_with_their_hashes() {
    for archive in [zip(&model("m/")), tar_gz(&tar_model("./m/"))] {
        let files = unpacked(&archive).0.unwrap();
        assert_eq!(files.len(), 4);
        assert_eq!((files[0].path.as_str(), files[0].bytes), ("m/am/final.mdl", 8));
        assert_eq!(files[0].sha256, "d1b2a59fbea7e20077af9f91b27e95e865061b270be03ff539ab3b73587882e8");
    }
}

#[test]
fn zips_that_lead_elsewhere_or_hold_more_than_files_are_refused() {
    let with = |bad: Entry| zip(&[model("m/"), vec![bad]].concat());
    refused(&with(entry("../evil")), "leads out");
    refused(&with(entry("m/../../evil")), "leads out");
    refused(&with(entry("/evil")), "absolute");
    refused(&with(entry("m\\..\\evil")), "character");
    refused(&with(entry(b"m/\xff")), "not UTF-8");
    refused(&with(entry("m/am/final.mdl/x")), "twice");
    refused(&with(entry("a/b/c/d/e/f/g/h/i")), "deep");
    refused(&with(Entry { mode: 0o120_777, ..entry("m/link") }), "a symbolic link");
    refused(&with(Entry { mode: 0o020_644, ..entry("m/dev") }), "a device");
    refused(&with(Entry { mode: 0o010_644, ..entry("m/pipe") }), "a pipe");
    refused(&with(Entry { mode: 0o040_755, ..entry("m/dir") }), "a folder named as a file");
    refused(&with(Entry { flags: 1, ..entry("m/secret") }), "encrypted");
}

#[test]
fn zips_that_name_an_entry_twice_or_share_bytes_are_refused() {
    refused(&zip(&[model("m/"), vec![entry("m/am/final.mdl")]].concat()), "5 entries for 4 names");
    refused(&zip(&[model("m/"), vec![entry("m/./am/final.mdl")]].concat()), "twice");
    let again = Entry { offset: Some(0), ..entry("m/am/other") };
    refused(&zip(&[model("m/"), vec![again]].concat()), "");
    // Two entries of one name length, so that the second's header is the first's.
    let shared = Entry { offset: Some(0), ..entry("m/am/final.mdm") };
    refused(&zip(&[model("m/"), vec![shared]].concat()), "");
}

#[test]
fn bombs_are_refused_before_they_fill_a_disk() {
    // 64 MiB in 64 KiB: ten times the archive and a mebibyte are allowed.
    let bomb = Entry { data: vec![0; 64 << 20], ..entry("m/bomb") };
    refused(&zip(&[model("m/"), vec![bomb.clone()]].concat()), "m/bomb goes on after");
    // The same, lying about its size.
    let liar = Entry { claims: Some(8), ..bomb };
    refused(&zip(&[model("m/"), vec![liar]].concat()), "");
    refused(
        &tar_gz(&[tar_model("m/"), vec![block(b"m/bomb", b'0', b"", &vec![0; 64 << 20], None)]].concat()),
        "m/bomb goes on after",
    );
    // Skipped, but unpacked on the way.
    refused(
        &tar_gz(&[vec![block(b"g", b'g', b"", &vec![0; 64 << 20], None)], tar_model("m/")].concat()),
        "more than any model",
    );
    let many: Vec<Entry> = (0..=2_000).map(|n| entry(format!("m/{n}"))).collect();
    refused(&zip(&many), "more than 2000");
    let many: Vec<Vec<u8>> = (0..=2_000).map(|n| block(format!("m/{n}").as_bytes(), b'5', b"", b"", None)).collect();
    refused(&tar_gz(&many), "more than 2000");
    // A directory that says it has more entries than fit the small record.
    let mut larger = Vec::from(*b"PK\x03\x04");
    end(&mut larger, &[], 0xffff);
    refused(&larger, "more than 2000");
}

#[test]
fn tars_that_lead_elsewhere_or_hold_more_than_files_are_refused() {
    let with = |bad: Vec<Vec<u8>>| tar_gz(&[tar_model("m/"), bad].concat());
    let one = |name: &[u8], kind: u8, link: &[u8]| with(vec![block(name, kind, link, b"", None)]);
    refused(&one(b"../evil", b'0', b""), "leads out");
    refused(&one(b"/evil", b'0', b""), "absolute");
    refused(&one(b"m/\xff", b'0', b""), "not UTF-8");
    refused(&one(b"m/am/final.mdl", b'0', b""), "twice");
    refused(&one(b"m/link", b'2', b"/etc"), "m/link is a symbolic link");
    refused(&one(b"m/hard", b'1', b"m/am/final.mdl"), "a hard link");
    refused(&one(b"m/dev", b'3', b""), "a device");
    refused(&one(b"m/pipe", b'6', b""), "a pipe");
    refused(&one(b"m/sparse", b'S', b""), "a sparse file");
    refused(&one(b"m/odd", b'V', b""), "of an unknown kind");
    // A link first, then a file through it: no link is ever made.
    let through = vec![block(b"m/out", b'2', b"/tmp", b"", None), block(b"m/out/evil", b'0', b"", b"x", None)];
    refused(&with(through), "a symbolic link");
}

#[test]
fn long_names_in_tars_are_read_within_bounds() {
    let pax = |record: &str| {
        // The length counts itself.
        let length = (1..).find(|length| length.to_string().len() + record.len() + 2 == *length).unwrap();
        block(b"pax", b'x', b"", format!("{length} {record}\n").as_bytes(), None)
    };
    let file = block(b"short", b'0', b"", b"x", None);
    let with = |extension: Vec<u8>| tar_gz(&[tar_model("m/"), vec![extension, file.clone()]].concat());
    let long = format!("m/{}", "n".repeat(150));
    let names = |archive: &[u8]| unpacked(archive).0.unwrap().pop().unwrap().path;
    assert_eq!(names(&with(pax(&format!("path={long}")))), long);
    assert_eq!(names(&with(block(b"long", b'L', b"", format!("{long}\0").as_bytes(), None))), long);
    assert_eq!(names(&with(pax("mtime=1.5"))), "short");
    refused(&with(pax("path=../evil")), "leads out");
    refused(&with(pax("size=1")), "a size or a link");
    refused(&with(pax("linkpath=/etc/passwd")), "a size or a link");
    refused(&with(block(b"long", b'L', b"", b"../evil\0", None)), "leads out");
    refused(&with(block(b"long", b'L', b"", &vec![b'n'; 1 << 20], None)), "too long");
    refused(&tar_gz(&[block(b"long", b'L', b"", b"name\0", None)]), "a name without an entry");
}

#[test]
fn what_is_damaged_or_something_else_is_refused() {
    refused(b"", "neither a zip");
    refused(b"<!doctype html>", "neither a zip");
    refused(b"PK\x03\x04", "no directory");
    refused(&[0x1f, 0x8b, 8, 0], "damaged");
    let (whole, tar) = (zip(&model("m/")), tar_gz(&tar_model("m/")));
    refused(&whole[..whole.len() - 1], "no directory");
    refused(&tar[..tar.len() / 2], "damaged");
    refused(&tar_gz(&[block(b"m/a", b'0', b"", b"x", Some(0o77_777_777_777))]), "");
    refused(&zip(&[entry("README")]), "no am/final.mdl");
    // A changed byte in the contents is seen by the checksum.
    let mut changed = whole;
    let at = changed.windows(8).position(|bytes| bytes == b"m/am/fin").unwrap() + 14;
    changed[at] ^= 0x40;
    refused(&changed, "");
}

/// Whatever byte of an archive is changed: no panic, and nothing outside its folder. Every seventh, as each takes some syncs.
#[test]
fn a_changed_byte_anywhere_never_leads_elsewhere() {
    for archive in [zip(&model("m/")), tar_gz(&tar_model("m/"))] {
        for at in (0..archive.len()).step_by(7) {
            let mut changed = archive.clone();
            changed[at] = changed[at].wrapping_add(0x2e);
            let (_, beside) = unpacked(&changed);
            assert_eq!(beside, ["archive", "in", "in/to"].map(PathBuf::from), "byte {at}");
        }
    }
}
