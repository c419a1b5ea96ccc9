//! Captions that owners write, mend, hide or take back: the same for pages and the API.

use crate::archive::layout::Layout;
use crate::archive::{self, edited, rewrite};
use crate::catalogue::Catalogue;
use crate::catalogue::video::Video;
use media::caption::import::Timed;
use media::caption::language::Language;

/// The recording can't be read or written. Logged.
#[derive(Debug)]
pub(super) struct Failed;

/// What is to be done with a language.
#[derive(Debug)]
pub(super) enum Wish {
    /// These stand in the place of those that are shown.
    Replace(Vec<Timed>),
    /// It is not shown.
    Hide,
    /// What a machine heard is shown again.
    TakeBack,
}

/// Does it, and tells who keeps something that is made of it.
///
/// # Errors
/// [`Failed`]; nothing is changed then.
pub(super) async fn change(
    catalogue: &Catalogue,
    layout: &Layout,
    video: &Video,
    language: Language,
    wish: Wish,
) -> Result<(), Failed> {
    let (layout, span) = (layout.clone(), (video.cut.start, video.cut.end));
    blocking(video, move |id| match wish {
        Wish::Replace(captions) => rewrite::replace(&layout, id, span, &language, &captions),
        Wish::Hide => edited::write(&layout, id, &language, &[]),
        Wish::TakeBack => edited::remove(&layout, id, &language),
    })
    .await?;
    catalogue.captions_changed(&video.id);
    Ok(())
}

/// WebVTT of a language as it is shown; `None`: there is nothing in it.
///
/// # Errors
/// [`Failed`].
pub(super) async fn text(layout: &Layout, video: &Video, language: Language) -> Result<Option<String>, Failed> {
    let (layout, span) = (layout.clone(), (video.cut.start, video.cut.end));
    blocking(video, move |id| rewrite::as_shown(&layout, id, span, &language)).await
}

async fn blocking<T: Send + 'static>(
    video: &Video,
    work: impl FnOnce(&str) -> Result<T, archive::Error> + Send + 'static,
) -> Result<T, Failed> {
    let id = video.id.to_string();
    match tokio::task::spawn_blocking(move || work(&id)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!(video = %video.id, %error, "captions can't be read or written");
            Err(Failed)
        }
        Err(error) => {
            tracing::error!(video = %video.id, %error, "work on captions broke off");
            Err(Failed)
        }
    }
}
