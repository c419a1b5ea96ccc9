import { defineConfig } from 'vite';

// What the server embeds: hashed names under assets/, and .vite/manifest.json, from which it reads them at start.
export default defineConfig({
  base: '/',
  // The CSP allows no inline script and no data: script, and a hashed name must be a file of its own.
  build: {
    outDir: 'dist',
    // public/ has a .gitkeep of its own, which puts back dist/.gitkeep: that keeps the folder in a fresh clone, where
    // the server must compile without a built front end.
    emptyOutDir: true,
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    sourcemap: false,
    target: 'es2022',
    // hls.js is one file of 580 kB (180 kB compressed), loaded when a player is.
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: {
        site: 'src/site.ts',
        live: 'src/live-page.ts',
        video: 'src/video-page.ts',
        operate: 'src/operate/page.ts',
        embed: 'src/embed-page.ts',
      },
    },
  },
});
