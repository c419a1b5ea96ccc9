//! The search of a real server: found by what was changed before it came, and killed while it indexes.

use crate::support::ask::{amphi, block, json};
use crate::support::peers::wait_until;
use crate::support::server::{Options, Server};
use amphi::catalogue::Catalogue;
use amphi::catalogue::access::AccessChange;
use amphi::catalogue::broadcaster::NewBroadcaster;
use amphi::catalogue::details::DetailsChange;
use amphi::catalogue::id::VideoId;
use amphi::catalogue::video::{Finished, NewVideo, VideoChange};
use amphi::policy::state::Visibility;
use media::time::WallTime;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

const VIDEOS: usize = 300;
/// How often it is killed, and how long after its start; it indexes from the first moment.
const KILLS_MS: [u64; 5] = [0, 40, 90, 150, 260];
const WITHIN: Duration = Duration::from_secs(60);

async fn open(data: &Path) -> Catalogue {
    let catalogue = Catalogue::open(data.join("db").join("catalogue.sqlite").to_str().unwrap()).await.unwrap();
    catalogue.migrate().await.unwrap();
    catalogue
}

/// Public videos without media.
async fn fill(catalogue: &Catalogue) -> Vec<VideoId> {
    let now = WallTime::from_micros(1_790_000_000_000_000);
    let hall = catalogue.add_broadcaster(NewBroadcaster::new("hall".parse().unwrap(), "Hall"), now).await.unwrap();
    let public = AccessChange { visibility: Some(Visibility::Public), ..AccessChange::default() };
    catalogue.change_broadcaster_access(&hall.id, public).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..VIDEOS {
        let new = NewVideo {
            broadcaster_id: hall.id.clone(),
            title: Some(format!("ronde0 numero{n}")),
            started_at: now,
            first_msn: 0,
            first_discontinuity: 0,
        };
        let id = catalogue.begin_video(new).await.unwrap().id;
        let finished = Finished {
            ended_at: now.plus_micros(30_000_000),
            duration: Duration::from_secs(30),
            listed: true,
            ladder: false,
            next_msn: 1,
            next_discontinuity: 0,
        };
        catalogue.finish_video(&id, finished).await.unwrap();
        ids.push(id);
    }
    ids
}

async fn rename(catalogue: &Catalogue, ids: &[VideoId], round: usize) {
    for (n, id) in ids.iter().enumerate() {
        let title = Some(format!("ronde{round} numero{n}"));
        let video = VideoChange { title, ..VideoChange::default() };
        catalogue.change_details(id, DetailsChange { video, ..DetailsChange::default() }).await.unwrap();
    }
}

fn titles(http: SocketAddr, typed: &str) -> Vec<String> {
    let answer = json(http, &format!("/api/v1/search?q={typed}"));
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["title"].as_str().unwrap_or_default().to_owned()).collect()
}

fn is_whole(http: SocketAddr) -> bool {
    let answer = crate::support::ask::get(http, "/api/v1/search?q=ronde");
    answer.status == 200 && answer.text().unwrap().contains("\"complete\":true")
}

#[test]
fn a_server_that_is_killed_while_it_indexes_finds_everything_as_it_is_at_the_next_start() {
    let data = tempfile::Builder::new().prefix("amphi-test-").tempdir().unwrap();
    let catalogue = block(open(data.path()));
    let ids = block(fill(&catalogue));
    let path = data.path().to_owned();
    let mut server = Server::start_on(Options::default(), data);
    for (round, after_ms) in (1..).zip(KILLS_MS) {
        // The moment is what the test is about.
        std::thread::sleep(Duration::from_millis(after_ms));
        server.kill_9();
        block(rename(&catalogue, &ids, round));
        server.restart();
    }
    let last = KILLS_MS.len();
    assert!(wait_until(WITHIN, || is_whole(server.http())), "not all is compared");
    // What was committed before the kill may be of an earlier round until it is compared.
    for n in [0, 1, VIDEOS / 2, VIDEOS - 1] {
        assert_eq!(titles(server.http(), &format!("numero{n}+")), [format!("ronde{last} numero{n}")]);
    }
    for round in 0..last {
        assert_eq!(titles(server.http(), &format!("ronde{round}+")), [""; 0], "{round}");
    }
    assert_eq!(titles(server.http(), &format!("ronde{last}+")).len(), 20);
    let said = amphi(&server, &["search", "rebuild"]);
    assert!(said.contains("The server that runs"), "{said}");
    assert_eq!(server.stop().code(), Some(0));
    // Nothing is left of the lock.
    assert!(path.join("db").join("search").join("default").exists());
    server.restart();
    assert!(wait_until(WITHIN, || is_whole(server.http()) && titles(server.http(), "numero7+").len() == 1));
}
