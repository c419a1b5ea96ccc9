// What is said in a live, beside the pictures: what was said so far, from the server, and each cue as its event tells of it, early and then
// corrected. It is the way of those who hear with a screen reader, or read in braille: captions on the picture are hidden from them. New lines are
// read out only to who asks for it, for a voice over the sound is a nuisance to others.
//
// Lines stand by the clock (EXT-X-PROGRAM-DATE-TIME), and so lead to the same moment in the video that the live becomes.
import { keptLanguage } from '../player/caption-choice';
import { AmphiPlayer, type CaptionsDetail } from '../player/amphi-player';
import type { LiveCue } from '../player/live-captions';
import { parseCaption } from '../live-events';
import { clockOf } from './moment';
import { Lines } from './lines';

/** Lines that are kept, the newest: some hours of speech. The server gives no more. */
const MAX_LINES = 4_000;
/** A cue is corrected by less: one farther from where it stood is another live's. Milliseconds. */
const MAX_MOVE_MS = 30_000;
/** How often lines that can no longer be watched are looked for. */
const TIDY_EVERY_MS = 10_000;
/** A line that is still being corrected is read out after this all the same. Milliseconds. */
const PATIENCE_MS = 10_000;
/** Who has gone so far from where they were hears what is said there, and nothing of what lies between. Milliseconds. */
const JUMP_MS = 5_000;
/** Lines that have been read out and are kept for who reads them again. */
const MAX_SPOKEN = 20;

interface Language {
  tag: string;
  name: string;
}

export class LiveTranscript {
  readonly #beside: HTMLElement;
  readonly #section: HTMLElement;
  readonly #captions: string;
  readonly #player: () => AmphiPlayer | null;
  readonly #languages = new Map<string, Language>();
  #lines: Lines | null = null;
  #shown: Language | null = null;
  /** The reader has chosen the language here. */
  #chosen = false;
  #ofPlayer: string | null = null;
  #loading = 0;
  /** The player of the live that what was said so far was asked for. */
  #askedBy: AmphiPlayer | null = null;
  #tidied_ms = 0;
  #aloud = false;
  #heard_ms = 0;
  #spoken_ms = 0;

  /**
   * `beside`: what is shown once somebody is heard. `root`: where players come and go. `captions`: the address of the folder of what was said.
   */
  constructor(beside: HTMLElement, root: HTMLElement, captions: string, player: () => AmphiPlayer | null) {
    this.#beside = beside;
    this.#section = beside.querySelector<HTMLElement>('[data-transcript-live]') ?? beside;
    this.#captions = captions;
    this.#player = player;
    // Caught on the way down: a player's events do not rise.
    const on = (name: string, run: (event: Event) => void) =>
      root.addEventListener(name, (event) => event.target instanceof AmphiPlayer && run(event), true);
    on('captions', (event) => this.#onLanguages((event as CustomEvent<CaptionsDetail>).detail));
    on('time', () => this.#onTime());
    on('state', () => this.#link());
  }

  /** The server's word on a cue. */
  tell(cue: LiveCue): void {
    this.#know([{ tag: cue.language, name: nameOf(cue.language) }]);
    if (cue.language.toLowerCase() !== this.#shown?.tag.toLowerCase()) return;
    this.#put(cue);
    this.#tidy();
  }

  /** The events have begun, perhaps after a pause in which some were missed. */
  refresh(): void {
    if (this.#shown) void this.#load();
  }

  /** Another live begins: what was said in the one before is not said in it. */
  forget(): void {
    this.#loading += 1;
    this.#section.removeAttribute('aria-busy');
    this.#askedBy = null;
    this.#lines?.write([], this.#shown?.tag ?? '');
    this.#tidy();
  }

  #onLanguages({ languages, selected }: CaptionsDetail): void {
    const turned = selected !== null && selected !== this.#ofPlayer;
    this.#ofPlayer = selected ?? this.#ofPlayer;
    // Other captions are chosen in the player: they are read here too.
    if (turned) this.#chosen = false;
    this.#know(languages, turned);
    const shown = this.#shown?.tag.toLowerCase();
    // Its playlist lists them, and so there is something to be asked for.
    if (this.#askedBy !== this.#player() && languages.some(({ tag }) => tag.toLowerCase() === shown)) void this.#load();
  }

  #know(languages: readonly Language[], again = false): void {
    const before = this.#languages.size;
    for (const { tag, name } of languages) {
      const key = tag.toLowerCase();
      if (!this.#languages.has(key)) this.#languages.set(key, { tag, name: name || nameOf(tag) });
    }
    if (this.#languages.size === 0 || (this.#languages.size === before && !again)) return;
    this.#begin();
    const select = this.#part<HTMLSelectElement>('language');
    select.replaceChildren(
      ...[...this.#languages].map(([key, { tag, name }]) => Object.assign(new Option(name, key), { lang: tag })),
    );
    select.parentElement?.toggleAttribute('hidden', this.#languages.size < 2);
    const wanted = this.#chosen ? (this.#shown?.tag ?? '') : this.#wanted();
    select.value = wanted.toLowerCase();
    this.#turnTo(select.value);
  }

  // As captions are chosen: what was chosen in the player, else what is read.
  #wanted(): string {
    const all = [...this.#languages.keys()];
    const of = (tag: string | null) => {
      const key = tag?.toLowerCase();
      return all.find((one) => one === key) ?? all.find((one) => one.split('-')[0] === key?.split('-')[0]);
    };
    return of(this.#ofPlayer) ?? of(keptLanguage()) ?? of(document.documentElement.lang) ?? all[0] ?? '';
  }

  #part<T extends HTMLElement>(name: string): T {
    return this.#section.querySelector<T>(`[data-${name}]`) as T;
  }

  #begin(): void {
    if (this.#lines) return;
    const template = this.#section.querySelector<HTMLTemplateElement>('template[data-panel]');
    template?.before(template.content.cloneNode(true));
    this.#lines = new Lines(this.#section, {
      clock: clockOf,
      choose: ({ at }) => {
        const player = this.#player();
        // What was begun to be said before the first picture leads to that.
        void player?.seekToDate(at).then((found) => found || player.startOver());
        void player?.play().catch(() => undefined);
      },
      most: MAX_LINES,
    });
    const select = this.#part<HTMLSelectElement>('language');
    select.addEventListener('change', () => {
      this.#chosen = true;
      this.#turnTo(select.value);
    });
    const aloud = this.#part('aloud');
    aloud.addEventListener('click', () => this.#readOut(!this.#aloud, aloud));
  }

  #turnTo(key: string): void {
    const language = this.#languages.get(key);
    if (!language || language === this.#shown) return;
    this.#shown = language;
    this.#lines?.write([], language.tag);
    this.#part('spoken').lang = language.tag;
    void this.#load();
    this.#tidy();
  }

  // What was said so far. What events tell meanwhile is kept.
  async #load(): Promise<void> {
    const [language, player] = [this.#shown, this.#player()];
    if (!language || !player || (player.kind === 'video' && this.#lines?.count)) return;
    this.#askedBy = player;
    const turn = (this.#loading += 1);
    this.#section.setAttribute('aria-busy', 'true');
    try {
      const answer = await fetch(`${this.#captions}/${encodeURIComponent(language.tag)}.json`, { credentials: 'same-origin' });
      const { cues } = answer.ok ? ((await answer.json()) as { cues: unknown[] }) : { cues: [] };
      if (turn !== this.#loading) return;
      const found = cues.map((cue) => parseCaption(JSON.stringify(cue))).filter((cue) => cue !== null);
      if (this.#lines?.count === 0) this.#lines.write(found.map(lineOf), language.tag);
      else for (const cue of found) this.#put(cue);
      this.#tidy();
      this.#onTime();
    } catch {
      // The network or the server is away: the player says so, and it is asked for again when the events are back.
    } finally {
      if (turn === this.#loading) this.#section.removeAttribute('aria-busy');
    }
  }

  #put(cue: LiveCue): void {
    const known = this.#lines?.find(cue.id);
    if (known && Math.abs(known.at - cue.start_ms) > MAX_MOVE_MS) this.#lines?.write([], cue.language);
    if (cue.lines.length === 0) this.#lines?.remove(cue.id);
    // What is the last word is not taken back by an older one.
    else if (!known || known.draft || cue.final) this.#lines?.put(lineOf(cue));
  }

  #onTime(): void {
    const player = this.#player();
    const date_ms = player?.playingDate?.getTime();
    if (!player || date_ms === undefined || !this.#lines) return;
    this.#lines.show(date_ms);
    this.#speak(date_ms);
    const now_ms = performance.now();
    if (player.kind !== 'live' || now_ms - this.#tidied_ms < TIDY_EVERY_MS) return;
    this.#tidied_ms = now_ms;
    // What can no longer be watched leads nowhere.
    const from_ms = player.listed?.from_ms;
    if (from_ms !== undefined) this.#lines.dropBefore(from_ms - MAX_MOVE_MS);
    this.#tidy();
  }

  #tidy(): void {
    if (!this.#lines) return;
    this.#part('waiting').hidden = this.#lines.count > 0;
    // Where nothing is on air there is nothing to wait for.
    this.#beside.hidden = this.#lines.count === 0 && this.#player()?.kind !== 'live';
    this.#link();
  }

  // To take away: what was said so far, and all of it when there is a video.
  #link(): void {
    if (!this.#lines || !this.#shown) return;
    const player = this.#player();
    const id = player?.kind === 'video' ? /^\/videos\/([\w-]+)\//.exec(player.getAttribute('src') ?? '')?.[1] : undefined;
    const folder = id ? `/videos/${id}/captions` : this.#captions;
    const files = this.#part('files');
    files.hidden = this.#lines.count === 0;
    files.querySelector('span')?.toggleAttribute('hidden', id !== undefined);
    for (const link of files.querySelectorAll<HTMLAnchorElement>('[data-file]')) link.href = `${folder}/${this.#shown.tag}.${link.dataset['file']}`;
  }

  #readOut(on: boolean, button: HTMLElement): void {
    this.#aloud = on;
    button.setAttribute('aria-pressed', String(on));
    const spoken = this.#part('spoken');
    spoken.replaceChildren();
    if (on) {
      spoken.setAttribute('role', 'log');
      spoken.setAttribute('aria-live', 'polite');
      this.#spoken_ms = this.#heard_ms = this.#player()?.playingDate?.getTime() ?? Date.now();
    } else {
      spoken.removeAttribute('role');
      spoken.removeAttribute('aria-live');
    }
  }

  // Each line once, in its last words, when its picture is there.
  #speak(date_ms: number): void {
    const lines = this.#lines;
    if (!this.#aloud || !lines) return;
    if (Math.abs(date_ms - this.#heard_ms) > JUMP_MS) this.#spoken_ms = date_ms;
    this.#heard_ms = date_ms;
    const spoken = this.#part('spoken');
    for (const line of lines.between(this.#spoken_ms, date_ms)) {
      if (line.draft && date_ms - line.at < PATIENCE_MS) break;
      const said = document.createElement('p');
      said.textContent = line.text;
      spoken.append(said);
      this.#spoken_ms = line.at;
    }
    while (spoken.childElementCount > MAX_SPOKEN) spoken.firstElementChild?.remove();
  }
}

const lineOf = (cue: LiveCue) => ({ id: cue.id, at: cue.start_ms, text: cue.lines.join(' '), draft: !cue.final });

function nameOf(tag: string): string {
  try {
    return new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
