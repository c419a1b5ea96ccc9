// Whether a viewer of a live is with it or has chosen to be behind: decided here, without a player.

/** Seconds behind the target beyond which a seek was a choice to be behind, not a correction. */
const CHOSEN_S = 2.5;
/** Seconds behind the target at which somebody who chose to be behind is with the live again. */
const REJOINED_S = 1;
/**
 * Seconds behind the target at which somebody who did not choose it (a long stall, a sleeping laptop, a start at the list's beginning) is
 * brought back. hls.js plays faster only within a target duration, 4 s, of the target: farther behind, nothing else would bring them back.
 */
const LOST_S = 5;

export interface Position {
  /** Seconds from the live edge. */
  latency_s: number;
  /** Seconds from the live edge that the playlist asks for. */
  target_s: number;
}

export type Verdict = 'with-live' | 'behind' | 'lost';

/** After the viewer moved, or paused. */
export function afterMove(at: Position): Verdict {
  return at.latency_s - at.target_s > CHOSEN_S ? 'behind' : 'with-live';
}

/** While time passes. */
export function afterTime(before: Verdict, at: Position): Verdict {
  const distance_s = at.latency_s - at.target_s;
  if (before === 'behind') return distance_s <= REJOINED_S ? 'with-live' : 'behind';
  return distance_s > LOST_S ? 'lost' : 'with-live';
}
