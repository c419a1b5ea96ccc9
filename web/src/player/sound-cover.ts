// What is seen while there is sound alone: the picture that was there last, darkened, and the words that say so. It goes when pictures do.

/** Pixels of the still, at most: it is dark and behind words. */
const MAX_WIDTH = 960;
/**
 * Chromium spaces pictures by the mean of the last 32: after a row of stills the first come unevenly, some 200 ms late. For so long they
 * come beneath the cover. Milliseconds.
 */
const SETTLE_MS = 1_600;

export class SoundCover {
  readonly #cover = document.createElement('div');
  readonly #still = document.createElement('canvas');
  #timer = 0;

  constructor(words: string) {
    this.#cover.className = 'amphi-sound-alone';
    const text = document.createElement('p');
    text.textContent = words;
    this.#cover.append(this.#still, text);
  }

  /** @param video whose picture stays; one that has none yet leaves it dark */
  show(provider: HTMLElement, video: HTMLVideoElement | null): void {
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#cover.isConnected) return;
    const scale = video?.videoWidth ? Math.min(1, MAX_WIDTH / video.videoWidth) : 0;
    this.#still.width = Math.round((video?.videoWidth ?? 0) * scale);
    this.#still.height = Math.round((video?.videoHeight ?? 0) * scale);
    if (video && scale > 0) this.#still.getContext('2d')?.drawImage(video, 0, 0, this.#still.width, this.#still.height);
    provider.after(this.#cover);
  }

  hide(): void {
    if (this.#cover.isConnected) this.#timer ||= window.setTimeout(() => this.#cover.remove(), SETTLE_MS);
  }
}
