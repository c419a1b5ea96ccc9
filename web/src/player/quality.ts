// Which quality is played. hls.js changes it without a flush and without a seek, where a segment ends: at the live edge segments are loaded
// part by part, and only a segment's first part can be decoded alone. What is chosen, and hls.js's own choice too, waits for that place;
// and what is chosen, for a buffer that lasts until a later rendition has come.
import type Hls from 'hls.js';
import type { Fragment, HlsConfig, HlsListeners, Level, PlaylistLoaderConstructor, PlaylistLoaderContext } from 'hls.js';
import { FallBack } from './fall-back';
import { SoundAlone } from './sound-alone';

/** hls.js chooses, by what the line carries. */
export const AUTO = 'auto';
/** No pictures. */
export const SOUND = 'sound';
/** What the contribution sent, passed through: the folder's name on the server. */
const SOURCE = 'source';

/** Something that can be chosen. */
export interface Option {
  /** `auto`, `sound`, or a rendition's folder on the server: the same in every list of a live and in its video. */
  readonly value: string;
  /** Of the pictures; null where there is no one height. */
  readonly height: number | null;
  readonly bitrate_bps: number | null;
  /** Whether it is what the contribution sent. */
  readonly source: boolean;
}

/** Forward buffer, in target durations, below which there is nothing worth flushing: what is loaded next is soon seen. */
const SHORT_BUFFER = 2;

function renditionOf(level: Level): string {
  return new URL(level.uri, location.href).pathname.split('/').at(-2) ?? '';
}

export class Quality {
  readonly sound = new SoundAlone();
  readonly #fallBack: FallBack;
  readonly #onChange: () => void;
  #hls: Hls | null = null;
  #choice = AUTO;
  /** The level that is waited for or was chosen; -1: hls.js's own choice. */
  #wanted = -1;
  #soundOffered = false;
  #bandwidth_bps = 0;
  /** The segment with which another level may begin, and that level once it is on its way. */
  #next: { sn: number; level: number | null } | null = null;
  #playing: Fragment | null = null;

  /** @param onChange is called when the choice, what is played, what can be chosen, or {@link fallsBack} has changed */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#fallBack = new FallBack(onChange);
  }

  get choice(): string {
    return this.#choice;
  }

  /** Best first; empty when there is nothing to choose from. */
  get options(): Option[] {
    const levels = this.#hls?.levels ?? [];
    const pictures = levels.map((level): Option => {
      const value = renditionOf(level);
      return { value, height: level.height || null, bitrate_bps: level.bitrate, source: value === SOURCE };
    });
    const sound = this.#soundOffered ? [{ value: SOUND, height: null, bitrate_bps: null, source: false }] : [];
    if (pictures.length + sound.length < 2) return [];
    return [{ value: AUTO, height: null, bitrate_bps: null, source: false }, ...pictures.reverse(), ...sound];
  }

  /** What is on the screen; null before the first picture. */
  get shown(): Option | null {
    const level = this.#hls?.levels[this.#hls.currentLevel];
    return level ? (this.options.find(({ value }) => value === renditionOf(level)) ?? null) : null;
  }

  /** Whether what is on the screen is no picture of this moment. */
  get soundAlone(): boolean {
    return this.#choice === SOUND || (this.#playing !== null && this.sound.isMade(this.#playing));
  }

  /** Whether the rate is set here, for a rendition that is waited for: nobody may catch up with the live edge meanwhile. */
  get fallsBack(): boolean {
    return this.#fallBack.active;
  }

  /** What hls.js is made with, beside its other settings. */
  config(Class: typeof Hls): Partial<HlsConfig> {
    const { abrController, loader } = Class.DefaultConfig;
    return { abrController: this.#patient(abrController), pLoader: this.#ahead(loader), fLoader: this.sound.loader(loader) };
  }

  /** To be called when the instance is made, before it loads. A choice that was made before is kept if it is still there. */
  attach(hls: Hls): void {
    this.detach();
    this.#hls = hls;
    const { Events } = hls.constructor as typeof Hls;
    const on = <E extends keyof HlsListeners>(name: E, run: (data: Parameters<HlsListeners[E]>[1]) => void) =>
      hls.on(name, ((_: E, data: Parameters<HlsListeners[E]>[1]) => {
        if (this.#hls === hls) run(data);
      }) as HlsListeners[E]);
    on(Events.MANIFEST_LOADED, ({ levels, audioTracks }) => {
      const alone = levels.some(({ videoCodec, audioCodec, height }) => audioCodec && !videoCodec && !height);
      this.#soundOffered = alone && audioTracks.some(({ url }) => url) && levels.some(({ videoCodec }) => videoCodec);
    });
    on(Events.MANIFEST_PARSED, () => this.#chooseAgain(hls));
    // Where it was waited for: from here on it is hls.js's manual level, and slow loading does not change it.
    on(Events.LEVEL_SWITCHING, ({ level }) => {
      if (level === this.#wanted) hls.loadLevel = level;
    });
    on(Events.FRAG_BUFFERED, ({ frag }) => {
      if (frag.type === 'main' && frag.level === this.#wanted) this.#fallBack.end();
    });
    on(Events.LEVEL_SWITCHED, () => this.#onChange());
    on(Events.FRAG_CHANGED, ({ frag }) => {
      const before = this.soundAlone;
      this.#playing = frag;
      if (this.soundAlone !== before) this.#onChange();
    });
    on(Events.LEVELS_UPDATED, () => this.#chooseAgain(hls));
  }

  detach(): void {
    this.#fallBack.end();
    this.#hls = this.#next = this.#playing = null;
    this.#soundOffered = false;
    this.sound.reset();
  }

  /** What was chosen comes with the next segment, or a little later where more is in the buffer. Nothing stands still for it. */
  choose(value: string): void {
    const hls = this.#hls;
    const level = this.#levelOf(value);
    if (!hls || value === this.#choice || level === null) return;
    const before = this.#choice;
    this.#choice = value;
    this.#wanted = level;
    this.sound.wanted = value === SOUND;
    this.#fallBack.end();
    if (value === SOUND) {
      // Stills come at once, and would look like a fast line.
      this.#bandwidth_bps = hls.bandwidthEstimate;
      hls.loadLevel = level;
    } else {
      if (before === SOUND && this.#bandwidth_bps > 0) hls.bandwidthEstimate = this.#bandwidth_bps;
      const chosen = hls.levels[level];
      if (this.#atEdge(hls)) {
        if (chosen && level !== hls.loadLevel) this.#fallBack.begin(hls, chosen);
        hls.loadLevel = level === hls.loadLevel ? level : -1;
      } else {
        hls.loadLevel = level;
        // What is in the buffer is thrown away from the next segment on: only for something else.
        const same = level === -1 && before !== SOUND && hls.nextAutoLevel === hls.loadLevel;
        if (!same) hls.nextLevel = level;
      }
    }
    this.#onChange();
  }

  /** The level to ask hls.js for; null: it is not there. */
  #levelOf(value: string): number | null {
    const hls = this.#hls;
    if (!hls || !this.options.some((option) => option.value === value)) return null;
    if (value === AUTO) return -1;
    if (value === SOUND) return Math.max(0, hls.loadLevel);
    return hls.levels.findIndex((level) => renditionOf(level) === value);
  }

  #chooseAgain(hls: Hls): void {
    const level = this.#levelOf(this.#choice);
    if (level === null) {
      this.#choice = AUTO;
      this.sound.wanted = false;
    }
    this.#wanted = level ?? -1;
    if (this.#wanted >= 0) hls.startLevel = this.#wanted;
    this.#onChange();
  }

  #atEdge(hls: Hls): boolean {
    const details = hls.latestLevelDetails;
    const ahead_s = hls.mainForwardBufferInfo?.len ?? 0;
    return details?.live === true && ahead_s < SHORT_BUFFER * details.targetduration;
  }

  /**
   * Whether another level may begin now: what is loaded ends with a segment. Of a list with parts it is known with which segment the
   * other level has to begin.
   */
  #mayChange(hls: Hls): boolean {
    const details = hls.latestLevelDetails;
    const parts = details?.live ? details.partList : null;
    if (!details || !parts) {
      this.#next = null;
      return true;
    }
    const last = parts.findLastIndex((part) => part.loaded);
    const loaded = parts[last];
    // Nothing of this list yet: of the segment that is waited for, or whole segments far behind.
    if (!loaded) return true;
    const sn = Number(loaded.fragment.sn);
    const after = parts[last + 1];
    const ends = after ? after.fragment.sn !== sn : sn <= details.endSN;
    this.#next = ends ? { sn: sn + 1, level: null } : null;
    return ends;
  }

  /** hls.js asks this for the level of what it loads next. */
  #patient(Base: HlsConfig['abrController']): HlsConfig['abrController'] {
    const decide = (hls: Hls, automatic: () => number): number => {
      const level = this.#wanted >= 0 ? this.#wanted : automatic();
      if (this.#hls !== hls || hls.loadLevel < 0 || level === hls.loadLevel) return level;
      if (!this.#mayChange(hls)) return hls.loadLevel;
      // hls.js's own choice does not wait: it goes down when the line is slow.
      if (level === this.#wanted && !this.#fallBack.ready()) return hls.loadLevel;
      if (this.#next) this.#next.level = level;
      return level;
    };
    return class Patient extends Base {
      override get nextAutoLevel(): number {
        return decide(this.hls, () => super.nextAutoLevel);
      }
      // hls.js forces what it was told upon its next choice: not to go on with a level for the rest of a segment.
      override set nextAutoLevel(level: number) {
        if (level !== this.hls.loadLevel) super.nextAutoLevel = level;
      }
    };
  }

  // An engine's renditions come a little after the source. hls.js would take the last segment that such a list has, which has been played
  // already: the list is asked for when it has the segment with which to begin.
  #ahead(Loader: HlsConfig['loader']): PlaylistLoaderConstructor {
    const take = (context: PlaylistLoaderContext): number | null => {
      const next = this.#next;
      if (!next || String(context.type) !== 'level' || context.level !== next.level) return null;
      next.level = null;
      return this.#hls?.latestLevelDetails?.canBlockReload ? next.sn : null;
    };
    class PlaylistLoader extends Loader {
      override load(...[context, config, callbacks]: Parameters<InstanceType<PlaylistLoaderConstructor>['load']>): void {
        const sn = take(context);
        if (sn !== null) {
          const url = new URL(context.url);
          url.searchParams.set('_HLS_msn', String(sn));
          url.searchParams.set('_HLS_part', '0');
          context.url = url.href;
        }
        super.load(context, config, callbacks as never);
      }
    }
    return PlaylistLoader as unknown as PlaylistLoaderConstructor;
  }
}
