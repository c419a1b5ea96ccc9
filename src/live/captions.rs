//! What lives are captioned with: the settings and models of the moment, and an engine for each model that is in use.
//!
//! Promises: nothing here reads a disk or waits; whoever looks after the models tells by [`Captions::offer`], and is asked to look at once
//! by [`Captions::look_again`]. An engine has one model (that which measures sound has none), so that one that comes, goes or breaks touches
//! no other language. It is there from the first session on, for later ones too while its model is what is installed; once that is gone or
//! another, it ends with its last.

use crate::catalogue::captions::CaptionSettings;
use crate::lifecycle::Tasks;
use crate::models::Models;
use crate::models::inventory::{Installed, Inventory};
use media::caption::language::Language;
use media::caption::vocabulary::Vocabulary;
use pipelines::captioner::{CaptionRequest, Captioner, HypothesisOutput, Settings, SoundInput, Supervisor, captioner};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Cores that libvosk takes for continuous speech, to admit a session by: measured with a small model, hearing anything it knows, 0.29 to
/// 0.32; a lecture with its pauses takes a third of that. What a session really takes is measured then.
const HEARING_CORES: f64 = 0.3;
/// ISO 639: no linguistic content.
const NO_WORDS: &str = "zxx";
/// How often it is looked whether the last session has closed, when the server stops.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What there is to caption with at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Whether lives are captioned at all.
    pub enabled: bool,
    /// Whether the loudness of a live is measured where nothing captions it.
    pub measures: bool,
    /// The languages of broadcasters that have none of their own.
    pub languages: Vec<Language>,
    /// How names are written everywhere.
    pub vocabulary: Vocabulary,
    /// What is installed.
    pub models: Inventory,
}

/// Whether and by what a language of a live is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It is none of its languages.
    Unwanted,
    /// It should be, and there is no model.
    NoModel,
    /// By this.
    By(Call),
}

/// What a session is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) model: Installed,
    /// When not empty, only these phrases are heard.
    pub(super) phrases: Vec<String>,
}

impl Call {
    /// Cores that hearing is expected to take.
    pub(super) fn cores(&self) -> f64 {
        // A script is read, and nothing is heard.
        if self.model.engine == "scripted" { 0.0 } else { HEARING_CORES }
    }
}

impl Offer {
    /// The languages of a live of this broadcaster.
    pub(super) fn wanted<'a>(&'a self, settings: &'a CaptionSettings) -> &'a [Language] {
        if self.enabled { settings.languages.as_ref().unwrap_or(&self.languages) } else { &[] }
    }

    /// The server's languages that nothing hears, each with what to type so that something does.
    pub fn lacks(&self) -> impl Iterator<Item = (String, String)> {
        let wanted = if self.enabled { &self.languages[..] } else { &[] };
        let missing = wanted.iter().filter(|language| self.models.for_language(language.tag()).is_none());
        missing.map(|language| (language.tag().to_owned(), Models::advice(language.tag())))
    }

    /// What becomes of a language in a live of this broadcaster.
    pub(super) fn wish(&self, settings: &CaptionSettings, language: &Language) -> Wish {
        if !self.wanted(settings).contains(language) {
            return Wish::Unwanted;
        }
        let Some(model) = self.models.for_language(language.tag()) else { return Wish::NoModel };
        let kept = settings.exclusive && model.takes_vocabulary;
        let phrases = if kept { settings.vocabulary.phrases(language) } else { Vec::new() };
        Wish::By(Call { model, phrases })
    }

    /// How names are written in a live of this broadcaster: its own words have the last word.
    pub(super) fn names(&self, settings: &CaptionSettings, language: &Language) -> Vocabulary {
        self.vocabulary.of(language).with(&settings.vocabulary.of(language))
    }
}

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Captions {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    program: Option<PathBuf>,
    tasks: Tasks,
    offer: RwLock<Arc<Offer>>,
    engines: Mutex<BTreeMap<Installed, Arc<Engine>>>,
    /// For those that nothing captions.
    meters: OnceLock<Arc<Engine>>,
    /// Told when somebody would like to know which models there are now.
    asked: Notify,
}

/// An engine with one model. It is ended when nobody holds it.
#[derive(Debug)]
pub(super) struct Engine {
    captioner: Captioner,
    language: Language,
    _end: DropGuard,
}

impl Captions {
    /// With what there is now. `program` is the engine; `None`: `amphi-engine` beside this one. Engines belong to `tasks`.
    #[must_use]
    pub fn new(program: Option<PathBuf>, offer: Offer, tasks: Tasks) -> Self {
        let offer = RwLock::new(Arc::new(offer));
        let (engines, meters, asked) = (Mutex::default(), OnceLock::new(), Notify::new());
        Self { shared: Arc::new(Shared { program, tasks, offer, engines, meters, asked }) }
    }

    /// Nothing to caption with, for the tests of others.
    #[cfg(test)]
    pub(crate) fn off() -> Self {
        let models = Inventory::empty(Models::new(PathBuf::new(), Vec::new()));
        let (languages, vocabulary) = (Vec::new(), Vocabulary::default());
        let offer = Offer { enabled: false, measures: false, languages, vocabulary, models };
        Self::new(None, offer, Tasks::default())
    }

    /// There is something else to caption with from now on. Lives on air take it up within a second.
    pub fn offer(&self, offer: Offer) {
        let offer = Arc::new(offer);
        *self.shared.offer.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&offer);
        // Those whose model is another one now end with their last session.
        let mut engines = self.shared.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.retain(|model, _| offer.models.has(model));
    }

    /// What there is now.
    #[must_use]
    pub fn offered(&self) -> Arc<Offer> {
        Arc::clone(&self.shared.offer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Somebody is about to caption: whoever looks after the models had better look now.
    pub fn look_again(&self) {
        self.shared.asked.notify_one();
    }

    /// Waits until somebody has asked to look. For one task. Cancel-safe.
    pub async fn asked(&self) {
        self.shared.asked.notified().await;
    }

    /// A session in the language of the call's model. Never waits; what can't be is told by the session.
    pub(super) fn open(&self, call: &Call) -> (SoundInput, HypothesisOutput, Arc<Engine>) {
        Self::session(self.engine(&call.model), call.phrases.clone())
    }

    /// A session that hears no words: its sound is measured. Never waits either.
    pub(super) fn measure(&self) -> (SoundInput, HypothesisOutput, Arc<Engine>) {
        let no_words = || Language::new(NO_WORDS).expect("a language tag");
        let engine = self.shared.meters.get_or_init(|| Arc::new(self.start(no_words(), PathBuf::new())));
        Self::session(Arc::clone(engine), Vec::new())
    }

    fn session(engine: Arc<Engine>, vocabulary: Vec<String>) -> (SoundInput, HypothesisOutput, Arc<Engine>) {
        let request = CaptionRequest { language: engine.language.clone(), vocabulary };
        let (input, output) = engine.captioner.open(request);
        (input, output, engine)
    }

    fn engine(&self, model: &Installed) -> Arc<Engine> {
        let mut engines = self.shared.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(model) {
            return Arc::clone(engine);
        }
        let engine = Arc::new(self.start(model.language.clone(), model.folder.clone()));
        // One that was replaced meanwhile serves who has asked for it, and nobody else.
        if self.offered().models.has(model) {
            engines.insert(model.clone(), Arc::clone(&engine));
        }
        engine
    }

    /// Its process starts when the first session opens.
    fn start(&self, language: Language, folder: PathBuf) -> Engine {
        let Shared { program, tasks, .. } = &*self.shared;
        let models = BTreeMap::from([(language.clone(), folder)]);
        let (captioner, supervisor) = captioner(Settings { program: program.clone(), models, ..Settings::default() });
        let end = tasks.hard().child_token();
        tasks.spawn("caption engine", supervise(supervisor, captioner.clone(), tasks.clone(), end.clone()));
        Engine { captioner, language, _end: end.drop_guard() }
    }
}

impl Engine {
    /// It is tried again, and its model if it could not be loaded.
    pub(super) fn retry(&self) {
        self.captioner.reset();
    }
}

/// Until nobody needs it, or the server stops and what came was heard to its end.
async fn supervise(supervisor: Supervisor, captioner: Captioner, tasks: Tasks, end: CancellationToken) {
    let heard = async {
        tokio::select! {
            () = tasks.soft_stopped() => {}
            () = end.cancelled() => return,
        }
        while captioner.health().sessions > 0 && !end.is_cancelled() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        end.cancel();
    };
    tokio::join!(supervisor.run(end.clone()), heard);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn install(folder: &Path, name: &str, language: &str, graph: &str) {
        let model = folder.join(name);
        std::fs::create_dir_all(&model).unwrap();
        let text = format!(
            "name = \"{name}\"\nengine = \"vosk\"\nlanguage = \"{language}\"\ninstalled_at = \"2026-01-01T00:00:00.000Z\"\n\
             source = \"a test\"\nchecked = false\nfiles = [{{ path = \"graph/{graph}\", bytes = 1, sha256 = \"\" }}]\n"
        );
        std::fs::write(model.join("new"), text).unwrap();
        std::fs::rename(model.join("new"), model.join("model.toml")).unwrap();
    }

    fn look(folder: &Path) -> Inventory {
        let models = Models::new(folder.to_owned(), Vec::new());
        Inventory::empty(models.clone()).look(models)
    }

    fn languages(tags: &[&str]) -> Vec<Language> {
        tags.iter().map(|tag| Language::new(tag).unwrap()).collect()
    }

    #[test]
    fn a_broadcasters_languages_and_names_come_before_the_servers() {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path(), "small", "fr", "HCLr.fst");
        install(folder.path(), "large", "en-us", "HCLG.fst");
        let mut offer = Offer {
            enabled: true,
            measures: false,
            languages: languages(&["fr"]),
            vocabulary: Vocabulary::of_lines(["lille = Lille", "[en] leel = Lille"]).unwrap(),
            models: look(folder.path()),
        };
        let [fr, en, de] = ["fr", "en", "de"].map(|tag| Language::new(tag).unwrap());
        let usual = CaptionSettings::default();
        assert_eq!(offer.wanted(&usual), languages(&["fr"]));
        assert_eq!(offer.wish(&usual, &en), Wish::Unwanted);
        let Wish::By(call) = offer.wish(&usual, &fr) else { panic!("no model") };
        assert_eq!((call.model.name.as_str(), call.phrases.len()), ("small", 0));

        let hall = CaptionSettings {
            languages: Some(languages(&["en", "de", "fr"])),
            vocabulary: Vocabulary::of_lines(["lille = LILLE", "[fr] oui"]).unwrap(),
            exclusive: true,
        };
        assert_eq!(offer.wish(&hall, &de), Wish::NoModel);
        let phrases = |language| match offer.wish(&hall, language) {
            Wish::By(call) => call.phrases,
            other => panic!("{other:?}"),
        };
        assert_eq!((phrases(&fr), phrases(&en)), (vec!["lille".to_owned(), "oui".to_owned()], vec![]));
        let names = offer.names(&hall, &en).glossary();
        assert_eq!(names.find(&["lille"]).unwrap().1, ["LILLE"]);
        assert_eq!(names.find(&["leel"]).unwrap().1, ["Lille"]);

        let none = CaptionSettings { languages: Some(Vec::new()), ..CaptionSettings::default() };
        assert!(offer.wanted(&none).is_empty());
        offer.enabled = false;
        assert!(offer.wanted(&hall).is_empty() && offer.wish(&hall, &fr) == Wish::Unwanted);
    }

    #[tokio::test]
    async fn an_engine_serves_all_sessions_of_its_model_until_that_is_another() {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path(), "ours", "fr", "HCLr.fst");
        let offer = || Offer {
            enabled: true,
            measures: false,
            languages: languages(&["fr"]),
            vocabulary: Vocabulary::default(),
            models: look(folder.path()),
        };
        let tasks = Tasks::default();
        let captions = Captions::new(Some("/nowhere".into()), offer(), tasks.clone());
        let call = || match captions.offered().wish(&CaptionSettings::default(), &languages(&["fr"])[0]) {
            Wish::By(call) => call,
            other => panic!("{other:?}"),
        };
        let (before, again) = (captions.open(&call()), captions.open(&call()));
        assert!(Arc::ptr_eq(&before.2, &again.2));
        captions.offer(offer());
        assert!(Arc::ptr_eq(&before.2, &captions.open(&call()).2), "nothing has changed");

        install(folder.path(), "ours", "fr", "HCLr.fst");
        captions.offer(offer());
        let after = captions.open(&call());
        assert!(!Arc::ptr_eq(&before.2, &after.2), "it was installed again");
        assert_eq!(tasks.running(), [("caption engine", 2)]);
        drop((before, again));
        while tasks.running() != [("caption engine", 1)] {
            tokio::task::yield_now().await;
        }
        drop(after);
        assert_eq!(tasks.running(), [("caption engine", 1)], "it stays for the next session");
    }

    #[tokio::test]
    async fn who_asks_is_looked_for_once() {
        let captions = Captions::off();
        captions.look_again();
        captions.look_again();
        captions.asked().await;
        let again = tokio::time::timeout(Duration::from_millis(1), captions.asked()).await;
        assert!(again.is_err());
    }
}
