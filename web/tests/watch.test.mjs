// What stands beside a video: chapters, transcript, sharing, going on where one stopped. In Chromium, with the server's page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LECTURE_PAGE, startOrigin } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';

const SECONDS = 40;
let origin;
let browser;
let page;

before(async () => {
  origin = await startOrigin();
  origin.setAudio(true);
  origin.push();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
  origin.end();
  browser = await openBrowser({ language: 'fr-FR' });
  page = browser.page;
  await page.goto(origin.url + LECTURE_PAGE);
});
after(async () => {
  await browser?.close();
  await origin?.close();
});

const time = () => page.evaluate(() => document.querySelector('video')?.currentTime ?? -1);
const reaches = (from_s, to_s) =>
  page.waitForFunction(([from, to]) => {
    const at = document.querySelector('video')?.currentTime ?? -1;
    return at >= from && at < to;
  }, [from_s, to_s], { timeout: 15_000 });
const lines = () => page.locator('[data-lines] li:visible button').allTextContents();

test('the transcript is there in the language of the page, and a line leads to its moment', async () => {
  await page.waitForSelector('[data-lines] button');
  assert.equal((await lines()).length, 6);
  assert.equal((await lines())[1], '0:03 nous parlons des séries de Fourier');
  assert.equal(await page.locator('[data-lines]').getAttribute('lang'), 'fr');
  await page.locator('[data-lines] button').nth(4).click();
  await reaches(12, 15);
});

test('it follows the video', async () => {
  await page.waitForSelector('[data-lines] li:nth-child(6) button[aria-current="true"]', { timeout: 15_000 });
  assert.equal(await page.locator('[data-lines] [aria-current]').count(), 1);
});

test('it is searched as people type, without accents', async () => {
  await page.locator('[data-search]').fill('SERIES de');
  assert.deepEqual(await lines(), ['0:03 nous parlons des séries de Fourier']);
  assert.equal(await page.locator('[data-found]').textContent(), 'Lignes trouvées : 1');
  await page.locator('[data-search]').fill('xyz');
  assert.equal(await page.locator('[data-found]').textContent(), 'Rien n’a été trouvé.');
  await page.locator('[data-search]').fill('');
  assert.equal((await lines()).length, 6);
});

test('another language is another text', async () => {
  await page.locator('[data-language]').selectOption({ label: 'English' });
  await page.waitForFunction(() => document.querySelector('[data-lines]').lang === 'en');
  assert.equal((await lines())[0], '0:00 hello everybody');
});

test('a chapter leads to its moment by keyboard, and the player shows chapters', async () => {
  await page.locator('.chapters a').nth(1).focus();
  await page.keyboard.press('Enter');
  await reaches(6, 9);
  assert.ok(page.url().endsWith(LECTURE_PAGE), 'the page was not loaded again');
  const chapters = await page.evaluate(() => document.querySelector('media-player').textTracks.getByKind('chapters').map((track) => track.cues.map((cue) => cue.text)));
  assert.deepEqual(chapters, [['Rappels', 'Dirichlet', 'Exemples']]);
});

test('the address of this moment is shared', async () => {
  await page.evaluate(() => document.querySelector('amphi-player').pause());
  await page.evaluate(() => document.querySelector('amphi-player').seek(14.6));
  await reaches(14.5, 14.8);
  await page.locator('.share summary').click();
  const shared = page.locator('#share-link');
  assert.equal(await shared.inputValue(), LECTURE_PAGE);
  await page.locator('[data-share-at]').check();
  assert.equal(await shared.inputValue(), `${LECTURE_PAGE}?t=14`);
  assert.equal(await page.locator('[data-share-time]').textContent(), '0:14');
});

test('a shared address begins at its moment', async () => {
  await page.goto(`${origin.url}${LECTURE_PAGE}?t=9`);
  await reaches(8.9, 10);
  assert.equal(await page.locator('[data-resumed-place] p').count(), 0);
});

test('of two moments asked for at once the last one holds, also when it is the one that is shown', async () => {
  await page.evaluate(() => document.querySelector('amphi-player').pause());
  await page.evaluate(() => document.querySelector('amphi-player').seek(5));
  await page.waitForFunction(() => document.querySelector('media-player').state.currentTime === 5 && !document.querySelector('video').seeking);
  await page.evaluate(() => {
    document.querySelector('amphi-player').seek(18);
    document.querySelector('amphi-player').seek(5);
  });
  await page.waitForFunction(() => !document.querySelector('video').seeking);
  assert.equal(await time(), 5);
});

test('who comes back goes on where they stopped, and can begin again', async () => {
  await page.evaluate(() => document.querySelector('amphi-player').seek(18));
  await page.evaluate(() => document.querySelector('amphi-player').play());
  await page.waitForFunction(() => (localStorage.getItem('amphi-stopped') ?? '').includes('"v7",1'), null, { timeout: 20_000 });
  await page.goto(origin.url + LECTURE_PAGE);
  await reaches(17, 26);
  assert.match(await page.locator('[data-resumed-place]').textContent(), /Reprise là où vous vous étiez arrêté : 0:(1|2)\d/);
  await page.locator('[data-resumed-place] button').click();
  await reaches(0, 4);
  assert.equal(await page.locator('[data-resumed-place] p').count(), 0);
});

test('without JavaScript there are the text, the chapters and the address', async () => {
  const plain = await openBrowser({ language: 'en-GB', javaScript: false });
  try {
    await plain.page.goto(origin.url + LECTURE_PAGE);
    assert.equal(await plain.page.locator('.chapters a').count(), 3);
    assert.equal(await plain.page.locator('.transcript a[href$=".txt"]:visible').count(), 2);
    await plain.page.locator('.share summary').click();
    assert.equal(await plain.page.locator('#share-link:visible').count(), 1);
    assert.equal(await plain.page.locator('[data-copy]:visible').count(), 0);
  } finally {
    await plain.close();
  }
});

test('nothing was asked of anybody else, and no policy was broken', () => {
  assert.deepEqual(browser.faults, { csp: [], console_errors: [], third_party: [] });
});
