//! By what viewers are counted: a random word that a browser keeps while it is open. It says nothing of who that is, nobody keeps it here, and it
//! opens nothing.
//!
//! **Promises.** Only words that this server gave count: they are signed. Only so many new ones are given to one address within ten minutes, more
//! than a lecture hall behind one address needs ([`NEW_VIEWERS`]); whoever comes beyond that sees everything and is counted nowhere. What is
//! remembered for that has a bound.

use super::address::network;
use super::cookie::Cookies;
use super::pass::Signer;
use crate::policy::object::{Kind, LivePart, VideoPart};
use axum::http::{HeaderMap, HeaderValue};
use media::time::WallTime;
use quick_cache::sync::Cache;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// 128 bits in hexadecimal.
const LENGTH: usize = 32;

/// New words for one address within `WITHIN_S`, unless the setting `http.new_viewers` says otherwise.
pub const NEW_VIEWERS: u32 = 2_000;
const WITHIN_S: f64 = 600.0;
/// Addresses that are remembered: 2 MB. Beyond it the one that came longest ago is new again.
const REMEMBERED: usize = 10_000;

/// Whether viewers of it are counted.
pub(super) fn is_counted(kind: Kind) -> bool {
    matches!(kind, Kind::Live(LivePart::Page) | Kind::Video(VideoPart::Page))
}

/// How many words an address was given, less what has leaked since.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    level: f64,
    at: Option<WallTime>,
}

/// Who was given a word lately.
#[derive(Debug)]
pub(super) struct Newcomers {
    most: f64,
    networks: Cache<String, Arc<Mutex<Bucket>>>,
}

impl Newcomers {
    /// `most` within ten minutes for each address.
    pub(super) fn new(most: u32) -> Self {
        Self { most: f64::from(most), networks: Cache::new(REMEMBERED) }
    }

    /// Whether one more may be given.
    fn take(&self, from: IpAddr, now: WallTime) -> bool {
        let Ok(bucket) = self.networks.get_or_insert_with(&network(from), || Ok::<_, Infallible>(Arc::default()));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed_s = bucket.at.map_or(0.0, |at| now.since(at).as_secs_f64());
        let level = (bucket.level - self.most * passed_s / WITHIN_S).max(0.0);
        let room = level + 1.0 <= self.most;
        *bucket = Bucket { level: if room { level + 1.0 } else { level }, at: Some(now) };
        room
    }
}

/// What gives and knows words.
pub(super) struct Counting<'a> {
    pub(super) cookies: &'a Cookies,
    pub(super) signer: &'a Signer,
    pub(super) newcomers: &'a Newcomers,
}

impl Counting<'_> {
    /// That of a request, or a new one with the cookie that keeps it. `None`: its address had too many, or none can be made; it is not counted.
    pub(super) fn of(&self, headers: &HeaderMap, from: IpAddr, now: WallTime) -> Option<(String, Option<HeaderValue>)> {
        let said = self.cookies.find(headers, self.cookies.viewer());
        if let Some(known) = said.and_then(|said| self.signer.counted(said)) {
            return Some((known.to_owned(), None));
        }
        if !self.newcomers.take(from, now) {
            metrics::counter!("amphi_http_viewers_uncounted_total").increment(1);
            return None;
        }
        let mut bytes = [0; LENGTH / 2];
        getrandom::fill(&mut bytes).ok()?;
        let word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let cookie = self.cookies.set_while_open(self.cookies.viewer(), &self.signer.to_be_counted(&word)?);
        Some((word, cookie))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use axum::http::header::COOKIE;

    fn at(seconds: i64) -> WallTime {
        WallTime::from_micros(1_790_000_000_000_000 + seconds * 1_000_000)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn carrying(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&format!("amphi-viewer={value}")).unwrap())])
    }

    #[tokio::test]
    async fn a_browser_keeps_its_word_while_it_is_open_and_one_of_its_own_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path().join("catalogue.sqlite").to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        let keys = catalogue.signing_keys(at(0)).await.unwrap();
        let [ours, others] = ["default", "b"].map(|tenant| {
            let signer = Signer::new(tenant.to_owned());
            signer.take(&keys);
            signer
        });
        let (cookies, newcomers) = (Cookies::new(false), Newcomers::new(1_000));
        let counting = Counting { cookies: &cookies, signer: &ours, newcomers: &newcomers };
        let of = |headers: &HeaderMap| counting.of(headers, address("192.0.2.1"), at(0)).unwrap();
        let (word, set) = of(&HeaderMap::new());
        let set = set.unwrap().to_str().unwrap().to_owned();
        let value =
            set.strip_prefix("amphi-viewer=").unwrap().strip_suffix("; Path=/; HttpOnly; SameSite=Lax").unwrap();
        assert!(value.starts_with(&word) && word.len() == LENGTH && !set.contains("Max-Age"), "{set}");
        assert_eq!(of(&carrying(value)), (word.clone(), None));

        let tag = value.rsplit('.').next().unwrap();
        let made_up = [
            "me".to_owned(),
            word.clone(),
            "0".repeat(LENGTH),
            value.replace(&word, &"0".repeat(LENGTH)),
            value.replace(tag, &"0".repeat(tag.len())),
            format!("{value}.0"),
            others.to_be_counted(&word).unwrap(),
        ];
        for made_up in made_up {
            let (other, set) = of(&carrying(&made_up));
            assert!(other != word && set.is_some(), "{made_up}");
        }
        ours.take(&[]);
        assert_eq!(counting.of(&carrying(value), address("192.0.2.1"), at(0)), None, "without keys nobody is counted");
    }

    #[test]
    fn an_address_gets_so_many_within_ten_minutes_and_others_go_on() {
        let newcomers = Newcomers::new(NEW_VIEWERS);
        let hall = address("192.0.2.1");
        let come = |count: u32, from, seconds| (0..count).filter(|_| newcomers.take(from, at(seconds))).count();
        assert_eq!(come(NEW_VIEWERS, hall, 0), 2_000, "a lecture hall that comes at once");
        assert_eq!(come(50, hall, 1), 3, "what has leaked in a second");
        assert_eq!(come(50, address("192.0.2.2"), 1), 50);
        assert_eq!(come(1_500, hall, 601), 1_500, "the next lecture");
        assert_eq!(come(NEW_VIEWERS, address("2001:db8:1:2::1"), 0), 2_000);
        assert_eq!(come(1, address("2001:db8:1:2:ffff::9"), 0), 0, "one network");
        for n in 0..u32::try_from(REMEMBERED).unwrap() * 2 {
            newcomers.take(IpAddr::from(n.to_be_bytes()), at(700));
        }
        assert!(newcomers.networks.len() <= REMEMBERED);
    }
}
