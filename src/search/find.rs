//! Questions put to the index.
//!
//! **Promise.** It answers ids and passages, in order of their weight; whether somebody may see them is not known here, and nothing of it is
//! to leave the server before the policy was asked. Blocking.

use super::entry::Said;
use super::index::{Index, passage};
use super::question::{Part, Piece, Question};
use super::{Error, Passage};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, EmptyQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

/// How much more a word in a title says than one that is said, and one among the names.
const TITLE: f32 = 4.0;
const NAMES: f32 = 2.0;
/// Terms that a beginning is followed into, per segment.
const LOOKED_AT: usize = 2_000;
/// Those that it then stands for: the most frequent.
const EXPANSIONS: usize = 12;

impl Index {
    /// Videos that meet the question, the best first: those at `places` of them.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(super) fn find(&self, question: &Question, places: Range<usize>) -> Result<Vec<String>, Error> {
        let searcher = self.reader.searcher();
        let fields = self.fields;
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for part in &question.parts {
            let forms = forms(&searcher, fields.all, part)?;
            clauses.push((Occur::Must, meets(fields.all, part, &forms)));
            for (field, weight) in [(fields.title, TITLE), (fields.names, NAMES)] {
                let any = union(forms.iter().map(|form| term(field, form)).collect());
                clauses.push((Occur::Should, Box::new(BoostQuery::new(any, weight))));
            }
        }
        let best = TopDocs::with_limit(places.len().max(1)).and_offset(places.start).order_by_score();
        let found = searcher.search(&BooleanQuery::new(clauses), &best)?;
        let columns: Vec<_> = searcher
            .segment_readers()
            .iter()
            .map(|segment| segment.fast_fields().str("id"))
            .collect::<Result<_, _>>()?;
        let mut ids = Vec::with_capacity(found.len());
        for (_, address) in found {
            let Some(Some(column)) = columns.get(address.segment_ord as usize) else { continue };
            let Some(ord) = column.term_ords(address.doc_id).next() else { continue };
            let mut id = String::new();
            column.ord_to_str(ord, &mut id).map_err(|error| Error::Damaged(error.to_string()))?;
            ids.push(id);
        }
        Ok(ids)
    }

    /// Where it is said in a video: the best passages, in order of time.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(super) fn passages(&self, question: &Question, id: &str, most: usize) -> Result<Vec<Passage>, Error> {
        let searcher = self.reader.searcher();
        let fields = self.fields;
        let mut any: Vec<Box<dyn Query>> = Vec::new();
        for part in &question.parts {
            any.push(meets(fields.said, part, &forms(&searcher, fields.said, part)?));
        }
        let clauses: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, term(fields.of, id)), (Occur::Must, union(any))];
        let best = TopDocs::with_limit(most.max(1)).order_by_score();
        let mut passages = Vec::new();
        for (_, address) in searcher.search(&BooleanQuery::new(clauses), &best)? {
            passages.extend(passage(&searcher.doc(address)?, fields).and_then(|said| shown(question, &said)));
        }
        passages.sort_by_key(|passage| passage.at);
        Ok(passages)
    }
}

/// From the first line in which something is meant, to the last.
fn shown(question: &Question, said: &Said) -> Option<Passage> {
    let lines: Vec<(_, Vec<Piece>)> = said.lines.iter().map(|(at, line)| (*at, question.mark(line))).collect();
    let meant = |line: &(_, Vec<Piece>)| line.1.iter().any(|piece| piece.meant);
    let (first, last) = (lines.iter().position(meant)?, lines.iter().rposition(meant)?);
    let at = lines[first].0;
    let mut pieces = Vec::new();
    for (n, (_, line)) in lines.into_iter().enumerate().take(last + 1).skip(first) {
        if n > first {
            pieces.push(Piece { text: " ".to_owned(), meant: false });
        }
        pieces.extend(line);
    }
    Some(Passage { at, language: said.language.clone(), pieces })
}

/// The terms of a word; with those that begin with it while it is unfinished. None for phrases.
fn forms(searcher: &Searcher, field: Field, part: &Part) -> Result<BTreeSet<String>, Error> {
    let Part::Word { word, unfinished } = part else { return Ok(BTreeSet::new()) };
    let mut forms: BTreeSet<String> = word.forms().map(str::to_owned).collect();
    if *unfinished {
        forms.extend(begun(searcher, field, &word.plain)?);
    }
    Ok(forms)
}

fn begun(searcher: &Searcher, field: Field, beginning: &str) -> Result<Vec<String>, Error> {
    let mut frequent: BTreeMap<String, u64> = BTreeMap::new();
    for segment in searcher.segment_readers() {
        let terms = segment.inverted_index(field)?;
        let range = terms.terms().range().ge(beginning);
        let mut stream = range.into_stream().map_err(|error| Error::Damaged(error.to_string()))?;
        for _ in 0..LOOKED_AT {
            let Some((key, info)) = stream.next() else { break };
            let Ok(text) = std::str::from_utf8(key) else { continue };
            if !text.starts_with(beginning) {
                break;
            }
            *frequent.entry(text.to_owned()).or_default() += u64::from(info.doc_freq);
        }
    }
    let mut terms: Vec<(String, u64)> = frequent.into_iter().collect();
    terms.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    terms.truncate(EXPANSIONS);
    Ok(terms.into_iter().map(|(text, _)| text).collect())
}

fn meets(field: Field, part: &Part, forms: &BTreeSet<String>) -> Box<dyn Query> {
    match part {
        Part::Word { .. } => union(forms.iter().map(|form| term(field, form)).collect()),
        Part::Phrase(sayings) => union(sayings.iter().map(|words| saying(field, words)).collect()),
    }
}

/// tantivy takes no phrase of one word.
fn saying(field: Field, words: &[String]) -> Box<dyn Query> {
    match words {
        [] => Box::new(EmptyQuery),
        [word] => term(field, word),
        words => Box::new(PhraseQuery::new(words.iter().map(|word| Term::from_field_text(field, word)).collect())),
    }
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}

fn union(queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    Box::new(BooleanQuery::union(queries))
}
