//! The integration tests, one binary: the real server on free ports with a fresh data directory, and real programs as peers.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise; clippy only knows functions that are tests themselves"
)]

mod access;
mod beside;
mod browser;
mod captions;
mod configured;
mod crash;
mod cut;
mod disk;
mod doors;
mod download;
mod http_origin;
mod ladder;
mod live_to_video;
mod load_hostile;
mod low_latency_rules;
mod models;
mod operate;
mod previews;
mod recording;
mod repo;
mod rtsp_pull;
mod search;
mod serve;
mod storyboard;
mod subtitles;
mod support;
mod university;
