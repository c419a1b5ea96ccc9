//! Everything that is asked for by HTTP. The only module that names axum.
//!
//! - [`router`]: every route, one table; [`state`]: the parts that handlers take;
//! - [`play`]: playlists and media;
//! - [`pages`]: what a reader sees, rendered on the server; [`assets`]: the built front end, embedded;
//! - [`api`]: everything under `/api/v1`; [`input`], [`token`]: what its handlers are given of a request, checked;
//! - [`problem`]: what is answered when something can't be done; [`security`]: the headers of every answer;
//! - [`server`]: sockets and connections; [`tls`]: certificates; [`health`]: probes and metrics.

pub mod api;
pub mod assets;
pub mod health;
pub mod input;
pub mod pages;
pub mod play;
pub mod problem;
pub mod router;
pub mod security;
pub mod server;
pub mod state;
pub mod tls;
pub mod token;
