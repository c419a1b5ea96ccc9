//! `amphi token`.

use super::{Error, table};
use crate::catalogue::Catalogue;
use crate::catalogue::id::TokenId;
use crate::catalogue::token::Token;
use crate::clock::{now, rfc3339};
use crate::policy::scope::Scope;
use clap::Subcommand;
use media::time::WallTime;
use serde_json::json;
use std::collections::BTreeSet;

const MICROS_PER_DAY: i64 = 86_400_000_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make one; it is printed once.
    Create {
        /// Which program will have it.
        #[arg(long)]
        label: String,
        /// What it may do: audit:read, broadcasters:read, broadcasters:write, lives:write, metrics:read, people:read, people:write,
        /// videos:read, videos:write. Can be repeated.
        #[arg(long = "scope", required = true, value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// Refused after this many days; without it, never.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
        days: Option<u16>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Refuse one from now on.
    Revoke {
        /// Its id, from `token list`.
        id: TokenId,
    },
    /// All of them, newest first.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: Command, catalogue: &Catalogue) -> Result<String, Error> {
    match command {
        Command::Create { label, scopes, days, json } => {
            let now = now();
            let expires_at = days.map(|days| now.plus_micros(i64::from(days) * MICROS_PER_DAY));
            let scopes: BTreeSet<Scope> = scopes.into_iter().collect();
            let (token, secret) = catalogue.add_token(&label, &scopes, expires_at, now).await?;
            if json {
                return Ok(format!("{:#}\n", json!({"id": token.id.as_str(), "token": secret.reveal()})));
            }
            Ok(format!("Token {}, shown only now:\n{}\n", token.id, secret.reveal()))
        }
        Command::Revoke { id } => {
            catalogue.revoke_token(&id, now()).await?;
            Ok(format!("Token {id} is refused from now on.\n"))
        }
        Command::List { json } => {
            let tokens = catalogue.tokens().await?;
            if json {
                return Ok(table::json(tokens.iter().map(object).collect()));
            }
            let rows: Vec<Vec<String>> = tokens.iter().map(|token| row(token, now())).collect();
            Ok(table::columns(&["ID", "STATE", "LAST USED", "SCOPES", "LABEL"], &rows, "There are no tokens."))
        }
    }
}

fn scopes(token: &Token) -> Vec<&'static str> {
    token.scopes.iter().map(|scope| scope.name()).collect()
}

fn row(token: &Token, now: WallTime) -> Vec<String> {
    let state = match (token.revoked_at, token.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(end)) if end <= now => "expired".to_owned(),
        (None, Some(end)) => format!("until {}", rfc3339(end)),
        (None, None) => "valid".to_owned(),
    };
    let used = token.last_used_at.map_or_else(|| "never".to_owned(), rfc3339);
    vec![token.id.to_string(), state, used, scopes(token).join(" "), token.label.clone()]
}

fn object(token: &Token) -> serde_json::Value {
    json!({
        "id": token.id.as_str(),
        "label": token.label,
        "scopes": scopes(token),
        "created_at": rfc3339(token.created_at),
        "expires_at": token.expires_at.map(rfc3339),
        "revoked_at": token.revoked_at.map(rfc3339),
        "last_used_at": token.last_used_at.map(rfc3339),
    })
}
