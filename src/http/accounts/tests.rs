//! Signing in as a browser does it, and what a stranger can learn by trying.

use crate::catalogue::identity::NewPerson;
use crate::catalogue::person::Person;
use crate::catalogue::secret::Password;
use crate::http::support::{Answer, Browser, World, now, pass};
use crate::mail::Mailer;
use crate::policy::who::Role;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

const PASSWORD: &str = "correct horse battery";

/// Somebody who signs in with [`PASSWORD`].
async fn marie(world: &World) -> Person {
    let hash = Password::new(PASSWORD.to_owned()).unwrap().hash().unwrap();
    let new = NewPerson { mail: Some("marie@uni.example".into()), ..NewPerson::new("marie", Role::Contributor) };
    world.catalogue.add_person(new, &hash, now()).await.unwrap()
}

async fn sign_in(browser: &mut Browser<'_>, login: &str, password: &str) -> Answer {
    browser.get("/sign-in").await;
    browser.post("/sign-in", &format!("login={login}&password={}&next=%2Faccount", password.replace(' ', "+"))).await
}

/// What a page says without what is random in it or was typed.
fn said(answer: &Answer, browser: &Browser<'_>, typed: &str) -> (u16, String) {
    let word = browser.cookies.get("amphi-form").cloned().unwrap_or_default();
    (answer.status, answer.text.replace(&word, "WORD").replace(&format!("value=\"{typed}\""), "value=\"\""))
}

#[tokio::test]
async fn whoever_knows_the_password_is_signed_in_and_goes_where_they_wanted() {
    let world = World::new().await;
    marie(&world).await;
    let mut browser = world.browser();
    let wanted = browser.get("/account").await;
    assert!(wanted.status == 401 && wanted.text.contains("name=\"next\" value=\"/account\""), "{}", wanted.text);
    let answer = sign_in(&mut browser, "Marie", PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/account"));
    let (_, attributes) = answer.cookie("amphi").unwrap();
    assert!(attributes.contains("Path=/; ") && attributes.contains("HttpOnly; SameSite=Lax"), "{attributes}");
    let account = browser.get("/account").await;
    assert!(account.status == 200 && account.text.contains("marie@uni.example"), "{}", account.text);
    assert!(browser.get("/").await.text.contains("<a href=\"/account\">marie</a>"));

    let mut other = world.browser();
    other.get("/sign-in").await;
    let away = other.post("/sign-in", &format!("login=marie&password={PASSWORD}&next=%2F%2Fevil.example")).await;
    assert_eq!((away.status, away.header("location")), (303, "/"), "not to another site");
}

#[tokio::test]
async fn a_form_that_another_site_made_signs_nobody_in() {
    let world = World::new().await;
    marie(&world).await;
    let body = format!("login=marie&password={PASSWORD}&next=/&form={}", "0".repeat(32));
    for body in [body.as_str(), "login=marie", "\u{0}"] {
        let answer = world.browser().send("POST", "/sign-in", &[("origin", "https://evil.example")], body).await;
        assert!(answer.status == 403 && answer.cookie("amphi").is_none(), "{answer:?}");
    }
    let huge = format!("login={}&password=x&form=x", "x".repeat(64 << 10));
    assert!(world.browser().send("POST", "/sign-in", &[], &huge).await.status >= 400);
}

#[tokio::test]
async fn whether_there_is_such_an_account_cannot_be_told() {
    let world = World::new().await;
    let person = marie(&world).await;
    let mut browser = world.browser();
    let mut answers = Vec::new();
    let mut took = Vec::new();
    for login in ["marie", "nobody", "no such name at all!"] {
        let began = Instant::now();
        let answer = sign_in(&mut browser, login, "wrong password").await;
        took.push(began.elapsed());
        assert_eq!(answer.status, 401);
        answers.push(said(&answer, &browser, login));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    // A hash is most of it: without one the answer would come in a hundredth of the time.
    assert!(took.iter().all(|one| *one > took[0] / 5), "{took:?}");

    browser.get("/forgotten").await;
    let mut answers = Vec::new();
    for who in ["marie", "marie@uni.example", "nobody@uni.example", "?"] {
        let answer = browser.post("/forgotten", &format!("who={who}")).await;
        answers.push(said(&answer, &browser, who));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]) && answers[0].0 == 200, "{answers:?}");

    let disabled = crate::catalogue::person::PersonChange { disabled: Some(true), ..Default::default() };
    world.catalogue.change_person(&person.id, disabled, now()).await.unwrap();
    let answer = sign_in(&mut browser, "marie", PASSWORD).await;
    assert_eq!(answer.status, 401, "and nobody learns that somebody is disabled");
}

#[tokio::test]
async fn guessing_gets_slow_for_the_account_and_its_owner_comes_in_again_later() {
    let world = World::new().await;
    marie(&world).await;
    let mut browser = world.browser();
    for n in 0..10 {
        assert_eq!(sign_in(&mut browser, "marie", "wrong password").await.status, 401, "{n}");
    }
    let began = Instant::now();
    let answer = sign_in(&mut browser, "marie", PASSWORD).await;
    assert!(answer.status == 429 && answer.text.contains("2 minutes"), "{}", answer.text);
    assert!(answer.cookie("amphi").is_none());
    assert!(began.elapsed() < Duration::from_millis(500), "what is refused is not hashed");
    pass(90);
    assert_eq!(sign_in(&mut browser, "marie", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn another_password_signs_out_everywhere_else() {
    let world = World::new().await;
    let person = marie(&world).await;
    let (mut here, mut there) = (world.browser_of(&person).await, world.browser_of(&person).await);
    let account = here.get("/account").await;
    assert!(account.text.contains("name=\"session\" value=\"others\""), "{}", account.text);
    let wrong = here.post("/account/password", "old=wrong-password&new=another+long+one").await;
    assert_eq!(wrong.status, 401);
    let short = here.post("/account/password", &format!("old={PASSWORD}&new=short")).await;
    assert_eq!(short.status, 422);
    assert_eq!(there.get("/account").await.status, 200);
    let changed = here.post("/account/password", &format!("old={PASSWORD}&new=another+long+one")).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!((here.get("/account").await.status, there.get("/account").await.status), (200, 401));
    assert_eq!(sign_in(&mut there, "marie", PASSWORD).await.status, 401);
    assert_eq!(sign_in(&mut there, "marie", "another long one").await.status, 303);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_by_their_person_only() {
    let world = World::new().await;
    let (person, paul) = (marie(&world).await, world.person("paul", Role::Viewer).await);
    let (mut here, mut there) = (world.browser_of(&person).await, world.browser_of(&person).await);
    let mut stranger = world.browser_of(&paul).await;
    let sessions = world.catalogue.sessions(&person.id, now()).await.unwrap();
    here.get("/account").await;
    stranger.get("/account").await;
    for session in &sessions {
        assert_eq!(stranger.post("/account/sessions/end", &format!("session={}", session.id)).await.status, 303);
    }
    assert_eq!((here.get("/account").await.status, there.get("/account").await.status), (200, 200));
    assert_eq!(here.post("/account/sessions/end", "session=others").await.status, 303);
    assert_eq!((here.get("/account").await.status, there.get("/account").await.status), (200, 401));

    let mut copied = here.clone();
    assert_eq!(here.post("/sign-out", "x=1").await.status, 303);
    assert_eq!(here.cookies.get("amphi"), None);
    assert_eq!(copied.get("/account").await.status, 401, "the cookie is worth nothing, wherever it is kept");
}

/// A mail server that takes one mail and gives its text.
async fn take_mail(listener: TcpListener) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 test\r\n").await.unwrap();
    let (mut mail, mut in_data) = (String::new(), false);
    while let Some(line) = lines.next_line().await.unwrap() {
        let answer = match (in_data, line.as_str()) {
            (true, ".") => {
                in_data = false;
                "250 ok\r\n"
            }
            (true, text) => {
                mail.push_str(text);
                mail.push('\n');
                continue;
            }
            (false, "DATA") => {
                in_data = true;
                "354 go on\r\n"
            }
            (false, "QUIT") => break,
            (false, _) => "250 ok\r\n",
        };
        write.write_all(answer.as_bytes()).await.unwrap();
        if !mail.is_empty() && !in_data {
            break;
        }
    }
    mail
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_that_is_good_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let world = World::writing(Mailer::new(&url, "Amphi <amphi@uni.example>").unwrap(), "https://tv.example").await;
    let person = marie(&world).await;
    let mut signed_in = world.browser_of(&person).await;
    let mut browser = world.browser();
    browser.get("/forgotten").await;
    let (answer, mail) = tokio::join!(browser.post("/forgotten", "who=Marie%40uni.example"), take_mail(listener));
    assert_eq!(answer.status, 200);
    // Quoted-printable, if it is: joined again.
    let mail = mail.replace("=\n", "").replace("=3D", "=");
    assert!(mail.contains("To: marie@uni.example"), "{mail}");
    let at = mail.find("https://tv.example/new-password?token=").unwrap_or_else(|| panic!("{mail}"));
    let token = mail[at..].split_whitespace().next().unwrap().split_once("token=").unwrap().1.to_owned();

    assert_eq!(browser.get("/new-password?token=wrong").await.status, 410);
    let form = browser.get(&format!("/new-password?token={token}")).await;
    assert_eq!(form.status, 200);
    let short = browser.post("/new-password", &format!("reset={token}&password=short")).await;
    assert_eq!(short.status, 422, "and the link is still good");
    let set = browser.post("/new-password", &format!("reset={token}&password=a+new+password")).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(signed_in.get("/account").await.status, 401, "whoever was signed in is not");
    let again = browser.post("/new-password", &format!("reset={token}&password=yet+another+one")).await;
    assert_eq!(again.status, 410);
    assert_eq!(sign_in(&mut browser, "marie", "a new password").await.status, 303);
}

#[tokio::test]
async fn nobody_asks_for_links_without_end() {
    let world = World::new().await;
    marie(&world).await;
    let mut browser = world.browser();
    browser.get("/forgotten").await;
    for n in 0..20 {
        assert_eq!(browser.post("/forgotten", "who=marie").await.status, 200, "{n}");
    }
    assert_eq!(browser.post("/forgotten", "who=paul").await.status, 429);
    pass(3_600);
    assert_eq!(browser.post("/forgotten", "who=paul").await.status, 200);
}
