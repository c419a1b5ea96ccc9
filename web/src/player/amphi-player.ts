// <amphi-player>: the one place that knows which player library is used. Pages, tests and embeds speak to this element
// only, so that the library can be replaced.
//
// Attributes  src (a multivariant playlist), kind ("live" | "video"), title, poster, thumbnails (previews: WebVTT; of a live,
//             the server's list of them), chapters (WebVTT), autoplay
// Methods     play(), pause(), seek(seconds), seekToDate(ms), startOver(), goLive(), reload(), tellCue(cue), forgetCues()
// Properties  hls, video, latency, playingDate, listed, behind, state, seekableEnd
// Events      time, state, quality, captions, error (CustomEvent; see the interfaces below)
//
// Errors of a live never end it: the source is mounted again after 1, 2, 4 … 15 s, as often as needed.
import 'vidstack/player/styles/default/theme.css';
import 'vidstack/player/styles/default/layouts/video.css';
import './player.css';
import 'vidstack/player';
import 'vidstack/player/layouts/default';
import 'vidstack/player/ui';
import type { MediaPlayerElement, MediaVideoLayoutElement } from 'vidstack/elements';
import { TextTrack, type MediaProviderChangeEvent, type ThumbnailImageInit } from 'vidstack';
import type Hls from 'hls.js';
import type { ErrorData } from 'hls.js';
import workerPath from 'hls.js/dist/hls.worker.js?url';
import { captionChoice } from './caption-choice';
import { afterMove, afterTime, type Position, type Verdict } from './catch-up';
import { CATCH_UP_RATE, hlsConfig } from './hls-config';
import { keyHelp } from './key-help';
import { shortcuts } from './keys';
import { labelsFor } from './labels';
import { loads } from './library';
import { LiveCaptions, type LiveCue } from './live-captions';
import { LivePreviews } from './live-previews';
import { keepMenuRoles } from './menu-roles';
import { AUTO, Quality } from './quality';
import { QualityMenu } from './quality-menu';
import { SoundCover } from './sound-cover';
import { speakTime } from './spoken-time';
import { stayWhileUsed } from './stay';

export type PlayerState = 'loading' | 'ready' | 'playing' | 'paused' | 'waiting' | 'ended' | 'error';
export interface TimeDetail {
  currentTime: number;
  duration: number;
  /** Seconds from the live edge; null for a video. */
  latency: number | null;
  behind: boolean;
}
export interface StateDetail {
  state: PlayerState;
}
export interface QualityDetail {
  height: number | null;
  bitrate_bps: number | null;
  auto: boolean;
  /** No pictures: the viewer chose it, or they are on their way back. */
  sound_alone: boolean;
}
/** Which captions there are; told when there are others, or others are chosen. */
export interface CaptionsDetail {
  /** `tag` is BCP 47. */
  languages: { tag: string; name: string }[];
  /** What is shown on the picture. */
  selected: string | null;
}
export interface ErrorDetail {
  message: string;
  /** Whether playing stopped because of it. A live then tries again by itself. */
  fatal: boolean;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 15_000;
/** A pause this long in a live is a wish to go on from here; a shorter one rejoins the live edge. */
const PAUSE_KEPT_MS = 3_000;
/** Least time between two automatic returns to the live edge, so that a slow line is not sought to pieces. */
const RETURN_EVERY_MS = 15_000;

/** The live edge moves a little forward and back between two updates of the playlist. */
const DVR_MARGIN_S = 0.75;

/** Addresses say moments to the second: that of the first pictures may come a little before them. */
const TO_THE_SECOND_MS = 1_000;
/** A moment so near the live edge is the live edge. */
const AT_EDGE_S = 1;
/** The library takes a live that begins to play at 0 for one that nobody has moved, and goes to its edge. Less than a picture. */
const NOT_AT_ZERO_S = 0.01;

interface Cell<T> {
  set(value: T): void;
}
/** Two values inside vidstack that have no public setter; absent ones are left alone. */
function inner(player: MediaPlayerElement): { userBehindLiveEdge?: Cell<boolean>; inferredLiveDVRWindow?: Cell<number> } | undefined {
  return (player as unknown as { $state?: ReturnType<typeof inner> }).$state;
}

export class AmphiPlayer extends HTMLElement {
  static readonly observedAttributes = ['src', 'kind', 'title', 'poster', 'thumbnails'];

  #player: MediaPlayerElement | null = null;
  #hls: Hls | null = null;
  #title = '';
  #state: PlayerState = 'loading';
  #verdict: Verdict = 'with-live';
  #wanted = false;
  #retry_ms = RETRY_FIRST_MS;
  #retryTimer = 0;
  #pauseTimer = 0;
  #remount = 0;
  #returnedAt_ms = -RETURN_EVERY_MS;
  #startDate_ms: number | null = null;
  #onDate: (found: boolean) => void = () => undefined;
  #muted = false;
  #volume = 1;
  #help: HTMLDialogElement | null = null;
  #menu: QualityMenu | null = null;
  #cover: SoundCover | null = null;
  readonly #captions = new LiveCaptions();
  readonly #previews = new LivePreviews((images) => this.#setPreviews(this.querySelector('media-video-layout'), images));
  readonly #quality = new Quality(() => this.#onQuality());

  /** hls.js's instance, for measuring; null before loading and where the browser plays HLS itself. */
  get hls(): Hls | null {
    return this.#hls;
  }

  /** The media element, once there is one. */
  get video(): HTMLVideoElement | null {
    return this.querySelector('video');
  }

  get state(): PlayerState {
    return this.#state;
  }

  get kind(): 'live' | 'video' {
    return this.getAttribute('kind') === 'live' ? 'live' : 'video';
  }

  /** How far one can seek, in seconds; 0 before that is known. */
  get seekableEnd(): number {
    const end_s = this.#state === 'loading' ? 0 : (this.#player?.state.seekableEnd ?? 0);
    return Number.isFinite(end_s) ? end_s : 0;
  }

  /** Seconds from the live edge, or null. */
  get latency(): number | null {
    const hls = this.#hls;
    return this.kind === 'live' && hls && Number.isFinite(hls.latency) ? hls.latency : null;
  }

  /** Wall-clock time (EXT-X-PROGRAM-DATE-TIME) of the picture shown, or null. */
  get playingDate(): Date | null {
    return this.#hls?.playingDate ?? null;
  }

  /** What of a wall clock the playlist lists, in milliseconds since 1970; null before it is known. */
  get listed(): { from_ms: number; to_ms: number } | null {
    const fragments = this.#hls?.latestLevelDetails?.fragments;
    const [first, last] = [fragments?.[0], fragments?.at(-1)];
    if (!last || first?.programDateTime == null || last.programDateTime === null) return null;
    return { from_ms: first.programDateTime, to_ms: last.programDateTime + last.duration * 1_000 };
  }

  /** Whether the viewer chose to be behind the live edge. No catching up then. */
  get behind(): boolean {
    return this.kind === 'live' && this.#verdict === 'behind';
  }

  connectedCallback(): void {
    this.#wanted = this.hasAttribute('autoplay');
    this.#mount();
  }

  disconnectedCallback(): void {
    this.#unmount();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === 'title') {
      // Kept on the inside: on the element itself it would be a tooltip over the whole picture.
      if (now === null) return;
      this.#title = now;
      this.removeAttribute('title');
      if (this.#player) this.#name(this.#player);
      return;
    }
    if (!this.isConnected || !this.#player) return;
    if (name === 'poster') this.#player.poster = now ?? '';
    else if (name === 'thumbnails') this.#showPreviews(this.querySelector('media-video-layout'));
    else this.#mountSoon();
  }

  async play(): Promise<void> {
    this.#wanted = true;
    await this.#player?.play();
  }

  async pause(): Promise<void> {
    this.#wanted = false;
    await this.#player?.pause();
  }

  /** Moves to a time of the media timeline, in seconds. In a live, anything but the live edge turns catching up off. */
  seek(time_s: number): void {
    const player = this.#player;
    if (!player) return;
    const to_s = Math.max(this.kind === 'live' ? NOT_AT_ZERO_S : 0, player.state.seekableStart, Math.min(time_s, player.state.seekableEnd));
    player.currentTime = to_s;
    // The library takes a seek to where it believes to be for none, and learns late where the last one has led.
    if (player.state.currentTime === to_s && this.video) this.video.currentTime = to_s;
    if (this.kind === 'live' && this.#hls) this.#judge(this.#verdictAt(to_s));
  }

  /**
   * Moves to the picture of a wall-clock time, as soon as the playlist is known, and says whether it has it; without it stays. A later call takes
   * the place of one that still waits.
   */
  seekToDate(date_ms: number): Promise<boolean> {
    this.#onDate(false);
    return new Promise((resolve) => {
      this.#onDate = resolve;
      this.#startDate_ms = date_ms;
      this.#applyStartDate();
    });
  }

  /** To the first picture that there is, playing. */
  startOver(): void {
    this.seek(this.#player?.state.seekableStart ?? 0);
    void this.play().catch(() => undefined);
  }

  /** To the live edge, playing. */
  goLive(): void {
    const player = this.#player;
    if (!player || this.kind !== 'live') return;
    this.#judge('with-live');
    player.remoteControl.seekToLiveEdge();
    const edge_s = this.#hls?.liveSyncPosition;
    // Before the edge is known nothing was tried: the next tick of time tries again.
    if (edge_s != null) this.#returnedAt_ms = performance.now();
    const moved_s = edge_s == null ? 0 : Math.abs(edge_s - player.currentTime);
    if (edge_s != null && Number.isFinite(edge_s) && moved_s > 1) player.currentTime = edge_s;
    void this.play().catch(() => undefined);
  }

  /** What the server says of a caption of this live, before or after the playlist has it. */
  tellCue(cue: LiveCue): void {
    this.#captions.tell(cue);
  }

  /** Another live has begun: what was said in the one before is not said in it, and its cues are counted from the beginning. */
  forgetCues(): void {
    this.#captions.forget();
  }

  /** Loads the playlist again: at the live edge, or at the same moment for a viewer who is behind. */
  reload(): void {
    if (this.behind) this.#startDate_ms = this.playingDate?.getTime() ?? null;
    this.#mount();
  }

  // Attributes are often changed in pairs (src and kind): one mount for all that changed in this task.
  #mountSoon(): void {
    if (this.#remount) return;
    this.#remount = window.setTimeout(() => {
      this.#wanted ||= this.hasAttribute('autoplay');
      this.#mount();
    });
  }

  #unmount(): void {
    for (const timer of [this.#retryTimer, this.#pauseTimer, this.#remount]) clearTimeout(timer);
    this.#retryTimer = this.#pauseTimer = this.#remount = 0;
    if (this.#player) {
      this.#muted = this.#player.muted;
      this.#volume = this.#player.volume;
    }
    this.#captions.detach();
    this.#previews.detach();
    this.#quality.detach();
    // Loading ends now, also in a tab that is hidden. The rest the library takes down by itself, once frames that it has asked for are drawn:
    // told to do so at once, those would ask for what is no longer there.
    this.#hls?.destroy();
    this.#player = null;
    this.#hls = null;
    this.replaceChildren();
  }

  #mount(): void {
    this.#unmount();
    this.#verdict = 'with-live';
    const src = this.getAttribute('src');
    if (!src) return;
    const language = document.documentElement.lang || navigator.language;
    const labels = labelsFor(language);
    const player = document.createElement('media-player');
    player.setAttribute('stream-type', this.kind === 'live' ? 'll-live:dvr' : 'on-demand');
    player.setAttribute('playsinline', '');
    player.setAttribute('load', 'eager');
    player.setAttribute('key-target', 'player');
    player.setAttribute('lang', language);
    // Beyond this the button says that the picture is not live; the target is about 2 s.
    player.setAttribute('live-edge-tolerance', '6');
    // A live's DVR bar from its first seconds on; vidstack waits for a minute of it by default.
    player.minLiveDVRWindow = 1;
    this.#name(player);
    player.muted = this.#muted;
    player.volume = this.#volume;
    player.storage = captionChoice(player);
    const poster = this.getAttribute('poster');
    if (poster) player.poster = poster;
    player.keyShortcuts = shortcuts({
      seekBy: (seconds) => this.seek(player.currentTime + seconds),
      seekTo: (fraction) => {
        const { seekableStart, seekableEnd } = player.state;
        this.seek(seekableStart + fraction * (seekableEnd - seekableStart));
      },
      end: () => (this.kind === 'live' ? this.goLive() : this.seek(player.state.seekableEnd)),
      help: () => this.#showHelp(),
    });
    const provider = document.createElement('media-provider');
    const layout = document.createElement('media-video-layout') as MediaVideoLayoutElement;
    layout.translations = labels.layout;
    layout.setAttribute('seek-step', '10');
    // A menu is larger than a small player, and stands in the page: among what the page is about.
    layout.menuContainer = 'main';
    this.#showPreviews(layout);
    player.append(provider, layout);
    const tracks = player.textTracks;
    for (const change of ['add', 'remove', 'mode-change'] as const) tracks.addEventListener(change, () => this.#player === player && this.#tellCaptions(player));
    const chapters = this.kind === 'video' ? this.getAttribute('chapters') : null;
    if (chapters) player.textTracks.add(new TextTrack({ src: chapters, kind: 'chapters', type: 'vtt', language, default: true }));
    this.#menu = new QualityMenu(player, this.#quality, labels, language);
    this.#cover = new SoundCover(labels.own.soundAlone);
    this.#listen(player);
    stayWhileUsed(player);
    keepMenuRoles(player);
    speakTime(player, labels.own.time);
    player.addEventListener('provider-change', (event) => this.#configure(event, player));
    this.#player = player;
    this.#help = null;
    this.append(player);
    this.#setState('loading');
    player.src = { src, type: 'application/x-mpegurl' };
  }

  // The library would say what it is in English.
  #name(player: MediaPlayerElement): void {
    player.title = this.#title;
    player.setAttribute('aria-label', `${labelsFor(document.documentElement.lang).own.player} – ${this.#title}`);
  }

  // A live becomes a video with the same element. Those of a live come by and by.
  #showPreviews(layout: MediaVideoLayoutElement | null): void {
    this.#setPreviews(layout, this.kind === 'video' ? this.getAttribute('thumbnails') : null);
  }

  #setPreviews(layout: MediaVideoLayoutElement | null, previews: string | ThumbnailImageInit[] | null): void {
    if (layout) layout.thumbnails = previews;
  }

  #configure(event: MediaProviderChangeEvent, player: MediaPlayerElement): void {
    const provider = event.detail;
    if (provider?.type !== 'hls' || !('onInstance' in provider)) return;
    const hlsProvider = provider as unknown as import('vidstack').HLSProvider;
    const settings = (library: typeof Hls) => ({ ...hlsConfig(this.kind, workerPath), ...this.#quality.config(library) });
    hlsProvider.library = loads(hlsProvider, () => this.#player === player, settings);
    hlsProvider.onInstance((hls) => {
      if (this.#player !== player) return hls.destroy();
      this.#hls = hls;
      this.#quality.attach(hls);
      if (this.kind === 'live') this.#captions.attach(player, hls);
      const previews = this.getAttribute('thumbnails');
      if (this.kind === 'live' && previews) this.#previews.attach(this, hls, new URL(previews, location.href));
      const events = (hls.constructor as typeof Hls).Events;
      hls.on(events.ERROR, (_, data) => this.#onHlsError(data));
      hls.on(events.LEVEL_UPDATED, () => this.#applyStartDate());
      hls.on(events.LEVEL_LOADED, () => this.#applyStartDate());
      // vidstack takes all that the playlist lists as the length of the DVR bar, and lets nobody seek while less than that
      // can be sought: always so when a live is listed from its start, for its end lies behind the live edge. Its own
      // listener is added after this function has run, ours after that one.
      queueMicrotask(() => hls.on(events.LEVEL_UPDATED, (_, { details }) => {
        const end_s = hls.liveSyncPosition ?? details.edge;
        inner(player)?.inferredLiveDVRWindow?.set(Math.max(0, end_s - details.fragmentStart - DVR_MARGIN_S));
      }));
      hls.on(events.FRAG_BUFFERED, () => {
        this.#retry_ms = RETRY_FIRST_MS;
        this.#applyStartDate();
        // When the jump to the live edge comes while the first pictures load, the library says that it plays and the element
        // stands still: for ever, as nobody asks it again.
        const { video } = this;
        if (this.#wanted && video?.paused && !video.ended && !player.paused) void video.play().catch(() => undefined);
      });
    });
  }

  #listen(player: MediaPlayerElement): void {
    const live = this.kind === 'live';
    // A player that was replaced may still speak while it closes.
    const on = (name: string, run: (event: Event) => void) =>
      player.addEventListener(name as never, ((event: Event) => {
        if (this.#player === player) run(event);
      }) as never);
    on('can-play', () => {
      this.#setState('ready');
      if (this.#wanted) void this.#start(player);
    });
    let joined = false;
    on('playing', () => {
      this.#wanted = true;
      this.#setState('playing');
      // When play is asked for early, the library begins where the list begins.
      if (live && !joined && this.#verdict === 'with-live' && this.video) {
        if (this.#verdictAt(this.video.currentTime) === 'behind') this.goLive();
      }
      joined = true;
    });
    on('play', () => clearTimeout(this.#pauseTimer));
    on('pause', () => {
      if (!player.state.ended) this.#setState('paused');
      if (live) this.#pauseTimer = window.setTimeout(() => this.#keepPause(player), PAUSE_KEPT_MS);
    });
    on('waiting', () => this.#setState('waiting'));
    on('ended', () => this.#setState('ended'));
    on('media-pause-request', () => (this.#wanted = false));
    on('media-seek-request', (event) => {
      // The library seeks too; only a person's seek is a choice.
      const asked = event as CustomEvent<number> & { isOriginTrusted?: boolean };
      if (live && this.#hls && asked.isOriginTrusted) this.#judge(this.#verdictAt(asked.detail));
    });
    on('media-google-cast-request', (event) => event.stopImmediatePropagation());
    on('media-live-edge-request', () => this.#judge('with-live'));
    on('time-update', () => this.#onTime(player));
    on('volume-change', () => {
      if (!player.muted) this.querySelector('.unmute')?.remove();
    });
    on('error', (event) => {
      const { message } = (event as CustomEvent<{ message: string }>).detail;
      this.#fail(message);
    });
  }

  // With sound if the browser lets us, else without and with a button for it, else the viewer presses play.
  async #start(player: MediaPlayerElement): Promise<void> {
    try {
      await player.play();
    } catch {
      if (this.#player !== player || player.muted) return;
      player.muted = true;
      try {
        await player.play();
        if (this.#player === player) this.#offerSound(player);
      } catch {
        player.muted = false;
      }
    }
  }

  #offerSound(player: MediaPlayerElement): void {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'unmute button';
    button.textContent = labelsFor(document.documentElement.lang).own.unmute;
    button.addEventListener('click', () => {
      player.muted = false;
      button.remove();
    });
    this.append(button);
  }

  #keepPause(player: MediaPlayerElement): void {
    if (this.#player !== player || !player.paused) return;
    this.#judge('behind');
  }

  #verdictAt(time_s: number): Verdict {
    const at = this.#positionAt(time_s);
    return at ? afterMove(at) : this.#verdict;
  }

  // Reckoned here and not read from `hls.latency`, which still tells of the old place just after a seek.
  #positionAt(time_s: number): Position | null {
    const hls = this.#hls;
    const details = hls?.latestLevelDetails;
    if (!hls || !details?.live) return null;
    return { latency_s: details.edge + details.age - time_s, target_s: hls.targetLatency ?? 0 };
  }

  #judge(verdict: Verdict): void {
    this.#verdict = verdict;
    this.#setCatchUp();
  }

  #setCatchUp(): void {
    const hls = this.#hls;
    const player = this.#player;
    if (!hls || !player || this.kind !== 'live') return;
    const behind = this.#verdict === 'behind';
    const rate = behind || this.#quality.fallsBack ? 1 : CATCH_UP_RATE;
    // What catching up had set goes; a speed that the viewer chooses later stays, for hls.js is out of it now.
    if (behind && hls.config.maxLiveSyncPlaybackRate !== 1) player.playbackRate = 1;
    hls.config.maxLiveSyncPlaybackRate = rate;
    // vidstack jumps to the live edge at every play unless it knows that the viewer is behind.
    inner(player)?.userBehindLiveEdge?.set(behind);
  }

  #onTime(player: MediaPlayerElement): void {
    const video = this.video;
    const at = this.kind === 'live' && video && !video.paused && !video.seeking ? this.#positionAt(video.currentTime) : null;
    if (at) {
      const verdict = afterTime(this.#verdict, at);
      if (verdict === 'lost') {
        if (performance.now() - this.#returnedAt_ms >= RETURN_EVERY_MS) this.goLive();
      } else if (verdict !== this.#verdict) this.#judge(verdict);
    }
    const { currentTime, duration } = player;
    this.#emit<TimeDetail>('time', { currentTime, duration, latency: this.latency, behind: this.behind });
  }

  #onQuality(): void {
    const { shown, choice, soundAlone: sound_alone } = this.#quality;
    const provider = this.querySelector<HTMLElement>('media-provider');
    if (!sound_alone) this.#cover?.hide();
    else if (provider) this.#cover?.show(provider, this.video);
    this.#menu?.update();
    this.#setCatchUp();
    this.#emit<QualityDetail>('quality', { height: shown?.height ?? null, bitrate_bps: shown?.bitrate_bps ?? null, auto: choice === AUTO, sound_alone });
  }

  // The library tries again by itself unless the error is fatal; fatal media errors are recovered by vidstack.
  #onHlsError(data: ErrorData): void {
    if (data.fatal && data.type !== 'mediaError') this.#fail(data.details);
    else if (data.details !== 'bufferStalledError') this.#emit<ErrorDetail>('error', { message: data.details, fatal: false });
  }

  #fail(message: string): void {
    this.#emit<ErrorDetail>('error', { message, fatal: true });
    this.#setState('error');
    if (this.kind !== 'live' || this.#retryTimer) return;
    this.#retryTimer = window.setTimeout(() => {
      this.#retry_ms = Math.min(this.#retry_ms * 2, RETRY_LAST_MS);
      this.reload();
    }, this.#retry_ms);
  }

  #applyStartDate(): void {
    const date_ms = this.#startDate_ms;
    const details = this.#hls?.latestLevelDetails;
    const live = this.kind === 'live';
    if (date_ms === null || !details || !this.video) return;
    // A live's first pictures take it to the live edge, wherever it was before.
    if (live && this.video.buffered.length === 0) return;
    const begun = details.fragments.findLast((f) => f.programDateTime !== null && f.programDateTime <= date_ms);
    const frag = begun ?? details.fragments.slice(0, 1).find((f) => f.programDateTime !== null && f.programDateTime - date_ms < TO_THE_SECOND_MS);
    this.#startDate_ms = null;
    this.#onDate(frag !== undefined);
    if (!frag || frag.programDateTime === null) return;
    const to_s = Math.max(NOT_AT_ZERO_S, frag.start + Math.max(0, Math.min((date_ms - frag.programDateTime) / 1_000, frag.duration)));
    // What is said is told before its picture can be shown.
    if (live && to_s >= (this.#hls?.liveSyncPosition ?? Infinity) - AT_EDGE_S) return this.goLive();
    if (live) this.#judge('behind');
    // To the library too: it may be on its way to the live edge.
    if (live && this.#player) this.#player.currentTime = to_s;
    this.video.currentTime = to_s;
  }

  #tellCaptions(player: MediaPlayerElement): void {
    const tracks = player.textTracks.toArray().filter(({ kind }) => kind === 'subtitles' || kind === 'captions');
    const languages = tracks.filter(({ language }) => language).map(({ language, label }) => ({ tag: language, name: label }));
    this.#emit<CaptionsDetail>('captions', { languages, selected: player.textTracks.selected?.language ?? null });
  }

  #showHelp(): void {
    this.#help ??= keyHelp(labelsFor(document.documentElement.lang).own);
    if (!this.#help.isConnected) this.append(this.#help);
    if (!this.#help.open) this.#help.showModal();
  }

  #setState(state: PlayerState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.dataset['playerState'] = state;
    this.#emit<StateDetail>('state', { state });
  }

  #emit<Detail>(name: string, detail: Detail): void {
    this.dispatchEvent(new CustomEvent<Detail>(name, { detail }));
  }
}

customElements.define('amphi-player', AmphiPlayer);

declare global {
  interface HTMLElementTagNameMap {
    'amphi-player': AmphiPlayer;
  }
}
