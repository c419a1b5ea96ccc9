// A live with an interpreter: which sound is heard is chosen in the menu, by keyboard, and the other one is loaded from then on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openInside, openSettings } from './by-keyboard.mjs';
import { startOrigin } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';
import * as probe from '../../tests/support/peers/browser_probe.mjs';

let origin;
let browser;
let page;

before(async () => {
  origin = await startOrigin({ interpreted: true });
  browser = await openBrowser({ language: 'fr-FR' });
  page = browser.page;
  await page.goto(`${origin.url}/live/demo`);
  origin.push();
  await page.waitForSelector('[data-state="on_air"]', { timeout: 30_000 });
  await probe.begin(page);
  await page.waitForFunction(probe.isLive, null, { timeout: 30_000 });
});
after(async () => {
  await browser?.close();
  await origin?.close();
});

const heard = () => page.evaluate(() => {
  const { hls } = document.querySelector('amphi-player');
  return hls.audioTracks[hls.audioTrack]?.lang;
});

/** Waits until the menu marks the `index`th sound, which it does once that is heard and not when it is asked for. */
const isMarked = (index) => page.waitForFunction((wanted) => {
  const all = [...document.querySelectorAll('.vds-audio-tracks-menu [role="menuitemradio"]')];
  return all.length > 0 && all.every((one, at) => one.getAttribute('aria-checked') === String(at === wanted));
}, index, { timeout: 20_000, polling: 100 });

test('both are offered, and the one that is chosen is played', async () => {
  assert.equal(await heard(), 'fr');
  await openSettings(page);
  // The sound, then its tracks.
  await openInside(page, '.vds-audio-menu');
  await openInside(page, '.vds-audio-tracks-menu');
  const offered = page.locator('.vds-audio-tracks-menu [role="menuitemradio"]');
  await offered.first().waitFor({ timeout: 10_000 });
  assert.deepEqual((await offered.allTextContents()).map((words) => words.trim()), ['Français', 'English']);
  await isMarked(0);
  const from = origin.requests.length;
  await offered.nth(1).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => {
    const { hls } = document.querySelector('amphi-player');
    return hls.audioTracks[hls.audioTrack]?.lang === 'en';
  }, null, { timeout: 20_000 });
  for (let tries = 100; tries > 0 && !origin.requests.slice(from).some((path) => path.startsWith('/media/other/')); tries -= 1) await page.waitForTimeout(200);
  assert.ok(origin.requests.slice(from).some((path) => path.startsWith('/media/other/')), 'the other sound is loaded');
  const { time_s } = await page.evaluate(probe.sample);
  await page.waitForFunction(probe.movesAgain, time_s, { timeout: 30_000, polling: 100 });
  await isMarked(1);
});

test('nothing was refused by the policy, no other site was asked', () => {
  assert.deepEqual(browser.faults.csp, []);
  assert.deepEqual(browser.faults.third_party, []);
});
