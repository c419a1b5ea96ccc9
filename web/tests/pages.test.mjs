// Every page that the server's tests write, looked at in all ways.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { LECTURE_PAGE, startOrigin, VIDEO_PAGE } from './origin.mjs';
import { lookAt } from './look.mjs';

const DIST = createRequire(import.meta.url).resolve('../package.json').replace('package.json', 'dist');

let origin;
before(async () => {
  origin = await startOrigin();
  origin.push();
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  origin.end();
});
after(() => origin?.close());

test('every page can be used by everybody, in both languages, light and dark, narrow and wide', async () => {
  const paths = ['/', '/videos', '/none', '/live/demo', VIDEO_PAGE, LECTURE_PAGE, '/embed/live/demo', '/embed/videos/v7',
    '/sign-in', '/forgotten', '/account', '/site', '/accessibility', '/search', '/live/closed', '/live/hall', '/embed/videos/closed',
    '/operate', '/operate/hall', '/operate/_/new', '/operate/_/jobs', '/operate/_/log', '/operate/_/machine', '/people', '/people/p2', '/groups', '/videos/v1/edit',
    '/my-videos', '/my-videos/grid', '/videos/v1/rights', '/videos/v1/subtitles', '/videos/v1/download', '/recordings-to-claim'];
  const { wrong, looked } = await lookAt(origin.url, paths);
  assert.deepEqual(wrong, []);
  assert.equal(looked, paths.length * 8);
});

test('a page loads at most 60 kB of code before the player', () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(DIST, '.vite/manifest.json'), 'utf8'));
  const entries = Object.values(manifest).filter((chunk) => chunk.isEntry);
  assert.ok(entries.length >= 3);
  for (const entry of entries) {
    const seen = new Set();
    const size = (chunk) => {
      // The player and what it needs come after the page can be read.
      if (!chunk || seen.has(chunk.file) || /amphi-player|vidstack|hls/.test(chunk.file)) return 0;
      seen.add(chunk.file);
      const own = gzipSync(fs.readFileSync(path.join(DIST, chunk.file))).length;
      return (chunk.imports ?? []).reduce((sum, name) => sum + size(manifest[name]), own);
    };
    const bytes = size(entry);
    assert.ok(bytes > 0 && bytes <= 60_000, `${entry.name}: ${bytes} bytes`);
  }
});
