// The player's keyboard: YouTube's set. Only while the player has the focus (WCAG 2.1.4).
import type { MediaKeyShortcuts } from 'vidstack';

/** What a key may ask of the player. */
export interface KeyActions {
  /** Moves by so many seconds; negative is back. */
  seekBy(seconds: number, event: KeyboardEvent): void;
  /** Moves to a fraction, 0 to 1, of what can be sought. */
  seekTo(fraction: number, event: KeyboardEvent): void;
  end(event: KeyboardEvent): void;
  help(): void;
}

export function shortcuts(actions: KeyActions): MediaKeyShortcuts {
  const on = (keys: string, run: (event: KeyboardEvent) => void) => ({
    keys,
    onKeyDown: ({ event }: { event: KeyboardEvent }) => {
      event.preventDefault();
      event.stopPropagation();
      run(event);
    },
  });
  const set: Record<string, unknown> = {
    togglePaused: 'k Space',
    toggleMuted: 'm',
    toggleFullscreen: 'f',
    togglePictureInPicture: 'i',
    toggleCaptions: 'c',
    volumeUp: 'ArrowUp',
    volumeDown: 'ArrowDown',
    speedUp: '>',
    slowDown: '<',
    backTen: on('j', (event) => actions.seekBy(-10, event)),
    forwardTen: on('l', (event) => actions.seekBy(10, event)),
    backFive: on('ArrowLeft', (event) => actions.seekBy(-5, event)),
    forwardFive: on('ArrowRight', (event) => actions.seekBy(5, event)),
    home: on('Home', (event) => actions.seekTo(0, event)),
    end: on('End', (event) => actions.end(event)),
    help: on('Shift+? ?', () => actions.help()),
  };
  for (let digit = 0; digit <= 9; digit += 1) {
    set[`tenth${digit}`] = on(String(digit), (event) => actions.seekTo(digit / 10, event));
  }
  return set as MediaKeyShortcuts;
}
