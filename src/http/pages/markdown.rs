//! Descriptions: Markdown that people write, as HTML that can do no harm.
//!
//! **Promises.** What comes out holds only the elements of this file, with no attribute but the `href` and `rel` of links. Links lead to `http:`,
//! `https:` and `mailto:` and nowhere else, carry no credentials, and are no recommendation of ours. There is no picture, so nobody elsewhere
//! learns who reads; what is written as HTML is shown as it was written. Nesting deeper than a dozen is shown flat.

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};
use std::fmt::{self, Write as _};
use url::Url;

/// Lists within lists, quotations within quotations. More is nobody's text.
const MAX_DEPTH: usize = 12;
/// Of a link's address, in bytes.
const MAX_LINK: usize = 2_000;

/// HTML of ours, for templates: shown as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// What Markdown says; `None`: it says nothing.
    #[must_use]
    pub fn of_markdown(text: &str) -> Option<Self> {
        let mut writer = Writer::default();
        for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
            writer.take(event);
        }
        let html = writer.finish();
        (!html.trim().is_empty()).then_some(Self(html))
    }
}

impl Html {
    /// JSON for a `script` element: nothing in it ends the element.
    #[must_use]
    pub fn of_json(value: &serde_json::Value) -> Self {
        let mut safe = String::new();
        for c in value.to_string().chars() {
            match c {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    let _infallible = write!(safe, "\\u{:04x}", u32::from(c));
                }
                c => safe.push(c),
            }
        }
        Self(safe)
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the words of a description are, without its marks: for summaries. At most `max` characters.
#[must_use]
pub fn plain(text: &str, max: usize) -> String {
    let mut words = String::new();
    for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) | Event::Code(text) => words.push_str(&text),
            Event::SoftBreak | Event::HardBreak | Event::End(_) if !words.ends_with(' ') => words.push(' '),
            _ => {}
        }
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", words[..end].trim_end()),
        None => words,
    }
}

#[derive(Default)]
struct Writer {
    html: String,
    /// What is open, and how it is closed; empty for what is shown flat.
    open: Vec<&'static str>,
    /// There was a heading.
    headed: bool,
}

impl Writer {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => {
                self.html.push_str("<code>");
                self.text(&text);
                self.html.push_str("</code>");
            }
            Event::SoftBreak => self.html.push('\n'),
            Event::HardBreak => self.html.push_str("<br>\n"),
            Event::Rule => self.html.push_str("<hr>\n"),
            // Not asked for: shown as they were written.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => self.text(&text),
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let (begin, end) = match tag {
            Tag::Paragraph => ("<p>", "</p>\n"),
            // The page's title is above them, and no level is left out.
            Tag::Heading { level, .. } if level as u8 <= 2 || !self.headed => {
                self.headed = true;
                ("<h2>", "</h2>\n")
            }
            Tag::Heading { .. } => ("<h3>", "</h3>\n"),
            Tag::BlockQuote(_) => ("<blockquote>\n", "</blockquote>\n"),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => ("<pre><code>", "</code></pre>\n"),
            Tag::List(None) => ("<ul>\n", "</ul>\n"),
            Tag::List(Some(_)) => ("<ol>\n", "</ol>\n"),
            Tag::Item => ("<li>", "</li>\n"),
            Tag::Emphasis => ("<em>", "</em>"),
            Tag::Strong => ("<strong>", "</strong>"),
            Tag::Strikethrough => ("<del>", "</del>"),
            Tag::HtmlBlock => ("<p>", "</p>\n"),
            Tag::Link { link_type, dest_url, .. } => match link(link_type, &dest_url) {
                Some(address) if self.open.len() < MAX_DEPTH => {
                    self.html.push_str("<a href=\"");
                    self.text(&address);
                    self.html.push_str("\" rel=\"nofollow noopener\">");
                    self.open.push("</a>");
                    return;
                }
                _ => ("", ""),
            },
            // Of a picture, its words.
            _ => ("", ""),
        };
        let shown = self.open.len() < MAX_DEPTH;
        self.html.push_str(if shown { begin } else { "" });
        self.open.push(if shown { end } else { "" });
    }

    fn end(&mut self, end: TagEnd) {
        if let Some(end) = self.open.pop() {
            self.html.push_str(end);
        }
        // What is flat must not run into what follows.
        if matches!(end, TagEnd::Paragraph | TagEnd::Item) && !self.html.ends_with('\n') {
            self.html.push('\n');
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.html.push_str("&amp;"),
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                '\'' => self.html.push_str("&#39;"),
                c => self.html.push(c),
            }
        }
    }

    fn finish(mut self) -> String {
        while let Some(end) = self.open.pop() {
            self.html.push_str(end);
        }
        self.html
    }
}

/// The address of a link that may be one.
fn link(link_type: LinkType, address: &str) -> Option<String> {
    let url = match link_type {
        LinkType::Email => Url::parse(&format!("mailto:{address}")).ok()?,
        _ => Url::parse(address).ok()?,
    };
    let good = match url.scheme() {
        "http" | "https" => url.host().is_some() && url.username().is_empty() && url.password().is_none(),
        "mailto" => url.path().contains('@'),
        _ => false,
    };
    let text: String = url.into();
    (good && text.len() <= MAX_LINK).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        Html::of_markdown(text).map(|html| html.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_people_write_is_shown() {
        assert_eq!(
            html("# Cours\n\n*Un* **deux** `x<y`"),
            "<h2>Cours</h2>\n<p><em>Un</em> <strong>deux</strong> <code>x&lt;y</code></p>\n"
        );
        assert_eq!(html("- a\n- b\n\n1. c"), "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol>\n<li>c</li>\n</ol>\n");
        assert_eq!(
            html("#### T\n### U\nl'été  \nici\n\n---"),
            "<h2>T</h2>\n<h3>U</h3>\n<p>l&#39;été<br>\nici</p>\n<hr>\n"
        );
        assert_eq!(
            html("> q\n\n```sh\n<b>\n```"),
            "<blockquote>\n<p>q</p>\n</blockquote>\n<pre><code>&lt;b&gt;\n</code></pre>\n"
        );
        assert_eq!(
            html("[le site](https://example.org/?a=1&b='2' \"t\") <prof@example.org>"),
            "<p><a href=\"https://example.org/?a=1&amp;b=%272%27\" rel=\"nofollow noopener\">le site</a> \
             <a href=\"mailto:prof@example.org\" rel=\"nofollow noopener\">prof@example.org</a></p>\n"
        );
        assert_eq!(Html::of_markdown(" \n\n"), None);
    }

    /// The names of all elements, and the attributes that they have.
    fn parts(html: &str) -> Vec<&str> {
        html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
    }

    #[test]
    fn nothing_that_could_do_harm_comes_out() {
        for bad in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <b onclick=\"alert(1)\">b</b> <iframe src=https://e.example></iframe>",
            "![x](https://e.example/p.png) ![y](javascript:alert(1))",
            "[x](javascript:alert(1)) [y](JaVaScRiPt:alert(1)) [z](data:text/html,x) [v](vbscript:x) [f](file:///etc/passwd)",
            "[x](//e.example) [y](/account) [z](#a) [w](https://a:b@e.example) [v](https://uni.example@e.example)",
            "<javascript:alert(1)> [x](\"onmouseover=alert(1))",
            "[a]: javascript:alert(1)\n\n[a]",
            "[x](https://e.example/\"onmouseover=\"alert(1)) [y](<https://e.example/><img src=x>)",
            "[x](ht\ttps://e.example/\u{0}'>) &lt;script&gt; &#60;script&#62;",
            "``` \"><script>\nx\n```",
            "<!-- x --> <?php x ?> <![CDATA[x]]>",
        ] {
            let html = html(bad);
            for part in parts(&html) {
                let name = part.trim_start_matches('/').split(' ').next().unwrap();
                assert!(["p", "a", "br", "pre", "code", "em", "strong"].contains(&name), "{bad}: {html}");
                if part.contains(' ') {
                    let address =
                        part.strip_prefix("a href=\"https://e.example/").unwrap_or_else(|| panic!("{bad}: {html}"));
                    assert!(
                        address.ends_with("\" rel=\"nofollow noopener\"") && address.matches('"').count() == 3,
                        "{html}"
                    );
                }
            }
        }
    }

    #[test]
    fn elements_are_closed_in_order_however_deep_they_are() {
        for text in ["> ".repeat(3_000) + "deep", "- ".repeat(3_000) + "deep", "*a ".repeat(2_000), "[".repeat(5_000)] {
            let html = html(&text);
            let mut open = Vec::new();
            for part in parts(&html) {
                match part.strip_prefix('/') {
                    Some(name) => assert_eq!(open.pop(), Some(name), "{html:.300}"),
                    None => open.push(part.split(' ').next().unwrap()),
                }
                assert!(open.len() <= MAX_DEPTH);
            }
            assert!(open.is_empty() && html.len() < 2 * text.len() + 1_000);
        }
    }

    #[test]
    fn a_summary_has_the_words_alone() {
        assert_eq!(plain("# Été\n\n*Un* [lien](https://x.example)\nici <b>", 99), "Été Un lien ici");
        assert_eq!(plain("un deux trois", 8), "un deux…");
        assert_eq!(plain("", 8), "");
    }
}
