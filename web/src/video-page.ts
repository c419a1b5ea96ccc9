// /videos/<id>-<slug>: the player, and ?t=SECONDS in the address.
import { AmphiPlayer } from './player/amphi-player';

const player = document.querySelector('amphi-player');
const from_s = Number(new URLSearchParams(location.search).get('t'));
if (player instanceof AmphiPlayer && Number.isFinite(from_s) && from_s > 0) {
  player.addEventListener('state', function seekOnce(event) {
    if ((event as CustomEvent<{ state: string }>).detail.state === 'loading') return;
    player.removeEventListener('state', seekOnce);
    player.seek(from_s);
  });
}
