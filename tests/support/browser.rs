//! A person's browser without its screen: cookies as a browser keeps them, forms filled as a person fills them, and pages' events.

use super::http::{Answer, Ask, ask};
use super::peers::Log;
use super::server::Server;
use super::stream::amphi;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

/// Cookies with their paths, as a browser keeps them.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    http: SocketAddr,
    /// As it is typed in its address bar.
    host: String,
    cookies: Vec<(String, String, String)>,
}

impl Browser {
    /// One that asks the server, and nobody yet.
    pub(crate) fn new(server: &Server) -> Self {
        Self::at(server.http())
    }

    /// One that asks a proxy.
    pub(crate) fn at(http: SocketAddr) -> Self {
        Self { http, host: http.to_string(), cookies: Vec::new() }
    }

    /// The same, and what it carries, at another name of the server.
    pub(crate) fn named(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    fn carried(&self, path: &str) -> String {
        let path = path.split('?').next().unwrap();
        let here =
            |of: &str| of == "/" || path == of || path.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'));
        let pairs = self.cookies.iter().filter(|(_, _, of)| here(of)).map(|(name, value, _)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Sends a form or nothing, and keeps the cookies that come.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let (carried, origin) = (self.carried(path), format!("http://{}", self.host));
        let headers = [
            ("host", self.host.as_str()),
            ("cookie", carried.as_str()),
            ("origin", origin.as_str()),
            ("accept-language", "en"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = ask(self.http, path, &Ask { method, headers: &headers, body });
        for (_, line) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = line.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let of = attributes.split("; ").find_map(|part| part.strip_prefix("Path=")).unwrap().to_owned();
            self.cookies.retain(|(known, _, path)| known != name || *path != of);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned(), of));
            }
        }
        answer
    }

    /// GET.
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    /// Reads a page with a form, and sends it with what is hidden in it.
    pub(crate) fn fill(&mut self, page: &str, to: &str, fields: &str) -> Answer {
        let text = self.get(page).text();
        // Several forms of a page repeat the same word.
        let hidden: BTreeSet<String> = text
            .split("<input type=\"hidden\" name=\"")
            .skip(1)
            .filter_map(|rest| {
                let (name, rest) = rest.split_once("\" value=\"")?;
                Some(format!("{name}={}", rest.split_once('"')?.0))
            })
            .collect();
        assert!(!hidden.is_empty(), "{page}: {text}");
        self.send("POST", to, &format!("{fields}&{}", Vec::from_iter(hidden).join("&")))
    }

    /// Somebody who has signed in by the form.
    pub(crate) fn sign_in(server: &Server, login: &str, password: &str) -> Self {
        Self::new(server).signed_in(login, password)
    }

    /// Signs in by the form.
    pub(crate) fn signed_in(mut self, login: &str, password: &str) -> Self {
        let answer = self.fill("/sign-in", "/sign-in", &format!("login={login}&password={password}"));
        assert_eq!(answer.status, 303, "{}", answer.text());
        self
    }

    /// What is said on a page's events, until the server closes them.
    pub(crate) fn listen(&self, path: &str) -> Log {
        let mut stream = TcpStream::connect(self.http).unwrap();
        let (host, carried) = (&self.host, self.carried(path));
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {carried}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let log = Log::default();
        log.gather(stream);
        log
    }
}

/// Adds somebody; gives the password.
pub(crate) fn add_person(server: &Server, login: &str, role: &str) -> String {
    let said = amphi(server, &["user", "add", login, "--role", role]);
    said.trim().rsplit(' ').next().unwrap().to_owned()
}
