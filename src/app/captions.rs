//! Captions: the settings and models that lives are captioned with, looked at while the server runs.

use crate::config::{self, Config};
use crate::lifecycle::Tasks;
use crate::live::{Captions, Offer};
use crate::models::Models;
use crate::models::inventory::Inventory;
use media::caption::language::Language;
use media::caption::vocabulary::Vocabulary;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked which models there are: a live without captions for lack of a model has them some seconds after it is installed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks after what lives are captioned with.
#[derive(Debug)]
pub(super) struct Keeper {
    captions: Captions,
    folder: PathBuf,
    settings: watch::Receiver<config::Captions>,
}

/// What lives are captioned with, who looks after it, and where its settings are changed. Engines start when the first live needs them. Reads
/// the models' records: blocking, some small files.
pub(super) fn captions(config: &Config, tasks: &Tasks) -> (Captions, Keeper, watch::Sender<config::Captions>) {
    let folder = config.folder("models");
    let models = Models::new(folder.clone(), config.captions.models.clone());
    let nothing = Inventory::empty(models.clone());
    let offer = offer(&config.captions, nothing.look(models));
    let program = config.engine.program.path().map(Into::into);
    let captions = Captions::new(program, offer, tasks.clone());
    let (changed, settings) = watch::channel(config.captions.clone());
    (captions.clone(), Keeper { captions, folder, settings }, changed)
}

fn offer(settings: &config::Captions, models: Inventory) -> Offer {
    Offer {
        enabled: settings.enabled,
        measures: settings.measure_sound,
        // What is no tag, or no vocabulary, was refused when the configuration was read.
        languages: settings.languages.iter().filter_map(|tag| Language::new(tag)).collect(),
        vocabulary: Vocabulary::of_lines(settings.vocabulary.iter().map(String::as_str)).unwrap_or_default(),
        models,
    }
}

impl Keeper {
    /// Looks now and then, when a live begins, and when the configuration was read again.
    pub(super) async fn keep(mut self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.captions.asked() => {}
                changed = self.settings.changed() => if changed.is_err() { return },
            }
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let settings = self.settings.borrow_and_update().clone();
        let before = self.captions.offered();
        let models = Models::new(self.folder.clone(), settings.models.clone());
        let found = tokio::task::spawn_blocking({
            let before = before.models.clone();
            move || before.look(models)
        });
        let Ok(models) = found.await else { return };
        let now = offer(&settings, models);
        if now != *before {
            if now.models != before.models {
                tracing::info!("the speech models that are installed have changed");
            }
            self.captions.offer(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn models_and_settings_are_noticed_while_the_server_runs() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.captions.vocabulary = vec!["lille = Lille".to_owned()];
        let (captions, keeper, settings) = captions(&config, &Tasks::default());
        let french = |captions: &Captions| captions.offered().models.for_language("fr").is_some();
        assert!(captions.offered().enabled && !french(&captions));
        let story = async {
            let model = folder.path().join("models/ours");
            std::fs::create_dir_all(&model).unwrap();
            let text = "name = \"ours\"\nengine = \"vosk\"\nlanguage = \"fr\"\ninstalled_at = \"\"\nsource = \"\"\n\
                        checked = false\nfiles = []\n";
            std::fs::write(model.join("model.toml"), text).unwrap();
            while !french(&captions) {
                tokio::time::sleep(LOOK_EVERY / 10).await;
            }
            let before = captions.offered();
            std::fs::remove_dir_all(&model).unwrap();
            captions.look_again();
            while french(&captions) {
                tokio::task::yield_now().await;
            }
            assert_eq!(captions.offered().vocabulary, before.vocabulary);
            let languages = vec!["en".to_owned(), "de".to_owned()];
            settings.send_replace(config::Captions { languages, ..config::Captions::default() });
            while captions.offered().languages.len() != 2 {
                tokio::task::yield_now().await;
            }
            assert!(captions.offered().vocabulary.is_empty());
            drop(settings);
        };
        tokio::join!(keeper.keep(), story);
    }
}
