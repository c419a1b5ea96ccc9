// The curves of /operate/<slug>: viewers by the minute as the page's table has them, and bitrate and pace as they come. Each has a table that says
// the same, point by point; the drawing is only for eyes.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { TileChange } from './tiles';

const HEIGHT_PX = 180;
/** Ten minutes of a message each second. */
const MAX_POINTS = 600;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function draw(place: HTMLElement, title: string, data: uPlot.AlignedData): uPlot {
  const axis = { stroke: colour('--ink-soft'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
  const options: uPlot.Options = {
    title,
    width: place.clientWidth || 320,
    height: HEIGHT_PX,
    cursor: { show: false },
    legend: { show: false },
    axes: [axis, axis],
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1)] } },
    series: [{}, { stroke: colour('--brand'), width: 2 }],
  };
  const plot = new uPlot(options, data, place);
  // A plot is a picture of what its table says.
  plot.root.setAttribute('aria-hidden', 'true');
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth || 320, height: HEIGHT_PX })).observe(place);
  return plot;
}

/** A table of a curve: a row a point, the oldest first. */
class Table {
  readonly #part: HTMLElement | null;
  readonly #body: HTMLElement | null;
  readonly #numbers = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
  readonly #times = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: 'medium' });

  constructor(key: string) {
    this.#part = document.querySelector<HTMLElement>(`[data-points="${key}"]`);
    this.#body = this.#part?.querySelector('tbody') ?? null;
  }

  add(at_ms: number, value: number): void {
    if (!this.#part || !this.#body) return;
    const [row, head, cell, time] = [document.createElement('tr'), document.createElement('th'), document.createElement('td'), document.createElement('time')];
    time.dateTime = new Date(at_ms).toISOString();
    time.textContent = this.#times.format(at_ms);
    head.scope = 'row';
    head.append(time);
    cell.textContent = this.#numbers.format(value);
    row.append(head, cell);
    this.#body.append(row);
    while (this.#body.childElementCount > MAX_POINTS) this.#body.firstElementChild?.remove();
    this.#part.hidden = false;
  }
}

/** What takes each change of the page's one tile; nothing where there are no curves. */
export function keepCurves(): (change: TileChange) => void {
  const place = document.querySelector<HTMLElement>('[data-curves]');
  if (!place) return () => undefined;
  place.hidden = false;
  const name = (key: string) => document.querySelector(`dd[data-f="${key}"]`)?.previousElementSibling?.textContent ?? '';

  const times: number[] = [];
  const viewers: number[] = [];
  for (const row of document.querySelectorAll('table[data-minutes] tbody tr')) {
    const at_ms = Date.parse(row.querySelector('time')?.dateTime ?? '');
    const count = Number(row.querySelector('td')?.textContent);
    if (Number.isNaN(at_ms) || !Number.isFinite(count)) continue;
    times.push(at_ms / 1_000);
    viewers.push(count);
  }
  if (times.length > 1) draw(place, name('viewers'), [times, viewers]);

  const curves = ['kbps', 'pace'].map((key) => {
    const data: [number[], number[]] = [[], []];
    const title = name(key);
    return { key, data, plot: null as uPlot | null, title, table: new Table(key), last: null as number | null };
  });
  return (change) => {
    const now_s = Date.now() / 1_000;
    for (const curve of curves) {
      const figure = change.figures[curve.key];
      if (figure !== undefined) curve.last = typeof figure === 'number' ? figure : null;
      if (curve.last === null) continue;
      const [at, values] = curve.data;
      at.push(now_s);
      values.push(curve.last);
      curve.table.add(now_s * 1_000, curve.last);
      if (at.length > MAX_POINTS) {
        at.shift();
        values.shift();
      }
      if (at.length < 2) continue;
      if (curve.plot) curve.plot.setData(curve.data);
      else curve.plot = draw(place, curve.title, curve.data);
    }
  };
}
