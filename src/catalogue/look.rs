//! What a tenant looks like: its name, accents, languages, footer and logo.
//!
//! **Promises.** An accent that can't be read on the pages' grounds is not kept. A logo is a picture that runs nothing: its first bytes are
//! those of its type.

use super::colour::{Colour, DARK, LEAST_CONTRAST, LIGHT};
use super::database::Row;
use super::slug;
use super::{Catalogue, Error};
use crate::config::check::is_contact;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use media::time::WallTime;
use std::fmt;

/// Tags of the languages that pages are written in.
pub const LANGUAGES: [&str; 2] = ["en", "fr"];
/// Of what stands below every page, in characters.
pub const MAX_FOOTER: usize = 300;
/// Of whom people write to, in characters.
pub const MAX_CONTACT: usize = 200;
/// Of a logo: every reader loads it.
pub const MAX_LOGO_BYTES: usize = 64 << 10;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What the institution is called.
    pub name: String,
    /// Of links and buttons on light pages; `None`: as the style sheet has it.
    pub accent_light: Option<Colour>,
    /// The same on dark ones.
    pub accent_dark: Option<Colour>,
    /// Tags of the languages that pages are offered in, the one for readers of none first; never empty.
    pub languages: Vec<String>,
    /// Below every page; empty: what stands there otherwise.
    pub footer: String,
    /// Whom people write to who can't use the site: a mail address or an https address. Empty: as the server's configuration says.
    pub contact: String,
    /// At the head of every page.
    pub logo: Option<Logo>,
    /// When any of it was last changed: names what browsers keep.
    pub changed_at: WallTime,
}

/// That of a tenant that has said nothing.
impl Default for Look {
    fn default() -> Self {
        Self {
            name: "Amphi".to_owned(),
            accent_light: None,
            accent_dark: None,
            languages: all_languages(),
            footer: String::new(),
            contact: String::new(),
            logo: None,
            changed_at: WallTime::from_micros(0),
        }
    }
}

fn all_languages() -> Vec<String> {
    LANGUAGES.map(str::to_owned).to_vec()
}

/// A picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Logo {
    /// PNG, JPEG or WebP of at most [`MAX_LOGO_BYTES`]. No SVG: it can hold scripts.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        let invalid = Error::invalid("logo", "must be a PNG, JPEG or WebP picture of at most 64 KiB");
        if bytes.len() > MAX_LOGO_BYTES {
            return Err(invalid);
        }
        let media_type = match &*bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            _ => return Err(invalid),
        };
        Ok(Self { media_type, bytes })
    }

    /// Such as `image/png`.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// The picture.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// What becomes different; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct LookChange {
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// Enough contrast on light pages; `Some(None)`: the style sheet's.
    pub accent_light: Option<Option<Colour>>,
    /// The same on dark ones.
    pub accent_dark: Option<Option<Colour>>,
    /// Of [`LANGUAGES`], each once; at least one.
    pub languages: Option<Vec<String>>,
    /// At most [`MAX_FOOTER`] characters in one line.
    pub footer: Option<String>,
    /// A mail address or `https://…` of at most [`MAX_CONTACT`] characters; empty: the server's.
    pub contact: Option<String>,
    /// `Some(None)`: the product's.
    pub logo: Option<Option<Logo>>,
}

fn model(row: &Row) -> Result<Look, Error> {
    let accent = |column| match row.maybe_text(column)? {
        Some(text) => match text.parse() {
            Ok(colour) => Ok(Some(colour)),
            Err(_) => Err(Error::Unreadable { column, reason: "it is no colour".to_owned() }),
        },
        None => Ok(None),
    };
    let known = |tag: &&str| LANGUAGES.contains(tag);
    let tags = row.text("languages")?;
    let languages: Vec<String> = tags.split_whitespace().filter(known).map(str::to_owned).collect();
    let unreadable = |reason: String| Error::Unreadable { column: "logo", reason };
    let logo = match row.maybe_text("logo")? {
        Some(text) => Some(Logo::new(STANDARD.decode(text).map_err(|error| unreadable(error.to_string()))?)?),
        None => None,
    };
    Ok(Look {
        name: row.text("title")?,
        accent_light: accent("accent_light")?,
        accent_dark: accent("accent_dark")?,
        languages: if languages.is_empty() { all_languages() } else { languages },
        footer: row.text("footer")?,
        contact: row.text("contact")?,
        logo,
        changed_at: row.time("look_ms")?,
    })
}

fn readable(field: &'static str, accent: Option<Colour>, grounds: [Colour; 2]) -> Result<Option<String>, Error> {
    let Some(accent) = accent else { return Ok(None) };
    let ratio = accent.least_contrast(grounds);
    if ratio < LEAST_CONTRAST {
        return Err(Error::Contrast { field, ratio, least: LEAST_CONTRAST });
    }
    Ok(Some(accent.to_string()))
}

fn tags(languages: &[String]) -> Result<String, Error> {
    let once = languages.iter().enumerate().all(|(n, tag)| !languages[..n].contains(tag));
    let known = languages.iter().all(|tag| LANGUAGES.contains(&tag.as_str()));
    if languages.is_empty() || !once || !known {
        return Err(Error::invalid("languages", "must be en, fr or both, each once"));
    }
    Ok(languages.join(" "))
}

fn footer(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.chars().nth(MAX_FOOTER).is_some() || text.chars().any(char::is_control) {
        return Err(Error::invalid("footer", "must be at most 300 characters without line breaks"));
    }
    Ok(text.to_owned())
}

fn contact(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.chars().nth(MAX_CONTACT).is_some() || !(text.is_empty() || is_contact(text)) {
        return Err(Error::invalid("contact", "must be a mail address or https://…, of at most 200 characters"));
    }
    Ok(text.to_owned())
}

impl Catalogue {
    /// What the tenant looks like.
    ///
    /// # Errors
    /// `NotFound` without the tenant, `Unreadable`, `Database`.
    pub async fn look(&self) -> Result<Look, Error> {
        let statement = self.statement(
            "SELECT title, accent_light, accent_dark, languages, footer, contact, logo, look_ms FROM tenants \
             WHERE id = $1",
        );
        let row = self.database.row(statement).await?.ok_or(Error::NotFound("tenant"))?;
        model(&row)
    }

    /// When that was last changed.
    ///
    /// # Errors
    /// `NotFound` without the tenant, `Database`.
    pub async fn look_changed_at(&self) -> Result<WallTime, Error> {
        let statement = self.statement("SELECT look_ms FROM tenants WHERE id = $1");
        let row = self.database.row(statement).await?.ok_or(Error::NotFound("tenant"))?;
        row.time("look_ms")
    }

    /// Changes it, all or nothing.
    ///
    /// # Errors
    /// `Invalid`; `Contrast` for an accent that can't be read; `NotFound` without the tenant; `Database`.
    pub async fn change_look(&self, change: LookChange, now: WallTime) -> Result<(), Error> {
        let mut statement = self.statement("UPDATE tenants").push_bind(" SET look_ms = ", now.millis());
        if let Some(name) = change.name {
            statement = statement.push_bind(", title = ", slug::title("name", &name)?);
        }
        if let Some(accent) = change.accent_light {
            statement = statement.push_bind(", accent_light = ", readable("accent_light", accent, LIGHT)?);
        }
        if let Some(accent) = change.accent_dark {
            statement = statement.push_bind(", accent_dark = ", readable("accent_dark", accent, DARK)?);
        }
        if let Some(languages) = change.languages {
            statement = statement.push_bind(", languages = ", tags(&languages)?);
        }
        if let Some(text) = change.footer {
            statement = statement.push_bind(", footer = ", footer(&text)?);
        }
        if let Some(text) = change.contact {
            statement = statement.push_bind(", contact = ", contact(&text)?);
        }
        if let Some(logo) = change.logo {
            let kind = logo.as_ref().map(|logo| logo.media_type.to_owned());
            let text = logo.map(|logo| STANDARD.encode(&logo.bytes));
            statement = statement.push_bind(", logo = ", text).push_bind(", logo_type = ", kind);
        }
        match self.database.execute(statement.push(" WHERE id = $1")).await? {
            0 => Err(Error::NotFound("tenant")),
            _ => Ok(()),
        }
    }
}
