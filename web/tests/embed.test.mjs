// A player in the page of another site: shown by whom the server names and by nobody else, and spoken with as README.md says.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { LECTURE_PAGE, startOrigin } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';

/** A site with one page, which shows `src` and keeps what it is told. */
async function startSite(src) {
  const page = `<!doctype html><html lang="en"><title>Course</title><iframe src="${src}" title="Lecture" width="640" height="360" allow="autoplay; fullscreen"></iframe>
<script>window.told = []; addEventListener('message', (event) => told.push([event.origin, event.data]));
window.say = (message) => document.querySelector('iframe').contentWindow.postMessage(message, '*');</script>`;
  const server = http.createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((resolve) => server.close(resolve)) };
}

let origin;
let site;
let stranger;
let browser;

before(async () => {
  // Who shows it has to be known before it is asked for, and the other way round: the address is the server's second.
  const early = await startOrigin();
  const port = Number(new URL(early.url).port);
  await early.close();
  const src = `http://127.0.0.1:${port}/embed/videos/v7`;
  site = await startSite(src);
  stranger = await startSite(src);
  origin = await startOrigin({ port, embedder: site.url });
  origin.setAudio(true);
  origin.push();
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  origin.end();
  browser = await openBrowser({ language: 'en-GB' });
});
after(async () => {
  await browser?.close();
  for (const one of [origin, site, stranger]) await one?.close();
});

const told = (page, event) => page.evaluate((name) => window.told.filter(([, message]) => message.event === name), event);
const say = (page, message) => page.evaluate((one) => window.say(one), { amphi: 1, ...message });

test('a page that is named plays, seeks, pauses and is told of it', async () => {
  const { page } = browser;
  await page.goto(site.url);
  const frame = page.frames().find((one) => one.url().includes('/embed/'));
  await frame.waitForSelector('[data-player-state="ready"]', { timeout: 20_000 });
  await say(page, { do: 'play' });
  await frame.waitForSelector('[data-player-state="playing"]', { timeout: 15_000 });
  assert.deepEqual(await page.evaluate(() => window.told), [], 'nobody is told who has not asked');
  await say(page, { do: 'listen' });
  await page.waitForFunction(() => window.told.some(([, message]) => message.event === 'state' && message.state === 'playing'));
  await say(page, { do: 'seek', to: 12 });
  await page.waitForFunction(() => window.told.some(([, message]) => message.event === 'time' && message.time >= 12 && message.time < 15), null, { timeout: 15_000 });
  const [first] = await told(page, 'time');
  assert.equal(first[0], origin.url);
  assert.ok(first[1].amphi === 1 && first[1].duration > 15 && first[1].latency === null, JSON.stringify(first));
  await say(page, { do: 'pause' });
  await page.waitForFunction(() => window.told.some(([, message]) => message.state === 'paused'));
});

test('what makes no sense is ignored', async () => {
  const { page } = browser;
  const before = await page.evaluate(() => window.told.length);
  for (const message of [{ do: 'seek', to: -1 }, { do: 'seek', to: 'x' }, { do: 'seek' }, { do: 'explode' }, { amphi: 2, do: 'play' }]) await say(page, message);
  await page.evaluate(() => window.say('play'));
  await page.evaluate(() => window.say(null));
  await page.waitForTimeout(1_000);
  assert.equal(await page.evaluate(() => window.told.length), before);
  const frame = page.frames().find((one) => one.url().includes('/embed/'));
  assert.equal(await frame.locator('amphi-player').getAttribute('data-player-state'), 'paused');
});

test('its title leads to its page, in another window', async () => {
  const frame = browser.page.frames().find((one) => one.url().includes('/embed/'));
  const link = frame.locator('.out a');
  assert.equal(await link.getAttribute('href'), LECTURE_PAGE);
  const [opened] = await Promise.all([browser.context.waitForEvent('page'), link.click()]);
  await opened.waitForLoadState('domcontentloaded');
  assert.equal(new URL(opened.url()).pathname, LECTURE_PAGE);
  await opened.close();
});

test('a page that is not named can neither show nor command it', async () => {
  const other = await openBrowser({ language: 'en-GB' });
  try {
    await other.page.goto(stranger.url);
    await other.page.waitForTimeout(1_500);
    const frame = other.page.frames().find((one) => one !== other.page.mainFrame());
    assert.ok(!frame || !(await frame.locator('amphi-player').count().catch(() => 0)), 'the browser refuses to show it');
    // Opened as a window of its own it may be shown, and listens to nobody: there is no page around it.
    const [window] = await Promise.all([
      other.context.waitForEvent('page'),
      other.page.evaluate((url) => { globalThis.opened = open(url); }, `${origin.url}/embed/videos/v7`),
    ]);
    await window.waitForSelector('[data-player-state="ready"]', { timeout: 20_000 });
    await other.page.evaluate(() => { globalThis.opened?.postMessage({ amphi: 1, do: 'play' }, '*'); });
    await window.waitForTimeout(1_000);
    assert.equal(await window.locator('amphi-player').getAttribute('data-player-state'), 'ready');
  } finally {
    await other.close();
  }
});
