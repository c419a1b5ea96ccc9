// What is said, one line below the other: the list follows what is played, leads to the moment of each line, and can be searched. Where the lines
// come from, and what their moments count, others know.

/** After somebody has moved the list themselves, it is theirs for this long. */
const HANDS_OFF_MS = 4_000;

/** Letters without accents, as people type them. */
const folded = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

export interface Line {
  /** Of two with the same the later word holds. */
  id: string;
  /** When it begins: the unit is that of who writes the lines. They stand in this order. */
  at: number;
  text: string;
  /** It may be said otherwise in a moment. */
  draft: boolean;
}

interface Shown extends Line {
  words: string;
  item: HTMLLIElement;
}

export interface Use {
  /** A moment as people read it. */
  clock(at: number): string;
  /** Somebody has chosen this line. */
  choose(line: Line): void;
  /** Lines that are kept; the first go before there are more. */
  most: number;
}

export class Lines {
  readonly #use: Use;
  readonly #list: HTMLOListElement;
  readonly #found: HTMLElement;
  readonly #search: HTMLInputElement;
  readonly #follow: HTMLInputElement;
  readonly #byId = new Map<string, Shown>();
  #lines: Shown[] = [];
  #current: Shown | null = null;
  #handsOff_ms = 0;

  /** `root` has the tools and the list. */
  constructor(root: HTMLElement, use: Use) {
    this.#use = use;
    const part = <T extends HTMLElement>(name: string) => root.querySelector<T>(`[data-${name}]`) as T;
    this.#list = part<HTMLOListElement>('lines');
    this.#found = part('found');
    this.#search = part<HTMLInputElement>('search');
    this.#follow = part<HTMLInputElement>('follow');
    this.#search.addEventListener('input', () => this.#narrow());
    this.#list.addEventListener('click', (event) => this.#choose(event));
    this.#list.addEventListener('wheel', () => this.#leave(), { passive: true });
    this.#list.addEventListener('touchmove', () => this.#leave(), { passive: true });
    this.#list.addEventListener('keydown', () => this.#leave());
    this.#follow.addEventListener('change', () => {
      this.#handsOff_ms = 0;
      this.#current = null;
    });
  }

  get count(): number {
    return this.#lines.length;
  }

  /** Those that begin later than one moment, up to another; first to last. */
  between(from: number, to: number): Line[] {
    return this.#lines.slice(this.#after(from), this.#after(to));
  }

  find(id: string): Line | undefined {
    return this.#byId.get(id);
  }

  /** All there are instead of those before. */
  write(lines: readonly Line[], language: string): void {
    this.#list.lang = language;
    this.#current = null;
    this.#byId.clear();
    const ordered = [...lines].sort((one, other) => one.at - other.at);
    this.#lines = ordered.slice(-this.#use.most).map((line) => this.#made(line));
    this.#list.replaceChildren(...this.#lines.map(({ item }) => item));
    this.#narrow();
  }

  /** One more, or another word on one that is there: that stays the same element, so that who is on it stays there. */
  put(line: Line): void {
    const known = this.#byId.get(line.id);
    if (known && known.at === line.at) {
      known.draft = line.draft;
      if (known.text !== line.text) this.#reword(known, line.text);
    } else {
      if (known) this.#takeOut(known);
      const shown = this.#made(line);
      const n = this.#after(line.at);
      this.#list.insertBefore(shown.item, this.#lines[n]?.item ?? null);
      this.#lines.splice(n, 0, shown);
      while (this.#lines.length > this.#use.most) this.#takeOut(this.#lines[0]!);
    }
    if (this.#search.value) this.#narrow();
  }

  /** It was not said. */
  remove(id: string): void {
    const known = this.#byId.get(id);
    if (!known) return;
    this.#takeOut(known);
    if (this.#search.value) this.#narrow();
  }

  /** Those that begin before are gone. */
  dropBefore(at: number): void {
    while (this.#lines[0] && this.#lines[0].at < at) this.#takeOut(this.#lines[0]);
  }

  /** What is played now. */
  show(at: number): void {
    const line = this.#lines[this.#after(at) - 1] ?? null;
    if (line === this.#current) return;
    this.#current?.item.firstElementChild?.removeAttribute('aria-current');
    this.#current = line;
    for (const old of this.#list.querySelectorAll('[aria-current]')) old.removeAttribute('aria-current');
    line?.item.firstElementChild?.setAttribute('aria-current', 'true');
    if (line && this.#follow.checked && performance.now() >= this.#handsOff_ms && !this.#search.value) this.#showLine(line);
  }

  #made(line: Line): Shown {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset['line'] = line.id;
    const time = document.createElement('span');
    time.className = 'at';
    time.textContent = this.#use.clock(line.at);
    button.append(time, ' ', line.text);
    item.append(button);
    const shown = { ...line, words: folded(line.text), item };
    this.#byId.set(line.id, shown);
    return shown;
  }

  #reword(known: Shown, text: string): void {
    known.text = text;
    known.words = folded(text);
    const words = known.item.firstElementChild?.lastChild;
    if (words) words.textContent = text;
  }

  #takeOut(line: Shown): void {
    this.#byId.delete(line.id);
    this.#lines.splice(this.#lines.indexOf(line), 1);
    line.item.remove();
  }

  #narrow(): void {
    const wanted = folded(this.#search.value.trim());
    let count = 0;
    for (const line of this.#lines) {
      const fits = !wanted || line.words.includes(wanted);
      line.item.hidden = !fits;
      if (fits) count += 1;
    }
    const { none = '', some = '' } = this.#found.dataset;
    const said = !wanted ? '' : count === 0 ? none : `${some} ${new Intl.NumberFormat(document.documentElement.lang).format(count)}`;
    // Said once, not with each line that comes.
    if (said !== this.#found.textContent) this.#found.textContent = said;
    if (!wanted) this.#current = null;
  }

  #choose(event: Event): void {
    const id = (event.target as Element).closest<HTMLElement>('[data-line]')?.dataset['line'];
    const line = id === undefined ? undefined : this.#byId.get(id);
    if (!line) return;
    this.#handsOff_ms = 0;
    this.#use.choose(line);
  }

  #leave(): void {
    this.#handsOff_ms = performance.now() + HANDS_OFF_MS;
  }

  // How many begin at that moment or before.
  #after(at: number): number {
    let [low, high] = [0, this.#lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lines[middle]?.at ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Inside the list only: the page stays where the reader has put it.
  #showLine(line: Shown): void {
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const top = line.item.offsetTop - this.#list.clientHeight / 3;
    this.#list.scrollTo({ top, behavior: still ? 'instant' : 'smooth' });
  }
}
