//! Everything that is asked for by HTTP. The only module that names axum.
//!
//! - [`router`]: every route, one table; [`state`]: the parts that handlers take;
//! - [`play`]: playlists and media;
//! - [`pages`]: what a reader sees, rendered on the server; [`assets`]: the built front end, embedded; [`look`]: what it looks like at this tenant;
//! - [`gate`]: who asks, and whether they may: before every handler; [`accounts`]: whether somebody is who they say; `hashing`: passwords, a few at once;
//! - [`api`]: everything under `/api/v1`; [`input`]: what its handlers are given of a request, checked; [`shown`]: what lists show to whom; [`found`]: what searches do; `known`: what a browser has already; `cutting`: where a video can be cut;
//! - [`problem`]: what is answered when something can't be done; [`security`]: the headers of every answer;
//! - [`server`]: sockets and connections; [`tls`]: certificates; [`health`]: probes and metrics.

pub mod accounts;
pub mod api;
pub mod assets;
mod captioning;
mod cutting;
pub mod found;
pub mod gate;
mod hashing;
pub mod health;
pub mod input;
mod known;
pub mod look;
pub mod pages;
pub mod play;
pub mod problem;
pub mod router;
pub mod security;
pub mod server;
pub mod shown;
pub mod state;
#[cfg(test)]
mod support;
pub mod tls;
