// Whether this viewer wants captions and in which language, kept in the browser as vidstack keeps the captions' style. Only that: of a
// live, vidstack's own store would also bring back an old position and the speed of a moment of catching up.
import type { MediaStorage } from 'vidstack';
import type { MediaPlayerElement } from 'vidstack/elements';

const KEY = 'amphi-captions';

interface Choice {
  language: string | null;
  shown: boolean | null;
}

function read(): Choice {
  try {
    const { language, shown } = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Choice>;
    return { language: typeof language === 'string' ? language : null, shown: typeof shown === 'boolean' ? shown : null };
  } catch {
    // Not ours, or the browser keeps nothing: as if nothing were chosen.
    return { language: null, shown: null };
  }
}

function write(choice: Choice): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(choice));
  } catch {
    // Kept for this page only, by the player itself.
  }
}

/** The language of the captions that were chosen last, or null. */
export const keptLanguage = () => read().language;

export function captionChoice(player: MediaPlayerElement): MediaStorage {
  const nothing = () => Promise.resolve(null);
  return {
    getVolume: nothing,
    getMuted: nothing,
    getTime: nothing,
    getPlaybackRate: nothing,
    getVideoQuality: nothing,
    getAudioGain: nothing,
    getLang: () => Promise.resolve(read().language),
    setLang: (language) => Promise.resolve(write({ ...read(), language })),
    getCaptions: () => Promise.resolve(read().shown),
    // Another language is chosen: vidstack then says "off" of the one before, after "on" of the new one.
    setCaptions: () => Promise.resolve(write({ ...read(), shown: player.textTracks.selected !== null })),
  };
}
