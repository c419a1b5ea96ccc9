// The beginning of a live, and the live again, as buttons: the player's keys Home and End for who knows no keys.
import { AmphiPlayer } from '../player/amphi-player';

/** A live that can be gone back in by less has no beginning worth going to. Milliseconds. */
const LEAST_MS = 10_000;

/** `buttons` holds both; `root`: where players come and go; `player`: the one of now. The answer is to be called when one has gone. */
export function rewind(buttons: HTMLElement | null, root: HTMLElement, player: () => AmphiPlayer | null): () => void {
  if (!buttons) return () => undefined;
  const look = () => {
    const now = player();
    const listed = now?.kind === 'live' ? now.listed : null;
    const hidden = !listed || listed.to_ms - listed.from_ms < LEAST_MS;
    // Not taken from under somebody's finger while a player loads again.
    if (now?.kind === 'live' && hidden && now.state !== 'playing') return;
    buttons.hidden = hidden;
  };
  // Caught on the way down: a player's events do not rise.
  for (const name of ['time', 'state']) root.addEventListener(name, (event) => event.target instanceof AmphiPlayer && look(), true);
  buttons.querySelector('[data-start-over]')?.addEventListener('click', () => player()?.startOver());
  buttons.querySelector('[data-go-live]')?.addEventListener('click', () => player()?.goLive());
  return look;
}
