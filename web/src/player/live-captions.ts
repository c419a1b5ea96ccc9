// A live's captions on the picture. At the live edge the server tells of a cue by an event seconds before the playlist's WebVTT segment has
// it; farther back there is only the playlist. Both are kept here by the cue's identifier, and what is due is drawn in a layer of its own:
// vidstack's renderer, which is hidden for lives, can't change a cue that is on the screen. The button, the menu and the style are vidstack's.
import type { MediaPlayerElement } from 'vidstack/elements';
import type Hls from 'hls.js';
import type { CuesParsedData } from 'hls.js';

/** A cue of a live, as the server knows it now. */
export interface LiveCue {
  /** BCP 47. */
  language: string;
  /** The same in the WebVTT segments; of one language and live. */
  id: string;
  /** Wall-clock milliseconds, as EXT-X-PROGRAM-DATE-TIME. */
  start_ms: number;
  end_ms: number;
  /** Plain text. None: what was said of this cue is taken back. */
  lines: readonly string[];
  /** Whether nothing will be said of it any more. */
  final: boolean;
}

interface Listed {
  /** Seconds of the media element. */
  start_s: number;
  end_s: number;
  text: string;
}

interface Known {
  told: LiveCue | null;
  listed: Listed | null;
}

/** Cues that are kept in each language, about four hours of speech: a page may stay open for days. */
const MAX_CUES = 5_000;
/** Languages that a live can have here; the server makes no more than a few. */
const MAX_LANGUAGES = 16;
/** A cue is corrected by less: one farther from where it stood is another live's. Milliseconds. */
const MAX_MOVE_MS = 30_000;
/** hls.js puts this before a cue's identifier after the n-th discontinuity. */
const PREFIX = /^hlsjscc\d+_/;
/** What is drawn when: often enough for a caption to come with its picture, within two of them. Milliseconds. */
const DRAW_EVERY_MS = 50;

export class LiveCaptions {
  readonly #languages = new Map<string, Map<string, Known>>();
  readonly #layer = document.createElement('div');
  #player: MediaPlayerElement | null = null;
  #hls: Hls | null = null;
  #timer = 0;
  #drawn = '';

  constructor() {
    this.#layer.className = 'amphi-live-captions';
    // Screen readers read the transcript; said over the sound, each correction again, captions only disturb.
    this.#layer.setAttribute('aria-hidden', 'true');
    this.#layer.translate = false;
  }

  /** Shows them on this player from now on. To be called when the instance is made, before it loads. */
  attach(player: MediaPlayerElement, hls: Hls): void {
    this.detach();
    this.#player = player;
    this.#hls = hls;
    const events = (hls.constructor as typeof Hls).Events;
    hls.on(events.CUES_PARSED, (_, data) => this.#hls === hls && this.#list(data));
    player.append(this.#layer);
    this.#timer = window.setInterval(() => this.#draw(), DRAW_EVERY_MS);
  }

  /** What the playlist had stands at the times of the media element that goes; what was told has dates and stays. */
  detach(): void {
    window.clearInterval(this.#timer);
    this.#player = this.#hls = null;
    for (const cues of this.#languages.values()) for (const known of cues.values()) known.listed = null;
    this.#layer.remove();
    this.#layer.replaceChildren();
    this.#drawn = '';
  }

  /** Another live begins: identifiers begin again with it. */
  forget(): void {
    this.#languages.clear();
  }

  /** The server's word on a cue. */
  tell(told: LiveCue): void {
    const before = this.#languages.get(told.language.toLowerCase())?.get(told.id)?.told;
    // A page that was offline when a live ended and the next began has not heard of either.
    const said = before?.lines.length && told.lines.length;
    if (said && Math.abs(before.start_ms - told.start_ms) > MAX_MOVE_MS) this.forget();
    this.#keep(told.language, told.id, { told });
  }

  #list(data: CuesParsedData): void {
    const language = data.subtitleTrack?.lang;
    if (!language || data.type !== 'subtitles') return;
    for (const cue of data.cues as VTTCue[]) {
      const listed = { start_s: cue.startTime, end_s: cue.endTime, text: cue.getCueAsHTML().textContent ?? '' };
      this.#keep(language, cue.id.replace(PREFIX, ''), { listed });
    }
  }

  #keep(language: string, id: string, word: Partial<Known>): void {
    const key = language.toLowerCase();
    let cues = this.#languages.get(key);
    if (!cues) {
      if (this.#languages.size >= MAX_LANGUAGES) return;
      this.#languages.set(key, (cues = new Map<string, Known>()));
    }
    const known = { told: null, listed: null, ...cues.get(id), ...word };
    // The newest last, so that the oldest is the first to go.
    cues.delete(id);
    cues.set(id, known);
    for (const oldest of cues.keys()) {
      if (cues.size <= MAX_CUES) break;
      cues.delete(oldest);
    }
  }

  #draw(): void {
    const language = this.#player?.textTracks.selected?.language.toLowerCase();
    const cues = language === undefined ? undefined : this.#languages.get(language);
    const texts = cues ? this.#due(cues) : [];
    const drawn = JSON.stringify(texts);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#layer.replaceChildren(
      ...texts.map((text) => {
        const cue = document.createElement('div');
        cue.dataset['part'] = 'live-cue';
        cue.textContent = text;
        return cue;
      }),
    );
  }

  /** What is said at the picture that is shown, first to last. */
  #due(cues: ReadonlyMap<string, Known>): string[] {
    const date_ms = this.#hls?.playingDate?.getTime();
    const time_s = this.#hls?.media?.currentTime;
    const due: [start: number, text: string][] = [];
    for (const { told, listed } of cues.values()) {
      // An event that says that it is the last word is; otherwise the playlist has the last word.
      if (told && (told.final || !listed)) {
        if (date_ms === undefined || date_ms < told.start_ms || date_ms >= told.end_ms || told.lines.length === 0) continue;
        due.push([told.start_ms, told.lines.join('\n')]);
      } else if (listed && time_s !== undefined && time_s >= listed.start_s && time_s < listed.end_s) {
        due.push([(date_ms ?? 0) - (time_s - listed.start_s) * 1_000, listed.text]);
      }
    }
    return due.sort((one, other) => one[0] - other[0]).map(([, text]) => text);
  }
}
