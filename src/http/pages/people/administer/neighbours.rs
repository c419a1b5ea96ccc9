//! `/site/neighbours`: which other sites have to do with this one, a line each. The form stands on `/site`; whoever follows the list of tenants
//! takes what it says within seconds.

use super::site;
use crate::catalogue::Error;
use crate::catalogue::tenant::{MAX_SITE, MAX_SITES, Neighbours};
use crate::http::gate::Noted;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, Pair, said};
use crate::http::pages::people::{failed, not_ours, see};
use crate::http::pages::texts::Texts;
use crate::http::security::{is_site, is_source};
use axum::response::Response;
use fluent_bundle::FluentArgs;

/// Of a line that is no site, so much is repeated, in characters.
const REPEATED: usize = 80;

/// One of both lists, as the form shows it.
pub(super) struct Side {
    /// Of its fields, and of its words.
    pub(super) name: &'static str,
    /// Whether this site has a list of its own; otherwise the server's configuration says it.
    pub(super) own: bool,
    /// A line each, or as it was typed.
    pub(super) lines: String,
    /// What is wrong, in the reader's words; empty: nothing.
    pub(super) trouble: String,
}

impl Side {
    /// Key of what it is called.
    pub(super) fn key(&self) -> &'static str {
        if self.name == TOOLS { "site-tools" } else { "site-embedders" }
    }

    /// Key of what there is to know of it.
    pub(super) fn more_key(&self) -> &'static str {
        if self.name == TOOLS { "site-tools-more" } else { "site-embedders-more" }
    }

    fn now(name: &'static str, list: Option<&[String]>) -> Self {
        let lines = list.map(|list| list.join("\n")).unwrap_or_default();
        Self { name, own: list.is_some(), lines, trouble: String::new() }
    }

    fn sent(name: &'static str, sent: &[Pair], wrong: Option<Wrong>, texts: &Texts) -> Self {
        let trouble = wrong.map(|wrong| wrong.told(texts)).unwrap_or_default();
        Self { name, own: said(sent, &by(name)) == OWN, lines: said(sent, name).to_owned(), trouble }
    }
}

const TOOLS: &str = "tools";
const EMBEDDERS: &str = "embedders";
/// What the field beside a list says where the list is meant.
const OWN: &str = "own";

/// The name of the field that says who says it.
fn by(name: &str) -> String {
    format!("{name}_by")
}

/// Both, as they are.
///
/// # Errors
/// The catalogue's.
pub(super) async fn now(asking: &Asking) -> Result<[Side; 2], Error> {
    let Neighbours { embedders, tools } = asking.accounts.catalogue().neighbours().await?;
    Ok([Side::now(TOOLS, tools.as_deref()), Side::now(EMBEDDERS, embedders.as_deref())])
}

/// Why a list can't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    /// This line, from 1, is no site.
    Line(usize, String),
    /// This line is one too many.
    Many(usize),
    /// There is a list, and it was not chosen.
    Unused,
}

impl Wrong {
    fn told(&self, texts: &Texts) -> String {
        let mut args = FluentArgs::new();
        match self {
            Self::Line(number, site) => {
                args.set("line", *number);
                args.set("site", site.as_str());
                texts.with_all("site-line-invalid", &args)
            }
            Self::Many(number) => {
                args.set("line", *number);
                args.set("most", MAX_SITES);
                texts.with_all("site-lines-many", &args)
            }
            Self::Unused => texts.get("site-list-unused"),
        }
    }
}

/// What a list says; `None`: what the server's configuration says. Empty lines count as lines, and are nothing else; a site that stands twice
/// stands once.
fn read(sent: &[Pair], name: &'static str, is_good: fn(&str) -> bool) -> Result<Option<Vec<String>>, Wrong> {
    let text = said(sent, name);
    if said(sent, &by(name)) != OWN {
        return if text.trim().is_empty() { Ok(None) } else { Err(Wrong::Unused) };
    }
    let mut sites: Vec<String> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        // As it is copied from an address bar.
        let line = line.trim();
        let site = line.strip_suffix('/').unwrap_or(line).to_ascii_lowercase();
        if line.is_empty() || sites.contains(&site) {
            continue;
        }
        if site.len() > MAX_SITE || !is_good(&site) {
            return Err(Wrong::Line(number, line.chars().take(REPEATED).collect()));
        }
        if sites.len() == MAX_SITES {
            return Err(Wrong::Many(number));
        }
        sites.push(site);
    }
    Ok(Some(sites))
}

/// For people, in the audit log.
fn noted(list: Option<&[String]>) -> String {
    match list {
        None => "as the server".to_owned(),
        Some([]) => "none".to_owned(),
        Some(sites) => sites.join(" "),
    }
}

/// `POST /site/neighbours`.
pub(super) async fn change(asking: Asking, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let (tools, embedders) = match (read(&sent, TOOLS, is_site), read(&sent, EMBEDDERS, is_source)) {
        (Ok(tools), Ok(embedders)) => (tools, embedders),
        (tools, embedders) => {
            let side = |name, list: Result<_, Wrong>| Side::sent(name, &sent, list.err(), reader.texts());
            return site::refused(&reader, &asking, [side(TOOLS, tools), side(EMBEDDERS, embedders)]);
        }
    };
    let act = format!("tools: {}; embedders: {}", noted(tools.as_deref()), noted(embedders.as_deref()));
    match asking.accounts.catalogue().set_neighbours(&Neighbours { embedders, tools }).await {
        Ok(()) => Noted(act).on(see("/site?saved=yes")),
        Err(error) => {
            tracing::error!(%error, "the sites that have to do with this one can't be changed");
            failed(&reader)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::support::World;
    use crate::policy::who::Role;
    use url::form_urlencoded::Serializer;

    fn lists(tools: Option<&str>, embedders: Option<&str>) -> String {
        let mut form = Serializer::new(String::new());
        for (name, list) in [(TOOLS, tools), (EMBEDDERS, embedders)] {
            form.append_pair(&by(name), if list.is_some() { OWN } else { "server" });
            form.append_pair(name, list.unwrap_or_default());
        }
        form.finish()
    }

    #[test]
    fn a_line_is_a_site_and_what_is_wrong_is_named_by_its_number() {
        let read = |text: &str, is_good| {
            let pairs = [(by(TOOLS), OWN.to_owned()), (TOOLS.to_owned(), text.to_owned())];
            super::read(&pairs, TOOLS, is_good)
        };
        let sites = "\r\n https://Chat.example/ \r\nhttps://*.b.example:8443\n\nhttps://chat.example";
        let taken = vec!["https://chat.example".to_owned(), "https://*.b.example:8443".to_owned()];
        assert_eq!(read(sites, is_site), Ok(Some(taken)));
        assert_eq!(read(" \n", is_site), Ok(Some(Vec::new())), "none is something, too");
        assert_eq!(read("*\nhttp://a", is_source), Ok(Some(vec!["*".to_owned(), "http://a".to_owned()])));
        for bad in ["*", "http://a", "a.example", "https://a.example/room", "https://a b", "https://a;b", "/", "x://y"]
        {
            let wrong = read(&format!("https://a\n\n{bad}\nx"), is_site);
            assert_eq!(wrong, Err(Wrong::Line(3, bad.to_owned())), "{bad}");
        }
        let many = |count: usize| (0..count).map(|n| format!("https://h{n}.example\n")).collect::<String>();
        assert_eq!(read(&many(MAX_SITES), is_site).unwrap().unwrap().len(), MAX_SITES);
        assert_eq!(read(&many(MAX_SITES + 9), is_site), Err(Wrong::Many(MAX_SITES + 1)));
        let long = format!("https://{}", vec!["a"; MAX_SITE].join("."));
        assert!(matches!(read(&long, is_site), Err(Wrong::Line(1, said)) if said.len() == REPEATED));
        let unused = [(TOOLS.to_owned(), "https://a".to_owned())];
        assert_eq!(super::read(&unused, TOOLS, is_site), Err(Wrong::Unused));
    }

    #[tokio::test]
    async fn an_administrator_lists_other_sites_and_the_audit_log_says_which() {
        let world = World::new().await;
        let (marie, paul) =
            (world.person("marie", Role::Administrator).await, world.person("paul", Role::Operator).await);
        let mut other = world.browser_of(&paul).await;
        other.get("/sign-in").await;
        assert_eq!(other.post("/site/neighbours", &lists(None, None)).await.status, 403, "no administrator");
        let mut browser = world.browser_of(&marie).await;
        let shown = browser.get("/site").await.text;
        assert!(
            shown.contains("action=\"/site/neighbours\"") && shown.contains("value=\"server\" selected"),
            "{shown}"
        );
        let sent = lists(Some("https://chat.example\nhttps://*.meet.example"), Some(""));
        let saved = browser.post("/site/neighbours", &sent).await;
        assert_eq!((saved.status, saved.header("location")), (303, "/site?saved=yes"), "{}", saved.text);
        let kept = world.catalogue.neighbours().await.unwrap();
        assert_eq!(kept.tools.unwrap(), ["https://chat.example", "https://*.meet.example"]);
        assert_eq!(kept.embedders.unwrap(), [""; 0]);
        let shown = browser.get("/site").await.text;
        assert!(shown.contains("https://chat.example\nhttps://*.meet.example</textarea>"), "{shown}");
        let entry = world.catalogue.audit_log(1).await.unwrap().remove(0);
        let said = "tools: https://chat.example https://*.meet.example; embedders: none";
        assert_eq!((entry.act.as_str(), entry.detail.as_str()), ("site.change", said));

        // What can't be taken is said of its line, what was typed stays, and nothing is changed.
        let bad = lists(Some("https://chat.example\nhttp://vote.example"), Some("moodle.example"));
        let refused = browser.post("/site/neighbours", &bad).await;
        assert_eq!(refused.status, 422);
        for said in ["Line 2: “http://vote.example”", "Line 1: “moodle.example”", "\nhttp://vote.example</textarea>"]
        {
            assert!(refused.text.contains(said), "{said}: {}", refused.text);
        }
        assert!(refused.text.contains("aria-invalid=\"true\"") && refused.text.contains("id=\"tools-trouble\""));
        assert!(world.catalogue.neighbours().await.unwrap().tools.is_some_and(|tools| tools.len() == 2));
        assert_eq!(browser.post("/site/neighbours", &lists(None, None)).await.status, 303);
        assert_eq!(world.catalogue.neighbours().await.unwrap(), Neighbours::default());
    }
}
