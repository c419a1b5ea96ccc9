// What stands beside a live takes as much room as its viewer gives it: by the mouse, a finger or the arrow keys. Kept in their browser.

const KEY = 'amphi-tool-width';
/** Percent of the width of both. */
const [LEAST, MOST, STEP] = [20, 60, 2];

/** `root` holds both, the part that moves has `data-splitter`. */
export function split(root: HTMLElement | null): void {
  const bar = root?.querySelector<HTMLElement>('[data-splitter]');
  if (!root || !bar) return;
  bar.hidden = false;

  const set = (percent: number, keep = true) => {
    const width = Math.round(Math.min(MOST, Math.max(LEAST, percent)));
    root.style.setProperty('--tool', `${width}%`);
    bar.setAttribute('aria-valuenow', String(width));
    if (!keep) return;
    try {
      localStorage.setItem(KEY, String(width));
    } catch {
      // Forbidden: it is so for this page only.
    }
  };
  const now = () => Number(bar.getAttribute('aria-valuenow'));
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // Forbidden: as the page is made.
  }
  if (kept !== null && Number.isFinite(Number(kept))) set(Number(kept), false);

  bar.addEventListener('keydown', (event) => {
    const to: Record<string, number> = { ArrowLeft: now() + STEP, ArrowRight: now() - STEP, Home: LEAST, End: MOST };
    const width = to[event.key];
    if (width === undefined) return;
    event.preventDefault();
    set(width);
  });
  bar.addEventListener('pointerdown', (event) => {
    bar.setPointerCapture(event.pointerId);
    // The frame would take the movements for itself.
    root.toggleAttribute('data-moving', true);
    event.preventDefault();
    bar.focus();
  });
  bar.addEventListener('pointermove', (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const { right, width } = root.getBoundingClientRect();
    set(((right - event.clientX) / width) * 100);
  });
  for (const end of ['pointerup', 'pointercancel']) bar.addEventListener(end, () => root.removeAttribute('data-moving'));
}
