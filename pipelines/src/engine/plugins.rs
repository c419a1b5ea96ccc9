//! Loads the GStreamer plugins that are needed, each from its file: no registry is read or written and no scanner is forked, so that an
//! engine starts in a tenth of a second, needs no home, and has all code in memory before its sandbox closes.

use gstreamer as gst;
use std::path::PathBuf;

/// A plugin and the Debian package that brings it.
pub(crate) type Plugin = (&'static str, &'static str);

/// For renditions, beside the one that brings the encoder.
pub(crate) const TRANSCODE: &[Plugin] = &[
    ("coreelements", "libgstreamer1.0-0"),
    ("app", "gstreamer1.0-plugins-base"),
    ("videoconvertscale", "gstreamer1.0-plugins-base"),
    ("audioconvert", "gstreamer1.0-plugins-base"),
    ("audioresample", "gstreamer1.0-plugins-base"),
    ("debug", "gstreamer1.0-plugins-good"),
    ("deinterlace", "gstreamer1.0-plugins-good"),
    ("videofilter", "gstreamer1.0-plugins-good"),
    ("videoparsersbad", "gstreamer1.0-plugins-bad"),
    ("libav", "gstreamer1.0-libav"),
];

/// For trying an encoder out.
pub(crate) const PROBE: &[Plugin] = &[
    ("coreelements", "libgstreamer1.0-0"),
    ("app", "gstreamer1.0-plugins-base"),
    ("videoparsersbad", "gstreamer1.0-plugins-bad"),
];

/// For captions.
pub(crate) const CAPTION: &[Plugin] = &[
    ("coreelements", "libgstreamer1.0-0"),
    ("app", "gstreamer1.0-plugins-base"),
    ("audioconvert", "gstreamer1.0-plugins-base"),
    ("audioresample", "gstreamer1.0-plugins-base"),
    ("libav", "gstreamer1.0-libav"),
];

/// For pictures of keyframes.
pub(crate) const THUMBNAIL: &[Plugin] = &[
    ("coreelements", "libgstreamer1.0-0"),
    ("app", "gstreamer1.0-plugins-base"),
    ("videoconvertscale", "gstreamer1.0-plugins-base"),
    ("videofilter", "gstreamer1.0-plugins-good"),
    ("videoparsersbad", "gstreamer1.0-plugins-bad"),
    ("libav", "gstreamer1.0-libav"),
];

/// Where distributions keep them. Folders in `AMPHI_GST_PLUGINS`, with colons between, come first.
const FOLDERS: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/gstreamer-1.0",
    "/usr/lib/aarch64-linux-gnu/gstreamer-1.0",
    "/usr/lib64/gstreamer-1.0",
    "/usr/lib/gstreamer-1.0",
    "/usr/local/lib/gstreamer-1.0",
];

/// All of `needed` loaded, or what is missing and how to get it.
pub(crate) fn load(needed: &[Plugin]) -> Result<(), String> {
    gst::init().map_err(|e| format!("GStreamer does not start: {e}"))?;
    let own = std::env::var("AMPHI_GST_PLUGINS").unwrap_or_default();
    let folders: Vec<PathBuf> =
        own.split(':').filter(|f| !f.is_empty()).chain(FOLDERS).map(PathBuf::from).filter(|f| f.is_dir()).collect();
    let mut missing = Vec::new();
    for (plugin, package) in needed {
        let file = folders.iter().map(|f| f.join(format!("libgst{plugin}.so"))).find(|f| f.is_file());
        let loaded = match file {
            Some(file) => gst::Plugin::load_file(&file).map(|_| ()).map_err(|e| e.to_string()),
            None => Err("not found".into()),
        };
        if let Err(why) = loaded {
            missing.push(format!("{plugin} (package {package}): {why}"));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("GStreamer plugins are missing: {}", missing.join("; "))) }
}
