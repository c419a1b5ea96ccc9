// Cues that the server tells of as they are spoken, put into the player's text track of their language: seconds before the playlist has
// them. A later word on a cue replaces the earlier, and what the playlist's WebVTT segments bring of the same cue is not shown beside it.
//
// Four things of the libraries decide how this is written (vidstack 1.15.6, hls.js 1.7.4):
// - vidstack gives each playlist's subtitles a text track of its own and fills it from hls.js's CUES_PARSED. A listener that is added when
//   the instance is made hears of them first, and what it takes out of the list never reaches the track.
// - hls.js puts "hlsjscc<n>_" before a cue's identifier after the n-th discontinuity.
// - A cue that is taken out of a track while it is shown stays on the screen: the renderer forgets it before it looks for its element.
//   So a cue is first made due never, then drawn, then taken out.
// - Taking out a cue asks the browser's own track for it too, which does not have it and throws, when vidstack's list is already without.
import type { MediaPlayerElement } from 'vidstack/elements';
import type { TextTrack } from 'vidstack';
import type Hls from 'hls.js';
import type { CuesParsedData } from 'hls.js';
import { timeOfDate } from './date-axis';

/** A cue of a live, as it is known now. */
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

interface Known {
  /** The newest word of the server, if it had one. */
  told: LiveCue | null;
  /** What the track has of it. */
  cue: VTTCue | null;
  /** Whether the playlist's has come: it comes again when a cue crosses segments. */
  listed: boolean;
}

/** Cues that are kept in each language, about four hours of speech: a page may stay open for days. */
const MAX_CUES = 5_000;
/** Languages that a live can have here; the server makes no more than a few. */
const MAX_LANGUAGES = 16;
/** A cue is moved when the list says better by more than this where its date is: less is not seen. */
const MOVED_S = 0.05;
/** Two cues of one identifier that are farther apart are of two lives: each counts from its own beginning. */
const SAME_CUE_S = 5;
/** No media is this long: a cue at this time is never due. */
const NEVER_S = 1e9;

export class LiveCues {
  readonly #languages = new Map<string, Map<string, Known>>();
  #player: MediaPlayerElement | null = null;
  #hls: Hls | null = null;

  /** To be called in `onInstance`, before vidstack listens: everything known goes into the new player's tracks. */
  attach(player: MediaPlayerElement, hls: Hls): void {
    this.detach();
    this.#player = player;
    this.#hls = hls;
    const events = (hls.constructor as typeof Hls).Events;
    const current = () => this.#hls === hls;
    hls.on(events.CUES_PARSED, (_, data) => current() && this.#sift(data));
    hls.on(events.LEVEL_UPDATED, () => current() && this.#place());
    player.textTracks.addEventListener('add', ({ detail }) => current() && this.#adopt(detail));
  }

  detach(): void {
    this.#player = this.#hls = null;
    for (const cues of this.#languages.values()) {
      for (const known of cues.values()) {
        known.cue = null;
        known.listed = false;
      }
    }
  }

  /** The server's word on a cue. */
  tell(told: LiveCue): void {
    const cues = this.#cuesOf(told.language);
    if (!cues) return;
    const known = cues.get(told.id) ?? { told: null, cue: null, listed: false };
    const cue = known.cue;
    known.told = told;
    known.cue = null;
    // The newest last, so that the oldest is the first to go.
    cues.delete(told.id);
    cues.set(told.id, known);
    const track = this.#trackOf(told.language);
    if (track) {
      if (cue) due(cue, NEVER_S, 0);
      this.#show(track, known);
      if (cue) takeOut(track, cue);
    }
    this.#forget(told.language, cues);
  }

  #cuesOf(language: string): Map<string, Known> | null {
    const key = language.toLowerCase();
    const cues = this.#languages.get(key);
    if (cues || this.#languages.size >= MAX_LANGUAGES) return cues ?? null;
    const none = new Map<string, Known>();
    this.#languages.set(key, none);
    return none;
  }

  #forget(language: string, cues: Map<string, Known>): void {
    for (const [id, { cue }] of cues) {
      if (cues.size <= MAX_CUES) return;
      cues.delete(id);
      const track = cue && this.#trackOf(language);
      if (track) takeOut(track, cue);
    }
  }

  // What the playlist brings. The server's last word holds over it; an earlier word may be older than it is.
  #sift(data: CuesParsedData): void {
    const language = data.subtitleTrack?.lang;
    const cues = language && data.type === 'subtitles' ? this.#cuesOf(language) : null;
    if (!language || !cues) return;
    const track = this.#trackOf(language);
    data.cues = (data.cues as VTTCue[]).filter((cue) => {
      const id = cue.id.replace(/^hlsjscc\d+_/, '');
      const known = cues.get(id);
      const same = known && this.#isAt(known, cue.startTime);
      if (same && (known.listed || known.told?.final)) return false;
      if (same && known.cue && track) takeOut(track, known.cue);
      cues.delete(id);
      cues.set(id, { told: same ? known.told : null, cue, listed: true });
      return true;
    });
    this.#forget(language, cues);
  }

  #isAt(known: Known, start_s: number): boolean {
    const at_s = known.cue && known.cue.startTime !== NEVER_S ? known.cue.startTime : known.told && this.#timeOf(known.told.start_ms);
    return at_s !== null && Math.abs(at_s - start_s) <= SAME_CUE_S;
  }

  #timeOf(date_ms: number): number | null {
    const details = this.#hls?.latestLevelDetails;
    return details ? timeOfDate(details, date_ms) : null;
  }

  // What waited for a track or for its place in time, and what is still to come and the newer list puts elsewhere.
  #place(): void {
    const now_s = this.#hls?.media?.currentTime ?? 0;
    for (const [language, cues] of this.#languages) {
      const track = cues.size > 0 ? this.#trackOf(language) : null;
      if (!track) continue;
      for (const known of cues.values()) {
        if (!known.cue || known.cue.endTime > now_s) this.#show(track, known);
      }
    }
  }

  #show(track: TextTrack, known: Known): void {
    const { told, cue } = known;
    if (!told || told.lines.length === 0 || (cue && known.listed)) return;
    const start_s = this.#timeOf(told.start_ms);
    if (start_s === null) return;
    const length_s = (told.end_ms - told.start_ms) / 1_000;
    if (!cue) {
      known.cue = new VTTCue(start_s, start_s + length_s, told.lines.map(escaped).join('\n'));
      // As vidstack does with those of the playlist.
      known.cue.positionAlign = 'auto';
      track.addCue(known.cue);
    } else if (Math.abs(cue.startTime - start_s) > MOVED_S) due(cue, start_s, length_s);
  }

  #trackOf(language: string): TextTrack | null {
    const player = this.#player;
    const hls = this.#hls;
    if (!player || !hls) return null;
    const tracks = player.textTracks.toArray().filter((track) => track.kind === 'subtitles' || track.kind === 'captions');
    const listed = tracks.filter((track) => track.id !== ownId(track.language));
    const found = inLanguage(listed, (track) => track.language, language) ?? inLanguage(tracks, (track) => track.language, language);
    if (found) return found;
    // Before the playlist is read, nobody knows; then the one that it lists comes by itself.
    if (hls.levels.length === 0 || inLanguage(hls.allSubtitleTracks, (track) => track.lang ?? '', language)) return null;
    const label = new Intl.DisplayNames(document.documentElement.lang || 'en', { type: 'language' }).of(language) ?? language;
    const id = ownId(language);
    player.textTracks.add({ id, kind: 'subtitles', type: 'vtt', language, label: label.charAt(0).toUpperCase() + label.slice(1) });
    return player.textTracks.getById(id);
  }

  // A playlist that lists a language only later: its track takes over from ours.
  #adopt(track: TextTrack): void {
    const player = this.#player;
    if (!player) return;
    for (const [language, cues] of this.#languages) {
      const own = player.textTracks.getById(ownId(language));
      if (!own || own === track || !inLanguage([track], ({ language }) => language, language)) continue;
      const shown = own.mode === 'showing';
      player.textTracks.remove(own);
      for (const known of cues.values()) known.cue = null;
      if (shown) track.mode = 'showing';
    }
    this.#place();
  }
}

const ownId = (language: string) => `live-${language.toLowerCase()}`;

/** The item of exactly this language, or else of its base: "fr" for "fr-CA". */
function inLanguage<Item>(items: readonly Item[], languageOf: (item: Item) => string, language: string): Item | undefined {
  const wanted = language.toLowerCase();
  const base = (tag: string) => tag.toLowerCase().split('-')[0];
  return (
    items.find((item) => languageOf(item).toLowerCase() === wanted) ?? items.find((item) => base(languageOf(item)) === base(wanted))
  );
}

/** A cue's text is markup. */
function escaped(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function due(cue: VTTCue, start_s: number, length_s: number): void {
  cue.startTime = start_s;
  cue.endTime = start_s + length_s;
}

/** Draws what is due now, also while nothing plays: the renderer looks at all its cues when one is added. */
function redraw(track: TextTrack): void {
  track.dispatchEvent(new CustomEvent('add-cue', { detail: new VTTCue(NEVER_S, NEVER_S, '') }));
}

function takeOut(track: TextTrack, cue: VTTCue): void {
  due(cue, NEVER_S, 0);
  redraw(track);
  try {
    track.removeCue(cue);
  } catch {
    track.dispatchEvent(new CustomEvent('remove-cue', { detail: cue }));
  }
}
