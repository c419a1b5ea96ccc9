//! The catalogue, opened for a command.

use super::{Error, tenant};
use crate::catalogue::Catalogue;
use crate::config::Config;

/// Opened and up to date: a command may come before the first start. `whose`: of which tenant, as somebody typed it.
pub(super) async fn catalogue(config: &Config, whose: Option<&str>) -> Result<Catalogue, Error> {
    let catalogue = Catalogue::open(&config.catalogue_address()).await?;
    catalogue.migrate().await?;
    match whose {
        Some(said) => Ok(catalogue.of(tenant::find(&catalogue, said).await?.tenant)),
        None => Ok(catalogue),
    }
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
