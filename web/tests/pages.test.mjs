// Every page that the server's tests write, looked at in all ways.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PATHS, startOrigin } from './origin.mjs';
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
  const { wrong, looked } = await lookAt(origin.url, PATHS);
  assert.deepEqual(wrong, []);
  assert.equal(looked, PATHS.length * 8);
});

test('every page that the server has written is at an address', async () => {
  const served = new Set();
  for (const at of PATHS) served.add(await (await fetch(origin.url + at, { headers: { 'accept-language': 'fr' } })).text());
  const kept = fs.readdirSync(new URL('pages', import.meta.url)).filter((name) => name.endsWith('.fr.html'));
  assert.equal(served.size, kept.length, 'a page in tests/pages has no line in PAGES of origin.mjs, or two have one page');
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
