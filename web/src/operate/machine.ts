// /operate/_/machine: the disk and the engines follow the server's messages.
import { follow, NOTHING } from './stream';

interface Engine {
  slug: string;
  title: string;
  encoder: string | null;
  speed: number | null;
  lag: number | null;
}

interface Machine {
  /** Null: it does not answer. */
  disk: { figures: number[]; lasts: string } | null;
  engines: Engine[];
}

const number = (value: unknown) => (typeof value === 'number' ? value : null);

function parseEngine(value: unknown): Engine[] {
  if (typeof value !== 'object' || value === null) return [];
  const { slug, title, encoder, speed, lag } = value as Record<string, unknown>;
  if (typeof slug !== 'string' || typeof title !== 'string') return [];
  return [{ slug, title, encoder: typeof encoder === 'string' ? encoder : null, speed: number(speed), lag: number(lag) }];
}

function parse(text: string): Machine | null {
  try {
    const [value] = JSON.parse(text) as unknown[];
    const { disk, engines } = value as { disk?: { figures?: unknown; lasts?: unknown } | null; engines?: unknown };
    if (!Array.isArray(engines)) return null;
    const known = disk && Array.isArray(disk.figures) && typeof disk.lasts === 'string';
    return {
      disk: known ? { figures: disk.figures as number[], lasts: disk.lasts as string } : null,
      engines: engines.flatMap(parseEngine),
    };
  } catch {
    return null;
  }
}

function showDisk(root: HTMLElement, disk: Machine['disk']): void {
  const figures = root.querySelector<HTMLElement>('[data-disk]');
  const [lasts, silent] = [root.querySelector<HTMLElement>('[data-lasts]'), root.querySelector<HTMLElement>('[data-silent]')];
  if (figures) figures.hidden = disk === null;
  if (silent) silent.hidden = disk !== null;
  if (lasts) lasts.textContent = disk?.lasts ?? '';
  figures?.querySelectorAll('dd').forEach((place, n) => (place.textContent = String(disk?.figures[n] ?? NOTHING)));
}

// Rows stay where they are, and with them whatever has the focus.
function showEngines(root: HTMLElement, engines: readonly Engine[]): void {
  const region = root.querySelector<HTMLElement>('[data-engines]');
  const body = region?.querySelector('tbody');
  const blank = root.querySelector<HTMLTemplateElement>('template[data-blank]')?.content.querySelector('tr');
  if (!region || !body || !blank) return;
  for (const row of body.querySelectorAll<HTMLElement>('tr')) {
    if (!engines.some((engine) => engine.slug === row.dataset['slug'])) row.remove();
  }
  for (const engine of engines) {
    let row = [...body.querySelectorAll<HTMLElement>('tr')].find((one) => one.dataset['slug'] === engine.slug);
    if (!row) {
      row = blank.cloneNode(true) as HTMLElement;
      row.dataset['slug'] = engine.slug;
      row.querySelector('a')?.setAttribute('href', `/operate/${encodeURIComponent(engine.slug)}`);
      body.append(row);
    }
    const link = row.querySelector('a');
    if (link) link.textContent = engine.title;
    const [encoder, speed, lag] = row.querySelectorAll<HTMLElement>('td');
    if (encoder) encoder.textContent = engine.encoder ?? encoder.dataset['none'] ?? NOTHING;
    if (speed) speed.textContent = String(engine.speed ?? NOTHING);
    if (lag) lag.textContent = String(engine.lag ?? NOTHING);
  }
  region.hidden = engines.length === 0;
  const none = root.querySelector<HTMLElement>('[data-none]:not(td)');
  if (none) none.hidden = engines.length > 0;
}

/** Lets the page of the machine follow; nothing where there is none. */
export function followMachine(): void {
  const root = document.querySelector<HTMLElement>('[data-machine]');
  if (!root) return;
  follow(root.dataset['events'] ?? '', (data) => {
    const machine = parse(data);
    if (!machine) return;
    showDisk(root, machine.disk);
    showEngines(root, machine.engines);
  });
}
