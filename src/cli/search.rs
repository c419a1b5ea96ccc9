//! `amphi search`.

use super::Error;
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::search::keeper::{Keeper, ask_for_another};
use crate::search::{self, Search};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the index of the search anew, from the catalogue and the transcripts. The server does it by itself when the index is missing,
    /// damaged or of another version; while it runs, it is asked to.
    Rebuild,
}

pub(super) async fn run(command: Command, config: &Config, catalogue: &Catalogue) -> Result<String, Error> {
    let Command::Rebuild = command;
    let search = Search::new(&config.data_dir, catalogue.tenant().as_str());
    let layout = Layout::new(config.folder("media"));
    let failed = |error: search::Error| Error::Other(error.to_string());
    let compared = match Keeper::open(search.clone(), catalogue.clone(), layout).await {
        Ok(keeper) => keeper.rebuild().await.map_err(failed)?.1,
        Err(search::Error::Busy) => {
            ask_for_another(&search).map_err(failed)?;
            return Ok("The server that runs makes the index anew now.\n".to_owned());
        }
        Err(error) => return Err(failed(error)),
    };
    Ok(match compared.indexed {
        1 => "1 video is indexed.\n".to_owned(),
        n => format!("{n} videos are indexed.\n"),
    })
}
