//! A page of another site beside a live or below it: a chat, a vote, a meeting. Which sites may stand there, the setting `http.tools` says.
//!
//! **Promises.** Only what an operator has chosen for a broadcaster, of a site that the setting names, is shown; never this site itself, whose
//! pages must not be within each other. The browser is told to show nothing else there: it may be led from one of these sites to another (a sign-in,
//! the host of a meeting). Camera, microphone and screen are given to the site that was chosen, and to none that it leads to.

use crate::catalogue::recordings::ToolPlace;
use crate::http::security::DELEGATED;
use url::Url;

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its whole address.
    pub url: String,
    /// Its site, as a policy names it.
    pub origin: String,
    /// For people: its host.
    pub host: String,
    /// Where it stands.
    pub place: ToolPlace,
}

impl Tool {
    /// What its frame gives on to it, see [`DELEGATED`]: to its own site, wherever the frame is led.
    #[must_use]
    pub fn allowed(&self) -> String {
        DELEGATED.map(|feature| format!("{feature} {}", self.origin)).join("; ")
    }

    /// Whether it stands below the player also where there is room beside it.
    #[must_use]
    pub fn is_below(&self) -> bool {
        self.place == ToolPlace::Below
    }

    /// The tool at `url`, if one of `sites` (`https://HOST`, `https://*.DOMAIN`) is its, and it is not `here`.
    #[must_use]
    pub fn of(url: &str, place: ToolPlace, sites: &[String], here: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?.to_owned();
        let origin = url.origin();
        let named = sites.iter().any(|site| names(site, &url));
        let ours = Url::parse(here).is_ok_and(|here| here.host() == url.host());
        let good = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
        (good && named && !ours).then(|| Self { origin: origin.ascii_serialization(), url: url.into(), host, place })
    }
}

/// Whether a site of the setting is that of an address.
fn names(site: &str, url: &Url) -> bool {
    let wild = site.contains("://*.");
    let Ok(site) = Url::parse(&site.replacen("://*.", "://", 1)) else { return false };
    let same = site.scheme() == url.scheme() && site.port_or_known_default() == url.port_or_known_default();
    let (Some(domain), Some(host)) = (site.host_str(), url.host_str()) else { return false };
    same && if wild { host.strip_suffix(domain).is_some_and(|before| before.ends_with('.')) } else { host == domain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sites_of_the_setting_stand_beside_a_live() {
        let sites = ["https://chat.example", "https://*.univ.example", "https://a.example:8443"].map(str::to_owned);
        let of =
            |url: &str| Tool::of(url, ToolPlace::Beside, &sites, "https://tv.univ.example").map(|tool| tool.origin);
        assert_eq!(of("https://chat.example/room?x#y").as_deref(), Some("https://chat.example"));
        assert_eq!(of("https://bbb.univ.example/").as_deref(), Some("https://bbb.univ.example"));
        assert_eq!(of("https://a.example:8443/").as_deref(), Some("https://a.example:8443"));
        for other in [
            "https://chat.example.evil.example/",
            "https://evilchat.example/",
            "https://univ.example/",
            "https://eviluniv.example/",
            "http://chat.example/",
            "https://chat.example:444/",
            "https://a.example/",
            "https://chat.example@evil.example/",
            "https://u:p@chat.example/",
            "https://tv.univ.example/account",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(Tool::of("https://chat.example/", ToolPlace::Beside, &[], ""), None);
        let allowed = Tool::of("https://a.example:8443/x", ToolPlace::Beside, &sites, "").unwrap().allowed();
        assert!(allowed.starts_with("camera https://a.example:8443; microphone https://a.example:8443; "), "{allowed}");
    }
}
