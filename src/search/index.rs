//! The index on disk: what is in it, how it is opened, changed and thrown away.
//!
//! A video is a document with all that is said of it and in it, by which it is found. Each passage of its transcript is a document of its own,
//! by which the place is found; they stand just before the video's, in its segment: they are written as one batch, which tantivy does not take
//! apart, and are taken out together. The folder holds `version`, written last: an index that was not begun wholly, or by another version, is
//! removed and begun anew. Blocking, all of it.

use super::Error;
use super::entry::{Entry, Said};
use super::words::{Analyser, Tongue, Word, pair};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, UserOperation};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{
    DocSet as _, Executor, IndexReader, IndexWriter, ReloadPolicy, TERMINATED, TantivyDocument, TantivyError, Term,
};

/// Another number whenever documents are made otherwise.
pub(super) const VERSION: &str = "3";
/// Threads that search, at most: an index of 100,000 videos is four large segments and some small ones.
const MAX_THREADS: usize = 4;
/// Those of all tenants. The segments of an index are searched side by side: in one after the other, phrases of frequent words take a core for
/// 30 ms.
static SIDE_BY_SIDE: LazyLock<Executor> = LazyLock::new(|| {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    if threads == 1 {
        return Executor::single_thread();
    }
    Executor::multi_thread(threads, "search-").unwrap_or_else(|error| {
        tracing::warn!(%error, "the search works with one thread");
        Executor::single_thread()
    })
});
/// What the writer keeps in memory before it writes a segment: the least that tantivy takes is 15 MB.
const WRITER_BYTES: usize = 20 << 20;

/// The fields of documents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// A video's id; of its own document.
    pub(super) id: Field,
    /// What it was made from, to see whether that has changed.
    pub(super) print: Field,
    /// How many passages stand before a video.
    pub(super) passages: Field,
    /// All words of a video.
    pub(super) all: Field,
    /// Which kinds of pairs stand together in it, as [`pair`] says: where frequent words stand together takes long to find out, so that a
    /// phrase is looked for in videos that have its kinds of pairs only, which are a few hundred of 100,000.
    pub(super) pairs: Field,
    /// Those of its title, which weigh more.
    pub(super) title: Field,
    /// Those of its speakers, tags and broadcaster, which weigh more too.
    pub(super) names: Field,
    /// The id of the video that a passage is of.
    pub(super) of: Field,
    /// A passage's words.
    pub(super) said: Field,
    /// A passage, as [`Said::to_stored`] writes it.
    pub(super) stored: Field,
}

fn schema() -> (Schema, Fields) {
    let words = |option| {
        TextOptions::default()
            .set_indexing_options(TextFieldIndexing::default().set_tokenizer("raw").set_index_option(option))
    };
    let mut schema = Schema::builder();
    let fields = Fields {
        id: schema.add_text_field("id", STRING | FAST),
        print: schema.add_u64_field("print", FAST | INDEXED),
        passages: schema.add_u64_field("passages", FAST),
        all: schema.add_text_field("all", words(IndexRecordOption::WithFreqsAndPositions)),
        pairs: schema.add_text_field("pairs", words(IndexRecordOption::Basic)),
        title: schema.add_text_field("title", words(IndexRecordOption::WithFreqs)),
        names: schema.add_text_field("names", words(IndexRecordOption::WithFreqs)),
        of: schema.add_text_field("of", STRING),
        said: schema.add_text_field("said", words(IndexRecordOption::WithFreqsAndPositions)),
        stored: schema.add_text_field("stored", STORED),
    };
    (schema.build(), fields)
}

/// An open index, to search in. Cheap to clone.
#[derive(Clone)]
pub(super) struct Index {
    pub(super) reader: IndexReader,
    pub(super) fields: Fields,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Index")
    }
}

/// The one who changes an index. Holds its lock, which the system takes back from a process that dies.
pub(super) struct Writer {
    writer: IndexWriter,
    index: Index,
    analyser: Analyser,
    changed: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl Writer {
    /// Opens the index in `folder`, or begins one where there is none of this version that is whole.
    ///
    /// # Errors
    /// `Busy`: another process changes it. Otherwise when the folder can't be written.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        if is_of_this_version(folder) {
            match Self::existing(folder) {
                Ok(writer) => return Ok(writer),
                Err(Error::Busy) => return Err(Error::Busy),
                Err(error) => tracing::warn!(%error, "the index of the search is damaged and is made anew"),
            }
        }
        Self::anew(folder)
    }

    fn existing(folder: &Path) -> Result<Self, Error> {
        let directory = MmapDirectory::open(documents(folder)).map_err(failed)?;
        let index = tantivy::Index::open(directory)?;
        if index.schema() != schema().0 {
            return Err(Error::Damaged("its fields are others".to_owned()));
        }
        // The lock comes first: what somebody writes meanwhile is not damaged.
        let writer = writer(&index)?;
        let damaged = index.validate_checksum()?;
        if let Some(file) = damaged.iter().next() {
            return Err(Error::Damaged(format!("{} is not as it was written", file.display())));
        }
        Self::over(index, writer)
    }

    /// Throws away what is there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn anew(folder: &Path) -> Result<Self, Error> {
        let inside = documents(folder);
        if inside.exists()
            && let Ok(directory) = MmapDirectory::open(&inside)
            && let Ok(index) = tantivy::Index::open(directory)
        {
            // Nobody's index is removed under their hands.
            drop(writer(&index)?);
        }
        let at = |source| Error::Folder { path: folder.to_owned(), source };
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(error)),
            _ => fs::create_dir_all(&inside).map_err(at)?,
        }
        let index = tantivy::Index::create_in_dir(&inside, schema().0)?;
        let writer = writer(&index)?;
        let this = Self::over(index, writer)?;
        fs::write(version(folder), VERSION).map_err(at)?;
        Ok(this)
    }

    fn over(mut index: tantivy::Index, writer: IndexWriter) -> Result<Self, Error> {
        index.set_executor(SIDE_BY_SIDE.clone());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let index = Index { reader, fields: schema().1 };
        Ok(Self { writer, index, analyser: Analyser::new(), changed: false })
    }

    /// To search in what is committed.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Puts a video in place of what is there of it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn put(&mut self, entry: &Entry) -> Result<(), Error> {
        let fields = self.index.fields;
        let mut batch = self.without(&entry.id);
        let mut video = TantivyDocument::new();
        video.add_text(fields.id, &entry.id);
        video.add_u64(fields.print, entry.print);
        video.add_u64(fields.passages, entry.said.len() as u64);
        let (title, names) = (self.words(&entry.title, entry.tongue), self.all_words(&entry.names, entry.tongue));
        let about = self.words(&entry.description, entry.tongue);
        let mut all = vec![title.clone(), about];
        all.extend(names.iter().cloned());
        for said in &entry.said {
            let words = self.words(&said.text(), said.tongue);
            let mut passage = TantivyDocument::new();
            passage.add_text(fields.of, &entry.id);
            passage.add_text(fields.stored, said.to_stored());
            passage.add_pre_tokenized_text(fields.said, tokens(&words));
            batch.push(UserOperation::Add(passage));
            all.push(words);
        }
        // Each by itself: no phrase goes from a title into a name.
        video.add_pre_tokenized_text(fields.title, tokens(&title));
        for words in &names {
            video.add_pre_tokenized_text(fields.names, tokens(words));
        }
        for words in &all {
            video.add_pre_tokenized_text(fields.all, tokens(words));
        }
        video.add_pre_tokenized_text(fields.pairs, pairs(&all));
        batch.push(UserOperation::Add(video));
        self.writer.run(batch)?;
        self.changed = true;
        Ok(())
    }

    /// What takes a video and its passages out.
    fn without(&self, id: &str) -> Vec<UserOperation> {
        let fields = self.index.fields;
        let with = |field| UserOperation::Delete(Term::from_field_text(field, id));
        vec![with(fields.id), with(fields.of)]
    }

    fn words(&self, text: &str, tongue: Tongue) -> Vec<Word> {
        self.analyser.words(text, tongue)
    }

    fn all_words(&self, texts: &[String], tongue: Tongue) -> Vec<Vec<Word>> {
        texts.iter().map(|text| self.words(text, tongue)).collect()
    }

    /// Takes a video out.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn remove(&mut self, id: &str) -> Result<(), Error> {
        self.writer.run(self.without(id))?;
        self.changed = true;
        Ok(())
    }

    /// Makes what was changed last and be found.
    ///
    /// # Errors
    /// When the disk refuses: nothing of it was done.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.changed) {
            self.writer.commit()?;
            self.index.reader.reload()?;
        }
        Ok(())
    }
}

impl Index {
    /// What is indexed of the videos whose ids lie behind `after` and up to `until`, with what it was made from.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(super) fn known(&self, after: &str, until: Option<&str>) -> Result<BTreeMap<String, u64>, Error> {
        let mut known = BTreeMap::new();
        for segment in self.reader.searcher().segment_readers() {
            let terms = segment.inverted_index(self.fields.id)?;
            let prints = segment.fast_fields().u64("print")?;
            let mut range = terms.terms().range().gt(after);
            if let Some(until) = until {
                range = range.le(until);
            }
            let mut stream = range.into_stream().map_err(failed)?;
            while let Some((id, info)) = stream.next() {
                let mut documents =
                    terms.read_postings_from_terminfo(info, IndexRecordOption::Basic).map_err(failed)?;
                while documents.doc() != TERMINATED {
                    let document = documents.doc();
                    if !segment.is_deleted(document)
                        && let (Ok(id), Some(print)) = (std::str::from_utf8(id), prints.first(document))
                    {
                        known.insert(id.to_owned(), print);
                    }
                    documents.advance();
                }
            }
        }
        Ok(known)
    }
}

fn writer(index: &tantivy::Index) -> Result<IndexWriter, Error> {
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(WRITER_BYTES)
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    index.writer_with_options(options).map_err(|error| match error {
        TantivyError::LockFailure(..) => Error::Busy,
        error => error.into(),
    })
}

fn tokens(words: &[Word]) -> PreTokenizedString {
    let mut tokens = Vec::with_capacity(words.len() * 2);
    for (position, word) in words.iter().enumerate() {
        for form in word.forms() {
            tokens.push(Token {
                offset_from: word.from,
                offset_to: word.to,
                position,
                text: form.to_owned(),
                position_length: 1,
            });
        }
    }
    PreTokenizedString { text: String::new(), tokens }
}

/// A term for a kind of pairs.
pub(super) fn pair_term(field: Field, first: &str, second: &str) -> Term {
    Term::from_field_text(field, &format!("{:04x}", pair(first, second)))
}

/// Texts by themselves, as phrases are.
fn pairs(texts: &[Vec<Word>]) -> PreTokenizedString {
    let together = texts.iter().flat_map(|words| words.windows(2));
    let kinds: BTreeSet<u16> = together
        .flat_map(|two| two[0].forms().flat_map(|first| two[1].forms().map(move |second| pair(first, second))))
        .collect();
    let token = |(position, kind)| Token {
        offset_from: 0,
        offset_to: 0,
        position,
        text: format!("{kind:04x}"),
        position_length: 1,
    };
    PreTokenizedString { text: String::new(), tokens: kinds.into_iter().enumerate().map(token).collect() }
}

fn documents(folder: &Path) -> PathBuf {
    folder.join("documents")
}

fn version(folder: &Path) -> PathBuf {
    folder.join("version")
}

fn is_of_this_version(folder: &Path) -> bool {
    fs::read_to_string(version(folder)).is_ok_and(|text| text == VERSION)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Damaged(error.to_string())
}

impl From<TantivyError> for Error {
    fn from(error: TantivyError) -> Self {
        failed(error)
    }
}

/// A passage as it is kept.
pub(super) fn passage(document: &TantivyDocument, fields: Fields) -> Option<Said> {
    use tantivy::schema::Value as _;
    Said::from_stored(document.get_first(fields.stored)?.as_str()?)
}
