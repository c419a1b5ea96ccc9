// The built pages and player in Chromium, against a real low-latency origin (origin.mjs): one live from "not begun" to
// its video, in the order in which it happens.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startOrigin, VIDEO_PAGE } from './origin.mjs';
import { observe, openBrowser } from '../../tests/support/peers/browser.mjs';
import * as probe from '../../tests/support/peers/browser_probe.mjs';

let origin;
let browser;
let page;

before(async () => {
  origin = await startOrigin();
  browser = await openBrowser({ language: 'fr-FR' });
  page = browser.page;
});
after(async () => {
  await browser?.close();
  await origin?.close();
});

const state = () => page.locator('[data-live]').getAttribute('data-state');
const player = (read) => page.evaluate(`(() => { const player = document.querySelector('amphi-player'); return ${read}; })()`);
const shownPanels = () => page.locator('[data-panel]:visible p:first-of-type').allTextContents();

test('a page waits, starts and plays without being loaded again', async () => {
  origin.setAudio(false);
  await page.goto(`${origin.url}/live/demo`);
  await page.evaluate(() => (window.amphiSamePage = true));
  assert.equal(await state(), 'idle');
  assert.deepEqual(await shownPanels(), ['Le direct n’a pas commencé']);
  origin.push();
  await page.waitForSelector('[data-state="starting"]');
  assert.deepEqual(await shownPanels(), ['Le direct démarre']);
  await page.waitForSelector('[data-state="on_air"]', { timeout: 20_000 });
  assert.equal(await page.locator('[data-live] > [role="status"]').textContent(), 'Le direct est à l’antenne');
  await probe.begin(page);
  const seen = await observe(page, 4);
  assert.ok(seen.progress_s > 3 && seen.distinct_pictures >= 3, JSON.stringify(seen));
  assert.equal(seen.rms, 0);
});

test('sound that comes later is heard: the player loads the new list at the live edge', async () => {
  origin.setAudio(true);
  origin.tell({ renditions_version: 2, viewers: 1234 });
  await page.waitForFunction(() => document.querySelector('amphi-player')?.hls?.audioTracks.length === 1, null, { timeout: 10_000 });
  await probe.begin(page);
  const seen = await observe(page, 5);
  assert.ok(seen.rms > 0.01 && seen.progress_s > 3.5, JSON.stringify(seen));
  assert.ok(seen.latency_s < 4, JSON.stringify(seen));
  assert.equal((await page.locator('[data-viewers]').textContent()).replace(/\s/gu, ' '), '1 234');
});

test('a French page has no English word in the player', async () => {
  await page.locator('media-player').hover();
  await page.locator('media-menu-button').first().click();
  await page.waitForTimeout(500);
  assert.equal(await page.locator('media-google-cast-button:visible').count(), 0);
  const words = await page.evaluate(() => {
    const found = new Set();
    for (const element of document.querySelectorAll('media-player, media-player *')) {
      for (const name of ['aria-label', 'title']) if (element.hasAttribute(name)) found.add(element.getAttribute(name).trim());
      for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE && node.data.trim()) found.add(node.data.trim());
    }
    return [...found];
  });
  assert.ok(words.includes('Paramètres') && words.includes('DIRECT'), words.join(' | '));
  const english = /\b(play|mute|unmute|seek|live|settings|speed|quality|captions|fullscreen|enter|exit|skip|audio track|loop|reset|normal|off|disabled|keyboard|announcements|boost|accessibility|playback|player)\b/i;
  assert.deepEqual(words.filter((word) => english.test(word)), []);
  await page.keyboard.press('Escape');
});

test('who seeks back stays behind, at normal speed, until they ask for the live', async () => {
  await page.waitForFunction(probe.canSeekBack, 12, { timeout: 30_000 });
  await page.locator('media-player').focus();
  const before = await player('player.video.currentTime');
  await page.keyboard.press('j');
  await page.waitForTimeout(1_000);
  const back = await observe(page, 3);
  assert.ok(Math.abs(before + 4 - 10 - back.time_s) < 2, `${before} ${back.time_s}`);
  assert.deepEqual(back.rates, [1]);
  assert.equal(back.behind, true);
  assert.ok(back.latency_s > 9, JSON.stringify(back));
  assert.equal(await player('player.hls.config.maxLiveSyncPlaybackRate'), 1);
  await page.keyboard.press('End');
  await page.waitForFunction(probe.isLive, null, { timeout: 10_000 });
  assert.equal(await player('player.hls.config.maxLiveSyncPlaybackRate'), 1.5);
});

/** Over the bar, at a part of its length. */
async function point(fraction) {
  await page.locator('media-player').hover();
  const box = await page.locator('media-time-slider').boundingBox();
  for (const by of [0, 2]) await page.mouse.move(box.x + box.width * fraction + by, box.y + box.height / 2);
}
const preview = () => page.locator('media-slider-thumbnail img');

test('a live shows previews above its bar, and asks for them while somebody uses it', async () => {
  await page.mouse.move(2, 2);
  await page.locator('media-player').blur();
  const asked = () => origin.requests.filter((path) => path.startsWith('/live/demo/previews.json')).length;
  await page.waitForTimeout(11_000);
  const before = asked();
  await page.waitForTimeout(4_000);
  assert.equal(asked(), before, 'nobody uses the bar');
  await point(0.5);
  await preview().waitFor({ state: 'visible', timeout: 5_000 });
  await page.waitForFunction(() => document.querySelector('media-slider-thumbnail img').naturalWidth === 320);
  assert.equal(asked(), before + 1);
  const { src, begins, pointed } = await page.evaluate(() => {
    const { state } = document.querySelector('media-player');
    const slider = document.querySelector('media-time-slider');
    const fragments = document.querySelector('amphi-player').hls.latestLevelDetails.fragments;
    return {
      src: document.querySelector('media-slider-thumbnail img').src,
      begins: fragments.map(({ start, programDateTime }) => [start, Math.ceil(programDateTime)]),
      pointed: (slider.state.pointerValue / 100) * state.duration,
    };
  });
  const at_ms = Number(/\/live\/demo\/previews\/(\d+)\.jpg$/.exec(src)?.[1]);
  const wanted_ms = begins.filter(([start]) => start <= pointed).at(-1)[1];
  assert.ok(Math.abs(at_ms - wanted_ms) <= 1, `${src} at ${pointed}: ${JSON.stringify(begins)}`);
});

test('the keyboard: pause, sound, shortcuts', async () => {
  await page.locator('media-player').focus();
  // The element changes first and the library hears of it a moment later: a key before that would toggle the old state.
  const settled = (what, expected) =>
    page.waitForFunction(
      ([name, wanted]) =>
        document.querySelector('amphi-player').video[name] === wanted &&
        document.querySelector('media-player').state[name] === wanted,
      [what, expected],
    );
  for (const [key, what] of [['k', 'paused'], ['m', 'muted']]) {
    await page.keyboard.press(key);
    await settled(what, true);
    await page.keyboard.press(key);
    await settled(what, false);
  }
  await page.keyboard.press('?');
  assert.equal(await page.getByRole('dialog', { name: 'Raccourcis clavier' }).isVisible(), true);
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('dialog').count(), 0);
});

test('it is loaded anew while the library waits for a frame to be drawn, and nothing of the old one fails or loads on', async () => {
  const before = await page.evaluate(async () => {
    const element = document.querySelector('amphi-player');
    const old = element.hls;
    const preview = element.querySelector('.vds-slider-preview');
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    // Told of the new width after the library has been, which then waits for a frame.
    await new Promise((done) => {
      let told = 0;
      new ResizeObserver(() => {
        told += 1;
        if (told === 1) preview.style.width = '77px';
        if (told === 2) done(element.reload());
      }).observe(preview);
    });
    await frame();
    await frame();
    return { loads: old.networkControllers.length, media: old.media };
  });
  assert.deepEqual(before, { loads: 0, media: null });
  await page.waitForFunction(() => document.querySelector('amphi-player').state === 'playing', null, { timeout: 10_000 });
  await probe.begin(page);
  const seen = await observe(page, 3);
  assert.ok(seen.progress_s > 2 && seen.latency_s < 4, JSON.stringify(seen));
  assert.equal(await page.locator('media-player').count(), 1);
  assert.deepEqual(browser.faults.console_errors, []);
});

test('it is loaded anew while the library’s own part is on its way, and nothing of the old one fails', async () => {
  const { page: other, faults, close } = await openBrowser({ language: 'fr-FR' });
  try {
    let asked;
    const isAsked = new Promise((resolve) => (asked = resolve));
    let send;
    const isSent = new Promise((resolve) => (send = resolve));
    await other.route(/\/assets\/hls-[\w-]+\.js$/, async (route) => {
      asked();
      await isSent;
      await route.continue();
    });
    await other.goto(`${origin.url}/live/demo`);
    await isAsked;
    await other.evaluate(() => document.querySelector('amphi-player').reload());
    send();
    await probe.begin(other);
    assert.equal(await other.locator('media-player').count(), 1);
    assert.deepEqual(faults, { csp: [], console_errors: [], third_party: [] });
  } finally {
    await close();
  }
});

test('a drop and a return: the page says so and plays on', async () => {
  origin.drop();
  await page.waitForSelector('[data-state="dropped"]');
  assert.match((await shownPanels())[0], /interrompue.*reprend de lui-même/);
  await page.waitForTimeout(9_000);
  origin.push();
  await page.waitForSelector('[data-state="on_air"]', { timeout: 20_000 });
  await page.waitForTimeout(2_500);
  const seen = await observe(page, 8);
  assert.ok(seen.progress_s > 6 && seen.distinct_pictures >= 3, JSON.stringify(seen));
  assert.ok(seen.latency_s < 4.5, JSON.stringify(seen));
  assert.ok(origin.tracks.source.spans.length === 2);
});

test('it ends: the page says so, and shows the video in place', async () => {
  origin.end();
  await page.waitForSelector('[data-state="ended"]');
  await page.waitForSelector('amphi-player[kind="video"]', { timeout: 20_000 });
  assert.equal(await page.locator('[data-video-link]').isVisible(), true);
  await probe.begin(page);
  const seen = await observe(page, 4);
  assert.ok(seen.progress_s > 3 && seen.rms > 0.01, JSON.stringify(seen));
  // Its previews are made after it has ended.
  await point(0.5);
  await page.waitForTimeout(1_000);
  assert.equal(await preview().isVisible(), false);
  origin.tell({ pictured: true });
  await page.waitForTimeout(10_000);
  await point(0.6);
  await preview().waitFor({ state: 'visible', timeout: 5_000 });
  assert.equal(await page.locator('amphi-player').getAttribute('thumbnails'), '/videos/v1/storyboard.vtt');
  // Somebody who paused it is told of the next live, and not torn away.
  await player('player.pause()');
  origin.tell({ state: 'on_air', video_id: 'v2', video_url: null });
  await page.locator('.strip.again').waitFor();
  assert.equal(await page.locator('[data-live] > [role="status"]').textContent(), 'Un nouveau direct a commencé.');
  assert.equal(await page.locator('amphi-player').getAttribute('kind'), 'video');
  // The server's minute of "ended" is over: whoever is here keeps the video.
  origin.tell({ state: 'idle', video_id: null, video_url: null });
  await page.waitForTimeout(500);
  assert.equal(await page.locator('.strip.again').isVisible(), false);
  assert.equal(await state(), 'ended');
  assert.equal(await page.evaluate(() => window.amphiSamePage), true);
  // This origin serves the video only while the live is over.
  origin.tell({ state: 'ended', video_id: 'v1', video_url: VIDEO_PAGE });
  await page.locator('[data-video-link]').click();
  await page.waitForURL(`**${VIDEO_PAGE}`);
});

test('a video with previews shows them above its bar, and one without shows none', async () => {
  await page.waitForFunction(() => document.querySelector('amphi-player')?.state === 'ready' || document.querySelector('amphi-player')?.state === 'playing', null, { timeout: 20_000 });
  const shown = preview();
  await point(0.5);
  await page.waitForTimeout(500);
  assert.equal(await shown.isVisible(), false);
  await player("player.setAttribute('thumbnails', '/videos/v1/storyboard.vtt')");
  await page.waitForTimeout(500);
  await point(0.6);
  await shown.waitFor({ state: 'visible', timeout: 5_000 });
  assert.equal(new URL(await shown.getAttribute('src'), page.url()).pathname, '/videos/v1/storyboard.jpg');
  assert.ok(await shown.evaluate((image) => image.complete && image.naturalWidth === 320), 'it is loaded');
});

test('nothing was refused by the policy, nothing asked of another host', () => {
  assert.deepEqual(browser.faults.csp, []);
  assert.deepEqual(browser.faults.third_party, []);
  assert.ok(origin.requests.some((path) => path.includes('hls.worker')), 'the worker is a file of this server');
  // While it was down the origin answered waiting playlists with 503, which Chromium calls an error.
  assert.deepEqual(browser.faults.console_errors.filter((text) => !/503|\/live\/(source|audio)\/media\.m3u8/.test(text)), []);
});

test('pages can be read without JavaScript, and fit every width', async () => {
  const plain = await openBrowser({ language: 'en-GB', javaScript: false });
  try {
    await plain.page.goto(`${origin.url}/live/demo`);
    assert.deepEqual(await plain.page.locator('[data-panel]:visible p:first-of-type').allTextContents(), ['The live has not begun']);
    await plain.page.goto(`${origin.url}${VIDEO_PAGE}`);
    assert.equal(await plain.page.getByRole('link', { name: 'Open the stream' }).getAttribute('href'), '/videos/v1/master.m3u8');
  } finally {
    await plain.close();
  }
  for (const path of ['/', '/live/demo', VIDEO_PAGE]) {
    await page.goto(origin.url + path);
    for (const width of [390, 1280, 1600]) {
      await page.setViewportSize({ width, height: 800 });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} ${width}`);
    }
  }
});
