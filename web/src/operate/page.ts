// /operate and /operate/<slug>: tiles follow the server's messages; /operate/_/jobs: so do jobs; /operate/_/machine: disk and engines. All words are in the page already, in the reader's language.
import { keepCurves } from './curves';
import { followJobs } from './jobs';
import { followMachine } from './machine';
import { follow, NOTHING, readWords } from './stream';
import { parseTiles, type Alert, type TileChange } from './tiles';

class Wall {
  readonly #root: HTMLElement;
  readonly #blank = document.querySelector<HTMLTemplateElement>('template[data-blank]');
  readonly #status = document.querySelector<HTMLElement>('[data-say]');
  readonly #numbers = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
  readonly #words = readWords();
  readonly #listener: (change: TileChange) => void;

  constructor(root: HTMLElement, listener: (change: TileChange) => void) {
    this.#root = root;
    this.#listener = listener;
    for (const figure of root.querySelectorAll<HTMLElement>('dd[data-f]')) {
      const text = figure.textContent ?? '';
      if (/^-?\d+(\.\d+)?$/.test(text)) figure.textContent = this.#numbers.format(Number(text));
    }
    follow(root.dataset['events'] ?? '', (data, whole) => this.#take(data, whole));
  }

  #take(data: string, whole: boolean): void {
    const tiles = parseTiles(data);
    if (!tiles) return;
    if (whole) this.#keepOnly(new Set(tiles.map((tile) => tile.slug)));
    for (const tile of tiles) this.#change(tile);
  }

  #tile(slug: string): HTMLElement | null {
    return this.#root.querySelector<HTMLElement>(`article[data-slug="${CSS.escape(slug)}"]`);
  }

  // Those that are no more, or no more for this operator.
  #keepOnly(slugs: ReadonlySet<string>): void {
    for (const tile of this.#root.querySelectorAll<HTMLElement>('article[data-slug]')) {
      if (!slugs.has(tile.dataset['slug'] ?? '')) tile.closest('li')?.remove();
    }
    const none = document.querySelector<HTMLElement>('[data-none]');
    if (none) none.hidden = slugs.size > 0;
  }

  #add(slug: string): HTMLElement | null {
    const made = this.#blank?.content.firstElementChild?.cloneNode(true);
    if (!(made instanceof HTMLElement)) return null;
    const tile = made.querySelector<HTMLElement>('article');
    if (!tile) return null;
    tile.dataset['slug'] = slug;
    const link = tile.querySelector('a');
    if (link) link.href = `/operate/${encodeURIComponent(slug)}`;
    this.#root.append(made);
    return tile;
  }

  #change(change: TileChange): void {
    const tile = this.#tile(change.slug) ?? this.#add(change.slug);
    if (!tile) return;
    for (const [name, value] of Object.entries(change.figures)) {
      if (name === 'picture_ms') this.#show(tile, value);
      const place = tile.querySelector(`dd[data-f="${CSS.escape(name)}"]`);
      if (place) place.textContent = value === null || value === '' ? NOTHING : typeof value === 'number' ? this.#numbers.format(value) : value;
    }
    const title = tile.querySelector('[data-title]');
    if (title && change.title !== undefined) title.textContent = change.title;
    if (change.state !== undefined) {
      tile.dataset['state'] = change.state;
      const badge = tile.querySelector('[data-badge]');
      if (badge) badge.textContent = this.#words.get(`state-${change.state.replaceAll('_', '-')}`) ?? change.state;
      const actions = document.querySelector<HTMLElement>('[data-actions]');
      if (actions) actions.hidden = !['starting', 'on_air', 'dropped'].includes(change.state);
    }
    if (change.recorded !== undefined) this.#showRecording(tile, change.recorded);
    if (change.level !== undefined) tile.dataset['level'] = change.level;
    if (change.alerts !== undefined) this.#alert(tile, change.alerts);
    this.#listener(change);
  }

  #showRecording(tile: HTMLElement, recorded: boolean): void {
    const badge = tile.querySelector<HTMLElement>('[data-recorded]');
    if (badge) badge.hidden = !recorded;
    // Whoever has just pressed one of the two keeps the focus on the other.
    const focused = Boolean(document.activeElement?.closest('[data-record]'));
    for (const form of document.querySelectorAll<HTMLElement>('[data-record]')) {
      form.hidden = (form.dataset['record'] === 'stop') !== recorded;
      if (focused && !form.hidden) form.querySelector('button')?.focus();
    }
  }

  // A picture of then stays until the newer one is there; none is better than an old one.
  #show(tile: HTMLElement, at_ms: string | number | null): void {
    const picture = tile.querySelector<HTMLImageElement>('img[data-picture]');
    if (!picture) return;
    const shown = typeof at_ms === 'number';
    if (shown) picture.src = `/live/${encodeURIComponent(tile.dataset['slug'] ?? '')}/picture.jpg?at=${at_ms}`;
    else picture.removeAttribute('src');
    picture.hidden = !shown;
    const none = tile.querySelector<HTMLElement>('[data-no-picture]');
    if (none) none.hidden = shown;
  }

  #alert(tile: HTMLElement, alerts: readonly Alert[]): void {
    const list = tile.querySelector('[data-alerts]');
    if (!list) return;
    const known = new Set([...list.querySelectorAll<HTMLElement>('li')].map((line) => line.dataset['code']));
    list.replaceChildren(
      ...alerts.map(({ level, code }) => {
        const line = document.createElement('li');
        line.className = level;
        line.dataset['code'] = code;
        const lead = document.createElement('strong');
        lead.textContent = this.#words.get(`level-${level}`) ?? level;
        line.append(lead, ' ', this.#finding(code));
        return line;
      }),
    );
    // Said once to who can't see it, and only what calls for somebody.
    const worse = alerts.find(({ level, code }) => level === 'error' && !known.has(code));
    const title = tile.querySelector('[data-title]')?.textContent ?? '';
    if (worse && this.#status) this.#status.textContent = `${title}: ${this.#finding(worse.code)}`;
  }

  #finding(code: string): string {
    return this.#words.get(`finding-${code.replaceAll('_', '-')}`) ?? this.#words.get('finding-other') ?? code;
  }
}

const root = document.querySelector<HTMLElement>('[data-wall]');
if (root) new Wall(root, keepCurves());
followJobs();
followMachine();
