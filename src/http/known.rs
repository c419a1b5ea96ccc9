//! Whether whoever asks has what would be answered: `If-None-Match` (RFC 9110 section 13.1.2).

use axum::http::HeaderMap;
use axum::http::header::IF_NONE_MATCH;

/// Whether one of the tags that are sent is `tag` (with its quotation marks), or all are meant. Compared weakly: a proxy that packs an answer
/// has made its tag a weak one.
#[must_use]
pub(super) fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let wanted = strong(tag);
    let lists = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(strong).any(|known| known == wanted || known == "*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn one_tag_of_a_list_is_enough_and_weak_ones_are_as_good() {
        let asked = |value: &'static str| HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
        for known in ["\"7\"", "W/\"7\"", "\"1\", W/\"7\"", "*"] {
            assert!(is_known(&asked(known), "\"7\"") && is_known(&asked(known), "W/\"7\""), "{known}");
        }
        for other in ["\"77\"", "7", "", "\"1\",\"2\""] {
            assert!(!is_known(&asked(other), "\"7\""), "{other}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"7\""));
    }
}
