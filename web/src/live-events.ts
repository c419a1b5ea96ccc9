// What the server says of a live, as it changes: one EventSource per page, opened again whenever it ends.
import type { LiveCue } from './player/live-captions';

export type LiveState = 'idle' | 'starting' | 'on_air' | 'dropped' | 'ended';
const STATES: readonly LiveState[] = ['idle', 'starting', 'on_air', 'dropped', 'ended'];

/** One message of `/live/<slug>/events`. */
export interface LiveUpdate {
  state: LiveState;
  video_id: string | null;
  video_url: string | null;
  viewers: number;
  renditions_version: number;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 30_000;

/** The message if it is one. */
export function parseUpdate(text: string): LiveUpdate | null {
  let value: Partial<LiveUpdate> | null;
  try {
    value = JSON.parse(text) as Partial<LiveUpdate> | null;
  } catch {
    return null;
  }
  const state = STATES.find((known) => known === value?.state);
  if (!value || !state) return null;
  return {
    state,
    video_id: typeof value.video_id === 'string' ? value.video_id : null,
    // Only an address on this server.
    video_url: typeof value.video_url === 'string' && /^\/(?!\/)/.test(value.video_url) ? value.video_url : null,
    viewers: Number(value.viewers) || 0,
    renditions_version: Number(value.renditions_version) || 0,
  };
}

/** Language tags as BCP 47 has them, in their common length. */
const LANGUAGE = /^[a-z]{2,8}(-[a-z\d]{1,8}){0,4}$/i;
/** More lines, or longer ones, are no caption. */
const MAX_LINES = 8;
const MAX_LINE_CHARACTERS = 400;

/** The caption if it is one. */
export function parseCaption(text: string): LiveCue | null {
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(text) as Record<string, unknown> | null;
  } catch {
    return null;
  }
  const { language, id, start, end, lines, final } = value ?? {};
  if (typeof language !== 'string' || !LANGUAGE.test(language) || !Number.isSafeInteger(id) || !Array.isArray(lines)) return null;
  if (typeof start !== 'number' || typeof end !== 'number' || !Number.isFinite(start) || !Number.isFinite(end)) return null;
  if (lines.length > MAX_LINES || !lines.every((line) => typeof line === 'string' && line.length <= MAX_LINE_CHARACTERS)) return null;
  const said = (lines as string[]).filter((line) => line.trim() !== '');
  if (said.length > 0 && end <= start) return null;
  return { language, id: String(id), start_ms: start, end_ms: end, lines: said, final: final === true };
}

export interface Listener {
  onUpdate(update: LiveUpdate): void;
  onCue(cue: LiveCue): void;
  /** The messages begin, or go on after a pause in which some were missed. */
  onOpen(): void;
}

/** Calls `listener` with each message, for as long as the page lives. The browser reconnects after a lost connection;
 * after an answer that is an error it gives up, and this opens a new one after 1, 2, 4 … 30 s with some jitter. */
export function follow(url: string, listener: Listener): void {
  let retry_ms = RETRY_FIRST_MS;
  let current: EventSource | null = null;
  let timer = 0;
  const open = () => {
    window.clearTimeout(timer);
    current?.close();
    const source = new EventSource(url);
    current = source;
    source.addEventListener('open', () => listener.onOpen());
    source.addEventListener('state', (event: MessageEvent<string>) => {
      retry_ms = RETRY_FIRST_MS;
      const update = parseUpdate(event.data);
      if (update) listener.onUpdate(update);
    });
    source.addEventListener('caption', (event: MessageEvent<string>) => {
      const cue = parseCaption(event.data);
      if (cue) listener.onCue(cue);
    });
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return;
      // Jitter: when the server restarts, a thousand pages should not come back in the same instant.
      timer = window.setTimeout(open, retry_ms * (0.5 + Math.random()));
      retry_ms = Math.min(retry_ms * 2, RETRY_LAST_MS);
    });
  };
  open();
  // A page that the browser puts to sleep, or keeps for the way back, watches no more: the server counts who has this open.
  const close = () => {
    window.clearTimeout(timer);
    current?.close();
    current = null;
  };
  document.addEventListener('freeze', close);
  window.addEventListener('pagehide', close);
  const reopen = () => {
    if (!current) open();
  };
  document.addEventListener('resume', reopen);
  window.addEventListener('pageshow', reopen);
}
