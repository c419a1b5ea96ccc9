// The quality chosen by the menu, in Chromium: nothing stands still for it. The lower quality comes later than the source, as an engine's.
// One live and the video that it becomes, in the order in which it happens.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startOrigin, VIDEO_PAGE } from './origin.mjs';
import { changeQuality, chooseQuality, observe, openBrowser, smooth, soundAlone } from '../../tests/support/peers/browser.mjs';
import * as probe from '../../tests/support/peers/browser_probe.mjs';

/** A segment, what is in the buffer at the live edge, and what a busy machine makes of half a second's lateness. Milliseconds. */
const SHOWN_WITHIN_MS = 8_000;
/** A choice waits for ten seconds at most (`PATIENCE_MS` in fall-back.ts), and then for a segment's end. */
const LATE_WITHIN_MS = 15_000;

let origin;
let browser;
let page;

before(async () => {
  origin = await startOrigin({ rungs: [{ height: 180, lag_ms: 500 }, { height: 90, lag_ms: 1_000 }] });
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

const height = () => page.evaluate(() => document.querySelector('amphi-player').video.videoHeight);
const shows = (wanted, timeout = 10_000) =>
  page.waitForFunction((pixels) => document.querySelector('amphi-player').video.videoHeight === pixels, wanted, { timeout, polling: 20 });
/** Nothing stood, and it came in time. */
function good(seen, what, within_ms = SHOWN_WITHIN_MS) {
  console.log(what, JSON.stringify(seen));
  assert.ok(smooth(seen) && seen.took_ms <= within_ms, `${what} ${JSON.stringify(seen)}`);
}

/** What the open menu says: the checked radio, and all. */
const menu = () =>
  page.evaluate(() => {
    const radios = [...document.querySelectorAll('.vds-quality-menu media-radio')];
    const said = (radio) => radio.querySelector('.vds-radio-label').textContent;
    return { all: radios.map(said), checked: radios.filter((radio) => radio.getAttribute('aria-checked') === 'true').map(said) };
  });
async function openMenu() {
  await page.locator('media-player').hover();
  await page.locator('.vds-settings-menu media-menu-button').first().click();
  await page.locator('.vds-quality-menu media-menu-button').first().click();
}
async function closeMenu() {
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
}

test('the menu names what can be chosen, and shows a choice at once', async () => {
  await openMenu();
  assert.deepEqual(await menu(), { all: ['Automatique', '360p Source', '180p', '90p', 'Son seul'], checked: ['Automatique'] });
  await page.locator('.vds-quality-menu .vds-menu-item-hint').getByText(/^Automatique \((360p Source|180p|90p)\)$/).waitFor({ timeout: 5_000 });
  await page.getByRole('menuitemradio', { name: '360p' }).click();
  assert.deepEqual((await menu()).checked, ['360p Source']);
  assert.equal(await page.locator('.vds-quality-menu .vds-menu-item-hint').textContent(), '360p Source');
  await closeMenu();
  await shows(360);
});

test('at the live edge the quality changes without a standing, whenever it is asked for', async () => {
  for (let n = 0; n < 8; n += 1) {
    const wanted = n % 2 === 0 ? 180 : 360;
    // Each time at another place of a segment of two seconds.
    await page.waitForTimeout(2_000 + n * 270);
    good(await changeQuality(page, new RegExp(`^${wanted}p`), wanted), `${wanted}p:`);
  }
  const seen = await observe(page, 3);
  assert.ok(!seen.behind && seen.latency_s < seen.target_s + 1.5, JSON.stringify(seen));
});

test('a quality that is a second later than the source comes without a standing too: the picture falls back before, by slower playing', async () => {
  for (let n = 0; n < 3; n += 1) {
    await page.waitForTimeout(2_000 + n * 700);
    const rates = page.evaluate(probe.slowest, LATE_WITHIN_MS);
    good(await changeQuality(page, /^90p/, 90), '90p:', LATE_WITHIN_MS);
    const slowest = await rates;
    // How much is missing depends on where in a segment it was asked for: nothing at all, perhaps.
    assert.ok(slowest >= 0.75, `${slowest}`);
    const late = await observe(page, 2);
    assert.ok(!late.behind && late.rates.at(-1) >= 1, JSON.stringify(late));
    // The source has no need of it: back at once, and to the live edge by itself.
    good(await changeQuality(page, /^360p/, 360), '360p:');
  }
  await page.waitForFunction(probe.isLive, null, { timeout: 15_000 });
});

test('automatic is a choice like the others', async () => {
  await chooseQuality(page, /^180p/);
  await shows(180);
  // The line carries all: it chooses the best.
  good(await changeQuality(page, /^Auto/, 360), 'automatic:');
});

test('sound alone loads no pictures, says so over the last one, and comes and goes without a stall', async () => {
  await chooseQuality(page, /^Son seul/);
  const cover = page.locator('.amphi-sound-alone');
  await cover.waitFor({ timeout: 500 });
  assert.equal(await cover.innerText(), 'Son seul');
  const drawn = await cover.locator('canvas').evaluate((canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size);
  assert.ok(drawn > 10, 'the last picture stands there');
  // What was on its way comes yet.
  await page.waitForTimeout(1_000);
  const from = origin.requests.length;
  const seen = await observe(page, 6);
  assert.ok(seen.rms > 0.01 && seen.progress_s > 5.5, JSON.stringify(seen));
  const media = origin.requests.slice(from).filter((path) => path.endsWith('.m4s'));
  assert.ok(media.length > 0 && media.every((path) => path.startsWith('/media/audio/')), media.join());
  await chooseQuality(page, /^360p/);
  await cover.waitFor({ state: 'detached', timeout: 2 * SHOWN_WITHIN_MS });
  assert.equal(await height(), 360);

  const whole = await soundAlone(page, /^Son seul/, /^180p/, 180);
  console.log('sound alone:', JSON.stringify(whole));
  assert.ok(whole.ok, JSON.stringify(whole));
});

test('a choice outlives a new list of the same live', async () => {
  origin.tell({ renditions_version: 7 });
  await page.waitForFunction(() => document.querySelector('amphi-player').state === 'loading');
  await page.waitForFunction(() => document.querySelector('amphi-player').state === 'playing', null, { timeout: 15_000 });
  await probe.begin(page);
  assert.equal(await height(), 180);
  await openMenu();
  assert.deepEqual((await menu()).checked, ['180p']);
  await closeMenu();
});

test('this probe sees what it is there for: a flush and a seek, as the library does it', async () => {
  await page.waitForTimeout(2_000);
  await page.evaluate(probe.startWatching);
  await page.waitForTimeout(500);
  await page.evaluate(() => {
    const { hls, video } = document.querySelector('amphi-player');
    hls.currentLevel = hls.levels.findIndex(({ height }) => height === 360);
    video.currentTime = video.currentTime;
  });
  await page.waitForTimeout(2_000);
  const seen = await page.evaluate(probe.stopWatching);
  // How long the picture stands is the machine's affair: a fast one has decoded again before the next picture is due.
  assert.ok(!smooth(seen) && seen.seeking === 1, JSON.stringify(seen));
});

test('of the video too the quality changes without a standing, and long before the buffer is played', async () => {
  origin.end();
  await page.goto(`${origin.url}${VIDEO_PAGE}`);
  await probe.begin(page);
  for (const wanted of [180, 360]) {
    await page.waitForTimeout(2_500);
    good(await changeQuality(page, new RegExp(`^${wanted}p`), wanted), `video, ${wanted}p:`, 2 * SHOWN_WITHIN_MS);
  }
  const seen = await soundAlone(page, /^Son seul/, /^360p/, 360);
  console.log('video, sound alone:', JSON.stringify(seen));
  assert.ok(seen.ok, JSON.stringify(seen));
});

test('nothing was refused by the policy, nothing failed', () => {
  assert.deepEqual(browser.faults.csp, []);
  assert.deepEqual(browser.faults.third_party, []);
  assert.deepEqual(browser.faults.console_errors, []);
});
