// How hls.js is set for Amphi's playlists. Plain data, so that the reasons stand beside the numbers.
import type { HlsConfig } from 'hls.js';

/** Fastest playback while catching up with the live edge. hls.js's own default, 1, never catches up. */
export const CATCH_UP_RATE = 1.5;

/**
 * Settings for a live or a video.
 * @param workerPath address of hls.js's worker script on this server: the CSP allows no blob: worker
 */
export function hlsConfig(kind: 'live' | 'video', workerPath: string): Partial<HlsConfig> {
  const common: Partial<HlsConfig> = {
    enableWorker: true,
    workerPath,
    // hls.js keeps everything played by default: three hours of lecture would stay in memory.
    backBufferLength: 90,
  };
  if (kind === 'video') return { ...common, lowLatencyMode: false, startPosition: -1 };
  return {
    ...common,
    lowLatencyMode: true,
    maxLiveSyncPlaybackRate: CATCH_UP_RATE,
    // While a broadcaster's connection is down the playlist waits, then answers as before or with 503: the grace is a
    // minute by default and may be longer, so asking goes on for about ten minutes before the player starts afresh.
    playlistLoadPolicy: {
      default: {
        maxTimeToFirstByteMs: 20_000,
        maxLoadTimeMs: 30_000,
        timeoutRetry: { maxNumRetry: 30, retryDelayMs: 0, maxRetryDelayMs: 0 },
        errorRetry: { maxNumRetry: 150, retryDelayMs: 500, maxRetryDelayMs: 4_000, backoff: 'exponential' },
      },
    },
  };
}
