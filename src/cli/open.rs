//! The catalogue, opened for a command.

use super::Error;
use crate::catalogue::Catalogue;
use crate::config::Config;

/// Opened and up to date: a command may come before the first start.
pub(super) async fn catalogue(config: &Config) -> Result<Catalogue, Error> {
    let catalogue = Catalogue::open(&config.catalogue_address()).await?;
    catalogue.migrate().await?;
    Ok(catalogue)
}

/// `amphi migrate`.
pub(super) async fn migrate(config: &Config) -> Result<String, Error> {
    let catalogue = Catalogue::open(&config.catalogue_address()).await?;
    let applied = catalogue.migrate().await?;
    catalogue.close().await;
    Ok(match applied {
        0 => "The catalogue is up to date.\n".to_owned(),
        1 => "1 migration was applied.\n".to_owned(),
        n => format!("{n} migrations were applied.\n"),
    })
}
