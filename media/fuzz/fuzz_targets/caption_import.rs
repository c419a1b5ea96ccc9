//! Files of captions: in order, without overlap, and what is written of them is read again as the same.
#![no_main]

use amphi_media::caption::Cue;
use amphi_media::caption::import::{MAX_CUES, read};
use amphi_media::caption::language::Language;
use amphi_media::caption::webvtt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(captions) = read(text) else { return };
    assert!(captions.len() <= MAX_CUES);
    assert!(captions.iter().all(|c| c.start_ms < c.end_ms && c.lines.iter().all(|l| !l.trim().is_empty())));
    assert!(captions.windows(2).all(|pair| pair[0].end_ms <= pair[1].start_ms));
    let Some(language) = Language::new("fr") else { return };
    let cues: Vec<Cue> = (1..)
        .zip(&captions)
        .map(|(id, c)| Cue {
            id,
            start_micros: c.start_ms * 1_000,
            end_micros: c.end_ms * 1_000,
            lines: c.lines.clone(),
            language: language.clone(),
            is_final: true,
        })
        .collect();
    assert_eq!(read(&webvtt::file(&cues, |t| t)).as_ref(), Ok(&captions));
});
