//! From a folder to a model. A folder's file `engine` names what reads it; without one it is a Vosk model, as those are published. No folder
//! is for who wants the sound measured and no words.

use super::recogniser::Model;
use super::scripted;
use super::unheard::Unheard;
use std::path::Path;
use std::sync::Arc;

/// A name is shorter.
const MAX_NAME_BYTES: usize = 64;
/// Vosk's models are two folders deep.
const MAX_DEPTH: u32 = 4;

/// The model in `folder`, or for people what is wrong.
pub(super) fn load(folder: &Path) -> Result<Arc<dyn Model>, String> {
    if folder.as_os_str().is_empty() {
        return Ok(Arc::new(Unheard));
    }
    let here = folder.display();
    if !folder.is_dir() {
        return Err(format!("{here} is missing: install the model there, or set where it is"));
    }
    let name = match std::fs::read_to_string(folder.join("engine")) {
        Ok(name) => name.trim().to_owned(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => "vosk".into(),
        Err(e) => return Err(format!("{}: {e}", folder.join("engine").display())),
    };
    let model = match name.as_str() {
        "vosk" => vosk(folder)?,
        "scripted" => scripted::load(folder)?,
        name => {
            let name: String = name.chars().take(MAX_NAME_BYTES).collect();
            return Err(format!("{here} is for the engine {name:?}; this one knows vosk and scripted"));
        }
    };
    Ok(model.into())
}

#[cfg(feature = "vosk")]
fn vosk(folder: &Path) -> Result<Box<dyn Model>, String> {
    super::vosk_model::load(folder)
}

#[cfg(not(feature = "vosk"))]
fn vosk(_: &Path) -> Result<Box<dyn Model>, String> {
    Err("this amphi-engine was built without speech recognition; build it by `make libvosk` and \
         `cargo build -p amphi-pipelines --features vosk`"
        .into())
}

/// Bytes of all files in `folder`.
pub(super) fn bytes_on_disk(folder: &Path) -> u64 {
    fn within(folder: &Path, depth: u32) -> u64 {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        let size = |path: &Path| match std::fs::metadata(path) {
            Ok(is) if is.is_dir() && depth < MAX_DEPTH => within(path, depth + 1),
            Ok(is) if is.is_file() => is.len(),
            _ => 0,
        };
        entries.flatten().map(|entry| size(&entry.path())).fold(0, u64::saturating_add)
    }
    within(folder, 0)
}
