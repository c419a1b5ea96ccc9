// From wall-clock time (EXT-X-PROGRAM-DATE-TIME) to the media element's time.
import type { LevelDetails } from 'hls.js';

/**
 * When the picture of a date is shown, in seconds of the media element; null for a date before the list, or when the list has no dates.
 * Within one span of the live this is `currentTime + (date - playingDate)`; here a drop between the two, whose time no picture has, is
 * left out. A date after the list is where the list will come to if nothing drops.
 */
export function timeOfDate(details: LevelDetails, date_ms: number): number | null {
  const fragments = details.fragmentHint ? [...details.fragments, details.fragmentHint] : details.fragments;
  const first_ms = fragments[0]?.programDateTime ?? null;
  if (first_ms === null || date_ms < first_ms) return null;
  const index = fragments.findLastIndex((frag) => frag.programDateTime !== null && frag.programDateTime <= date_ms);
  const frag = fragments[index];
  if (!frag || frag.programDateTime === null) return null;
  const into_s = (date_ms - frag.programDateTime) / 1_000;
  return frag.start + (index === fragments.length - 1 ? into_s : Math.min(into_s, frag.duration));
}
