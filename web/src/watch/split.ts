// What stands with a live takes as much room as its viewer gives it: in width beside it, in height below it. By the mouse, a finger or the arrow
// keys; kept in their browser.

/** One of both directions. */
interface Way {
  /** Under which name it is kept. */
  key: string;
  /** The style that says how much. */
  property: string;
  unit: '%' | 'rem';
  least: number;
  most: number;
  step: number;
  /** How much the page begins with. */
  first: number;
  /** Arrow keys that give more and less. */
  more: string;
  less: string;
  /** Of the part that moves: a line that stands, or one that lies. */
  orientation: 'vertical' | 'horizontal';
  /** Which of its words say what it does. */
  label: 'width' | 'height';
  /** How much it is when the part that moves is at a point. */
  at(x: number, y: number): number;
}

/** From here on there is room for something beside a live: as in site.css. */
const WIDE = '(min-width: 64rem)';

/** `root` holds both, the part that moves has `data-splitter`; with the class `below`, what stands with the live is below it at any width. */
export function split(root: HTMLElement | null): void {
  const bar = root?.querySelector<HTMLElement>('[data-splitter]');
  const tool = bar?.nextElementSibling;
  if (!root || !bar || !tool) return;
  bar.hidden = false;

  const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  const width: Way = {
    key: 'amphi-tool-width', property: '--tool', unit: '%', least: 20, most: 60, step: 2, first: 34,
    more: 'ArrowLeft', less: 'ArrowRight', orientation: 'vertical', label: 'width',
    at(x) {
      const { right, width: whole } = root.getBoundingClientRect();
      return ((right - x) / whole) * 100;
    },
  };
  const height: Way = {
    key: 'amphi-tool-height', property: '--tool-height', unit: 'rem', least: 12, most: 80, step: 2, first: 30,
    more: 'ArrowDown', less: 'ArrowUp', orientation: 'horizontal', label: 'height',
    at: (_, y) => (y - tool.getBoundingClientRect().top) / rem(),
  };
  let way = width;

  const set = (amount: number, keep = true) => {
    const now = Math.round(Math.min(way.most, Math.max(way.least, amount)));
    root.style.setProperty(way.property, `${now}${way.unit}`);
    bar.setAttribute('aria-valuenow', String(now));
    if (!keep) return;
    try {
      localStorage.setItem(way.key, String(now));
    } catch {
      // Forbidden: it is so for this page only.
    }
  };
  const now = () => Number(bar.getAttribute('aria-valuenow'));

  const wide = matchMedia(WIDE);
  const turn = () => {
    way = wide.matches && !root.classList.contains('below') ? width : height;
    // Where it is seen, it is come to by the keyboard: its edge that moves is on the left beside a live, at the foot below one. Never the tool
    // itself is moved, which would load it again.
    if (way === width) tool.before(bar);
    else tool.after(bar);
    bar.setAttribute('aria-orientation', way.orientation);
    bar.setAttribute('aria-label', bar.dataset[way.label] ?? '');
    bar.setAttribute('aria-valuemin', String(way.least));
    bar.setAttribute('aria-valuemax', String(way.most));
    let kept: string | null = null;
    try {
      kept = localStorage.getItem(way.key);
    } catch {
      // Forbidden: as the page is made.
    }
    const known = kept === null ? Number.NaN : Number(kept);
    set(Number.isFinite(known) ? known : way.first, false);
  };
  turn();
  wide.addEventListener('change', turn);

  bar.addEventListener('keydown', (event) => {
    const to: Record<string, number> = { [way.more]: now() + way.step, [way.less]: now() - way.step, Home: way.least, End: way.most };
    const amount = to[event.key];
    if (amount === undefined) return;
    event.preventDefault();
    set(amount);
  });
  bar.addEventListener('pointerdown', (event) => {
    bar.setPointerCapture(event.pointerId);
    // The frame would take the movements for itself.
    root.toggleAttribute('data-moving', true);
    event.preventDefault();
    bar.focus();
  });
  bar.addEventListener('pointermove', (event) => {
    if (bar.hasPointerCapture(event.pointerId)) set(way.at(event.clientX, event.clientY));
  });
  for (const end of ['pointerup', 'pointercancel']) bar.addEventListener(end, () => root.removeAttribute('data-moving'));
}
