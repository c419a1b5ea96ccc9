//! Questions put to the index.
//!
//! **Promises.** It answers ids and passages, in order of their weight, all from one state of the index; whether somebody may see them is not
//! known here, and nothing of it is to leave the server before the policy was asked. Blocking.

use super::entry::Said;
use super::index::{Fields, Index, pair_term, passage};
use super::question::{Part, Piece, Question};
use super::{Error, Hit, Passage};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, EnableScoring, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, DocId, Score, Searcher, Term};

/// How much more a word in a title says than one that is said, and one among the names.
const TITLE: Score = 4.0;
const NAMES: Score = 2.0;
/// Terms that a beginning is followed into, per segment.
const LOOKED_AT: usize = 2_000;
/// Those that it then stands for: the most frequent.
const EXPANSIONS: usize = 12;
/// A flat union keeps its terms in order at each step: of more than so many forms that costs more than passing over blocks saves.
const FLAT: usize = 4;
/// Of the videos in which all words of a phrase are, the best are looked at first, whether the words stand together there: that takes much longer
/// to find out than that they are there. So many that this many times as many as are asked for should be among them; it is a guess, as both the
/// kinds of pairs and the rarest word only say how many there are at most.
const SURELY: u64 = 3;
/// At most so many: where the words seldom stand together, all videos that have their kinds of pairs are fewer.
const TRIED: u64 = 1_000;

/// A question before the index as it is now.
pub(super) struct Asked {
    searcher: Searcher,
    fields: Fields,
    question: Question,
    /// The terms of each part: of a word one set, of a phrase one for each of its words.
    forms: Vec<Vec<BTreeSet<String>>>,
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
        let most = self.worth_trying(places.end as u64)?;
        self.find_trying(places, most)
    }

    fn find_trying(&self, places: Range<usize>, most: usize) -> Result<Vec<Hit>, Error> {
        let found = match self.phrases() {
            None => self.best(&self.words(), places)?,
            Some(phrases) => match self.tried(phrases.as_ref(), &places, most)? {
                Some(found) => found,
                // They weigh nothing, so that these are in the order of those that were tried.
                None => {
                    let words: Box<dyn Query> = Box::new(self.words());
                    let phrases: Box<dyn Query> = Box::new(BoostQuery::new(phrases, 0.0));
                    self.best(&BooleanQuery::intersection(vec![words, phrases]), places)?
                }
            },
        };
        let columns: Vec<_> = self
            .searcher
            .segment_readers()
            .iter()
            .map(|segment| segment.fast_fields().str("id"))
            .collect::<Result<_, _>>()?;
        let mut hits = Vec::with_capacity(found.len());
        for place in found {
            let Some(Some(column)) = columns.get(place.segment_ord as usize) else { continue };
            let Some(ord) = column.term_ords(place.doc_id).next() else { continue };
            let mut id = String::new();
            column.ord_to_str(ord, &mut id).map_err(|error| Error::Damaged(error.to_string()))?;
            hits.push(Hit { id, place });
        }
        Ok(hits)
    }

    fn best(&self, query: &dyn Query, places: Range<usize>) -> Result<Vec<DocAddress>, Error> {
        let best = TopDocs::with_limit(places.len().max(1)).and_offset(places.start).order_by_score();
        Ok(self.searcher.search(query, &best)?.into_iter().map(|(_, place)| place).collect())
    }

    /// In how many videos the rarest phrase stands at most.
    fn may_stand_in(&self) -> Result<u64, Error> {
        let mut least = u64::MAX;
        for part in &self.question.parts {
            let Part::Phrase(sayings) = part else { continue };
            let mut sum = 0;
            for words in sayings {
                let mut rarest = u64::MAX;
                for two in words.windows(2) {
                    rarest = rarest.min(self.searcher.doc_freq(&pair_term(self.fields.pairs, &two[0], &two[1]))?);
                }
                sum += rarest.min(self.searcher.num_docs());
            }
            least = least.min(sum);
        }
        Ok(least)
    }

    /// Among how many of the best with all words `wanted` with the phrases should be; 0: among too many.
    fn worth_trying(&self, wanted: u64) -> Result<usize, Error> {
        let stand = self.may_stand_in()?;
        if stand == 0 {
            return Ok(0);
        }
        let mut rarest = u64::MAX;
        for forms in self.forms.iter().flatten() {
            let mut sum = 0;
            for form in forms {
                sum += self.searcher.doc_freq(&Term::from_field_text(self.fields.all, form))?;
            }
            rarest = rarest.min(sum);
        }
        let most = SURELY.saturating_mul(wanted).saturating_mul(rarest.div_ceil(stand));
        Ok(usize::try_from(most).ok().filter(|_| most <= TRIED).unwrap_or(0))
    }

    /// The same as by asking for `phrases` everywhere, found among the first videos with all words; `None`: there may be others.
    fn tried(&self, phrases: &dyn Query, places: &Range<usize>, most: usize) -> Result<Option<Vec<DocAddress>>, Error> {
        if places.end >= most {
            return Ok(None);
        }
        let first = self.best(&self.words(), 0..most)?;
        let mut order: Vec<DocAddress> = first.clone();
        order.sort_unstable();
        let weight = phrases.weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
        let mut met = BTreeSet::new();
        for same in order.chunk_by(|a, b| a.segment_ord == b.segment_ord) {
            let mut scorer = weight.scorer(self.searcher.segment_reader(same[0].segment_ord), 1.0)?;
            for place in same {
                if scorer.doc() < place.doc_id {
                    scorer.seek(place.doc_id);
                }
                if scorer.doc() == place.doc_id {
                    met.insert(*place);
                }
            }
        }
        if met.len() < places.end && first.len() == most {
            return Ok(None);
        }
        let best = first.into_iter().filter(|place| met.contains(place));
        Ok(Some(best.skip(places.start).take(places.len()).collect()))
    }

    /// That all words are there. What is in the title or among the names is in `all` too: those fields only add weight.
    fn words(&self) -> BooleanQuery {
        let weighed = [(self.fields.title, TITLE), (self.fields.names, NAMES)];
        let words: Vec<&BTreeSet<String>> = self.forms.iter().flatten().collect();
        // A flat union of terms is what tantivy reads in part only: blocks that can't be among the best are passed over.
        if let [forms] = words.as_slice()
            && forms.len() <= FLAT
        {
            let mut any: Vec<Box<dyn Query>> = terms(self.fields.all, forms).collect();
            for (field, weight) in weighed {
                any.extend(terms(field, forms).map(|term| Box::new(BoostQuery::new(term, weight)) as Box<dyn Query>));
            }
            return BooleanQuery::union(any);
        }
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for forms in words {
            clauses.push((Occur::Must, union(terms(self.fields.all, forms).collect())));
            for (field, weight) in weighed {
                let any = union(terms(field, forms).collect());
                clauses.push((Occur::Should, Box::new(BoostQuery::new(any, weight))));
            }
        }
        BooleanQuery::new(clauses)
    }

    /// That the words of all phrases stand together; `None`: there are no phrases.
    fn phrases(&self) -> Option<Box<dyn Query>> {
        let parts = self.question.parts.iter();
        let phrases: Vec<_> =
            parts.filter_map(|part| together(self.fields.all, Some(self.fields.pairs), part)).collect();
        (!phrases.is_empty()).then(|| Box::new(BooleanQuery::intersection(phrases)) as Box<dyn Query>)
    }

    /// Where it is said in each of these videos: the best passages, at most `most`, in order of time.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(super) fn passages(&self, hits: &[Hit], most: usize) -> Result<Vec<Vec<Passage>>, Error> {
        let any = self.question.parts.iter().zip(&self.forms).map(|(part, words)| {
            let words = || union(words.iter().flat_map(|forms| terms(self.fields.said, forms)).collect());
            together(self.fields.said, None, part).unwrap_or_else(words)
        });
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

/// The terms of a word; with those that begin with it while it is unfinished. Of a phrase, those of each of its words.
fn forms(searcher: &Searcher, field: Field, part: &Part) -> Result<Vec<BTreeSet<String>>, Error> {
    Ok(match part {
        Part::Word { word, unfinished } => {
            let mut forms: BTreeSet<String> = word.forms().map(str::to_owned).collect();
            if *unfinished {
                forms.extend(begun(searcher, field, &word.plain)?);
            }
            vec![forms]
        }
        Part::Phrase(sayings) => {
            let length = sayings.first().map_or(0, Vec::len);
            (0..length).map(|n| sayings.iter().map(|words| words[n].clone()).collect()).collect()
        }
    })
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

/// That the words of a phrase stand one after the other, among documents that have its `pairs`; `None`: it is none, or one word.
fn together(field: Field, pairs: Option<Field>, part: &Part) -> Option<Box<dyn Query>> {
    let Part::Phrase(sayings) = part else { return None };
    let saying = |words: &Vec<String>| {
        let terms = words.iter().map(|word| Term::from_field_text(field, word)).collect();
        let mut all: Vec<Box<dyn Query>> = vec![Box::new(PhraseQuery::new(terms))];
        for two in pairs.iter().flat_map(|field| words.windows(2).map(|two| pair_term(*field, &two[0], &two[1]))) {
            all.push(Box::new(TermQuery::new(two, IndexRecordOption::Basic)));
        }
        if all.len() == 1 { all.remove(0) } else { Box::new(BooleanQuery::intersection(all)) }
    };
    // tantivy takes no phrase of one word.
    (sayings.first()?.len() > 1).then(|| union(sayings.iter().map(saying).collect()))
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

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::super::index::Writer;
    use super::super::words::Tongue;
    use super::*;

    fn entry(n: usize, title: &str, said: &str) -> Entry {
        Entry {
            id: format!("video{n:03}"),
            print: 1,
            tongue: Tongue::French,
            title: title.to_owned(),
            names: Vec::new(),
            description: said.to_owned(),
            said: Vec::new(),
        }
    }

    #[test]
    fn phrases_are_found_the_same_in_the_same_order_however_many_are_tried() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(folder.path()).unwrap();
        for n in 0..120 {
            let title = if n % 7 == 0 { "La mécanique quantique" } else { "Cours" };
            let apart = "quantique ".repeat(n % 4) + "et mécaniques, puis autre chose ".repeat(1 + n % 3).as_str();
            let said = if n % 5 == 0 { format!("{apart} mécaniques quantiques") } else { apart };
            writer.put(&entry(n, title, &said)).unwrap();
            if n % 40 == 39 {
                writer.commit().unwrap();
            }
        }
        for typed in [
            "\"mécanique quantique\"",
            "\"mécanique quantique\" cours",
            "\"mécanique quantique\" \"puis autre\"",
            "\"mécaniques\"",
        ] {
            let asked = Asked::of(writer.index(), Question::read(typed).unwrap()).unwrap();
            let ids = |places, most| {
                asked.find_trying(places, most).unwrap().into_iter().map(|hit| hit.id).collect::<Vec<_>>()
            };
            let all = ids(0..200, 0);
            assert!((20..=120).contains(&all.len()), "{typed}: {}", all.len());
            assert!(asked.may_stand_in().unwrap() >= all.len() as u64, "{typed}");
            assert_eq!(asked.find(0..200).unwrap().len(), all.len(), "{typed}");
            let first: Vec<_> = asked.find(0..5).unwrap().into_iter().map(|hit| hit.id).collect();
            assert_eq!(first, all[..5], "{typed}");
            for most in [1, 10, 60, 1_000] {
                assert_eq!(ids(0..200, most), all, "{typed}, {most} tried");
                let pages: Vec<_> = (0..40).flat_map(|n| ids(5 * n..5 * n + 5, most)).collect();
                assert_eq!(pages, all, "{typed}, {most} tried, by pages");
            }
        }
        let asked = Asked::of(writer.index(), Question::read("\"quantique mécanique\"").unwrap()).unwrap();
        assert!(asked.find(0..9).unwrap().is_empty(), "all words, but not one after the other");
    }
}
