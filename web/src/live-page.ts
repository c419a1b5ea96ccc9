// /live/<slug>: what is shown follows the server's messages; nobody reloads the page. The texts are all in the page
// already (the server wrote them in the reader's language): a state shows by `data-state` on the root.
import { LiveTranscript } from './watch/live-transcript';
import { askedDate, liveMoments } from './watch/moment';
import { rewind } from './watch/rewind';
import { share } from './watch/share';
import { split } from './watch/split';
import { showPreviewsWhenMade } from './watch/storyboard';
import { AmphiPlayer, type StateDetail } from './player/amphi-player';
import { follow, type LiveState, type LiveUpdate } from './live-events';

/** After the end is announced, the last seconds are played out; no longer than this. */
const LAST_PICTURES_MS = 15_000;

class LivePage {
  readonly #root: HTMLElement;
  readonly #stage: HTMLElement;
  readonly #src: string;
  readonly #title: string;
  readonly #numbers = new Intl.NumberFormat(document.documentElement.lang);
  #shown: LiveState;
  #renditions = 0;
  /** The recording of the live that the player was loaded for, as far as it is known. */
  #videoId: string | null = null;
  /** The player of a video that somebody has begun to watch. */
  #begun: EventTarget | null = null;
  #endTimer = 0;
  /** The moment that the address asks for, until there is a player to be asked. */
  #asked_ms: number | null;
  readonly #transcript: LiveTranscript | null;
  readonly #lookAtRewind: () => void;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#stage = root.querySelector<HTMLElement>('[data-stage]') ?? root;
    this.#src = root.dataset['src'] ?? '';
    this.#title = root.dataset['title'] ?? '';
    this.#shown = (root.dataset['state'] ?? 'idle') as LiveState;
    this.#renditions = Number(root.dataset['renditionsVersion']) || 0;
    // Caught on the way down: the server may have put the player there, and its events do not rise.
    this.#stage.addEventListener('state', (event) => {
      if ((event as CustomEvent<StateDetail>).detail.state === 'playing') this.#begun = event.target;
    }, true);
    // Where the server says that it is nowhere, no player is asked.
    this.#asked_ms = root.hasAttribute('data-missed') ? null : askedDate(location.search);
    const beside = root.querySelector<HTMLElement>('[data-beside]');
    this.#transcript = beside && new LiveTranscript(beside, this.#stage, root.dataset['captions'] ?? '', () => this.#player);
    this.#lookAtRewind = rewind(root.querySelector('[data-rewind]'), this.#stage, () => this.#player);
    share(root.querySelector('[data-share-part]'), liveMoments(() => this.#player));
    if (this.#player) {
      this.#previewLater(this.#player);
      this.#beginAtMoment(this.#player);
    }
    follow(root.dataset['events'] ?? '', {
      onUpdate: (update) => this.#onUpdate(update),
      onCue: (cue) => {
        if (this.#player?.kind === 'live') this.#player.tellCue(cue);
        if (!this.#watchingVideo()) this.#transcript?.tell(cue);
      },
      onOpen: () => this.#transcript?.refresh(),
    });
  }

  get #player(): AmphiPlayer | null {
    const player = this.#stage.querySelector('amphi-player');
    return player instanceof AmphiPlayer ? player : null;
  }

  #onUpdate(update: LiveUpdate): void {
    const count = this.#root.querySelector('[data-viewers]');
    if (count) count.textContent = this.#numbers.format(update.viewers);
    // The minute of "ended" is over for the server; whoever is here keeps the video.
    if (update.state === 'idle' && this.#shown === 'ended') return this.#offer(false);
    if (update.state !== 'ended' && this.#endTimer) this.#stopEnding();
    if (update.state === 'ended') this.#offer(false);
    switch (update.state) {
      case 'on_air':
        if (this.#watchingVideo()) return this.#offer(true);
        this.#toLive(update);
        break;
      case 'dropped':
        if (this.#watchingVideo()) return;
        // Whoever arrives now can still watch what was sent.
        if (!this.#player) this.#place('live', this.#src);
        break;
      case 'ended':
        if (this.#shown !== 'ended') this.#toEnded(update);
        break;
      default:
        if (this.#watchingVideo()) return;
        this.#player?.remove();
        if (update.state !== this.#shown) this.#transcript?.forget();
    }
    this.#lookAtRewind();
    this.#show(update.state);
  }

  // Somebody who has begun to watch the video of the last live is not torn from it by the next one, nor while it is paused.
  #watchingVideo(): boolean {
    const player = this.#player;
    return player?.kind === 'video' && player === this.#begun;
  }

  #offer(shown: boolean): void {
    if (shown === this.#root.hasAttribute('data-again')) return;
    this.#root.toggleAttribute('data-again', shown);
    if (shown) this.#say(this.#root.querySelector('.strip.again p'));
  }

  #toLive(update: LiveUpdate): void {
    this.#offer(false);
    const player = this.#player;
    if (!player || player.kind !== 'live') {
      // Of a live that was away nothing is forgotten.
      if (this.#shown !== 'dropped') this.#transcript?.forget();
      this.#place('live', this.#src);
    } else if (this.#isAnother(player, update)) {
      player.forgetCues();
      this.#transcript?.forget();
      player.reload();
    } else if (update.renditions_version !== this.#renditions) player.reload();
    else if (player.state === 'error') player.reload();
    else if (this.#shown === 'dropped' && !player.behind && player.state !== 'paused') player.goLive();
    this.#renditions = update.renditions_version;
    this.#videoId = update.video_id ?? this.#videoId;
  }

  // Whether this live is another than the player's. Its end may have been told of a moment ago, the player still showing its last
  // pictures. A connection that was lost meanwhile has told neither of an end nor of a beginning; then the player has read the end of its
  // list, and asks for no more.
  #isAnother(player: AmphiPlayer, update: LiveUpdate): boolean {
    if (this.#shown === 'ended' || player.state === 'ended') return true;
    return update.video_id !== null && this.#videoId !== null && update.video_id !== this.#videoId;
  }

  #toEnded(update: LiveUpdate): void {
    const link = this.#root.querySelector<HTMLAnchorElement>('[data-video-link]');
    if (link && update.video_url) link.href = update.video_url;
    this.#root.toggleAttribute('data-has-video', update.video_url !== null);
    const player = this.#player;
    if (update.video_id === null || !/^[\w-]+$/.test(update.video_id)) return;
    const src = `/videos/${update.video_id}/master.m3u8`;
    if (!player || player.state === 'error') {
      this.#place('video', src);
      return;
    }
    if (player.kind !== 'live') return;
    if (player.behind) {
      // The same pictures are in the video: go on at the same moment.
      const date = player.playingDate;
      const playing = player.state === 'playing' || player.state === 'waiting';
      const video = this.#place('video', src, playing);
      if (date) void video.seekToDate(date.getTime());
      return;
    }
    const swap = () => {
      this.#stopEnding();
      this.#place('video', src);
    };
    const atEnd = (event: Event) => {
      if ((event as CustomEvent<{ state: string }>).detail.state === 'ended') swap();
    };
    this.#stopEnding = () => {
      clearTimeout(this.#endTimer);
      this.#endTimer = 0;
      player.removeEventListener('state', atEnd);
    };
    player.addEventListener('state', atEnd);
    this.#endTimer = window.setTimeout(swap, player.state === 'paused' ? 0 : LAST_PICTURES_MS);
    if (player.state === 'ended') swap();
  }

  #stopEnding: () => void = () => undefined;

  #place(kind: 'live' | 'video', src: string, play = kind === 'live'): AmphiPlayer {
    this.#player?.remove();
    const player = new AmphiPlayer();
    player.setAttribute('kind', kind);
    player.setAttribute('title', this.#title);
    player.setAttribute('src', src);
    player.toggleAttribute('autoplay', play);
    if (kind === 'live') player.setAttribute('thumbnails', src.replace(/master\.m3u8$/, 'previews.json'));
    this.#previewLater(player);
    this.#stage.prepend(player);
    this.#beginAtMoment(player);
    return player;
  }

  // The first player is asked for the moment of the address; a live that has it no longer goes on as it is, and the page says so.
  #beginAtMoment(player: AmphiPlayer): void {
    const date_ms = this.#asked_ms;
    this.#asked_ms = null;
    if (date_ms === null) return;
    void player.seekToDate(date_ms).then((found) => {
      if (found) return void (player.kind === 'video' && player.play().catch(() => undefined));
      this.#root.toggleAttribute('data-missed', true);
      this.#say(this.#root.querySelector('.strip.missed p'));
    });
  }

  // The video that a live has become has its previews some time later.
  #previewLater(player: AmphiPlayer): void {
    const id = /^\/videos\/([\w-]+)\//.exec(player.getAttribute('src') ?? '')?.[1];
    if (player.kind === 'video' && id) showPreviewsWhenMade(player, id);
  }

  #show(state: LiveState): void {
    if (state === this.#shown) return;
    this.#shown = state;
    this.#root.dataset['state'] = state;
    this.#say(this.#root.querySelector(`[data-panel="${state}"] [data-say]`));
  }

  // Said to screen readers once, in the words that others see.
  #say(words: Element | null): void {
    const status = this.#root.querySelector(':scope > [role="status"]');
    if (status) status.textContent = words?.textContent ?? '';
  }
}

const root = document.querySelector<HTMLElement>('[data-live]');
if (root) new LivePage(root);
split(document.querySelector<HTMLElement>('[data-split]'));
