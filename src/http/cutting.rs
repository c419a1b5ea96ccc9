//! A cut that somebody asks for, and the one that there can be: of whole segments.

use crate::archive::layout::Layout;
use crate::archive::load::load;
use crate::catalogue::details::Cut;
use crate::catalogue::video::Video;

/// The recording can't be read. Logged.
#[derive(Debug)]
pub(super) struct Unreadable;

/// The smallest cut of whole segments around `asked`. Nothing to cut, and what is still being recorded, are answered as asked: the catalogue
/// says what it thinks of it.
///
/// # Errors
/// [`Unreadable`].
pub(super) async fn around(layout: &Layout, video: &Video, asked: Cut) -> Result<Cut, Unreadable> {
    if asked.is_none() || video.duration.is_none() {
        return Ok(asked);
    }
    let (layout, id) = (layout.clone(), video.id.to_string());
    let read =
        tokio::task::spawn_blocking(move || load(&layout, &id).map(|loaded| loaded.around((asked.start, asked.end))));
    match read.await {
        Ok(Ok((start, end))) => Ok(Cut { start, end }),
        Ok(Err(error)) => {
            tracing::error!(video = %video.id, %error, "a recording that is to be cut can't be read");
            Err(Unreadable)
        }
        Err(error) => {
            tracing::error!(video = %video.id, %error, "looking for a cut broke off");
            Err(Unreadable)
        }
    }
}
