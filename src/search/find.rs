//! Questions put to the index.
//!
//! **Promises.** It answers ids and passages, in order of their weight, all from one state of the index; whether somebody may see them is not
//! known here, and nothing of it is to leave the server before the policy was asked. Blocking.

use super::entry::Said;
use super::index::{Fields, Index, passage};
use super::question::{Part, Piece, Question};
use super::{Error, Hit, Passage};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, EmptyQuery, EnableScoring, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, DocId, Score, Searcher, Term};

/// How much more a word in a title says than one that is said, and one among the names.
const TITLE: Score = 4.0;
const NAMES: Score = 2.0;
/// Terms that a beginning is followed into, per segment.
const LOOKED_AT: usize = 2_000;
/// Those that it then stands for: the most frequent.
const EXPANSIONS: usize = 12;

/// A question before the index as it is now.
pub(super) struct Asked {
    searcher: Searcher,
    fields: Fields,
    question: Question,
    /// The terms of each part.
    forms: Vec<BTreeSet<String>>,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("question", &self.question).finish_non_exhaustive()
    }
}

impl Asked {
    /// # Errors
    /// When the index can't be read.
    pub(super) fn of(index: &Index, question: Question) -> Result<Self, Error> {
        let searcher = index.reader.searcher();
        let forms = question.parts.iter().map(|part| forms(&searcher, index.fields.all, part));
        Ok(Self { forms: forms.collect::<Result<_, _>>()?, fields: index.fields, searcher, question })
    }

    /// Videos that meet the question, the best first: those at `places` of them.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(super) fn find(&self, places: Range<usize>) -> Result<Vec<Hit>, Error> {
        let best = TopDocs::with_limit(places.len().max(1)).and_offset(places.start).order_by_score();
        let found = self.searcher.search(&self.met(), &best)?;
        let columns: Vec<_> = self
            .searcher
            .segment_readers()
            .iter()
            .map(|segment| segment.fast_fields().str("id"))
            .collect::<Result<_, _>>()?;
        let mut hits = Vec::with_capacity(found.len());
        for (_, place) in found {
            let Some(Some(column)) = columns.get(place.segment_ord as usize) else { continue };
            let Some(ord) = column.term_ords(place.doc_id).next() else { continue };
            let mut id = String::new();
            column.ord_to_str(ord, &mut id).map_err(|error| Error::Damaged(error.to_string()))?;
            hits.push(Hit { id, place });
        }
        Ok(hits)
    }

    /// What is in the title or among the names is in `all` too: those fields only add weight.
    fn met(&self) -> BooleanQuery {
        let weighed = [(self.fields.title, TITLE), (self.fields.names, NAMES)];
        // A flat union of terms is what tantivy reads in part only: blocks that can't be among the best are passed over.
        if let ([Part::Word { .. }], [forms]) = (self.question.parts.as_slice(), self.forms.as_slice()) {
            let mut any: Vec<Box<dyn Query>> = terms(self.fields.all, forms).collect();
            for (field, weight) in weighed {
                any.extend(terms(field, forms).map(|term| Box::new(BoostQuery::new(term, weight)) as Box<dyn Query>));
            }
            return BooleanQuery::union(any);
        }
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for (part, forms) in self.question.parts.iter().zip(&self.forms) {
            clauses.push((Occur::Must, meets(self.fields.all, part, forms)));
            for (field, weight) in weighed {
                let any: Vec<_> = terms(field, forms).collect();
                if !any.is_empty() {
                    clauses.push((Occur::Should, Box::new(BoostQuery::new(union(any), weight))));
                }
            }
        }
        BooleanQuery::new(clauses)
    }

    /// Where it is said in each of these videos: the best passages, at most `most`, in order of time.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(super) fn passages(&self, hits: &[Hit], most: usize) -> Result<Vec<Vec<Passage>>, Error> {
        let any = self.question.parts.iter().zip(&self.forms).map(|(part, forms)| meets(self.fields.said, part, forms));
        let said = BooleanQuery::union(any.collect());
        let weight = said.weight(EnableScoring::enabled_from_searcher(&self.searcher))?;
        let mut passages = vec![Vec::new(); hits.len()];
        // Segment by segment and forwards, so that each list of a term is opened and gone through once for all videos.
        let mut order: Vec<usize> = (0..hits.len()).collect();
        order.sort_by_key(|n| hits[*n].place);
        for same in order.chunk_by(|a, b| hits[*a].place.segment_ord == hits[*b].place.segment_ord) {
            let segment_ord = hits[same[0]].place.segment_ord;
            let segment = self.searcher.segment_reader(segment_ord);
            let (mut scorer, counts) = (weight.scorer(segment, 1.0)?, segment.fast_fields().u64("passages")?);
            for n in same {
                let video = hits[*n].place.doc_id;
                let count = DocId::try_from(counts.first(video).unwrap_or(0)).unwrap_or(0);
                // A video's passages stand just before it.
                if scorer.doc() < video.saturating_sub(count) {
                    scorer.seek(video.saturating_sub(count));
                }
                let mut best: Vec<(Score, DocId)> = Vec::new();
                while scorer.doc() < video {
                    best.push((scorer.score(), scorer.doc()));
                    scorer.advance();
                }
                best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                best.truncate(most);
                for (_, doc) in best {
                    let document = self.searcher.doc(DocAddress::new(segment_ord, doc))?;
                    let said = passage(&document, self.fields);
                    passages[*n].extend(said.and_then(|said| shown(&self.question, &said)));
                }
                passages[*n].sort_by_key(|passage: &Passage| passage.at);
            }
        }
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
            match frequent.get_mut(text) {
                Some(count) => *count += u64::from(info.doc_freq),
                None => _ = frequent.insert(text.to_owned(), u64::from(info.doc_freq)),
            }
        }
    }
    let mut terms: Vec<(String, u64)> = frequent.into_iter().collect();
    terms.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    terms.truncate(EXPANSIONS);
    Ok(terms.into_iter().map(|(text, _)| text).collect())
}

fn meets(field: Field, part: &Part, forms: &BTreeSet<String>) -> Box<dyn Query> {
    match part {
        Part::Word { .. } => union(terms(field, forms).collect()),
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

fn terms(field: Field, forms: &BTreeSet<String>) -> impl Iterator<Item = Box<dyn Query>> {
    forms.iter().map(move |form| term(field, form))
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}

fn union(queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    Box::new(BooleanQuery::union(queries))
}
