// Pictures of a live's past above its bar. The server makes them when somebody asks, so they are asked for while the player is used and not
// otherwise. They are told by the clock; each player's own time begins where it has begun, and its list of segments says which is which.
import type Hls from 'hls.js';
import type { ThumbnailImageInit } from 'vidstack';
import { whenUsed } from './use';

/** While the bar is used, the list is asked for again after this: when others are being made, and when not. */
const SOON_MS = 2_000;
const LATER_MS = 10_000;
/** A pointer that stands still waits for pictures that are being made; the list is asked for so often until it moves again. */
const STILL_TIMES = 8;
/** The server forgets what nobody has asked for in two minutes: an older list is none. */
const KEPT_MS = 90_000;

/** What the server says. */
export interface PreviewList {
  /** When it was so: milliseconds since 1970, in order. */
  at_ms: readonly number[];
  /** Others are being made. */
  more: boolean;
}

/** A segment as hls.js lists it. */
export interface Placed {
  programDateTime: number | null;
  start: number;
  duration: number;
}

/** On the player's time: what each picture is shown from. Those of what is not listed are left out. */
export function placed(at_ms: readonly number[], segments: readonly Placed[], address: (at_ms: number) => string): ThumbnailImageInit[] {
  const dated = segments.filter((segment): segment is Placed & { programDateTime: number } => segment.programDateTime !== null);
  const images: ThumbnailImageInit[] = [];
  let n = 0;
  for (const at of at_ms) {
    while (dated[n + 1] && dated[n + 1]!.programDateTime <= at) n += 1;
    const segment = dated[n];
    if (!segment || segment.programDateTime > at) continue;
    const into_s = (at - segment.programDateTime) / 1_000;
    // The last one grows.
    const within_s = n === dated.length - 1 ? into_s : Math.min(into_s, segment.duration);
    images.push({ url: address(at), startTime: segment.start + within_s });
  }
  // What comes before the first one is shown by it.
  if (images[0]) images[0].startTime = Math.min(images[0].startTime, dated[0]?.start ?? 0);
  return images;
}

export class LivePreviews {
  readonly #show: (images: ThumbnailImageInit[] | null) => void;
  #end: () => void = () => undefined;
  /** Grows with each live that it is attached to. */
  #turn = 0;

  /** `show` puts pictures above the bar, or none. */
  constructor(show: (images: ThumbnailImageInit[] | null) => void) {
    this.#show = show;
  }

  /** `list`: where the server says which there are. */
  attach(element: HTMLElement, hls: Hls, list: URL): void {
    this.detach();
    const turn = this.#turn;
    let asking = false;
    let shown = false;
    let next_ms = 0;
    let old_ms = 0;
    let still = 0;
    let timer = 0;
    const again = () => {
      clearTimeout(timer);
      if (still >= STILL_TIMES) return;
      timer = window.setTimeout(() => {
        still += 1;
        void ask();
      }, SOON_MS + 1);
    };
    const ask = async () => {
      const now_ms = performance.now();
      if (asking || now_ms < next_ms) return;
      if (shown && now_ms > old_ms) {
        shown = false;
        this.#show(null);
      }
      asking = true;
      next_ms = now_ms + LATER_MS;
      try {
        const answer = await fetch(list, { credentials: 'same-origin' });
        if (!answer.ok) return;
        const { at_ms, more } = (await answer.json()) as PreviewList;
        if (this.#turn !== turn) return;
        const segments = hls.latestLevelDetails?.fragments ?? [];
        const images = placed(at_ms, segments, (at) => new URL(`previews/${at}.jpg`, list).href);
        shown = images.length > 0;
        this.#show(shown ? images : null);
        const told_ms = performance.now();
        next_ms = told_ms + (more ? SOON_MS : LATER_MS);
        old_ms = told_ms + KEPT_MS;
        if (more) again();
      } catch {
        // The network or the server is away: the player says so.
      } finally {
        asking = false;
      }
    };
    const end = whenUsed(element, () => {
      still = 0;
      void ask();
    });
    this.#end = () => {
      clearTimeout(timer);
      end();
    };
  }

  detach(): void {
    this.#turn += 1;
    this.#end();
    this.#end = () => undefined;
  }
}
