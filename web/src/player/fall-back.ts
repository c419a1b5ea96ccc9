// Before a rendition that is later than what is played: the picture falls back by slower playing until the buffer lasts to the rendition's
// first part, so that nothing stands still when it is waited for. How much is missing is reckoned by functions that need no player.
import type Hls from 'hls.js';
import type { Level } from 'hls.js';

/** What is to be left in the buffer when the other rendition's first part is complete: its way, its decoding, an engine's hiccup. Seconds. */
const SPARE_S = 0.6;
/** What of it must be there when a segment has ended; the rest is the estimate's. Seconds. */
const NEEDED_S = 0.4;
/** A rendition that would cost more than this is not waited for: the viewer would lose the live. Seconds. */
const MOST_S = 3.5;
/** How long a choice may have to wait. Milliseconds. */
const PATIENCE_MS = 10_000;
/** In how many seconds it is to be done, as far as the slowest rate allows. */
const WITHIN_S = 4;
/** Slower, speech sounds tired. */
const SLOWEST = 0.75;
const EVERY_MS = 200;

/** What is known of the list that is played and of the rendition that is waited for: seconds on the media timeline. */
export interface Edges {
  /** The end of what the played list has. */
  played_s: number;
  /** The end of what the other rendition has, as the played list reports it. */
  other_s: number;
  /** How old that knowledge is. */
  age_s: number;
  /** The longest part. */
  part_s: number;
}

/** By how much the picture at `time_s` has to fall back until the other rendition can follow. 0: it can, or it is too late to be waited for. */
export function missing({ played_s, other_s, age_s, part_s }: Edges, time_s: number): number {
  // When a segment has just ended, the buffer lasts as long as the picture is behind, and the other's first part is complete after the
  // time of a part and its lateness.
  const behind_s = played_s + Math.min(age_s, part_s) - time_s;
  const missing_s = part_s + played_s - other_s + SPARE_S - behind_s;
  return missing_s > MOST_S ? 0 : Math.max(0, missing_s);
}

/** Whether a buffer of `ahead_s`, which ends with a segment at `end_s`, lasts until the other's first part after it is there. */
export function lasts({ other_s, age_s, part_s }: Edges, end_s: number, ahead_s: number): boolean {
  const wait_s = Math.max(0, end_s + part_s - other_s - Math.min(age_s, part_s));
  const missing_s = wait_s + NEEDED_S - ahead_s;
  return missing_s <= 0 || missing_s > MOST_S;
}

/** The rate at which so much is lost in a few seconds. */
export function slower(missing_s: number): number {
  return Math.max(SLOWEST, Math.min(0.95, Math.floor((1 - missing_s / WITHIN_S) * 20) / 20));
}

/** Null where the list has no parts or says nothing of that level. */
function edgesOf(hls: Hls, level: Level): Edges | null {
  const details = hls.latestLevelDetails;
  const parts = details?.partList;
  if (!details?.live || !parts || parts.length === 0) return null;
  const path = (uri: string, base: string) => new URL(uri, base).pathname;
  const wanted = path(level.uri, location.href);
  const report = details.renditionReports?.find(({ URI }) => typeof URI === 'string' && path(URI, details.url) === wanted);
  const [sn, index] = [Number(report?.['LAST-MSN']), Number(report?.['LAST-PART'])];
  if (!Number.isFinite(sn) || !Number.isFinite(index)) return null;
  const played_s = details.edge;
  const part = parts.find((one) => one.fragment.sn === sn && one.index === index);
  const segment = details.fragments.find((one) => one.sn === sn);
  const part_s = details.partTarget;
  let other_s = part?.end;
  if (other_s === undefined && segment) other_s = Math.min(segment.start + (index + 1) * part_s, segment.end);
  // Newer than this list; of before its beginning nothing is known.
  if (other_s === undefined && sn >= details.lastPartSn) other_s = played_s;
  return other_s === undefined ? null : { played_s, other_s, age_s: details.age, part_s };
}

export class FallBack {
  readonly #onChange: () => void;
  #hls: Hls | null = null;
  #level: Level | null = null;
  #until_ms = 0;
  #rate = 1;
  #timer = 0;

  /** @param onChange is called when {@link active} has changed */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Whether the rate is set here: nobody else may hurry to the live edge meanwhile. */
  get active(): boolean {
    return this.#timer !== 0;
  }

  /** A level was chosen: what it needs begins at once. */
  begin(hls: Hls, level: Level): void {
    this.end();
    this.#hls = hls;
    this.#level = level;
    this.#until_ms = performance.now() + PATIENCE_MS;
    const edges = edgesOf(hls, level);
    if (edges && hls.media && missing(edges, hls.media.currentTime) > 0) this.#start();
  }

  /** What is loaded ends with a segment: whether the level that was chosen may follow now. */
  ready(): boolean {
    const [hls, level] = [this.#hls, this.#level];
    const { media, mainForwardBufferInfo: ahead } = hls ?? {};
    const edges = hls && level ? edgesOf(hls, level) : null;
    // Where it stands already, on a slow line perhaps, waiting is of no use.
    if (!edges || !media || !ahead || media.readyState < media.HAVE_FUTURE_DATA || performance.now() >= this.#until_ms) return true;
    if (lasts(edges, ahead.end, ahead.len)) return true;
    this.#start();
    return false;
  }

  /** The level has come, or another was chosen. */
  end(): void {
    const was = this.active;
    clearInterval(this.#timer);
    this.#timer = 0;
    const media = this.#hls?.media;
    if (was && media && media.playbackRate === this.#rate) media.playbackRate = 1;
    this.#hls = this.#level = null;
    this.#rate = 1;
    if (was) this.#onChange();
  }

  #start(): void {
    if (this.active) return;
    this.#timer = window.setInterval(() => this.#tick(), EVERY_MS);
    this.#onChange();
    this.#tick();
  }

  #tick(): void {
    const [hls, level] = [this.#hls, this.#level];
    const edges = hls && level && performance.now() < this.#until_ms ? edgesOf(hls, level) : null;
    const media = hls?.media;
    if (!media) return;
    const missing_s = edges ? missing(edges, media.currentTime) : 0;
    // At the pace with which it began, not ever slower towards the end: each change is heard.
    this.#rate = missing_s > 0 ? Math.min(this.#rate, slower(missing_s)) : 1;
    if (media.playbackRate !== this.#rate) media.playbackRate = this.#rate;
  }
}
