// A live's captions on the page, in Chromium: told by events seconds before the playlist's WebVTT segments bring the same. One live, in
// the order in which it happens.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startOrigin, VIDEO_PAGE } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';
import * as probe from '../../tests/support/peers/browser_probe.mjs';

/** How far from its time a caption may appear or go, in seconds. */
const NEAR_S = 0.3;

let origin;
let browser;
let page;

before(async () => {
  origin = await startOrigin({ subtitles: ['fr'] });
  browser = await openBrowser({ language: 'fr-FR' });
  page = browser.page;
  await page.goto(`${origin.url}/live/demo`);
  origin.push();
  await page.waitForSelector('[data-state="on_air"]', { timeout: 20_000 });
  await probe.begin(page);
  await page.waitForFunction(probe.isLive, null, { timeout: 15_000 });
});
after(async () => {
  await browser?.close();
  await origin?.close();
});

/** Wall-clock milliseconds of the picture shown. */
const shownDate = () => page.evaluate(() => document.querySelector('amphi-player').playingDate.getTime());
const texts = () => page.locator('[data-part="live-cue"]').allTextContents();
const until = (expected, timeout = 10_000) =>
  page.waitForFunction(
    (wanted) => JSON.stringify([...document.querySelectorAll('[data-part="live-cue"]')].map((cue) => cue.textContent)) === wanted,
    JSON.stringify(expected),
    { timeout, polling: 20 },
  );

/** A cue of the French captions, `from_ms` after the picture shown. */
async function cue(id, from_ms, length_ms, line, final = false) {
  const start = Math.round((await shownDate()) + from_ms);
  return { language: 'fr', id, start, end: start + length_ms, lines: line === '' ? [] : line.split('\n'), final };
}

/** The same as the playlist has it. */
function list({ id, start, end, lines }, text = lines.join('\n')) {
  origin.subtitles.fr.cues.push({ id, start, end, text });
}

/** From now on, what is drawn with every picture. */
const record = () =>
  page.evaluate(() => {
    const { video } = document.querySelector('amphi-player');
    const seen = [];
    window.amphiSeen = seen;
    const look = () => {
      if (window.amphiSeen !== seen) return;
      const shown = [...document.querySelectorAll('[data-part="live-cue"]')].map((element) => element.textContent);
      seen.push({ date_ms: document.querySelector('amphi-player').playingDate?.getTime(), time_s: video.currentTime, shown });
      requestAnimationFrame(look);
    };
    look();
  });
const recorded = () => page.evaluate(() => window.amphiSeen);

/** Waits until a cue is over, and says when it was shown, in seconds from when it should have been, and the most at once. */
async function watched({ end, start }) {
  await page.waitForFunction((ms) => window.amphiSeen.at(-1).date_ms > ms + 600, end, { timeout: 20_000 });
  const seen = await recorded();
  const with_text = seen.filter(({ shown }) => shown.length > 0);
  return {
    late_s: (with_text[0].date_ms - start) / 1000,
    over_s: (with_text.at(-1).date_ms - end) / 1000,
    most: Math.max(...seen.map(({ shown }) => shown.length)),
    said: [...new Set(with_text.flatMap(({ shown }) => shown))],
  };
}
const near = (seen) => assert.ok(Math.abs(seen.late_s) <= NEAR_S && Math.abs(seen.over_s) <= NEAR_S, JSON.stringify(seen));

/** Counts what the playlist brings from now on, by text. */
const countListed = () =>
  page.evaluate(() => {
    const { hls } = document.querySelector('amphi-player');
    const counts = {};
    window.amphiListed = counts;
    hls.on(hls.constructor.Events.FRAG_LOADED, (_, { frag, payload }) => {
      if (frag.type !== 'subtitle') return;
      for (const line of new TextDecoder().decode(payload).split('\n')) counts[line] = (counts[line] ?? 0) + 1;
    });
  });
const waitListed = (text, times = 1) =>
  page.waitForFunction(([line, n]) => (window.amphiListed[line] ?? 0) >= n, [text, times], { timeout: 20_000 });

test('nothing is shown until the viewer asks for captions, with the button or with C', async () => {
  await page.waitForFunction(() => document.querySelector('media-player').textTracks.length === 1);
  origin.tellCue(await cue(1, -500, 60_000, 'Pas encore'));
  await page.waitForTimeout(500);
  assert.deepEqual(await texts(), []);
  await page.locator('media-player').focus();
  await page.keyboard.press('c');
  await until(['Pas encore']);
  await page.keyboard.press('c');
  await until([]);
  await page.locator('media-player').hover();
  await page.locator('media-caption-button').click();
  await until(['Pas encore']);
  origin.tellCue({ ...(await cue(1, -500, 60_000, '')) });
  await until([]);
});

test('a caption appears at its picture and goes with it', async () => {
  await record();
  const told = await cue(2, 2_000, 1_500, 'Soit <x> & y\nl’application');
  origin.tellCue(told);
  const seen = await watched(told);
  console.log('told before its picture:', JSON.stringify(seen));
  near(seen);
  assert.deepEqual(seen.said, ['Soit <x> & y\nl’application']);
});

test('a later word replaces the earlier, and none takes it back, also while it is paused', async () => {
  const told = await cue(3, -200, 30_000, 'bonjour a');
  for (const line of ['bonjour a', 'bonjour à tous', 'Bonjour à toutes et à tous']) {
    origin.tellCue({ ...told, lines: [line] });
    await until([line]);
  }
  await page.evaluate(() => document.querySelector('amphi-player').pause());
  origin.tellCue({ ...told, lines: ['Bonjour.'], final: true });
  await until(['Bonjour.']);
  origin.tellCue({ ...told, lines: [], final: true });
  await until([]);
  await page.evaluate(() => document.querySelector('amphi-player').goLive());
  await page.waitForFunction(probe.isLive, null, { timeout: 15_000 });
});

test('what the playlist brings of the same caption is not shown beside it', async () => {
  await countListed();
  await record();
  const told = await cue(4, 1_000, 3_500, 'Une fois', true);
  list(told, 'Une fois (liste)');
  origin.tellCue(told);
  await until(['Une fois']);
  await waitListed('Une fois (liste)');
  const seen = await watched(told);
  console.log('told, then listed:', JSON.stringify(seen));
  near(seen);
  assert.deepEqual([seen.most, seen.said], [1, ['Une fois']]);
});

test('the playlist has the better word on what was told before it was final', async () => {
  await record();
  const told = await cue(5, 500, 12_000, 'une premiere ecoute');
  origin.tellCue(told);
  await until(['une premiere ecoute']);
  list(told, 'Une première écoute.');
  await until(['Une première écoute.'], 15_000);
  await waitListed('Une première écoute.', 2);
  const seen = await watched(told);
  console.log('told too early, then listed:', JSON.stringify(seen));
  near(seen);
  assert.equal(seen.most, 1);
});

test('a correction replaces what only the playlist had, in all its segments', async () => {
  await record();
  const told = await cue(6, 3_000, 9_000, 'Le mot juste', true);
  list(told, 'Le mot faux');
  await until(['Le mot faux'], 15_000);
  origin.tellCue(told);
  await until(['Le mot juste']);
  await waitListed('Le mot faux', 3);
  const seen = await watched(told);
  near(seen);
  assert.deepEqual([seen.most, seen.said], [1, ['Le mot faux', 'Le mot juste']]);
});

test('after a drop a caption is at its picture again, and still shown once', async () => {
  origin.drop();
  await page.waitForSelector('[data-state="dropped"]');
  origin.push();
  await page.waitForSelector('[data-state="on_air"]', { timeout: 20_000 });
  const pdt_ms = origin.tracks.source.segments.findLast(({ first }) => first).pdt_ms;
  await page.waitForFunction((ms) => document.querySelector('amphi-player').playingDate?.getTime() > ms + 500, pdt_ms, { timeout: 20_000 });
  await record();
  const told = await cue(7, 1_500, 6_000, 'De retour', true);
  list(told, 'De retour (liste)');
  origin.tellCue(told);
  await waitListed('De retour (liste)', 2);
  const seen = await watched(told);
  console.log('after a drop:', JSON.stringify(seen));
  near(seen);
  assert.deepEqual([seen.most, seen.said], [1, ['De retour']]);
});

test('who rewinds reads what the playlist has, at its picture', async () => {
  const told = await cue(20, 2_500, 2_500, 'Il y a longtemps', true);
  list(told);
  await page.waitForTimeout(10_000);
  await page.reload({ waitUntil: 'domcontentloaded' });
  await probe.begin(page);
  await page.waitForFunction(() => document.querySelector('media-player')?.textTracks.selected?.language === 'fr', null, { timeout: 15_000 });
  await page.waitForFunction(probe.isLive, null, { timeout: 15_000 });
  await page.evaluate((ms) => document.querySelector('amphi-player').seekToDate(ms - 1_500), told.start);
  // What is recorded begins before the caption, and not at the live edge.
  await page.waitForFunction((ms) => document.querySelector('amphi-player').playingDate.getTime() < ms, told.start, { timeout: 10_000 });
  await record();
  const seen = await watched(told);
  near(seen);
  assert.deepEqual(seen.said, ['Il y a longtemps']);
  await page.evaluate(() => document.querySelector('amphi-player').goLive());
  await page.waitForFunction(probe.isLive, null, { timeout: 15_000 });
});

/** Into the captions' style in the settings, by keyboard. */
async function openStyle() {
  const opened = (selector) => page.waitForFunction((items) => [...document.querySelectorAll(items)].some((one) => one.getAttribute('aria-hidden') === 'false'), selector, { timeout: 10_000 });
  await page.locator('media-player').focus();
  for (let tries = 20; tries > 0 && !(await page.evaluate(() => document.activeElement.matches('.vds-settings-menu media-menu-button'))); tries -= 1) {
    await page.keyboard.press('Tab');
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  }
  await page.keyboard.press('Enter');
  await opened('.vds-settings-menu-items');
  for (const name of ['accessibility', 'font']) {
    await page.locator(`.vds-${name}-menu > media-menu-button`).focus();
    await page.keyboard.press('Enter');
    await opened(`.vds-${name}-menu > .vds-menu-items`);
  }
}
const colour = (selector) => page.locator(selector).first().evaluate((element) => getComputedStyle(element).color);
const YELLOW = /255,? 255,? 0|#ffff00/;

test('a style that is chosen in the menu is shown at once and kept', async () => {
  origin.tellCue(await cue(40, -500, 120_000, 'En jaune'));
  await until(['En jaune']);
  assert.doesNotMatch(await colour('[data-part="live-cue"]'), YELLOW);
  await openStyle();
  const field = page.locator('.vds-font-menu input[type="color"]').first();
  assert.match(await field.getAttribute('aria-label'), /Texte.*Couleur/);
  await field.fill('#ffff00');
  await page.waitForFunction(() => /255,? 255,? 0/.test(getComputedStyle(document.querySelector('[data-part="live-cue"]')).color), null, { timeout: 10_000 });
  for (let n = 0; n < 3; n += 1) await page.keyboard.press('Escape');
  const kept = await page.evaluate(() => Object.entries(localStorage).filter(([, value]) => value.includes('#ffff00')).length);
  assert.equal(kept, 1);
  origin.tellCue(await cue(40, -500, 120_000, ''));
  await until([]);
});

test('the choice and the style are kept for the next page, and when the player loads anew', async () => {
  await page.reload({ waitUntil: 'domcontentloaded' });
  await probe.begin(page);
  const showing = () => page.waitForFunction(() => document.querySelector('media-player')?.textTracks.selected?.language === 'fr', null, { timeout: 15_000 });
  await showing();
  origin.tellCue(await cue(8, -500, 60_000, 'Encore là', true));
  await until(['Encore là']);
  assert.match(await colour('[data-part="live-cue"]'), YELLOW);
  await page.evaluate(() => document.querySelector('amphi-player').reload());
  await until([]);
  await showing();
  await until(['Encore là'], 20_000);
  await page.locator('media-player').focus();
  await page.keyboard.press('c');
  await until([]);
  await page.reload({ waitUntil: 'domcontentloaded' });
  await probe.begin(page);
  origin.tellCue(await cue(9, -500, 60_000, 'Tu', true));
  await page.waitForFunction(() => document.querySelector('media-player')?.textTracks.length >= 1);
  await page.waitForTimeout(2_000);
  assert.deepEqual(await texts(), []);
});

const rejoin = async () => {
  await page.waitForFunction(() => document.querySelector('amphi-player').state === 'playing', null, { timeout: 20_000 });
  await page.waitForFunction(probe.isLive, null, { timeout: 20_000 });
};

test('the next live on the same page has cues of its own, though they are counted from the beginning again', async () => {
  await rejoin();
  origin.tellCue(await cue(9, -500, 60_000, '', true));
  await page.locator('media-player').focus();
  await page.keyboard.press('c');
  origin.tellCue(await cue(30, -500, 120_000, 'Premier direct', true));
  await until(['Premier direct']);
  // As the server says it: of a live that is on air there is no video yet.
  origin.tell({ state: 'ended', video_id: null, video_url: null });
  await page.waitForSelector('[data-state="ended"]');
  origin.tell({ state: 'on_air' });
  await page.waitForSelector('[data-state="on_air"]');
  await until([]);
  await rejoin();
  await page.waitForFunction(() => document.querySelector('media-player')?.textTracks.selected?.language === 'fr', null, { timeout: 15_000 });
  // Only the playlist has it, of the same number.
  // Long enough for a busy machine to load it in time.
  list(await cue(30, -2_000, 25_000, 'Second direct'));
  await until(['Second direct'], 25_000);
  await until([], 40_000);
});

test('a page that was told neither of the end nor of the beginning sees it by the dates', async () => {
  const old = await cue(31, -500, 120_000, 'Du direct d’avant', true);
  origin.tellCue(old);
  origin.tellCue({ ...old, id: 32, lines: ['De même'] });
  await until(['Du direct d’avant', 'De même']);
  origin.tellCue({ ...old, start: old.start + 600_000, end: old.end + 600_000, lines: ['Bien plus tard'] });
  await until([]);
});

/** Pixels, and whether all of it is on the picture. */
const sizes = (selector) =>
  page.locator(selector).evaluateAll((cues) => {
    const frame = document.querySelector('amphi-player').getBoundingClientRect();
    return cues.map((element) => {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      return { font_px: parseFloat(getComputedStyle(element).fontSize), inside: left >= frame.left && right <= frame.right && top >= frame.top && bottom <= frame.bottom };
    });
  });
const readable = (found) => assert.ok(found.length > 0 && found.every(({ font_px, inside }) => font_px >= 16 && inside), JSON.stringify(found));

test('on a phone captions have 16 pixels at least, of a live and of a video', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  const told = await cue(50, -500, 60_000, 'Une phrase assez longue pour deux lignes,\net la seconde d’entre elles', true);
  origin.tellCue(told);
  await until([told.lines.join('\n')]);
  readable(await sizes('[data-part="live-cue"]'));
  list(told);
  await page.waitForTimeout(5_000);
  origin.end();
  await page.goto(`${origin.url}${VIDEO_PAGE}`);
  await probe.begin(page);
  await page.waitForFunction(() => document.querySelector('media-player')?.textTracks.selected?.language === 'fr', null, { timeout: 15_000 });
  await page.evaluate((ms) => document.querySelector('amphi-player').seekToDate(ms), told.start + 1_500);
  await page.locator('media-captions [data-part="cue"]').filter({ hasText: 'Une phrase' }).waitFor({ timeout: 10_000 });
  readable(await sizes('media-captions [data-part="cue"]'));
  // What was chosen on the live holds for its video.
  assert.match(await colour('media-captions [data-part="cue"]'), YELLOW);
});

test('nothing was refused by the policy, nothing failed', () => {
  assert.deepEqual(browser.faults.csp, []);
  assert.deepEqual(browser.faults.third_party, []);
  assert.deepEqual(browser.faults.console_errors, []);
});
