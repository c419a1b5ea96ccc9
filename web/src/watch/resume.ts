// Where somebody stopped, kept in their browser and nowhere else: one entry for all videos, the oldest forgotten first.
import type { AmphiPlayer, StateDetail, TimeDetail } from '../player/amphi-player';
import { clock } from './cues';
import { askedDate } from './moment';
import { askedTime, seekWhenReady } from './seek';

const KEY = 'amphi-stopped';
const MAX_KEPT = 100;
const EVERY_MS = 5_000;
/** Who saw less than this begins again; who is this near the end has seen it. */
const MARGIN_S = 15;

type Kept = [id: string, time_s: number][];

function read(): Kept {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    if (!Array.isArray(value)) return [];
    return value.filter((one): one is Kept[number] => Array.isArray(one) && typeof one[0] === 'string' && Number.isFinite(one[1]));
  } catch {
    // Storage may be forbidden, or hold something else.
    return [];
  }
}

function keep(id: string, time_s: number | null): void {
  const kept = read().filter(([known]) => known !== id);
  if (time_s !== null) kept.push([id, Math.floor(time_s)]);
  try {
    localStorage.setItem(KEY, JSON.stringify(kept.slice(-MAX_KEPT)));
  } catch {
    // Full or forbidden: the next time begins at the beginning.
  }
}

/** Goes on where the video was left, says so, and offers the beginning; and keeps where it is left now. */
export function resume(root: HTMLElement, player: AmphiPlayer, id: string): void {
  const left_s = read().find(([known]) => known === id)?.[1];
  if (left_s !== undefined && askedTime(location.search) === null && askedDate(location.search) === null) {
    seekWhenReady(player, left_s);
    tell(root, player, left_s);
  }
  let next_ms = 0;
  player.addEventListener('time', (event) => {
    const { currentTime, duration } = (event as CustomEvent<TimeDetail>).detail;
    const now_ms = performance.now();
    if (player.state !== 'playing' || now_ms < next_ms || !Number.isFinite(duration)) return;
    next_ms = now_ms + EVERY_MS;
    keep(id, currentTime < MARGIN_S || currentTime > duration - MARGIN_S ? null : currentTime);
  });
  player.addEventListener('state', (event) => {
    const { state } = (event as CustomEvent<StateDetail>).detail;
    if (state === 'ended') keep(id, null);
    // What is played on after a pause is kept at once.
    if (state === 'paused') next_ms = 0;
  });
}

function tell(root: HTMLElement, player: AmphiPlayer, left_s: number): void {
  const template = root.querySelector<HTMLTemplateElement>('template[data-resumed]');
  const place = root.querySelector<HTMLElement>('[data-resumed-place]');
  if (!template || !place) return;
  place.append(template.content.cloneNode(true));
  const at = place.querySelector('[data-at]');
  if (at) at.textContent = clock(left_s);
  place.querySelector('button')?.addEventListener('click', () => {
    place.replaceChildren();
    seekWhenReady(player, 0);
    void player.play().catch(() => undefined);
  });
}
