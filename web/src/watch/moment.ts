// A moment of a live is one of the clock (`?at=2026-11-27T10:15:00Z`): it is the same for all who watch, and in the video that the live becomes.
import type { AmphiPlayer } from '../player/amphi-player';

/** Milliseconds since 1970 that an address asks for, or null. */
export function askedDate(search: string): number | null {
  const text = new URLSearchParams(search).get('at');
  const date_ms = text !== null && /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  return Number.isFinite(date_ms) ? date_ms : null;
}

/** As an address says it: to the second. */
export const dateOf = (date_ms: number) => `${new Date(date_ms).toISOString().slice(0, 19)}Z`;

/** As people read it, where they are. */
export function clockOf(date_ms: number): string {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  return format.format(date_ms);
}

/** What of a live can be shared. `player`: the one of now. */
export function liveMoments(player: () => AmphiPlayer | null) {
  return {
    now: () => {
      const date_ms = player()?.playingDate?.getTime();
      return date_ms === undefined ? null : { query: `at=${dateOf(date_ms)}`, words: clockOf(date_ms) };
    },
    // A player elsewhere shows the live of now.
    elsewhere: false,
  };
}
