// hls.js as the player's library asks for it: our own copy, as the default comes from a CDN, and set as is right when it has come.
import type { HLSProvider } from 'vidstack';
import type Hls from 'hls.js';
import type { HlsConfig } from 'hls.js';

/**
 * Loads it for `provider`.
 * @param isWanted whether the player that asked is still there
 */
export function loads(provider: HLSProvider, isWanted: () => boolean, settings: (hls: typeof Hls) => Partial<HlsConfig>) {
  return async () => {
    const loaded = await import('hls.js');
    // For a player that was replaced meanwhile it never comes: told of it, the library would speak to what is gone.
    if (!isWanted()) return new Promise<never>(() => undefined);
    provider.config = settings(loaded.default);
    return loaded;
  };
}
