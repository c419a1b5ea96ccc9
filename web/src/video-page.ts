// /videos/<id>-<slug>: the player; ?t=SECONDS or ?at=DATE in the address, or where it was left; chapters, transcript, sharing.
import { AmphiPlayer } from './player/amphi-player';
import { resume } from './watch/resume';
import { askedTime, followLinks, seekWhenReady } from './watch/seek';
import { askedDate } from './watch/moment';
import { share, videoMoments } from './watch/share';
import { transcript } from './watch/transcript';

const player = document.querySelector('amphi-player');
const root = document.querySelector<HTMLElement>('[data-video]');
if (player instanceof AmphiPlayer) {
  const from_s = askedTime(location.search);
  const date_ms = askedDate(location.search);
  if (from_s !== null) seekWhenReady(player, from_s);
  else if (date_ms !== null) void player.seekToDate(date_ms);
  if (root) {
    resume(root, player, root.dataset['video'] ?? '');
    followLinks(root, player);
    share(root.querySelector<HTMLElement>('[data-share-part]'), videoMoments(player));
    transcript(root.querySelector<HTMLElement>('[data-transcript]'), player);
  }
}

// Counted once for each browser and hour, when it begins to play.
const watched = document.querySelector<HTMLElement>('[data-watched]')?.dataset['watched'];
if (player instanceof AmphiPlayer && watched?.startsWith('/videos/')) {
  player.addEventListener('state', function tellOnce(event) {
    if ((event as CustomEvent<{ state: string }>).detail.state !== 'playing') return;
    player.removeEventListener('state', tellOnce);
    // Nobody waits for it, and a view that is not counted is no trouble.
    fetch(watched, { method: 'POST', credentials: 'same-origin', keepalive: true }).catch(() => undefined);
  });
}
