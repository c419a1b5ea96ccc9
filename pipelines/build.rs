//! Says what to install where the engine's scaler is missing, and finds libvosk for the feature `vosk`: where `AMPHI_LIBVOSK_DIR` says, else where `make libvosk` puts it, else among the system's
//! libraries. The engine looks for it at run time beside itself, in `../libvosk`, and where it was found now.

use std::path::{Path, PathBuf};

const SETTING: &str = "AMPHI_LIBVOSK_DIR";
const LIBRARY: &str = "libvosk.so";
/// Of FFmpeg; what links to it is its file for developers.
const SCALER: &str = "libswscale.so";
/// Where distributions and people keep libraries.
const SYSTEM: [&str; 6] =
    ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib"];

fn main() {
    println!("cargo::rerun-if-env-changed={SETTING}");
    let has_scaler = SYSTEM.iter().any(|folder| Path::new(folder).join(SCALER).exists());
    if std::env::var_os("CARGO_FEATURE_GSTREAMER").is_some() && !has_scaler {
        println!(
            "cargo::warning={SCALER} is not among the system's libraries; if linking fails: apt install libswscale-dev"
        );
    }
    if std::env::var_os("CARGO_FEATURE_VOSK").is_none() {
        return;
    }
    let fetched = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../target/libvosk");
    println!("cargo::rerun-if-changed={}", fetched.display());
    let Some(folder) = find(&fetched) else {
        println!(
            "cargo::error=speech recognition needs {LIBRARY}, which is neither where {SETTING} says, nor in target/libvosk, nor among \
             the system's libraries. Fetch it by `make libvosk` (in the repository's root), or set {SETTING} to its folder, or build \
             with `--features gstreamer` for an engine without captions."
        );
        return;
    };
    println!("cargo::rustc-link-search=native={}", folder.display());
    let mut places = vec!["$ORIGIN".to_owned(), "$ORIGIN/../libvosk".to_owned(), "$ORIGIN/../../libvosk".to_owned()];
    if folder != fetched {
        places.push(folder.display().to_string());
    }
    for place in places {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{place}");
    }
}

fn find(fetched: &Path) -> Option<PathBuf> {
    let holds = |folder: &PathBuf| folder.join(LIBRARY).is_file();
    if let Some(set) = std::env::var_os(SETTING) {
        // A setting that leads nowhere is a mistake to be told, not to be passed over.
        return Some(PathBuf::from(set)).filter(holds);
    }
    std::iter::once(fetched.to_path_buf()).chain(SYSTEM.iter().map(PathBuf::from)).find(holds)
}
