//! `/site`: what this institution is called and looks like. Its logo has a form of its own, `/site/logo`, and so have the
//! sites that have to do with it, see `neighbours.rs`.

use super::neighbours::{self, Side};
use crate::catalogue::Error;
use crate::catalogue::colour::Colour;
use crate::catalogue::look::{LANGUAGES, Logo, Look, LookChange, MAX_CONTACT, MAX_FOOTER, MAX_LOGO_BYTES};
use crate::http::gate::Noted;
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage, Pair, all, said};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{failed, not_ours, see};
use crate::http::pages::texts::Texts;
use crate::http::pages::upload::{Sent, Upload};
use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use fluent_bundle::FluentArgs;
use std::collections::HashMap;

/// A language that pages can be offered in.
struct Line {
    tag: &'static str,
    offered: bool,
    /// For readers of none.
    first: bool,
}

impl Line {
    /// Key of its name.
    fn key(&self) -> &'static str {
        match self.tag {
            "fr" => "language-fr",
            _ => "language-en",
        }
    }
}

/// What stands in the form: as it was typed, where that is not taken.
struct Typed {
    name: String,
    accent_light: String,
    accent_dark: String,
    languages: Vec<Line>,
    footer: String,
    contact: String,
}

impl Typed {
    fn now(look: &Look) -> Self {
        let text = |accent: Option<Colour>| accent.map(|accent| accent.to_string()).unwrap_or_default();
        Self {
            name: look.name.clone(),
            accent_light: text(look.accent_light),
            accent_dark: text(look.accent_dark),
            languages: lines(&look.languages),
            footer: look.footer.clone(),
            contact: look.contact.clone(),
        }
    }

    fn sent(sent: &[Pair]) -> Self {
        let text = |name| said(sent, name).to_owned();
        let (accent_light, accent_dark) = (text("accent_light"), text("accent_dark"));
        Self {
            name: text("name"),
            accent_light,
            accent_dark,
            languages: lines(&languages(sent)),
            footer: text("footer"),
            contact: text("contact"),
        }
    }
}

fn lines(offered: &[String]) -> Vec<Line> {
    let line = |tag: &'static str| Line {
        tag,
        offered: offered.iter().any(|known| known == tag),
        first: offered.first().is_some_and(|first| first == tag),
    };
    LANGUAGES.map(line).into()
}

/// Those that were ticked, the one for readers of none first if it is among them.
fn languages(sent: &[Pair]) -> Vec<String> {
    let mut offered: Vec<String> = all(sent, "language").map(str::to_owned).collect();
    let first = said(sent, "first");
    offered.sort_by_key(|tag| tag != first);
    offered
}

#[derive(Template)]
#[template(path = "site.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    typed: Typed,
    /// Empty: nothing is wrong.
    trouble: String,
    /// The field that it is about.
    wrong: &'static str,
    /// The same of the logo.
    logo_trouble: String,
    neighbours: [Side; 2],
    saved: bool,
    max_footer: usize,
    max_contact: usize,
}

impl Page<'_> {
    fn is_about(&self, field: &str) -> bool {
        self.wrong == field
    }
}

/// What could not be taken, of the form and of the logo's, in the reader's words; empty: nothing.
#[derive(Default)]
struct Troubles {
    form: String,
    /// The field that it is about.
    wrong: &'static str,
    logo: String,
}

/// What stands in the forms.
struct Forms {
    typed: Typed,
    troubles: Troubles,
    neighbours: [Side; 2],
}

fn show(reader: &Reader<'_>, status: StatusCode, forms: Forms, saved: bool) -> Response {
    let form = FormPage::new(reader);
    let page = Page {
        frame: form.frame(),
        token: form.token(),
        typed: forms.typed,
        trouble: forms.troubles.form,
        wrong: forms.troubles.wrong,
        logo_trouble: forms.troubles.logo,
        neighbours: forms.neighbours,
        saved,
        max_footer: MAX_FOOTER,
        max_contact: MAX_CONTACT,
    };
    form.respond(status, &page)
}

/// The page with what of this part stands in its forms, and all other forms as things are.
async fn with(asking: &Asking, status: StatusCode, typed: Typed, troubles: Troubles, saved: bool) -> Response {
    let reader = asking.reader();
    match neighbours::now(asking).await {
        Ok(neighbours) => show(&reader, status, Forms { typed, troubles, neighbours }, saved),
        Err(error) => {
            tracing::error!(%error, "the sites that have to do with this one can't be read");
            failed(&reader)
        }
    }
}

/// The page that says what is wrong with other sites.
pub(super) fn refused(reader: &Reader<'_>, asking: &Asking, neighbours: [Side; 2]) -> Response {
    let (typed, troubles) = (Typed::now(&asking.assets.shown().now()), Troubles::default());
    show(reader, StatusCode::UNPROCESSABLE_ENTITY, Forms { typed, troubles, neighbours }, false)
}

/// `GET /site`.
pub(super) async fn page(asking: Asking, query: Query<HashMap<String, String>>) -> Response {
    let typed = Typed::now(&asking.assets.shown().now());
    with(&asking, StatusCode::OK, typed, Troubles::default(), query.contains_key("saved")).await
}

/// `POST /site`.
pub(super) async fn change(asking: Asking, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let changed = match wanted(&sent) {
        Ok(change) => take(&asking, change).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(()) => see("/site?saved=yes"),
        Err(error) => match trouble(&error, reader.texts()) {
            Some(form) => {
                let wrong = match error {
                    Error::Contrast { field, .. } | Error::Invalid { field, .. } => field,
                    _ => "",
                };
                let troubles = Troubles { form, wrong, ..Troubles::default() };
                with(&asking, StatusCode::UNPROCESSABLE_ENTITY, Typed::sent(&sent), troubles, false).await
            }
            None => {
                tracing::error!(%error, "what the site looks like can't be changed");
                failed(&reader)
            }
        },
    }
}

/// `POST /site/logo`: another, or the product's again.
pub(super) async fn logo(asking: Asking, Upload(sent): Upload<MAX_LOGO_BYTES>) -> Response {
    let reader = asking.reader();
    let Some(Sent { fields, file }) = sent else { return not_ours(&reader) };
    let (logo, noted) = match said(&fields, "remove") {
        "yes" => (None, "logo removed"),
        _ => match Logo::new(file) {
            Ok(logo) => (Some(logo), "logo"),
            Err(_) => {
                let logo = reader.texts().get("site-logo-invalid");
                let (typed, troubles) =
                    (Typed::now(&asking.assets.shown().now()), Troubles { logo, ..Troubles::default() });
                return with(&asking, StatusCode::UNPROCESSABLE_ENTITY, typed, troubles, false).await;
            }
        },
    };
    match take(&asking, LookChange { logo: Some(logo), ..LookChange::default() }).await {
        Ok(()) => Noted(noted.to_owned()).on(see("/site?saved=yes")),
        Err(error) => {
            tracing::error!(%error, "the logo can't be changed");
            failed(&reader)
        }
    }
}

/// Changes what the site looks like, at once.
async fn take(asking: &Asking, change: LookChange) -> Result<(), Error> {
    asking.accounts.catalogue().change_look(change, asking.accounts.now()).await?;
    asking.assets.shown().take(asking.accounts.catalogue()).await
}

/// What the form asks for.
fn wanted(sent: &[Pair]) -> Result<LookChange, Error> {
    let accent = |field: &'static str| match said(sent, field).trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Error::Invalid { field, reason: "is no colour" }),
    };
    Ok(LookChange {
        name: Some(said(sent, "name").to_owned()),
        accent_light: Some(accent("accent_light")?),
        accent_dark: Some(accent("accent_dark")?),
        languages: Some(languages(sent)),
        footer: Some(said(sent, "footer").to_owned()),
        contact: Some(said(sent, "contact").to_owned()),
        logo: None,
    })
}

/// What the form says of what is not taken; `None`: it is not its fault.
fn trouble(error: &Error, texts: &Texts) -> Option<String> {
    Some(match error {
        Error::Contrast { field, ratio, least } => {
            let mut args = FluentArgs::new();
            let key = if *field == "accent_dark" { "site-contrast-dark" } else { "site-contrast-light" };
            // Never rounded up to what would be enough.
            args.set("ratio", texts.decimal((ratio * 100.0).floor() / 100.0, 2));
            args.set("least", texts.decimal(*least, 1));
            texts.with_all(key, &args)
        }
        Error::Invalid { field: "accent_light" | "accent_dark", .. } => texts.get("site-colour-invalid"),
        Error::Invalid { field: "name", .. } => texts.get("site-name-invalid"),
        Error::Invalid { field: "languages", .. } => texts.get("site-languages-invalid"),
        Error::Invalid { field: "footer", .. } => texts.get("site-footer-invalid"),
        Error::Invalid { field: "contact", .. } => texts.get("site-contact-invalid"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::http::support::{Answer, Browser, World};
    use crate::policy::who::Role;
    use std::collections::BTreeSet;

    fn form(light: &str, dark: &str, footer: &str) -> String {
        let escaped = |text: &str| text.replace('#', "%23").replace('&', "%26").replace(' ', "+");
        format!(
            "name=Universit%C3%A9+Beta&accent_light={}&accent_dark={}&language=en&language=fr&first=fr&footer={}&contact=aide%40b.example",
            escaped(light),
            escaped(dark),
            escaped(footer)
        )
    }

    async fn sent(browser: &mut Browser<'_>, fields: &str) -> Answer {
        browser.get("/site").await;
        browser.post("/site", fields).await
    }

    #[tokio::test]
    async fn an_administrator_names_and_colours_the_site_and_every_page_shows_it() {
        let world = World::new().await;
        let (marie, paul) =
            (world.person("marie", Role::Administrator).await, world.person("paul", Role::Operator).await);
        assert_eq!(world.browser_of(&paul).await.get("/site").await.status, 403);
        assert_eq!(world.browser().get("/theme.css").await.text, "");
        let mut browser = world.browser_of(&marie).await;
        let saved = sent(&mut browser, &form("#7a0019", "#ffd000", "<Service> & audiovisuel")).await;
        assert_eq!((saved.status, saved.header("location")), (303, "/site?saved=yes"), "{}", saved.text);
        let shown = browser.send("GET", "/site?saved=yes", &[("accept-language", "en")], "").await.text;
        assert!(shown.contains("value=\"#7a0019\"") && shown.contains("role=\"status\""), "{shown}");
        let page = world.browser().send("GET", "/", &[("accept-language", "de")], "").await.text;
        assert!(page.contains("· Université Beta</title>") && page.contains("<html lang=\"fr\""), "{page}");
        assert!(page.contains("&#60;Service&#62; &#38; audiovisuel"), "{page}");
        let sheet = page.split("href=\"/theme.css").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let sheet = world.browser().get(&format!("/theme.css{sheet}")).await;
        assert!(sheet.text.contains("--brand: #7a0019") && sheet.text.contains("--brand: #ffd000"), "{}", sheet.text);
        assert_eq!(sheet.header("content-type"), "text/css; charset=utf-8");
        assert!(world.browser().get("/nowhere").await.text.contains("Université Beta"), "also what is refused");
        let statement = world.browser().get("/accessibility").await.text;
        assert!(statement.contains("<a href=\"mailto:aide@b.example\">aide@b.example</a>"), "{statement}");
        let acts = world.catalogue.audit_log(9).await.unwrap();
        assert!(acts.iter().any(|entry| entry.act == "site.change"), "{acts:?}");
    }

    /// As a browser sends a form with a file.
    async fn sent_logo(browser: &mut Browser<'_>, word: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
        const BOUNDARY: &str = "----amphi";
        let mut body = Vec::new();
        for (name, value) in [&[("form", word)], fields].concat() {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        let head = "Content-Disposition: form-data; name=\"logo\"; filename=\"logo.png\"\r\nContent-Type: image/png";
        body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        browser.send_bytes("/site/logo", &kind, body).await
    }

    #[tokio::test]
    async fn an_administrator_gives_the_site_a_logo_and_takes_it_away() {
        let world = World::new().await;
        let (marie, paul) =
            (world.person("marie", Role::Administrator).await, world.person("paul", Role::Operator).await);
        let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 900]].concat();
        let mut browser = world.browser_of(&marie).await;
        let empty = browser.get("/site").await.text;
        assert!(empty.contains("action=\"/site/logo\"") && !empty.contains("name=\"remove\""), "{empty}");
        let word = browser.cookies["amphi-form"].clone();
        let saved = sent_logo(&mut browser, &word, &[], &png).await;
        assert_eq!((saved.status, saved.header("location")), (303, "/site?saved=yes"), "{}", saved.text);
        let page = world.browser().get("/").await.text;
        let logo = page.split("src=\"/logo").nth(1).and_then(|rest| rest.split('"').next());
        let shown = world.browser().get(&format!("/logo{}", logo.unwrap_or_else(|| panic!("{page}")))).await;
        assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"), "on every page at once");

        // By its bytes, whatever it is called; and no larger than was said.
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec();
        let large = [png.as_slice(), &[0; 64 << 10]].concat();
        let photograph = [png.as_slice(), &[0; 3 << 20]].concat();
        for bad in [svg, large, photograph, Vec::new()] {
            let refused = sent_logo(&mut browser, &word, &[], &bad).await;
            assert_eq!(refused.status, 422, "{} bytes", bad.len());
            assert!(refused.text.contains("role=\"alert\" id=\"logo-trouble\"") && refused.text.contains("64 KiB"));
        }
        assert_eq!(world.catalogue.look().await.unwrap().logo.unwrap().bytes(), png, "the one that was taken stays");

        for bad in ["", &"0".repeat(32)] {
            let refused = sent_logo(&mut browser, bad, &[("remove", "yes")], &[]).await;
            assert_eq!(refused.status, 403, "another site's form");
        }
        let mut other = world.browser_of(&paul).await;
        assert_eq!(sent_logo(&mut other, &word, &[("remove", "yes")], &[]).await.status, 403, "no administrator");
        assert!(world.catalogue.look().await.unwrap().logo.is_some());
        assert_eq!(sent_logo(&mut browser, &word, &[("remove", "yes")], &[]).await.status, 303);
        assert!(world.catalogue.look().await.unwrap().logo.is_none());
        let acts = world.catalogue.audit_log(9).await.unwrap();
        let noted: BTreeSet<&str> =
            acts.iter().filter(|entry| entry.act == "site.change").map(|entry| entry.detail.as_str()).collect();
        assert_eq!(noted, BTreeSet::from(["logo", "logo removed"]));
    }

    #[tokio::test]
    async fn what_could_not_be_read_is_not_taken_and_the_form_says_how_far_it_is_off() {
        let world = World::new().await;
        let marie = world.person("marie", Role::Administrator).await;
        let mut browser = world.browser_of(&marie).await;
        for (light, dark, said) in [
            // On #f6f7f9, where it stands out least.
            ("#ff0000", "", "3.73"),
            // On #191c23.
            ("", "#7a0019", "1.49"),
            ("red", "", "#2450d8"),
        ] {
            let refused = sent(&mut browser, &form(light, dark, "")).await;
            assert_eq!(refused.status, 422, "{light} {dark}");
            let alert = refused.text.split("autofocus>").nth(1).and_then(|rest| rest.split("</p>").next());
            let alert = alert.unwrap_or_else(|| panic!("{}", refused.text));
            assert!(alert.contains(said), "{light} {dark}: {alert}");
            assert!(refused.text.contains(&format!("value=\"{light}{dark}\"")), "what was typed stays");
        }
        let nobody = sent(&mut browser, "name=Amphi&language=en&contact=us").await;
        assert!(nobody.status == 422 && nobody.text.contains("value=\"us\""), "{}", nobody.text);
        let none = "name=Amphi&accent_light=&accent_dark=&footer=";
        assert_eq!(sent(&mut browser, none).await.status, 422, "no language at all");
        assert!(world.browser().get("/").await.text.contains("· Amphi</title>"), "nothing was changed");
    }
}
