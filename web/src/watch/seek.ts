// To a moment of a video: at once if the player knows it, else as soon as it does.
import type { AmphiPlayer } from '../player/amphi-player';

/** The library says that it can play before it knows how far one can go, and tells nobody when it does. */
const LOOK_EVERY_MS = 100;

/** Moves `player` to a time in seconds, once it can. A later call takes the place of one that still waits. */
export function seekWhenReady(player: AmphiPlayer, time_s: number): void {
  clearInterval(waiting.get(player));
  const done = () => {
    if (player.seekableEnd <= 0) return false;
    player.seek(time_s);
    return true;
  };
  if (done()) return;
  const timer = setInterval(() => {
    if (done() || !player.isConnected) clearInterval(timer);
  }, LOOK_EVERY_MS);
  waiting.set(player, timer);
}

const waiting = new WeakMap<AmphiPlayer, ReturnType<typeof setInterval>>();

/** The time that an address asks for (`?t=SECONDS`), or null. */
export function askedTime(search: string): number | null {
  const text = new URLSearchParams(search).get('t');
  const time_s = text === null || text === '' ? NaN : Number(text);
  return Number.isFinite(time_s) && time_s >= 0 ? time_s : null;
}

/** Links with `data-seek` lead to their moment without loading the page again. The player takes the keyboard with it. */
export function followLinks(root: HTMLElement, player: AmphiPlayer): void {
  root.addEventListener('click', (event) => {
    const link = (event.target as Element).closest<HTMLElement>('[data-seek]');
    // With a key, a new tab or window is meant.
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const time_s = Number(link.dataset['seek']);
    if (!Number.isFinite(time_s)) return;
    event.preventDefault();
    seekWhenReady(player, time_s);
    void player.play().catch(() => undefined);
  });
}
