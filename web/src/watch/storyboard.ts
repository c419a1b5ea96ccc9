// The previews of a video that was a live a moment ago: they are made after its end, when its page has been there for long.
import type { AmphiPlayer } from '../player/amphi-player';
import { whenUsed } from '../player/use';

/** While the player is used, it is looked this often whether they are made. */
const LOOK_EVERY_MS = 10_000;

/** Gives the player of the video `id` its previews once they are there. */
export function showPreviewsWhenMade(player: AmphiPlayer, id: string): void {
  if (player.hasAttribute('thumbnails')) return;
  let next_ms = 0;
  const look = async () => {
    const now_ms = performance.now();
    if (now_ms < next_ms) return;
    next_ms = now_ms + LOOK_EVERY_MS;
    try {
      const answer = await fetch(`/api/v1/videos/${id}`, { credentials: 'same-origin' });
      // Its poster is made with them.
      const made = answer.ok && ((await answer.json()) as { poster_url: string | null }).poster_url !== null;
      if (!made) return;
      end();
      player.setAttribute('thumbnails', `/videos/${id}/storyboard.vtt`);
    } catch {
      // The network or the server is away: the player says so.
    }
  };
  const end = whenUsed(player, () => void look());
}
