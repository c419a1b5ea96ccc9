// What `/operate/_/events` says: an array of objects, each with a slug and the fields that have changed.

export interface Alert {
  level: 'notice' | 'warning' | 'error';
  code: string;
}

export interface TileChange {
  slug: string;
  title?: string;
  state?: string;
  level?: string;
  recorded?: boolean;
  alerts?: Alert[];
  /** Everything else, by name. */
  figures: Record<string, string | number | null>;
}

const WORD = /^[a-z][a-z_]{0,63}$/;

function parseAlerts(value: unknown): Alert[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((one: unknown) => {
    const [level, code] = Array.isArray(one) ? (one as unknown[]) : [];
    const known = level === 'notice' || level === 'warning' || level === 'error';
    return known && typeof code === 'string' && WORD.test(code) ? [{ level, code }] : [];
  });
}

function parseTile(value: unknown): TileChange[] {
  if (typeof value !== 'object' || value === null) return [];
  const { slug, title, state, level, recorded, alerts, ...others } = value as Record<string, unknown>;
  if (typeof slug !== 'string') return [];
  const tile: TileChange = { slug, figures: {} };
  if (typeof title === 'string') tile.title = title;
  if (typeof state === 'string' && WORD.test(state)) tile.state = state;
  if (typeof level === 'string' && WORD.test(level)) tile.level = level;
  if (typeof recorded === 'boolean') tile.recorded = recorded;
  const known = parseAlerts(alerts);
  if (known) tile.alerts = known;
  for (const [name, figure] of Object.entries(others)) {
    if (!WORD.test(name)) continue;
    if (figure === null || typeof figure === 'string' || (typeof figure === 'number' && Number.isFinite(figure))) tile.figures[name] = figure;
  }
  return [tile];
}

/** The tiles of a message, if it is one. */
export function parseTiles(text: string): TileChange[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.flatMap(parseTile) : null;
  } catch {
    return null;
  }
}
