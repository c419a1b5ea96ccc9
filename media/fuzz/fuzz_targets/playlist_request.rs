//! Viewers' paths and queries: any text is a question, nothing, or a bad request, and the answer is in bounds.
#![no_main]

use amphi_media::origin::answer::answer;
use amphi_media::origin::playlist::Playlist;
use amphi_media::origin::request::Request;
use amphi_media::segment::Rules;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (file, query) = text.split_once('?').unwrap_or((text, ""));
    if let Ok(Some(request)) = Request::parse(file, query) {
        let snapshot = Playlist::new(Rules::new(2_000_000, 500_000), 500_000, 3, 0, 1, 1).snapshot();
        let _ = answer(&snapshot, request);
    }
});
