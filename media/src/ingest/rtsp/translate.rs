//! Depacketised frames → [`Item`]s. Pure: retina's values come in, already unwrapped; nothing here waits or reads a clock.
//!
//! Promises: per track, `dts` rises strictly and is at most `pts`; the first video frame is a keyframe and no sound
//! comes before it; parameters come before the frames that need them; both tracks count from one zero (see `align`).

use super::align::Aligner;
use super::reorder::{DEFAULT_FRAME_TICKS, Reorder, WINDOW, announced_depth, measured_depth};
use crate::codec::{self, aac::Aac, h264, h264::H264};
use crate::feed::Item;
use crate::frame::Frame;
use crate::time::{Timescale, Timestamp, WallTime};
use crate::track::{Kind, Parameters};
use bytes::Bytes;
use std::sync::Arc;

/// A pts further than this from its predecessor (and from what the arrival suggests) is off: design, "Live timeline".
const JUMP_US: i64 = 5_000_000;
/// So many off in a row are no slip but another clock.
const JUMP_FRAMES: u8 = 3;

/// A frame as it came from the depacketiser.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Time on its track's own clock since the track's start, unwrapped.
    pub elapsed: Timestamp,
    /// When its last byte came.
    pub received: WallTime,
    /// RTP packets lost before it.
    pub lost_packets: u16,
    /// H.264 with 4-byte lengths, or one AAC `raw_data_block`.
    pub payload: Bytes,
}

/// What was not carried as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// RTP packets that never came.
    pub lost_packets: u64,
    /// Frames whose time had to be moved.
    pub restamped_frames: u64,
    /// Frames before the first keyframe, before their parameters, or empty.
    pub skipped_frames: u64,
}

/// The timestamps of a track jumped and stayed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockJumped;

/// The state of one connection's translation.
#[derive(Debug)]
pub(super) struct Translator {
    align: Aligner,
    video: Option<Video>,
    audio: Option<Arc<Aac>>,
    video_times: Steady,
    audio_times: Steady,
    audio_last: Option<i64>,
    /// A keyframe was given out (or there is no video to wait for).
    begun: bool,
    counts: Counts,
}

#[derive(Debug)]
struct Video {
    h264: Arc<H264>,
    /// Told with the next frame.
    untold: bool,
    order: Order,
}

#[derive(Debug)]
enum Order {
    /// The depth is not known: frames are held back until it is measured.
    Measuring(Vec<Frame>),
    Known(Reorder),
}

impl Translator {
    /// `expects_video`: whether a video track is set up, whose first keyframe is then waited for.
    pub(super) fn new(expects_video: bool) -> Self {
        Self {
            align: Aligner::default(),
            video: None,
            audio: None,
            video_times: Steady::default(),
            audio_times: Steady::default(),
            audio_last: None,
            begun: !expects_video,
            counts: Counts::default(),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The video's `avcC` record, first or changed; in force from the next frame on.
    pub(super) fn video_parameters(&mut self, avcc: &[u8]) -> Result<(), codec::Error> {
        let h264 = Arc::new(H264::from_avcc(avcc)?);
        let depth = first_sps(avcc).and_then(announced_depth);
        match &mut self.video {
            Some(video) => {
                // How pictures are turned is told with them.
                let h264 = Arc::new(H264::clone(&h264).turned(video.h264.orientation()));
                video.untold |= video.h264 != h264;
                video.h264 = h264;
                if let (Order::Known(reorder), Some(depth)) = (&mut video.order, depth) {
                    reorder.deepen(depth);
                }
            }
            None => {
                let order = match depth {
                    Some(depth) => Order::Known(Reorder::new(depth, frame_ticks(&h264))),
                    None => Order::Measuring(Vec::new()),
                };
                self.video = Some(Video { h264, untold: true, order });
            }
        }
        Ok(())
    }

    /// The audio's `AudioSpecificConfig`.
    pub(super) fn audio_parameters(&mut self, asc: &[u8], out: &mut Vec<Item>) -> Result<(), codec::Error> {
        let aac = Arc::new(Aac::from_asc(asc)?);
        if self.audio.as_ref() != Some(&aac) {
            out.push(Item::Parameters(Parameters::Audio(Arc::clone(&aac))));
            self.audio = Some(aac);
        }
        Ok(())
    }

    /// A sender report; `elapsed` as in [`Sample`], `ntp` as sent.
    pub(super) fn report(&mut self, kind: Kind, elapsed: Timestamp, ntp: u64, received: WallTime) {
        self.align.report(kind, elapsed.micros(), ntp, received);
    }

    /// The next picture in decode order.
    pub(super) fn video(&mut self, sample: Sample, out: &mut Vec<Item>) -> Result<(), ClockJumped> {
        self.counts.lost_packets += u64::from(sample.lost_packets);
        let keyframe = h264::is_keyframe(&sample.payload);
        let Some(video) = self.video.as_mut().filter(|_| !sample.payload.is_empty() && (self.begun || keyframe)) else {
            self.counts.skipped_frames += 1;
            return Ok(());
        };
        self.begun = true;
        let orientation = if keyframe { h264::orientation(&sample.payload) } else { video.h264.orientation() };
        if orientation != video.h264.orientation() {
            video.h264 = Arc::new(H264::clone(&video.h264).turned(orientation));
            video.untold = true;
        }
        let pts = placed(&mut self.align, Kind::Video, &sample, Timescale::VIDEO);
        let pts = self.video_times.check(pts, sample.received, &mut self.counts)?;
        if std::mem::take(&mut video.untold) {
            // Frames that are still held back belong to the parameters before.
            video.release(&mut self.counts, out);
            out.push(Item::Parameters(Parameters::Video(Arc::clone(&video.h264))));
        }
        let frame =
            Frame { kind: Kind::Video, dts: pts, pts, keyframe, received: sample.received, payload: sample.payload };
        match &mut video.order {
            Order::Known(reorder) => out.push(ordered(reorder, frame, &mut self.counts)),
            Order::Measuring(held) => {
                held.push(frame);
                if held.len() >= WINDOW {
                    video.release(&mut self.counts, out);
                }
            }
        }
        Ok(())
    }

    /// The next frame of sound.
    pub(super) fn audio(&mut self, sample: Sample, out: &mut Vec<Item>) -> Result<(), ClockJumped> {
        self.counts.lost_packets += u64::from(sample.lost_packets);
        let Some(aac) = self.audio.as_ref().filter(|_| self.begun && !sample.payload.is_empty()) else {
            self.counts.skipped_frames += 1;
            return Ok(());
        };
        let pts = placed(&mut self.align, Kind::Audio, &sample, aac.timescale());
        let pts = self.audio_times.check(pts, sample.received, &mut self.counts)?;
        let floor = self.audio_last.map_or(i64::MIN, |last| last.saturating_add(1));
        let ticks = pts.ticks().max(floor);
        self.counts.restamped_frames += u64::from(ticks != pts.ticks());
        self.audio_last = Some(ticks);
        let pts = Timestamp::new(ticks, pts.scale());
        let payload = sample.payload;
        let received = sample.received;
        out.push(Item::Frame(Frame { kind: Kind::Audio, dts: pts, pts, keyframe: true, received, payload }));
        Ok(())
    }

    /// Gives out what is held back: the stream is over.
    pub(super) fn finish(&mut self, out: &mut Vec<Item>) {
        if let Some(video) = &mut self.video {
            video.release(&mut self.counts, out);
        }
    }
}

impl Video {
    /// Ends measuring, if it goes on and there is something to measure.
    fn release(&mut self, counts: &mut Counts, out: &mut Vec<Item>) {
        let Order::Measuring(held) = &mut self.order else { return };
        if held.is_empty() {
            return;
        }
        let held = std::mem::take(held);
        let depth = measured_depth(held.iter().map(|frame| frame.pts.ticks()));
        let mut reorder = Reorder::new(depth, frame_ticks(&self.h264));
        out.extend(held.into_iter().map(|frame| ordered(&mut reorder, frame, counts)));
        self.order = Order::Known(reorder);
    }
}

fn ordered(reorder: &mut Reorder, mut frame: Frame, counts: &mut Counts) -> Item {
    let times = reorder.place(frame.pts.ticks());
    counts.restamped_frames += u64::from(times.repaired);
    frame.dts = Timestamp::new(times.dts, frame.pts.scale());
    frame.pts = Timestamp::new(times.pts, frame.pts.scale());
    Item::Frame(frame)
}

/// The sample's time on the common line.
fn placed(align: &mut Aligner, kind: Kind, sample: &Sample, scale: Timescale) -> Timestamp {
    let offset_us = align.offset_us(kind, sample.elapsed.micros(), sample.received);
    let own = sample.elapsed.rescale(scale);
    let offset = Timestamp::from_micros(offset_us, scale);
    Timestamp::new(own.ticks().saturating_add(offset.ticks()), scale)
}

/// Usual distance of two pictures in 90 kHz ticks.
fn frame_ticks(h264: &H264) -> i64 {
    h264.frame_rate_milli().map_or(DEFAULT_FRAME_TICKS, |milli_hz| 90_000_000 / i64::from(milli_hz.max(1)))
}

/// The first SPS of an `avcC` (ISO/IEC 14496-15 section 5.3.3.1).
fn first_sps(avcc: &[u8]) -> Option<&[u8]> {
    let (len, rest) = avcc.get(6..)?.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*len)))
}

/// Tells a slip of the source's clock from a jump.
#[derive(Debug, Default)]
struct Steady {
    last: Option<(Timestamp, WallTime)>,
    off: u8,
}

impl Steady {
    /// The pts to use: as it is, or right after its predecessor when it is off.
    fn check(&mut self, pts: Timestamp, received: WallTime, counts: &mut Counts) -> Result<Timestamp, ClockJumped> {
        let mut pts = pts;
        if let Some((last, last_received)) = self.last {
            let step_us = pts.micros().saturating_sub(last.micros());
            // A source that paused for 8 s has moved on by 8 s: that is no slip.
            let pause_us = received.micros_since(last_received);
            if step_us.saturating_abs() <= JUMP_US || step_us.saturating_sub(pause_us).saturating_abs() <= JUMP_US {
                self.off = 0;
            } else {
                self.off += 1;
                if self.off >= JUMP_FRAMES {
                    return Err(ClockJumped);
                }
                counts.restamped_frames += 1;
                pts = last.checked_add_ticks(1).unwrap_or(last);
            }
        }
        self.last = Some((pts, received));
        Ok(pts)
    }
}

#[cfg(test)]
#[path = "translate_tests.rs"]
mod tests;
