// What is said, beside the pictures: follows them, leads to the moment of each line, and can be searched. The server's page has the same text
// as files; this takes nothing away from it.
import type { AmphiPlayer, TimeDetail } from '../player/amphi-player';
import { clock, parseCues, type Cue } from './cues';
import { seekWhenReady } from './seek';

/** After somebody has moved the list themselves, it is theirs for this long. */
const HANDS_OFF_MS = 4_000;

/** Letters without accents, as people type them. */
const folded = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

class Transcript {
  readonly #root: HTMLElement;
  readonly #player: AmphiPlayer;
  readonly #list: HTMLOListElement;
  readonly #found: HTMLElement;
  readonly #search: HTMLInputElement;
  readonly #follow: HTMLInputElement;
  #cues: Cue[] = [];
  #words: string[] = [];
  #lines: HTMLLIElement[] = [];
  #shown = -1;
  #handsOff_ms = 0;
  #loading = 0;

  constructor(root: HTMLElement, template: HTMLTemplateElement, player: AmphiPlayer) {
    this.#root = root;
    this.#player = player;
    template.before(template.content.cloneNode(true));
    const part = <T extends HTMLElement>(name: string) => root.querySelector<T>(`[data-${name}]`) as T;
    this.#list = part<HTMLOListElement>('lines');
    this.#found = part('found');
    this.#search = part<HTMLInputElement>('search');
    this.#follow = part<HTMLInputElement>('follow');
    this.#languages(part<HTMLSelectElement>('language'));
    this.#search.addEventListener('input', () => this.#narrow());
    this.#list.addEventListener('click', (event) => this.#choose(event));
    this.#list.addEventListener('wheel', () => this.#leave(), { passive: true });
    this.#list.addEventListener('touchmove', () => this.#leave(), { passive: true });
    this.#list.addEventListener('keydown', () => this.#leave());
    this.#follow.addEventListener('change', () => {
      this.#handsOff_ms = 0;
      this.#shown = -1;
    });
    player.addEventListener('time', (event) => this.#onTime((event as CustomEvent<TimeDetail>).detail.currentTime));
  }

  // The languages are those of the files that the page links to.
  #languages(select: HTMLSelectElement): void {
    const files = [...this.#root.querySelectorAll<HTMLAnchorElement>('a[data-cues]')];
    for (const file of files) {
      const option = new Option(file.dataset['name'] ?? '', file.href);
      option.lang = file.dataset['cues'] ?? '';
      select.append(option);
    }
    // What is heard and what is read had better be in one language.
    const wanted = document.documentElement.lang;
    const own = files.findIndex((file) => file.dataset['cues']?.split('-')[0] === wanted);
    select.selectedIndex = Math.max(0, own);
    select.parentElement?.toggleAttribute('hidden', files.length < 2);
    select.addEventListener('change', () => void this.#load(select));
    void this.#load(select);
  }

  async #load(select: HTMLSelectElement): Promise<void> {
    const turn = (this.#loading += 1);
    this.#root.setAttribute('aria-busy', 'true');
    try {
      const answer = await fetch(select.value, { credentials: 'same-origin' });
      const cues = answer.ok ? parseCues(await answer.text()) : [];
      if (turn !== this.#loading) return;
      this.#write(cues, select.selectedOptions[0]?.lang ?? '');
    } catch {
      // The files are still there to be opened.
    } finally {
      this.#root.removeAttribute('aria-busy');
    }
  }

  #write(cues: Cue[], language: string): void {
    this.#cues = cues;
    this.#words = cues.map((cue) => folded(cue.text));
    this.#shown = -1;
    this.#list.lang = language;
    this.#lines = cues.map((cue, n) => {
      const line = document.createElement('li');
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset['line'] = String(n);
      const time = document.createElement('span');
      time.className = 'at';
      time.textContent = clock(cue.start_s);
      button.append(time, ' ', cue.text);
      line.append(button);
      return line;
    });
    this.#list.replaceChildren(...this.#lines);
    this.#narrow();
    this.#onTime(this.#player.video?.currentTime ?? 0);
  }

  #narrow(): void {
    const wanted = folded(this.#search.value.trim());
    let count = 0;
    this.#lines.forEach((line, n) => {
      const fits = !wanted || (this.#words[n] ?? '').includes(wanted);
      line.hidden = !fits;
      if (fits) count += 1;
    });
    const { none = '', some = '' } = this.#found.dataset;
    this.#found.textContent = !wanted ? '' : count === 0 ? none : `${some} ${new Intl.NumberFormat(document.documentElement.lang).format(count)}`;
    if (!wanted) this.#shown = -1;
  }

  #choose(event: Event): void {
    const n = Number((event.target as Element).closest<HTMLElement>('[data-line]')?.dataset['line'] ?? NaN);
    const cue = this.#cues[n];
    if (!cue) return;
    this.#handsOff_ms = 0;
    seekWhenReady(this.#player, cue.start_s);
    void this.#player.play().catch(() => undefined);
  }

  #leave(): void {
    this.#handsOff_ms = performance.now() + HANDS_OFF_MS;
  }

  #onTime(time_s: number): void {
    let n = this.#shown;
    const cue = this.#cues[n];
    if (!cue || time_s < cue.start_s || time_s >= (this.#cues[n + 1]?.start_s ?? Infinity)) n = this.#at(time_s);
    if (n === this.#shown) return;
    this.#lines[this.#shown]?.firstElementChild?.removeAttribute('aria-current');
    for (const old of this.#list.querySelectorAll('[aria-current]')) old.removeAttribute('aria-current');
    this.#shown = n;
    const line = this.#lines[n];
    line?.firstElementChild?.setAttribute('aria-current', 'true');
    if (line && this.#follow.checked && performance.now() >= this.#handsOff_ms && !this.#search.value) this.#showLine(line);
  }

  // The last that has begun.
  #at(time_s: number): number {
    let [low, high] = [0, this.#cues.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cues[middle]?.start_s ?? 0) <= time_s) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // Inside the list only: the page stays where the reader has put it.
  #showLine(line: HTMLLIElement): void {
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const top = line.offsetTop - this.#list.clientHeight / 3;
    this.#list.scrollTo({ top, behavior: still ? 'instant' : 'smooth' });
  }
}

/** Makes the panel in `root`, when it comes near what is seen. */
export function transcript(root: HTMLElement | null, player: AmphiPlayer): void {
  const template = root?.querySelector<HTMLTemplateElement>('template[data-panel]');
  if (!root || !template) return;
  const seen = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      new Transcript(root, template, player);
    },
    { rootMargin: '400px' },
  );
  seen.observe(root);
}
