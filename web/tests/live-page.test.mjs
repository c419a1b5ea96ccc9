// What stands beside a live, in Chromium with the server's page: transcript, beginning and live again, a moment that is shared, and what of it is
// left when the live has become a video. One live, in the order in which it happens.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startOrigin, VIDEO_PAGE } from './origin.mjs';
import { axe } from './look.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';
import * as probe from '../../tests/support/peers/browser_probe.mjs';

let origin;
let browser;
let page;
/** Of the first picture. */
let begun_ms;

before(async () => {
  origin = await startOrigin({ subtitles: ['en', 'fr'] });
  browser = await openBrowser({ language: 'fr-FR' });
  page = browser.page;
  await page.goto(`${origin.url}/live/demo`);
});
after(async () => {
  await browser?.close();
  await origin?.close();
});

const begin = async () => {
  await page.waitForSelector('[data-state="on_air"]', { timeout: 20_000 });
  await probe.begin(page);
  await page.waitForFunction(probe.isLive, null, { timeout: 20_000 });
};
const date = () => page.evaluate(() => document.querySelector('amphi-player').playingDate.getTime());
const texts = () => page.locator('[data-lines] li:visible button').evaluateAll((all) => all.map((button) => button.lastChild.textContent));
const until = (wanted, timeout = 10_000) =>
  page.waitForFunction((expected) => {
    const all = [...document.querySelectorAll('[data-lines] li:not([hidden]) button')].map((button) => button.lastChild.textContent);
    return JSON.stringify(all) === expected;
  }, JSON.stringify(wanted), { timeout });
const reaches = (from_ms, to_ms, on = page) =>
  on.waitForFunction(([from, to]) => {
    const player = document.querySelector('amphi-player');
    const at = player?.playingDate?.getTime() ?? 0;
    return at >= from && at < to && !player.video.seeking && player.video.readyState >= 3;
  }, [from_ms, to_ms], { timeout: 20_000 }).catch(async (error) => {
    const seen = await on.evaluate(() => {
      const { state, behind, playingDate, video, listed } = document.querySelector('amphi-player');
      return { state, behind, at: playingDate?.getTime(), time_s: video?.currentTime, seeking: video?.seeking, ready: video?.readyState, listed };
    });
    assert.fail(`${error.message}: ${from_ms} to ${to_ms}: ${JSON.stringify(seen)}`);
  });
const cue = (id, start, text, final = true, language = 'fr') => ({ language, id, start: Math.round(start), end: Math.round(start) + 1_500, lines: text === '' ? [] : [text], final });
/** Told, and in the playlist and what was said so far. */
const say = (...cues) => {
  for (const one of cues) {
    origin.subtitles[one.language].cues.push({ id: one.id, start: one.start, end: one.end, text: one.lines.join('\n') });
    origin.tellCue(one);
  }
};

test('before a live there is neither a panel nor a way back, nor anything wrong without JavaScript', async () => {
  assert.equal(await page.locator('[data-beside]:visible, [data-rewind]:visible, .strip.missed:visible').count(), 0);
  const plain = await openBrowser({ language: 'en-GB', javaScript: false });
  try {
    await plain.page.goto(`${origin.url}/live/demo`);
    assert.equal(await plain.page.locator('[data-beside]:visible, [data-rewind]:visible, .strip.missed:visible').count(), 0);
    await plain.page.locator('.share summary').click();
    assert.equal(await plain.page.locator('#share-link').inputValue(), '/live/demo');
    assert.equal(await plain.page.locator('#share-at, [data-copy]:visible').count(), 0);
  } finally {
    await plain.close();
  }
});

test('what is said comes line by line; a correction takes the place of its line, and a word that is taken back goes', async () => {
  origin.push();
  await begin();
  begun_ms = origin.tracks.source.segments[0].pdt_ms;
  await page.waitForSelector('[data-beside]:visible');
  assert.equal(await page.locator('[data-waiting]:visible').count(), 1);
  const now = await date();
  origin.tellCue(cue(1, now - 2_000, 'bonjour a', false));
  await until(['bonjour a']);
  assert.equal(await page.locator('[data-waiting]:visible').count(), 0);
  await page.locator('[data-lines] button').first().focus();
  origin.tellCue(cue(2, now - 1_000, 'euh', false));
  say(cue(1, now - 2_000, 'Bonjour à toutes.'));
  await until(['Bonjour à toutes.', 'euh']);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.line), '1', 'who is on a line stays there');
  origin.tellCue(cue(2, now - 1_000, ''));
  // Told late, it stands where it was said; and an older word on what is final is none.
  say(cue(4, now + 300, 'Voici les séries.'), cue(3, now - 500, 'Nous commençons.'));
  origin.tellCue(cue(4, now + 300, 'voici les', false));
  await until(['Bonjour à toutes.', 'Nous commençons.', 'Voici les séries.']);
  await page.locator('[data-lines] button').first().blur();
});

test('the line that is shown is marked, and is read at its time of the clock', async () => {
  await page.waitForFunction(() => document.querySelector('[data-lines] [aria-current="true"]')?.lastChild.textContent === 'Voici les séries.', null, { timeout: 10_000 });
  const start_ms = origin.subtitles.fr.cues.find(({ id }) => id === 4).start;
  const wanted = await page.evaluate((ms) => new Intl.DateTimeFormat('fr', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(ms), start_ms);
  assert.equal(await page.locator('[data-lines] [aria-current] .at').textContent(), wanted);
});

test('it is searched without accents, also in lines that come', async () => {
  await page.locator('[data-search]').fill('SERIES');
  assert.deepEqual(await texts(), ['Voici les séries.']);
  assert.equal(await page.locator('[data-found]').textContent(), 'Lignes trouvées : 1');
  // That line is shown already: these are past, too, or nearly.
  const { start } = origin.subtitles.fr.cues.find(({ id }) => id === 4);
  say(cue(5, start + 50, 'Encore des séries.'), cue(6, start + 100, 'Autre chose.'));
  await until(['Voici les séries.', 'Encore des séries.']);
  assert.equal(await page.locator('[data-found]').textContent(), 'Lignes trouvées : 2');
  await page.locator('[data-search]').fill('');
  assert.equal((await texts()).length, 5);
});

test('nothing is read out until the reader asks, and then each line once, in its last words', async () => {
  assert.equal(await page.locator('[data-beside] [aria-live], [data-beside] [role="log"]').count(), 0);
  const button = page.getByRole('button', { name: 'Faire lire les nouvelles lignes' });
  assert.equal(await button.getAttribute('aria-pressed'), 'false');
  // What was said before is past, not new.
  const last_ms = Math.max(...origin.subtitles.fr.cues.map(({ start }) => start));
  await page.waitForFunction((ms) => document.querySelector('amphi-player').playingDate.getTime() > ms + 500, last_ms, { timeout: 10_000 });
  await button.click();
  assert.equal(await button.getAttribute('aria-pressed'), 'true');
  const log = page.locator('[data-beside] [role="log"][aria-live="polite"]');
  const now = await date();
  origin.tellCue(cue(7, now + 500, 'pas a pas', false));
  await page.waitForTimeout(1_500);
  assert.deepEqual(await log.locator('p').allTextContents(), []);
  say(cue(7, now + 500, 'Pas à pas.'), cue(8, now + 1_000, 'Ensuite.'));
  await log.locator('p').nth(1).waitFor({ state: 'attached', timeout: 10_000 });
  assert.deepEqual(await log.locator('p').allTextContents(), ['Pas à pas.', 'Ensuite.']);
  assert.equal(await log.getAttribute('lang'), 'fr');
  await button.click();
  assert.equal(await page.locator('[data-beside] [aria-live], [data-beside] [role="log"]').count(), 0);
});

test('the buttons lead to the beginning of the live, and to the live', async () => {
  await page.getByRole('button', { name: 'Depuis le début' }).click();
  await reaches(begun_ms - 500, begun_ms + 6_000);
  assert.equal(await page.evaluate(() => document.querySelector('amphi-player').behind), true);
  await page.getByRole('button', { name: 'Revenir au direct' }).click();
  await page.waitForFunction(probe.isLive, null, { timeout: 20_000 });
});

test('a line leads to its moment, by keyboard too', async () => {
  const { start } = origin.subtitles.fr.cues.find(({ id }) => id === 1);
  await page.locator('[data-lines] button').first().focus();
  await page.keyboard.press('Enter');
  // It may have been begun before the first picture.
  await reaches(start - 100, Math.max(start, begun_ms) + 6_000);
  assert.equal(await page.evaluate(() => document.querySelector('amphi-player').behind), true);
  // A busy machine may look a line later.
  await page.waitForFunction(() => ['1', '3', '4', '5', '6'].includes(document.querySelector('[data-lines] [aria-current]')?.dataset.line), null, { timeout: 5_000 });
});

let shared;
test('the moment that is shown is shared as one of the clock', async () => {
  await page.evaluate(() => document.querySelector('amphi-player').pause());
  const shown_ms = await date();
  await page.locator('.share summary').click();
  const link = page.locator('#share-link');
  assert.equal(await link.inputValue(), '/live/demo');
  const code = await page.locator('#share-code').inputValue();
  await page.locator('[data-share-at]').check();
  shared = await link.inputValue();
  assert.equal(shared, `/live/demo?at=${new Date(shown_ms).toISOString().slice(0, 19)}Z`);
  assert.match(await page.locator('[data-share-time]').textContent(), /^\d\d:\d\d:\d\d$/);
  assert.equal(await page.locator('#share-code').inputValue(), code, 'a player elsewhere shows the live of now');
});

const sharedDate = () => Date.parse(new URL(shared, origin.url).searchParams.get('at'));

test('who opens it begins there, and has what was said so far', async () => {
  await page.goto(origin.url + shared);
  await page.waitForSelector('[data-state="on_air"]');
  await reaches(sharedDate() - 100, sharedDate() + 8_000);
  assert.equal(await page.evaluate(() => document.querySelector('amphi-player').behind), true);
  await page.waitForTimeout(2_000);
  await reaches(sharedDate(), sharedDate() + 15_000);
  assert.equal(await page.locator('.strip.missed:visible').count(), 0);
  await until(origin.subtitles.fr.cues.toSorted((a, b) => a.start - b.start).map(({ text }) => text));
});

test('the second in which a live begins is in it', async () => {
  await page.goto(`${origin.url}/live/demo?at=${new Date(begun_ms - 900).toISOString()}`);
  await reaches(begun_ms - 100, begun_ms + 8_000);
  assert.equal(await page.locator('.strip.missed:visible').count(), 0);
});

test('where nothing plays by itself, its first pictures are the first that play', async () => {
  const { page: still, close } = await openBrowser({ language: 'fr-FR' });
  try {
    await still.addInitScript(() => {
      const { play } = HTMLMediaElement.prototype;
      HTMLMediaElement.prototype.play = function refused() {
        return window.isAllowed ? play.call(this) : Promise.reject(new DOMException('not by itself', 'NotAllowedError'));
      };
    });
    const begins = {
      [`?at=${new Date(begun_ms).toISOString().slice(0, 19)}Z`]: () => still.evaluate(() => void document.querySelector('amphi-player').play()),
      '': () => still.getByRole('button', { name: 'Depuis le début' }).click(),
    };
    for (const [query, press] of Object.entries(begins)) {
      await still.goto(`${origin.url}/live/demo${query}`);
      await still.waitForFunction(() => document.querySelector('amphi-player')?.seekableEnd > 0, null, { timeout: 20_000 });
      await still.waitForTimeout(1_000);
      assert.equal(await still.evaluate(() => document.querySelector('amphi-player').video.paused), true);
      await still.evaluate(() => (window.isAllowed = true));
      await press();
      await still.waitForFunction(() => document.querySelector('amphi-player').state === 'playing', null, { timeout: 20_000 });
      await still.waitForTimeout(1_000);
      await reaches(begun_ms, begun_ms + 8_000, still);
      assert.equal(await still.evaluate(() => document.querySelector('amphi-player').behind), true);
    }
  } finally {
    await close();
  }
});

test('a moment that can’t be watched any more is said to be, and the live is shown', async () => {
  await page.goto(`${origin.url}/live/demo?at=2020-01-01T10:00:00Z`);
  await begin();
  await page.waitForSelector('.strip.missed:visible');
  assert.equal(await page.locator('.strip.missed').textContent(), 'Le moment auquel ce lien mène ne peut plus être regardé ici.');
  assert.equal(await page.locator('article > [role="status"]').textContent(), 'Le moment auquel ce lien mène ne peut plus être regardé ici.');
  await page.goto(`${origin.url}/live/demo?at=soon`);
  await begin();
  assert.equal(await page.locator('.strip.missed:visible').count(), 0);
});

test('the language is that of the captions that were chosen, until the reader chooses another', async () => {
  say(cue(1, (await date()) - 3_000, 'Hello.', true, 'en'));
  assert.equal(await page.locator('[data-lines]').getAttribute('lang'), 'fr', 'that of the page');
  await page.locator('[data-language]').selectOption('en');
  await until(['Hello.']);
  assert.equal(await page.locator('[data-lines]').getAttribute('lang'), 'en');
  assert.match(await page.locator('[data-file="txt"]').getAttribute('href'), /\/live\/demo\/captions\/en\.txt$/);
  await page.evaluate(() => localStorage.setItem('amphi-captions', JSON.stringify({ language: 'en', shown: false })));
  await page.reload();
  await begin();
  await until(['Hello.']);
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await begin();
  await page.waitForFunction(() => document.querySelector('[data-lines]')?.lang === 'fr');
});

test('the page with it can be used by everybody, wide and narrow, light and dark', async () => {
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 850 });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(page), [], `${width} ${colorScheme}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${width}`);
      if (process.env.AMPHI_SHOTS) await page.screenshot({ path: `${process.env.AMPHI_SHOTS}/live-transcript-${width}-${colorScheme}.png`, fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize({ width: 1280, height: 850 });
});

test('lines that can no longer be watched, and more than can be kept, are gone', async () => {
  const before = (await texts()).length;
  origin.tellCue(cue(100, begun_ms - 3_600_000, 'Il y a une heure.'));
  await page.waitForFunction((n) => document.querySelectorAll('[data-lines] li').length === n + 1, before);
  await page.waitForFunction((n) => document.querySelectorAll('[data-lines] li').length === n, before, { timeout: 25_000 });
  const now = await date();
  for (let n = 0; n < 4_100; n += 1) origin.tellCue(cue(1_000 + n, now + n, `Ligne ${n}`));
  await page.waitForFunction(() => document.querySelector('[data-lines] li:last-child button')?.dataset.line === '5099', null, { timeout: 60_000 });
  assert.equal(await page.locator('[data-lines] li').count(), 4_000);
  await page.reload();
  await begin();
});

test('when the live is a video its lines lead to the same moments of it, and it is taken away whole', async () => {
  const { start } = origin.subtitles.fr.cues.find(({ id }) => id === 4);
  origin.end();
  await page.waitForSelector('[data-state="ended"]');
  await page.waitForFunction(() => document.querySelector('amphi-player')?.kind === 'video', null, { timeout: 30_000 });
  await page.waitForFunction(() => document.querySelector('[data-file="txt"]')?.href.endsWith('/videos/v1/captions/fr.txt'), null, { timeout: 10_000 });
  assert.equal(await page.locator('[data-rewind]:visible').count(), 0);
  await page.locator('[data-lines] button[data-line="4"]').click();
  await reaches(start - 100, start + 3_000);
});

test('and so does the address that was shared', async () => {
  await page.goto(origin.url + shared);
  await page.waitForFunction(() => document.querySelector('amphi-player')?.kind === 'video', null, { timeout: 30_000 });
  await reaches(sharedDate() - 100, sharedDate() + 8_000);
  // The server sends browsers on to the video's page.
  await page.goto(origin.url + shared.replace('/live/demo', VIDEO_PAGE));
  await reaches(sharedDate() - 100, sharedDate() + 8_000);
});

test('the next live on the same page has lines of its own', async () => {
  await page.goto(`${origin.url}/live/demo`);
  await until(origin.subtitles.fr.cues.toSorted((a, b) => a.start - b.start).map(({ text }) => text));
  origin.subtitles.fr.cues = [];
  origin.tell({ state: 'on_air', video_id: null, video_url: null });
  await page.waitForSelector('[data-state="on_air"]');
  await until([]);
  // The same number as in the live before.
  origin.tellCue(cue(1, Date.now(), 'Un autre jour.'));
  await until(['Un autre jour.']);
});

test('nothing was refused by the policy, nothing failed', () => {
  assert.deepEqual(browser.faults.csp, []);
  assert.deepEqual(browser.faults.third_party, []);
  assert.deepEqual(browser.faults.console_errors, []);
});
