//! `amphi broadcaster end|retry|start-recording|stop-recording`: asks the running server, by its API and with a token that lives a minute.

use super::{Error, tenant};
use crate::catalogue::Catalogue;
use crate::catalogue::slug::Slug;
use crate::clock::now;
use crate::config::Config;
use crate::policy::scope::Scope;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Long enough for the recording's last sync on a slow disk.
const PATIENCE: Duration = Duration::from_secs(30);
/// The token is used at once.
const TOKEN_MICROS: i64 = 60_000_000;
/// An answer is a status and at most a problem document.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// What is asked for a live.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    /// That it ends.
    End,
    /// That its engines are tried again.
    Retry,
    /// That it is recorded.
    StartRecording,
    /// That it is no longer recorded.
    StopRecording,
}

impl Wish {
    /// The last part of the endpoint's path.
    fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Retry => "retry",
            Self::StartRecording => "recording/start",
            Self::StopRecording => "recording/stop",
        }
    }

    fn done(self, slug: &Slug) -> String {
        match self {
            Self::End => format!("The live of {slug} has ended; its video is in the catalogue.\n"),
            Self::Retry => format!("The engines of {slug} are tried again.\n"),
            Self::StartRecording => format!("The live of {slug} is recorded from now on.\n"),
            Self::StopRecording => format!("The live of {slug} goes on and is no longer recorded.\n"),
        }
    }
}

pub(super) async fn run(config: &Config, catalogue: &Catalogue, slug: &Slug, wish: Wish) -> Result<String, Error> {
    let path = format!("/api/v1/broadcasters/{slug}/{}", wish.name());
    if config.http.tls_certificate.path().is_some() {
        let text = format!("the server speaks TLS: POST https://…{path} with a token of scope lives:write");
        return Err(Error::Other(text));
    }
    let address = server(config)?;
    let host = host(catalogue, address).await?;
    let scopes = BTreeSet::from([Scope::LivesWrite]);
    let expires = now().plus_micros(TOKEN_MICROS);
    let (row, token) = catalogue.add_token("amphi broadcaster", &scopes, Some(expires), now()).await?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n",
        token.reveal()
    );
    let answer = ask(address, &request);
    // Whatever listens there has seen it.
    catalogue.revoke_token(&row.id, now()).await?;
    let answer = answer.map_err(|error| Error::Other(format!("the server at {address}: {error}")))?;
    match answer.split(' ').nth(1) {
        Some("204") => Ok(wish.done(slug)),
        Some("404" | "409") => Err(Error::Other(format!("{slug} is not on air"))),
        _ => Err(Error::Other(format!("the server said: {}", answer.lines().next().unwrap_or_default()))),
    }
}

/// By which name the server knows whose broadcaster is meant.
async fn host(catalogue: &Catalogue, address: SocketAddr) -> Result<String, Error> {
    if catalogue.tenant().is_default() {
        return Ok(address.to_string());
    }
    let listed = tenant::find(catalogue, catalogue.tenant().as_str()).await?;
    let host = listed.hosts.first().map(ToString::to_string);
    host.ok_or_else(|| Error::Other(format!("no name leads to {}: amphi tenant set", listed.name)))
}

/// Where the running server said it is.
fn server(config: &Config) -> Result<SocketAddr, Error> {
    let path = config.folder("run").join("addresses.json");
    let none = || Error::Other(format!("no server runs on {}", config.data_dir.display()));
    let text = std::fs::read_to_string(path).map_err(|_| none())?;
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|_| none())?;
    let mut address: SocketAddr = json["http"].as_str().and_then(|a| a.parse().ok()).ok_or_else(none)?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Ok(address)
}

fn ask(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
