// /embed/…: the player alone, and what the page around it may ask of it. README.md tells the page's side.
//
// Only the window around this one is listened to, and only if its site is one that the server names (`data-embedders`), or ours. Nothing is
// told to anybody who has not asked to be told, and nothing to another site than theirs.
import { AmphiPlayer, type ErrorDetail, type StateDetail, type TimeDetail } from './player/amphi-player';
import { askedTime, seekWhenReady } from './watch/seek';

/** The number of this way of speaking: another one is another language. */
const VERSION = 1;
/** Times are told no oftener. */
const TIME_EVERY_MS = 250;

type Order = { do: 'listen' } | { do: 'play' } | { do: 'pause' } | { do: 'live' } | { do: 'seek'; to: number };

/** What was asked for; null: nothing that this player knows. */
export function readOrder(data: unknown): Order | null {
  const message = data as { amphi?: unknown; do?: unknown; to?: unknown } | null;
  if (typeof message !== 'object' || message === null || message.amphi !== VERSION) return null;
  switch (message.do) {
    case 'listen':
    case 'play':
    case 'pause':
    case 'live':
      return { do: message.do };
    case 'seek':
      return typeof message.to === 'number' && Number.isFinite(message.to) && message.to >= 0 ? { do: 'seek', to: message.to } : null;
    default:
      return null;
  }
}

/** Whether `origin` is one of `sources`: `https://HOST`, `https://*.DOMAIN`, or `*`. A page that hides its origin is none. */
export function isNamed(origin: string, sources: readonly string[]): boolean {
  if (!/^https?:\/\//.test(origin)) return false;
  return sources.some((source) => {
    if (source === '*' || source === origin) return true;
    const [scheme, domain] = source.split('*');
    return domain !== undefined && scheme !== '' && origin.startsWith(scheme ?? '') && origin.slice(scheme?.length).endsWith(domain) &&
      origin.length > source.length - 1;
  });
}

const root = document.querySelector<HTMLElement>('[data-embed]');
const player = () => {
  const found = root?.querySelector('amphi-player');
  return found instanceof AmphiPlayer ? found : null;
};

if (root) {
  const sources = [location.origin, ...(root.dataset['embedders'] ?? '').split(' ').filter(Boolean)];
  let listener: string | null = null;
  let toldAt_ms = -TIME_EVERY_MS;

  const tell = (what: Record<string, unknown>) => {
    if (listener) window.parent.postMessage({ amphi: VERSION, ...what }, listener);
  };
  const tellState = () => {
    const now = player();
    tell({ event: 'state', state: now?.state ?? 'none', kind: now?.kind ?? null, time: now?.video?.currentTime ?? 0 });
  };

  window.addEventListener('message', (event) => {
    if (window.parent === window || event.source !== window.parent || !isNamed(event.origin, sources)) return;
    const order = readOrder(event.data);
    const now = player();
    if (!order) return;
    switch (order.do) {
      case 'listen':
        listener = event.origin;
        tellState();
        break;
      case 'play':
        void now?.play().catch(() => tellState());
        break;
      case 'pause':
        void now?.pause();
        break;
      case 'live':
        now?.goLive();
        break;
      case 'seek':
        if (now) seekWhenReady(now, order.to);
        break;
    }
  });

  // A live's page puts another player in the place of this one: caught on their way down.
  root.addEventListener('state', (event) => {
    if ('detail' in event && (event as CustomEvent<StateDetail>).detail?.state) tellState();
  }, true);
  root.addEventListener('time', (event) => {
    const { currentTime, duration, latency } = (event as CustomEvent<TimeDetail>).detail;
    const now_ms = performance.now();
    if (now_ms - toldAt_ms < TIME_EVERY_MS) return;
    toldAt_ms = now_ms;
    tell({ event: 'time', time: currentTime, duration: Number.isFinite(duration) ? duration : null, latency });
  }, true);
  root.addEventListener('error', (event) => {
    if ('detail' in event) tell({ event: 'error', fatal: (event as unknown as CustomEvent<ErrorDetail>).detail.fatal });
  }, true);

  const from_s = askedTime(location.search);
  const now = player();
  if (from_s !== null && now?.kind === 'video') seekWhenReady(now, from_s);
}
