// Sound alone: the pictures are not loaded any more, the sound goes on as it is. hls.js leaves out the audio-only variant where there are
// pictures, and a media element whose picture track ends stands still; so the last keyframe goes on in place of each fragment of pictures
// that would have been loaded. The buffer stays whole, and there is no stall on the way in nor on the way out.
import type { Fragment, FragmentLoaderContext, FragmentLoaderConstructor, HlsConfig, LoaderCallbacks, LoaderConfiguration, LoaderContext, Part } from 'hls.js';
import { fragmentOf, stillOf, type Still } from './still';

/** Segments that are remembered as made here: more than any buffer holds. */
const MAX_MADE = 2_000;

type Base = HlsConfig['loader'];
type Callbacks = LoaderCallbacks<FragmentLoaderContext>;

export class SoundAlone {
  /** Whether pictures are left out from the next request on. When they are wanted again, it is from the next segment on. */
  wanted = false;
  #still: { of: string; still: Still } | null = null;
  readonly #made = new Set<string>();
  #sequence = 0;

  /** What a picture belongs to: nothing else can be decoded with its initialisation segment, nor is on its timeline. */
  static #of(frag: Fragment): string {
    return `${frag.level} ${frag.cc} ${frag.initSegment?.url ?? ''}`;
  }

  static #key(frag: Fragment): string {
    return `${frag.level} ${String(frag.sn)}`;
  }

  /** Whether this segment has no pictures of its own, wholly or in part. */
  isMade(frag: Fragment): boolean {
    return this.#made.has(SoundAlone.#key(frag));
  }

  /** For another player. */
  reset(): void {
    this.#still = null;
    this.#made.clear();
  }

  /** hls.js's `fLoader`: the given loader, except for pictures that are left out. */
  loader(Loader: Base): FragmentLoaderConstructor {
    const answerFor = (context: FragmentLoaderContext) => this.#answerFor(context);
    const keep = (context: FragmentLoaderContext, data: unknown) => this.#keep(context, data);
    class FragmentLoader extends Loader {
      #waiting: { context: FragmentLoaderContext; callbacks: Callbacks } | null = null;

      override load(context: FragmentLoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
        const data = answerFor(context);
        if (data) {
          this.#answer(context, callbacks, data);
          return;
        }
        const onSuccess: Callbacks['onSuccess'] = (response, stats, loaded, details) => {
          keep(context, response.data);
          callbacks.onSuccess(response, stats, loaded, details);
        };
        super.load(context, config, { ...callbacks, onSuccess } as unknown as LoaderCallbacks<LoaderContext>);
      }

      #answer(context: FragmentLoaderContext, callbacks: Callbacks, data: ArrayBuffer): void {
        const { stats } = this;
        this.context = context;
        stats.loading.start = performance.now();
        this.#waiting = { context, callbacks };
        queueMicrotask(() => {
          if (!this.#waiting) return;
          this.#waiting = null;
          stats.loading.first = stats.loading.end = performance.now();
          stats.loaded = stats.total = data.byteLength;
          callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
        });
      }

      override abort(): void {
        const waiting = this.#waiting;
        if (!waiting) return super.abort();
        this.#waiting = null;
        this.stats.aborted = true;
        waiting.callbacks.onAbort?.(this.stats, waiting.context, null);
      }

      override destroy(): void {
        this.#waiting = null;
        super.destroy();
      }
    }
    return FragmentLoader as unknown as FragmentLoaderConstructor;
  }

  #answerFor({ frag, part }: FragmentLoaderContext): ArrayBuffer | null {
    if (!isPictures(frag)) return null;
    const key = SoundAlone.#key(frag);
    // Later parts of a segment can't be decoded without its first.
    const wanted = this.wanted || (part !== null && part.index > 0 && this.#made.has(key));
    const kept = this.#still;
    if (!wanted || !kept || kept.of !== SoundAlone.#of(frag)) {
      if (!part || part.index === 0) this.#made.delete(key);
      return null;
    }
    this.#made.delete(key);
    this.#made.add(key);
    for (const oldest of this.#made) {
      if (this.#made.size <= MAX_MADE) break;
      this.#made.delete(oldest);
    }
    const { start, duration }: Fragment | Part = part ?? frag;
    this.#sequence += 1;
    return fragmentOf(kept.still, start, duration, this.#sequence);
  }

  // Every keyframe that comes, so that one is at hand: a copy, for hls.js gives the bytes away to its worker.
  #keep({ frag, part }: FragmentLoaderContext, data: unknown): void {
    const init = frag.initSegment?.data;
    if (!isPictures(frag) || !init || (part && part.index > 0) || !(data instanceof ArrayBuffer)) return;
    const still = stillOf(init, new Uint8Array(data), (part ?? frag).start);
    if (still) this.#still = { of: SoundAlone.#of(frag), still };
  }
}

function isPictures(frag: Fragment): boolean {
  return String(frag.type) === 'main' && frag.sn !== 'initSegment';
}
