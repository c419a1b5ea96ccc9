//! A file from the network, in as many pieces as it takes.
//!
//! **Promises.** What has arrived stays in a `.part` beside a note of where it came from and which version it was (ETag or
//! Last-Modified); the next attempt, also of another day, asks only for the rest, and starts over when the source has another version. No
//! more than the bound is written. Every wait has an end. Nothing here says what the file is: its hash does, afterwards.

use super::error::Error;
use super::install::Progress;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};
use url::Url;

const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(30);
/// One request lasts at most so long, then the next goes on where it was: a source that has fallen silent is noticed, a slow one is not
/// lost.
const REQUEST: Duration = Duration::from_secs(90);
/// Where the source can't go on in the middle, one request has to do.
const WHOLE: Duration = Duration::from_secs(6 * 3_600);
/// Attempts in a row that bring nothing.
const ATTEMPTS: u32 = 5;
const REDIRECTS: u32 = 5;
const BUFFER: usize = 64 << 10;
/// A validator is a line of some dozen bytes.
const MAX_NOTE_BYTES: u64 = 4 << 10;

/// Where a file is gathered.
pub(super) struct Part {
    file: PathBuf,
    note: PathBuf,
}

impl Part {
    /// `folder/.download-<name>.part` and its note.
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        let at = |ending| folder.join(format!(".download-{name}.{ending}"));
        Self { file: at("part"), note: at("from") }
    }

    pub(super) fn path(&self) -> &Path {
        &self.file
    }

    /// Nothing of it is kept.
    pub(super) fn discard(&self) {
        let _gone_already = (fs::remove_file(&self.file), fs::remove_file(&self.note));
    }

    /// Bytes there, if they are of `url`, and the validator to ask with.
    fn state(&self, url: &str) -> (u64, Option<String>) {
        let mut text = String::new();
        let read = File::open(&self.note).and_then(|note| note.take(MAX_NOTE_BYTES).read_to_string(&mut text));
        let mut lines = text.lines();
        if read.is_err() || lines.next() != Some(url) {
            return (0, None);
        }
        let bytes = fs::metadata(&self.file).map_or(0, |part| part.len());
        // Without a validator two versions could be joined.
        match lines.next().filter(|validator| !validator.is_empty()) {
            Some(validator) => (bytes, Some(validator.to_owned())),
            None => (0, None),
        }
    }
}

/// How one request ended.
enum Ended {
    Whole,
    /// Bytes may have come; more may.
    Early(String),
    /// Asking again would give the same.
    Never(String),
}

/// Brings `url` into `part`, at most `most` bytes, of which there must be `exact` if that is known.
///
/// # Errors
/// The source does not answer, refuses, or has another size; what arrived is kept unless it is useless.
pub(super) fn fetch(
    url: &Url,
    part: &Part,
    exact: Option<u64>,
    most: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let shown = shown(url);
    let fail = |why: String| Error::Fetch { url: shown.clone(), why };
    let agent = agent(url);
    let (mut failed, mut resumes) = (0, true);
    loop {
        let before = part.state(url.as_str()).0;
        let mut request = Request { url, part, exact, most, resumes: &mut resumes, progress: &mut *progress };
        match request.run(&agent)? {
            Ended::Whole => return Ok(()),
            Ended::Never(why) => return Err(fail(why)),
            Ended::Early(why) => {
                let now = part.state(url.as_str()).0;
                failed = if now > before { 0 } else { failed + 1 };
                if failed == ATTEMPTS {
                    let kept =
                        if now == 0 { String::new() } else { format!("; {now} bytes are kept: try again later") };
                    return Err(fail(format!("{why}, {ATTEMPTS} times{kept}")));
                }
                progress(Progress::Again { why });
                // 0, 1, 2, 4 s: a source that restarts is back by then.
                std::thread::sleep(Duration::from_secs((1 << failed) / 2));
            }
        }
    }
}

/// The URL as it may be seen: without user, password and query.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _has_no_host = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.to_string()
}

fn agent(url: &Url) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // No way from TLS to plain text.
        .https_only(url.scheme() == "https")
        .max_redirects(REDIRECTS)
        .user_agent(concat!("amphi/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER));
    // Also for plain HTTP, which may be sent on to HTTPS. Ring and nothing else is compiled in, but the library asks for the process's default.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let system = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = system.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build();
    config.tls_config(tls).build().into()
}

struct Request<'a> {
    url: &'a Url,
    part: &'a Part,
    exact: Option<u64>,
    most: u64,
    resumes: &'a mut bool,
    progress: &'a mut dyn FnMut(Progress),
}

impl Request<'_> {
    fn run(&mut self, agent: &Agent) -> Result<Ended, Error> {
        let (have, validator) = self.part.state(self.url.as_str());
        let mut request = agent.get(self.url.as_str());
        if let (1.., Some(validator)) = (have, &validator) {
            request = request.header(header::RANGE, format!("bytes={have}-")).header(header::IF_RANGE, validator);
        }
        let patience = if *self.resumes { REQUEST } else { WHOLE };
        let answer = match request.config().timeout_recv_body(Some(patience)).build().call() {
            Ok(answer) => answer,
            Err(
                error @ (ureq::Error::BadUri(_) | ureq::Error::TooManyRedirects | ureq::Error::RequireHttpsOnly(_)),
            ) => {
                return Ok(Ended::Never(error.to_string()));
            }
            Err(error) => return Ok(Ended::Early(error.to_string())),
        };
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if have > 0 => match range_of(&answer) {
                Some((from, total)) if from == have => self.body(answer, have, total),
                _ => {
                    self.part.discard();
                    Ok(Ended::Early("the source sent another range than was asked for".to_owned()))
                }
            },
            StatusCode::OK => {
                let version = validator_of(&answer);
                // It would not go on in the middle, or could not tell whether it may.
                if version.is_none() || (have > 0 && version == validator) {
                    *self.resumes = false;
                }
                let total = length(&answer);
                self.begin(&answer)?;
                self.body(answer, 0, total)
            }
            // All of it is there, or what is there is more than all of it.
            StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => {
                if range_total(&answer) == Some(have) && self.exact.is_none_or(|exact| exact == have) {
                    return Ok(Ended::Whole);
                }
                self.part.discard();
                Ok(Ended::Early("what was kept is of no use".to_owned()))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Ended::Never("is not there (404)".to_owned())),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Ok(Ended::Early(format!("the source answered {status}")))
            }
            status => Ok(Ended::Never(format!("the source answered {status}"))),
        }
    }

    /// An empty part, and the note of what it will be a part of.
    fn begin(&self, answer: &Response<Body>) -> Result<(), Error> {
        self.part.discard();
        let note = format!("{}\n{}\n", self.url, validator_of(answer).unwrap_or_default());
        File::create(&self.part.file).map_err(Error::io(&self.part.file))?;
        fs::write(&self.part.note, note).map_err(Error::io(&self.part.note))
    }

    fn body(&mut self, answer: Response<Body>, from: u64, total: Option<u64>) -> Result<Ended, Error> {
        if let (Some(total), Some(exact)) = (total, self.exact)
            && total != exact
        {
            self.part.discard();
            return Ok(Ended::Never(format!("has {total} bytes and not {exact}: another file, or a page about it")));
        }
        if total.unwrap_or_default() > self.most {
            self.part.discard();
            return Ok(Ended::Never(format!("has more than {} bytes", self.most)));
        }
        let path = &self.part.file;
        let mut file = OpenOptions::new().write(true).open(path).map_err(Error::io(path))?;
        file.seek(SeekFrom::Start(from)).map_err(Error::io(path))?;
        let mut body = answer.into_body().into_with_config().limit(u64::MAX).reader();
        let (mut have, mut buffer) = (from, vec![0; BUFFER]);
        (self.progress)(Progress::Fetched { have, total });
        let ended = loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break None,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Some(error.to_string()),
            };
            if have + count as u64 > self.exact.unwrap_or(self.most) {
                self.part.discard();
                return Ok(Ended::Never(format!("goes on after {} bytes", self.exact.unwrap_or(self.most))));
            }
            file.write_all(&buffer[..count]).map_err(Error::io(path))?;
            have += count as u64;
            (self.progress)(Progress::Fetched { have, total });
        };
        file.sync_data().map_err(Error::io(path))?;
        Ok(match (ended, total.or(self.exact)) {
            (None, Some(total)) if have < total => {
                Ended::Early(format!("the source left after {have} of {total} bytes"))
            }
            (None, _) => Ended::Whole,
            (Some(why), _) => Ended::Early(why),
        })
    }
}

/// What `If-Range` may be asked with: a strong ETag, or the date.
fn validator_of(answer: &Response<Body>) -> Option<String> {
    let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    text(header::ETAG).filter(|tag| tag.starts_with('"')).or_else(|| text(header::LAST_MODIFIED))
}

fn length(answer: &Response<Body>) -> Option<u64> {
    answer.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// First byte and total of `Content-Range: bytes 5-9/10`.
fn range_of(answer: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let text = answer.headers().get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    Some((range.split_once('-')?.0.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Total of `Content-Range: bytes */10`.
fn range_total(answer: &Response<Body>) -> Option<u64> {
    answer.headers().get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes */")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&str, &str)]) -> Response<Body> {
        let mut answer = Response::builder();
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        answer.body(Body::builder().data("")).unwrap()
    }

    #[test]
    fn only_what_is_known_to_be_the_same_version_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let part = Part::new(folder.path(), "m");
        assert_eq!(part.state("http://a/m.zip"), (0, None));
        fs::write(part.path(), "12345").unwrap();
        assert_eq!(part.state("http://a/m.zip"), (0, None), "nobody knows what it is");
        fs::write(&part.note, "http://a/m.zip\n\"v1\"\n").unwrap();
        assert_eq!(part.state("http://a/m.zip"), (5, Some("\"v1\"".to_owned())));
        assert_eq!(part.state("http://b/m.zip"), (0, None));
        fs::write(&part.note, "http://a/m.zip\n\n").unwrap();
        assert_eq!(part.state("http://a/m.zip"), (0, None));
        part.discard();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        assert_eq!(validator_of(&answer(&[("etag", "\"v1\"")])).as_deref(), Some("\"v1\""));
        let weak = answer(&[("etag", "W/\"v1\""), ("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT")]);
        assert_eq!(validator_of(&weak).as_deref(), Some("Mon, 01 Jan 2024 00:00:00 GMT"));
        assert_eq!(validator_of(&answer(&[("etag", "W/\"v1\"")])), None);
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(range_of(&answer(&[("content-range", "bytes 5-9/10")])), Some((5, Some(10))));
        assert_eq!(range_of(&answer(&[("content-range", "bytes 5-9/*")])), Some((5, None)));
        assert_eq!(range_of(&answer(&[("content-range", "lines 5-9/10")])), None);
        assert_eq!(range_total(&answer(&[("content-range", "bytes */10")])), Some(10));
    }

    #[test]
    fn a_password_is_not_shown() {
        let url: Url = "https://u:hunter2@mirror.example/a/m.zip?token=hunter3".parse().unwrap();
        assert_eq!(shown(&url), "https://mirror.example/a/m.zip");
    }
}
