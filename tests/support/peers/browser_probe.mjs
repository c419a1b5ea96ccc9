// What the Chromium driver runs inside a page: functions without a closure, sent as text.

/** Waits for the player's media element, turns the sound on, plays, and begins to listen. */
export async function begin(page, timeout_ms = 30_000) {
  await page.waitForFunction(() => (document.querySelector('amphi-player video') ?? document.querySelector('video'))?.readyState >= 1, null, { timeout: timeout_ms });
  await page.evaluate(async () => {
    const player = document.querySelector('amphi-player');
    const video = player?.video ?? document.querySelector('video');
    const media = document.querySelector('media-player') ?? video;
    media.muted = false;
    await (player ?? video).play();
    const watched = { video, stalls: 0, analyser: null, frames: null };
    let played = false;
    video.addEventListener('playing', () => (played = true));
    video.addEventListener('waiting', () => (watched.stalls += played && !video.seeking ? 1 : 0));
    window.amphiWatched = watched;
  });
  await page.waitForFunction(() => window.amphiWatched.video.currentTime > 0 && window.amphiWatched.video.readyState >= 3, null, { timeout: timeout_ms });
}

/** One look at the player. */
export function sample() {
  const watched = window.amphiWatched;
  const player = document.querySelector('amphi-player');
  const video = player?.video ?? document.querySelector('video');
  if (!watched || !video) return null;
  // The tracks of a captured element come when it has data, and end when the library begins its sound anew: listen to one that lives. A
  // busy machine was seen to give one that lives and stays mute while another capture of the same element has sound: listen anew.
  const deaf = watched.mute_samples >= 3;
  if (!watched.analyser || watched.analysed !== video || watched.track.readyState === 'ended' || deaf) {
    const stream = video.captureStream?.();
    if (stream?.getAudioTracks().length) {
      watched.track = stream.getAudioTracks()[0];
      watched.audio ??= new AudioContext();
      void watched.audio.resume();
      watched.mute_samples = 0;
      watched.analyser = watched.audio.createAnalyser();
      watched.analyser.fftSize = 2048;
      watched.audio.createMediaStreamSource(stream).connect(watched.analyser);
      watched.analysed = video;
    }
  }
  let rms = 0;
  if (watched.analyser) {
    const wave = new Float32Array(watched.analyser.fftSize);
    watched.analyser.getFloatTimeDomainData(wave);
    rms = Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / wave.length);
    watched.mute_samples = rms > 0 ? 0 : watched.mute_samples + 1;
  }
  watched.canvas ??= Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
  const context = watched.canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, 64, 36);
  let picture = 2166136261;
  for (const value of context.getImageData(0, 0, 64, 36).data) picture = Math.imul(picture ^ value, 16777619) >>> 0;
  const quality = video.getVideoPlaybackQuality();
  const hls = player?.hls;
  const date = hls?.playingDate;
  return {
    time_s: video.currentTime,
    duration_s: video.duration,
    frames: quality.totalVideoFrames,
    dropped: quality.droppedVideoFrames,
    picture,
    rms,
    stalls: watched.stalls,
    latency_s: player?.latency ?? null,
    date_latency_s: player?.kind === 'live' && date ? (Date.now() - date.getTime()) / 1000 : null,
    target_s: hls?.targetLatency ?? null,
    rate: video.playbackRate,
    behind: player?.behind ?? null,
    page_state: document.querySelector('[data-live]')?.dataset.state ?? null,
    size: [video.videoWidth, video.videoHeight],
  };
}

/** From now on it shows whether the page is loaded anew, its player replaced, or an error ends playing. */
export function markPage() {
  const player = document.querySelector('amphi-player');
  const mark = { player, fatal: [] };
  player.addEventListener('error', (event) => event.detail?.fatal && mark.fatal.push(String(event.detail.message)));
  window.amphiMark = mark;
}

export function pageMark() {
  const mark = window.amphiMark;
  return { same: mark !== undefined && mark.player === document.querySelector('amphi-player'), fatal: mark?.fatal ?? [] };
}

/** Whether so many seconds before the picture shown can be sought. */
export function canSeekBack(seconds) {
  const video = document.querySelector('amphi-player')?.video;
  return video && video.seekable.length > 0 && video.currentTime - video.seekable.start(0) >= seconds;
}

export function isLive() {
  const player = document.querySelector('amphi-player');
  return player && !player.behind && player.latency !== null && player.latency < (player.hls?.targetLatency ?? 2) + 3;
}

/** Whether it plays at the live edge again: not only the playlist has come, pictures have moved on from `from_s` by a second. */
export function movesAgain(from_s) {
  const player = document.querySelector('amphi-player');
  const video = player?.video;
  if (!video || video.paused || video.seeking || video.readyState < 3 || video.currentTime < from_s + 1) return false;
  return !player.behind && player.latency !== null && player.latency < (player.hls?.targetLatency ?? 2) + 3;
}

/** What is read on the picture, and which picture it is. */
export function captions() {
  const player = document.querySelector('amphi-player');
  const drawn = player.kind === 'live' ? '[data-part="live-cue"]' : 'media-captions [data-part="cue"]';
  return {
    texts: [...player.querySelectorAll(drawn)].map((cue) => cue.textContent),
    time_s: player.video.currentTime,
    date_ms: player.playingDate?.getTime() ?? null,
  };
}

/** How the caption that is drawn looks; null: there is none. */
export function captionStyle() {
  const player = document.querySelector('amphi-player');
  const cue = player.querySelector(player.kind === 'live' ? '[data-part="live-cue"]' : 'media-captions [data-part="cue"]');
  if (!cue) return null;
  const { color, backgroundColor, fontSize } = getComputedStyle(cue);
  const [text, player_box] = [cue.getBoundingClientRect(), player.getBoundingClientRect()];
  const inside = text.left >= player_box.left && text.right <= player_box.right && text.bottom <= player_box.bottom;
  return { color, backgroundColor, font_px: Number.parseFloat(fontSize), inside };
}

export function isOver() {
  return document.querySelector('amphi-player')?.video?.ended === true;
}

/** From now on every standing of the picture is measured, and every event that comes with one is counted. */
export function startWatching() {
  const video = document.querySelector('amphi-player')?.video ?? document.querySelector('video');
  const seen = {
    video, begun_ms: performance.now(), pictures: 0, asleep_ms: 0, clock_stood_ms: 0, picture_stood_ms: 0, stood_at_ms: null, size: null, resized_ms: [],
    events: { waiting: 0, seeking: 0, stalled: 0, pause: 0, emptied: 0 },
  };
  window.amphiStanding = seen;
  seen.count = (event) => (seen.events[event.type] += 1);
  for (const name of Object.keys(seen.events)) video.addEventListener(name, seen.count);

  // The clock: looked at with each animation frame. What passes while the page itself is asleep is not a standing if the clock went on.
  let clock = { at_ms: performance.now(), time_s: video.currentTime, stood_ms: 0 };
  const look = () => {
    if (window.amphiStanding !== seen) return;
    const at_ms = performance.now();
    const passed_ms = at_ms - clock.at_ms;
    const time_s = video.currentTime;
    const moved_ms = ((time_s - clock.time_s) * 1000) / (video.playbackRate || 1);
    seen.asleep_ms = Math.max(seen.asleep_ms, passed_ms);
    const stood_ms = time_s === clock.time_s ? clock.stood_ms + passed_ms : Math.max(0, clock.stood_ms + passed_ms - moved_ms);
    seen.clock_stood_ms = Math.max(seen.clock_stood_ms, stood_ms);
    clock = { at_ms, time_s, stood_ms: time_s === clock.time_s ? stood_ms : 0 };
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);

  // The pictures: told of as they are presented. When the page slept through some, `presentedFrames` says how many, each of which was
  // there for its own time.
  const picture_ms = () => 1000 / ((document.querySelector('amphi-player')?.hls?.loadLevelObj?.frameRate || 25) * (video.playbackRate || 1));
  let before = null;
  const presented = (now, { presentationTime, presentedFrames, width, height }) => {
    if (window.amphiStanding !== seen) return;
    if (before) {
      const stood_ms = presentationTime - before.presentationTime - (presentedFrames - before.presentedFrames - 1) * picture_ms();
      seen.pictures += presentedFrames - before.presentedFrames;
      if (stood_ms > seen.picture_stood_ms) Object.assign(seen, { picture_stood_ms: stood_ms, stood_at_ms: before.presentationTime - seen.begun_ms });
    }
    const size = `${width}x${height}`;
    if (seen.size !== null && size !== seen.size) seen.resized_ms.push(presentationTime - seen.begun_ms);
    seen.size = size;
    before = { presentationTime, presentedFrames };
    video.requestVideoFrameCallback(presented);
  };
  seen.last = () => before?.presentationTime ?? seen.begun_ms;
  video.requestVideoFrameCallback(presented);
}

/** What was seen since then; a picture that stands now counts too. Milliseconds. */
export function stopWatching() {
  const seen = window.amphiStanding;
  window.amphiStanding = null;
  for (const name of Object.keys(seen.events)) seen.video.removeEventListener(name, seen.count);
  const round = (ms) => (ms === null ? null : Math.round(ms));
  return {
    watched_ms: round(performance.now() - seen.begun_ms),
    clock_stood_ms: round(seen.clock_stood_ms),
    picture_stood_ms: round(Math.max(seen.picture_stood_ms, performance.now() - seen.last())),
    stood_at_ms: round(seen.stood_at_ms),
    pictures: seen.pictures,
    /** The longest that the page itself was not asked to draw. */
    asleep_ms: round(seen.asleep_ms),
    size: seen.size,
    resized_ms: seen.resized_ms.map(round),
    ...seen.events,
  };
}

/** The slowest rate at which is played in that time. */
export function slowest(watched_ms) {
  const { video } = document.querySelector('amphi-player');
  let least = video.playbackRate;
  const look = () => (least = Math.min(least, video.playbackRate));
  video.addEventListener('ratechange', look);
  return new Promise((resolve) => {
    setTimeout(() => {
      video.removeEventListener('ratechange', look);
      resolve(least);
    }, watched_ms);
  });
}

/** From now on the top row of every picture that is presented is kept, with the time of its being shown. */
export function startReading() {
  const blocks = 40;
  const video = document.querySelector('amphi-player')?.video ?? document.querySelector('video');
  const canvas = Object.assign(document.createElement('canvas'), { width: blocks * 4, height: 1 });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const frames = [];
  window.amphiFrames = frames;
  const read = (now, metadata) => {
    if (window.amphiFrames !== frames || frames.length >= 20_000) return;
    const block = video.videoWidth / blocks;
    context.drawImage(video, 0, block * 0.25, video.videoWidth, block * 0.5, 0, 0, blocks * 4, 1);
    const { data } = context.getImageData(0, 0, blocks * 4, 1);
    // Red of the two middle pixels of each block's four: its edges are left out.
    const levels = Array.from({ length: blocks }, (_, i) => (data[(i * 4 + 1) * 4] + data[(i * 4 + 2) * 4]) / 2);
    // The picture is on the glass at the later of the time announced and now.
    frames.push({ levels, shown_ms: performance.timeOrigin + Math.max(now, metadata.expectedDisplayTime) });
    video.requestVideoFrameCallback(read);
  };
  video.requestVideoFrameCallback(read);
}

export function stopReading() {
  const frames = window.amphiFrames;
  window.amphiFrames = null;
  return frames;
}

/** Which second a picture shows, or a video: in eight bars beside each other, white for a 1, the lowest digit first. */
export function secondShown(selector) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 90 });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(document.querySelector(selector), 0, 0, 160, 90);
  const bars = [...Array(8).keys()].map((bar) => context.getImageData(bar * 20 + 10, 45, 1, 1).data[0] > 128);
  return bars.reduce((sum, white, bar) => sum + (white ? 2 ** bar : 0), 0);
}

/** Whether a seek back was taken and its pictures are there. */
export function isBehindAndMoves() {
  const player = document.querySelector('amphi-player');
  return Boolean(player?.behind && player.video && !player.video.seeking && player.video.readyState >= 3);
}
