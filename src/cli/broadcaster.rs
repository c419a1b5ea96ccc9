//! `amphi broadcaster`.

use super::access::OfBroadcaster;
use super::ask::{self, Wish};
use super::{Error, captions, stdin, table};
use crate::catalogue::Catalogue;
use crate::catalogue::audit::Actor;
use crate::catalogue::broadcaster::{Broadcaster, BroadcasterChange, NewBroadcaster, RecordStart, RtspTransport};
use crate::catalogue::captions::CaptionChange;
use crate::catalogue::credits::{Credits, CreditsChange};
use crate::catalogue::recordings::{BroadcasterDetails, BroadcasterDetailsChange, ToolPlace};
use crate::catalogue::rtsp_url::{NotRtsp, RtspUrl};
use crate::catalogue::slug::Slug;
use crate::clock::{now, rfc3339};
use crate::config::Config;
use crate::live;
use crate::policy::state::Visibility;
use clap::Subcommand;
use media::caption::language::Language;
use media::ingest::StreamKey;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::str::FromStr;

/// What a key made here is called in the list of keys.
const LABEL: &str = "made on the command line";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add one; its stream key is printed once.
    Add {
        /// Its name in URLs: 1 to 64 of a-z, 0-9 and -.
        slug: Slug,
        /// What people call it [default: the slug].
        #[arg(long)]
        title: Option<String>,
        /// Who is heard in its lives; can be repeated.
        #[arg(long = "speaker", value_name = "NAME")]
        speakers: Vec<String>,
        /// What others may do with its lives: an identifier such as CC-BY-4.0.
        #[arg(long, value_name = "IDENTIFIER")]
        licence: Option<String>,
        /// Pull it from there instead of waiting for an encoder; - reads the URL from standard input, as its password
        /// would be seen in the list of processes.
        #[arg(long, value_name = "URL")]
        rtsp: Option<Source>,
        /// tcp or udp.
        #[arg(long, default_value = "tcp")]
        transport: RtspTransport,
        /// Whom it is for: public, unlisted, signed_in or draft; for others see `broadcaster access`.
        #[arg(long, default_value = "public")]
        visibility: Visibility,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change whom its lives are for, and the videos recorded from now on; what is not said stays.
    Access {
        /// Its name in URLs.
        slug: Slug,
        #[command(flatten)]
        change: OfBroadcaster,
    },
    /// All of them.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a new stream key and refuse all older ones.
    RotateKey {
        /// Its name in URLs.
        slug: Slug,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Pull it from an RTSP source from now on, or no more.
    SetRtsp {
        /// Its name in URLs.
        slug: Slug,
        /// rtsp://HOST/PATH; - reads it from standard input, as its password would be seen in the list of processes;
        /// without it nothing is pulled any more.
        url: Option<Source>,
        /// tcp or udp.
        #[arg(long, default_value = "tcp")]
        transport: RtspTransport,
    },
    /// Choose which renditions its lives get, from its next live on.
    SetPreset {
        /// Its name in URLs.
        slug: Slug,
        /// camera, slides or "low bandwidth"; without it, the setting renditions.preset.
        preset: Option<String>,
    },
    /// Choose whether its lives are recorded from their beginning, from its next live on.
    SetRecording {
        /// Its name in URLs.
        slug: Slug,
        /// automatic: from their beginning; `by_hand`: when an operator says so.
        start: RecordStart,
    },
    /// Say who is heard in its lives. The page of a live on air shows it when it is loaded again; recordings that begin take it over.
    SetSpeakers {
        /// Its name in URLs.
        slug: Slug,
        /// In the order in which they are named, all of them anew; without one, nobody.
        #[arg(value_name = "NAME")]
        speakers: Vec<String>,
    },
    /// Say what others may do with its lives. Recordings that begin take it over.
    SetLicence {
        /// Its name in URLs.
        slug: Slug,
        /// An identifier such as CC-BY-4.0; without it, none.
        licence: Option<String>,
    },
    /// Choose the page of another site that stands with its lives, such as a chat: shown if its site is listed (http.tools, or `tenant set
    /// --tool`). Pages that are open have it when they are loaded again.
    SetTool {
        /// Its name in URLs.
        slug: Slug,
        /// https://HOST/PATH; without it, none.
        url: Option<String>,
        /// beside the player (in narrow windows below it), or below it; what is not said stays.
        #[arg(long, value_name = "PLACE")]
        place: Option<ToolPlace>,
    },
    /// Choose the languages that its lives are captioned in. A live on air follows within seconds.
    SetCaptions {
        /// Its name in URLs.
        slug: Slug,
        /// Tags such as fr,en-GB, each of which needs a model (amphi models list); none; or default: the setting captions.languages.
        languages: captions::Languages,
    },
    /// Say how names are written in its captions. A live on air follows within seconds.
    SetVocabulary {
        /// Its name in URLs.
        slug: Slug,
        /// A file with a name a line, "Université de Lille"; what is said before it where that is something else, "big blue button =
        /// BigBlueButton"; `[fr] té pé = TP` in one language only. - reads standard input; without it there is none any more.
        file: Option<PathBuf>,
        /// Hear nothing else, by models that can be kept to a vocabulary (small ones), in languages that have entries: for few commands or
        /// numbers, not for lectures.
        #[arg(long, requires = "file")]
        exclusive: bool,
    },
    /// Print how names are written in its captions, as set-vocabulary takes it.
    Vocabulary {
        /// Its name in URLs.
        slug: Slug,
    },
    /// End its live now: the recording becomes a video at once. Asks the running server.
    End {
        /// Its name in URLs.
        slug: Slug,
    },
    /// Try the engines of its live again that were given up or missing. Asks the running server.
    Retry {
        /// Its name in URLs.
        slug: Slug,
    },
    /// Record its live from now on, as a video of its own. Asks the running server.
    StartRecording {
        /// Its name in URLs.
        slug: Slug,
    },
    /// Record its live no more: what was recorded is a video within seconds, and viewers watch on. Asks the running server.
    StopRecording {
        /// Its name in URLs.
        slug: Slug,
    },
    /// Remove it and its keys; its videos stay.
    Remove {
        /// Its name in URLs.
        slug: Slug,
    },
}

/// An RTSP URL, or where it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Given(RtspUrl),
    StandardInput,
}

impl FromStr for Source {
    type Err = NotRtsp;

    fn from_str(text: &str) -> Result<Self, NotRtsp> {
        if text == "-" { Ok(Self::StandardInput) } else { text.parse().map(Self::Given) }
    }
}

impl Source {
    fn url(self) -> Result<RtspUrl, Error> {
        match self {
            Self::Given(url) => Ok(url),
            Self::StandardInput => stdin::line()?
                .parse()
                .map_err(|error: NotRtsp| Error::Other(format!("standard input: the URL {error}"))),
        }
    }
}

pub(super) async fn run(command: Command, config: &Config, catalogue: &Catalogue) -> Result<String, Error> {
    match command {
        Command::Add { slug, title, speakers, licence, rtsp, transport, visibility, json } => {
            if visibility == Visibility::Password {
                return Err(Error::Other("add it as draft, then give it a password by broadcaster access".to_owned()));
            }
            let title = title.unwrap_or_else(|| slug.to_string());
            let rtsp_url = rtsp.map(Source::url).transpose()?;
            let new = NewBroadcaster {
                rtsp_url,
                rtsp_transport: transport,
                visibility,
                credits: Credits { speakers, licence: licence.unwrap_or_default() },
                ..NewBroadcaster::new(slug, title)
            };
            let broadcaster = catalogue.add_broadcaster(new, now()).await?;
            let (_, key) = catalogue.add_key(&broadcaster.id, LABEL, now()).await?;
            Ok(with_key(&broadcaster, &key, json))
        }
        Command::Access { slug, change } => {
            change.apply(catalogue, &find(catalogue, &slug).await?.id).await?;
            Ok(format!("{slug} is changed.\n"))
        }
        Command::RotateKey { slug, json } => {
            let broadcaster = find(catalogue, &slug).await?;
            let (_, key) = catalogue.rotate_key(&broadcaster.id, LABEL, now()).await?;
            Ok(with_key(&broadcaster, &key, json))
        }
        Command::End { slug } => ask::run(config, catalogue, &slug, Wish::End).await,
        Command::Retry { slug } => ask::run(config, catalogue, &slug, Wish::Retry).await,
        Command::StartRecording { slug } => ask::run(config, catalogue, &slug, Wish::StartRecording).await,
        Command::StopRecording { slug } => ask::run(config, catalogue, &slug, Wish::StopRecording).await,
        Command::SetRecording { slug, start } => {
            let said = match start {
                RecordStart::Automatic => "from their beginning",
                RecordStart::ByHand => "when an operator says so",
            };
            let change = BroadcasterChange { record_start: Some(start), ..Default::default() };
            catalogue.update_broadcaster(&find(catalogue, &slug).await?.id, change).await?;
            Ok(format!("Lives of {slug} are recorded {said}, from its next one on.\n"))
        }
        Command::SetRtsp { slug, url, transport } => {
            let url = url.map(Source::url).transpose()?;
            let said =
                url.as_ref().map_or_else(|| "is no longer pulled".to_owned(), |url| format!("is pulled from {url}"));
            let change =
                BroadcasterChange { rtsp_url: Some(url), rtsp_transport: Some(transport), ..Default::default() };
            catalogue.update_broadcaster(&find(catalogue, &slug).await?.id, change).await?;
            Ok(format!("{slug} {said}.\n"))
        }
        Command::SetPreset { slug, preset } => {
            if let Some(name) = preset.as_deref().filter(|name| !live::is_preset(name)) {
                let names = live::presets().join(", ");
                return Err(Error::Other(format!("there is no preset {name:?}; there are {names}")));
            }
            let said = preset.clone().unwrap_or_else(|| "what renditions.preset says".to_owned());
            let change = BroadcasterChange { preset: Some(preset), ..Default::default() };
            catalogue.update_broadcaster(&find(catalogue, &slug).await?.id, change).await?;
            Ok(format!("{slug} gets {said} from its next live on.\n"))
        }
        Command::SetSpeakers { slug, speakers } => {
            let shown =
                credited(catalogue, &slug, CreditsChange { speakers: Some(speakers), ..Default::default() }).await?;
            let said = if shown.speakers.is_empty() { "nobody".to_owned() } else { shown.speakers.join(", ") };
            Ok(format!("{slug} names {said}.\n"))
        }
        Command::SetLicence { slug, licence } => {
            let licence = Some(licence.unwrap_or_default());
            let shown = credited(catalogue, &slug, CreditsChange { licence, ..Default::default() }).await?;
            let said = if shown.licence.is_empty() { "no licence" } else { &shown.licence };
            Ok(format!("{slug} has {said}.\n"))
        }
        Command::SetTool { slug, url, place } => {
            let change = BroadcasterDetailsChange {
                tool_url: Some(url),
                tool_place: place,
                ..BroadcasterDetailsChange::default()
            };
            let id = find(catalogue, &slug).await?.id;
            let BroadcasterDetails { tool_url, tool_place, .. } =
                catalogue.change_broadcaster_details(&id, change).await?;
            Ok(match tool_url {
                Some(url) => format!("{slug} shows {url} {} its lives.\n", tool_place.name()),
                None => format!("{slug} shows no other page with its lives.\n"),
            })
        }
        Command::SetCaptions { slug, languages } => {
            let (said, missing) = (languages.told(), languages.missing(config));
            let captions = CaptionChange { languages: Some(languages.0), ..Default::default() };
            let change = BroadcasterChange { captions, ..Default::default() };
            catalogue.update_broadcaster(&find(catalogue, &slug).await?.id, change).await?;
            Ok(format!("{slug} is captioned in {said}.\n{missing}"))
        }
        Command::SetVocabulary { slug, file, exclusive } => {
            let vocabulary = file.as_deref().map(captions::vocabulary).transpose()?.unwrap_or_default();
            let said = captions::told(&vocabulary, exclusive);
            let captions =
                CaptionChange { vocabulary: Some(vocabulary), exclusive: Some(exclusive), ..Default::default() };
            let change = BroadcasterChange { captions, ..Default::default() };
            catalogue.update_broadcaster(&find(catalogue, &slug).await?.id, change).await?;
            Ok(format!("{slug} {said}.\n"))
        }
        Command::Vocabulary { slug } => {
            let lines = find(catalogue, &slug).await?.captions.vocabulary.lines();
            Ok(lines.into_iter().map(|line| line + "\n").collect())
        }
        Command::Remove { slug } => {
            let id = find(catalogue, &slug).await?.id;
            catalogue.remove_broadcaster(&id, now()).await?;
            catalogue.note(&Actor::CommandLine, "broadcaster.delete", id.as_str(), slug.as_str(), now()).await?;
            Ok(format!("{slug} is removed and its keys are refused; its videos stay.\n"))
        }
        Command::List { json } => {
            let broadcasters = catalogue.broadcasters().await?;
            if json {
                return Ok(table::json(broadcasters.iter().map(object).collect()));
            }
            let rows: Vec<Vec<String>> = broadcasters
                .iter()
                .map(|broadcaster| {
                    let source = broadcaster.rtsp_url.as_ref().map_or_else(|| "pushed".to_owned(), ToString::to_string);
                    vec![broadcaster.slug.to_string(), source, broadcaster.title.clone()]
                })
                .collect();
            let empty = "There are no broadcasters yet: amphi broadcaster add SLUG";
            Ok(table::columns(&["SLUG", "SOURCE", "TITLE"], &rows, empty))
        }
    }
}

pub(super) async fn find(catalogue: &Catalogue, slug: &Slug) -> Result<Broadcaster, Error> {
    let found = catalogue.broadcaster_by_slug(slug).await?;
    found.ok_or_else(|| Error::Other(format!("there is no broadcaster {slug}")))
}

async fn credited(catalogue: &Catalogue, slug: &Slug, credits: CreditsChange) -> Result<Credits, Error> {
    let change = BroadcasterChange { credits, ..Default::default() };
    Ok(catalogue.update_broadcaster(&find(catalogue, slug).await?.id, change).await?.credits)
}

fn with_key(broadcaster: &Broadcaster, key: &StreamKey, json: bool) -> String {
    let (slug, key) = (&broadcaster.slug, key.reveal());
    if json {
        return format!("{:#}\n", json!({"slug": slug.as_str(), "key": key}));
    }
    format!(
        "{slug}, stream key shown only now: {key}\n  \
         publish to rtmp://HOST:1935/live/{slug}?key={key}\n  \
         or to      rtmp://HOST:1935/live/{key}\n"
    )
}

fn object(broadcaster: &Broadcaster) -> Value {
    json!({
        "id": broadcaster.id.as_str(),
        "slug": broadcaster.slug.as_str(),
        "title": broadcaster.title,
        "speakers": broadcaster.credits.speakers,
        "licence": broadcaster.credits.licence,
        "rtsp_url": broadcaster.rtsp_url.as_ref().map(ToString::to_string),
        "rtsp_transport": broadcaster.rtsp_transport.name(),
        "grace_ms": broadcaster.grace.map(|grace| grace.as_millis()),
        "preset": broadcaster.preset,
        "record_start": broadcaster.record_start.name(),
        "caption_languages": broadcaster.captions.languages.as_ref().map(|all| all.iter().map(Language::tag).collect::<Vec<_>>()),
        "vocabulary": broadcaster.captions.vocabulary.lines(),
        "vocabulary_exclusive": broadcaster.captions.exclusive,
        "created_at": rfc3339(broadcaster.created_at),
    })
}
