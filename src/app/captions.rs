//! Captions: which languages have a model on this machine, and the engine that hears them.

use crate::config::Config;
use crate::lifecycle::Tasks;
use crate::live::{Captions, Model};
use crate::models::Models;
use media::caption::language::Language;
use pipelines::captioner::{Captioner, Settings, Supervisor, captioner};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether the last session has closed, when the server stops.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What lives are captioned with. The engine starts when the first live needs it. Reads the models' records: blocking, some small files.
pub(super) fn captions(config: &Config, tasks: &Tasks) -> Captions {
    let known = if config.captions.enabled { languages(config) } else { BTreeMap::new() };
    let installed = known.iter().filter_map(|(language, model)| match model {
        Model::Installed(folder) => Some((language.clone(), folder.clone())),
        Model::Missing(_) => None,
    });
    let models: BTreeMap<_, _> = installed.collect();
    if models.is_empty() {
        return Captions { captioner: None, languages: Arc::new(known) };
    }
    let program = config.engine.program.path().map(Into::into);
    let (captioner, supervisor) = captioner(Settings { program, models, ..Settings::default() });
    tasks.spawn("caption engine", supervise(supervisor, captioner.clone(), tasks.clone()));
    Captions { captioner: Some(captioner), languages: Arc::new(known) }
}

fn languages(config: &Config) -> BTreeMap<Language, Model> {
    let models = Models::of(config);
    // What is no tag was refused when the configuration was read.
    let tags = config.captions.languages.iter().filter_map(|tag| Language::new(tag));
    let model = |language: &Language| match models.for_language(language.tag()) {
        Some(folder) => Model::Installed(folder),
        None => {
            Model::Missing(format!("no model is installed: {}, and restart the server", Models::advice(language.tag())))
        }
    };
    tags.map(|language| (language.clone(), model(&language))).collect()
}

/// Until the server stops and what came was heard to its end.
async fn supervise(supervisor: Supervisor, captioner: Captioner, tasks: Tasks) {
    let stop = tasks.hard().child_token();
    let heard = async {
        tasks.soft_stopped().await;
        while captioner.health().sessions > 0 && !stop.is_cancelled() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        stop.cancel();
    };
    tokio::join!(supervisor.run(stop.clone()), heard);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_without_a_model_is_told_with_what_to_type() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.captions.languages = vec!["fr".to_owned(), "xx".to_owned()];
        let found = captions(&config, &Tasks::default());
        assert!(found.captioner.is_none(), "nothing to hear with");
        let advice = |tag| match &found.languages[&Language::new(tag).unwrap()] {
            Model::Missing(advice) => advice.clone(),
            Model::Installed(folder) => panic!("{tag}: {}", folder.display()),
        };
        assert!(advice("fr").contains("amphi models install fr"), "{}", advice("fr"));
        assert!(advice("xx").contains("--from FILE"), "{}", advice("xx"));
        config.captions.enabled = false;
        assert!(captions(&config, &Tasks::default()).languages.is_empty());
    }
}
