//! Which broadcaster an encoder means and which key it shows, from the three texts that RTMP has for it. Pure.
//!
//! Taken are `rtmp://HOST/live/<slug>?key=<key>` and, for boxes that only know a name, `rtmp://HOST/live/<key>`.
//! Where the query ends up depends on the encoder: OBS puts it in the publish name, others in the
//! application or only in `tcUrl`. Percent-encoding is undone; `+` stays `+`, because keys may hold one.

use super::super::{Refusal, StreamKey};
use percent_encoding::percent_decode_str;

/// The only application there is.
const APPLICATION: &str = "live";
/// Longest application, URL or name as sent. Real ones are under 200 bytes.
pub const MAX_TEXT_BYTES: usize = 1024;
/// Longest slug or key, decoded.
pub const MAX_NAME_BYTES: usize = 256;

/// The slug (if one is named) and the key of a publish command.
///
/// # Errors
/// [`Refusal::Denied`] when the application is not `live`, nothing is named, or a text is too long or not plain.
pub fn parse(app: &str, tc_url: &str, name: &str) -> Result<(Option<String>, StreamKey), Refusal> {
    if [app, tc_url, name].iter().any(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(Refusal::Denied);
    }
    let (app, app_query) = cut_query(app);
    if app.trim_matches('/') != APPLICATION {
        return Err(Refusal::Denied);
    }
    let (name, name_query) = cut_query(name);
    let name = plain(name.trim_matches('/'))?;
    let key = [name_query, app_query, cut_query(tc_url).1].into_iter().find_map(key_parameter);
    match key {
        Some(_) if name.is_empty() => Err(Refusal::Denied),
        Some(key) => Ok((Some(name), StreamKey::new(plain(key)?))),
        None if name.is_empty() => Err(Refusal::Denied),
        None => Ok((None, StreamKey::new(name))),
    }
}

fn cut_query(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

fn key_parameter(query: &str) -> Option<&str> {
    // An encoder that appends its own query to one that is there makes a second `?`.
    query.split(['&', '?']).find_map(|pair| pair.strip_prefix("key="))
}

/// Percent-decoded; refused when too long, not UTF-8, or holding control characters.
fn plain(text: &str) -> Result<String, Refusal> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| Refusal::Denied)?;
    if decoded.len() > MAX_NAME_BYTES || decoded.chars().any(char::is_control) {
        return Err(Refusal::Denied);
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(app: &str, tc_url: &str, name: &str) -> Option<(Option<String>, String)> {
        parse(app, tc_url, name).ok().map(|(slug, key)| (slug, key.reveal().to_owned()))
    }

    #[test]
    fn every_place_of_the_query_names_the_same() {
        let want = Some((Some("hall-1".to_owned()), "a b/c".to_owned()));
        for (app, tc_url, name) in [
            ("live", "rtmp://h/live", "hall-1?key=a%20b%2Fc"),
            ("live/", "rtmp://h/live/", "/hall-1?x=1&key=a%20b%2fc"),
            ("live?key=a%20b%2Fc", "rtmp://h/live?key=a%20b%2Fc", "hall-1"),
            ("live/?key=a b/c", "rtmp://h/live", "hall-1"),
            ("live", "rtmp://h/live?key=a%20b%2Fc", "hall%2D1"),
            ("live?key=wrong", "rtmp://h/live?key=wrong", "hall-1?key=a%20b%2Fc"),
            ("live", "", "hall-1?a=1?key=a%20b%2Fc"),
        ] {
            assert_eq!(parsed(app, tc_url, name), want, "{app} {tc_url} {name}");
        }
        assert_eq!(parsed("live", "", "s?key=a+b").unwrap().1, "a+b");
    }

    #[test]
    fn a_name_alone_is_the_key() {
        assert_eq!(parsed("live", "rtmp://h/live", "k3y"), Some((None, "k3y".to_owned())));
        assert_eq!(parsed("live", "", "k3y?x=1"), Some((None, "k3y".to_owned())));
        assert_eq!(parsed("live", "", "hall?key="), Some((Some("hall".to_owned()), String::new())));
    }

    #[test]
    fn other_applications_and_hostile_names_are_denied() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        let longer = "x".repeat(MAX_TEXT_BYTES + 1);
        for (app, tc_url, name) in [
            ("vod", "", "k"),
            ("", "", "k"),
            ("live/hall", "", "k"),
            ("live", "", ""),
            ("live", "", "?key=k"),
            ("live", "", "a%00b"),
            ("live", "", "a\nb"),
            ("live", "", "%ff"),
            ("live", "", &long),
            ("live", &longer, "k"),
        ] {
            assert!(parse(app, tc_url, name).is_err(), "{app:?} {name:?}");
        }
    }
}
