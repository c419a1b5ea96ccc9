// /operate and /operate/<slug>: tiles follow the server's messages. All words are in the page already, in the reader's language.
import { keepCurves } from './curves';
import { parseTiles, type Alert, type TileChange } from './tiles';

/** What stands where there is nothing to show. */
const NOTHING = '–';
const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 30_000;

class Wall {
  readonly #root: HTMLElement;
  readonly #blank = document.querySelector<HTMLTemplateElement>('template[data-blank]');
  readonly #status = document.querySelector<HTMLElement>('[data-say]');
  readonly #connection = document.querySelector<HTMLElement>('[data-connection]');
  readonly #numbers = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
  readonly #words = new Map<string, string>();
  readonly #listener: (change: TileChange) => void;

  constructor(root: HTMLElement, listener: (change: TileChange) => void) {
    this.#root = root;
    this.#listener = listener;
    for (const word of document.querySelectorAll<HTMLElement>('[data-word]')) this.#words.set(word.dataset['word'] ?? '', word.textContent ?? '');
    for (const figure of root.querySelectorAll<HTMLElement>('dd[data-f]')) {
      const text = figure.textContent ?? '';
      if (/^-?\d+(\.\d+)?$/.test(text)) figure.textContent = this.#numbers.format(Number(text));
    }
    this.#follow(root.dataset['events'] ?? '');
  }

  #follow(url: string): void {
    let retry_ms = RETRY_FIRST_MS;
    const open = () => {
      const source = new EventSource(url);
      const take = (event: MessageEvent<string>, whole: boolean) => {
        retry_ms = RETRY_FIRST_MS;
        if (this.#connection) this.#connection.textContent = '';
        const tiles = parseTiles(event.data);
        if (!tiles) return;
        if (whole) this.#keepOnly(new Set(tiles.map((tile) => tile.slug)));
        for (const tile of tiles) this.#change(tile);
      };
      source.addEventListener('all', (event: MessageEvent<string>) => take(event, true));
      source.addEventListener('some', (event: MessageEvent<string>) => take(event, false));
      source.addEventListener('error', () => {
        // Figures that stand still look like figures that are good.
        if (this.#connection) this.#connection.textContent = this.#connection.dataset['lost'] ?? '';
        if (source.readyState !== EventSource.CLOSED) return;
        window.setTimeout(open, retry_ms * (0.5 + Math.random()));
        retry_ms = Math.min(retry_ms * 2, RETRY_LAST_MS);
      });
    };
    open();
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
