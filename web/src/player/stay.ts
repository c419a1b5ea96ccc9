// While one of the player's controls has the focus by keyboard, they stay: the library hides them after two seconds, takes the focus away, and
// gives it back instead of doing what the next key says. The same it does to who is on the player itself: Tab would do nothing once, and Shift,
// which comes before it on the way back, would undo it a frame later.
import type { MediaPlayerElement } from 'vidstack/elements';

export function stayWhileUsed(player: MediaPlayerElement): void {
  const used = () => player.querySelector('media-controls :focus-visible') !== null;
  player.addEventListener('focusin', () => {
    if (used()) player.controls.pause();
  });
  // From one to the next, or into a menu, which holds them by itself.
  player.addEventListener('focusout', ({ target, relatedTarget }) => {
    if (!(target instanceof Element && target.closest('media-controls'))) return;
    if (relatedTarget instanceof Element && relatedTarget.closest('media-controls, .vds-menu-items')) return;
    // Which begins a new delay, and would forget one that runs.
    player.controls.hide();
    player.controls.resume();
  });
  player.addEventListener('keydown', (event) => {
    if (event.key !== 'Tab' && event.key !== 'Shift') return;
    event.stopImmediatePropagation();
    // As the library does with every key.
    player.controls.show(0, event);
    player.controls.hide(player.controls.defaultDelay, event);
  }, true);
  // A menu that closes asks for it, and the focus is back on its button.
  player.addEventListener('media-resume-controls-request', (event) => {
    if (used()) event.stopImmediatePropagation();
  }, true);
}
