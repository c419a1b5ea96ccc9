//! A live's metrics. Told once a second and per batch of parts, never per viewer; labels are bounded by the broadcasters.

use super::meter::Meter;
use super::production::Production;
use super::status::State;
use media::feed::Feed;
use media::ingest::Protocol;
use media::time::WallTime;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Of one broadcaster, from live to live.
#[derive(Debug)]
pub(super) struct Figures {
    on_air: Gauge,
    viewers: Gauge,
    lateness: Histogram,
    parts: Grown,
    unusable: Grown,
    repaired: Grown,
    encoding_dropped: Grown,
}

/// Of one contribution.
#[derive(Debug)]
pub(super) struct Received {
    bytes: Grown,
    frames: Grown,
    lagged: Grown,
}

/// A count kept elsewhere, and how much of it its counter has.
#[derive(Debug)]
struct Grown {
    counter: Counter,
    told: u64,
}

impl Grown {
    fn new(counter: Counter) -> Self {
        Self { counter, told: 0 }
    }

    /// A count that is lower than before began anew.
    fn tell(&mut self, count: u64) {
        self.counter.increment(count.checked_sub(self.told).unwrap_or(count));
        self.told = count;
    }
}

impl Figures {
    pub(super) fn new(slug: &str) -> Self {
        let slug = slug.to_owned();
        Self {
            on_air: gauge!("amphi_live_on_air", "broadcaster" => slug.clone()),
            viewers: gauge!("amphi_live_viewers", "broadcaster" => slug.clone()),
            lateness: histogram!("amphi_live_part_lateness_seconds", "broadcaster" => slug.clone()),
            parts: Grown::new(counter!("amphi_live_parts_total", "broadcaster" => slug.clone())),
            unusable: Grown::new(counter!("amphi_live_unusable_frames_total", "broadcaster" => slug.clone())),
            repaired: Grown::new(counter!("amphi_live_repaired_timestamps_total", "broadcaster" => slug.clone())),
            encoding_dropped: Grown::new(counter!("amphi_engine_dropped_frames_total", "broadcaster" => slug)),
        }
    }

    /// Where the live stands.
    pub(super) fn stands(&mut self, state: State, production: &Production, viewers: u64) {
        self.on_air.set(if state == State::OnAir { 1.0 } else { 0.0 });
        #[expect(clippy::cast_precision_loss, reason = "a count of viewers")]
        self.viewers.set(viewers as f64);
        self.parts.tell(production.parts());
        self.unusable.tell(production.dropped());
        self.repaired.tell(production.repaired());
        self.encoding_dropped.tell(production.transcoding().dropped());
    }

    /// Parts were told to viewers `now`, made of what came until `received`.
    pub(super) fn published(&mut self, received: Option<WallTime>, now: WallTime) {
        if let Some(received) = received {
            self.lateness.record(now.since(received));
        }
    }
}

impl Drop for Figures {
    fn drop(&mut self) {
        self.on_air.set(0.0);
        self.viewers.set(0.0);
    }
}

impl Received {
    pub(super) fn new(slug: &str, protocol: Protocol) -> Self {
        let (slug, protocol) = (slug.to_owned(), protocol.name());
        let bytes =
            counter!("amphi_contribution_received_bytes_total", "broadcaster" => slug.clone(), "protocol" => protocol);
        let frames =
            counter!("amphi_contribution_received_frames_total", "broadcaster" => slug.clone(), "protocol" => protocol);
        let lagged = counter!("amphi_contribution_lagged_frames_total", "broadcaster" => slug, "protocol" => protocol);
        Self { bytes: Grown::new(bytes), frames: Grown::new(frames), lagged: Grown::new(lagged) }
    }

    pub(super) fn tell(&mut self, meter: &Meter, feed: &Feed) {
        self.bytes.tell(meter.bytes());
        self.frames.tell(meter.frames());
        self.lagged.tell(feed.lagged_frames());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn a_count_that_begins_anew_is_added_to_the_old_one() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let mut grown = Grown::new(counter!("amphi_test_total"));
            for count in [3, 3, 5, 2, 4] {
                grown.tell(count);
            }
        });
        let text = recorder.handle().render();
        assert!(text.contains("amphi_test_total 9"), "{text}");
    }

    #[test]
    fn a_live_that_is_gone_is_not_on_air() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let mut figures = Figures::new("hall");
            figures.on_air.set(1.0);
            figures.published(Some(WallTime::from_micros(1_000_000)), WallTime::from_micros(1_250_000));
        });
        let text = recorder.handle().render();
        assert!(text.contains("amphi_live_on_air{broadcaster=\"hall\"} 0"), "{text}");
        assert!(text.contains("amphi_live_part_lateness_seconds_sum{broadcaster=\"hall\"} 0.25"), "{text}");
    }
}
