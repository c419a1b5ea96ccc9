// What operators' pages do with the server's messages: curves with tables that say the same, and jobs, disk and
// engines that go on without a reload.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startOrigin } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';

let origin;
let browser;
let page;

before(async () => {
  origin = await startOrigin();
  browser = await openBrowser({ language: 'en-GB' });
  page = browser.page;
});
after(async () => {
  await browser?.close();
  await origin?.close();
});

/** Answers a stream's each opening with the next of these messages, or with nothing as long as there is none; answers what puts one more there. */
async function stream(path, messages) {
  const left = [...messages];
  await page.route(`**${path}*`, (route) => {
    const next = left.shift();
    const body = next ? `retry: 50\nevent: ${next[0]}\ndata: ${JSON.stringify(next[1])}\n\n` : 'retry: 50\n\n';
    return route.fulfill({ status: 200, headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }, body });
  });
  return (...message) => left.push(message);
}

test('bitrate and pace are drawn, and a table says each point of them', async () => {
  const points = [[2400, 99.5], [2500, 101], [1200, 48], [null, null], [2450, 100]];
  await stream('/operate/_/events', points.map(([kbps, pace], n) => [n === 0 ? 'all' : 'some', [{ slug: 'hall', kbps, pace }]]));
  await page.goto(`${origin.url}/operate/hall`);
  const rows = (key) => page.locator(`[data-points="${key}"]:not([hidden]) tbody tr`);
  await rows('pace').nth(3).waitFor({ state: 'attached' });
  const said = (key) => rows(key).evaluateAll((all) => all.map((row) => row.querySelector('td').textContent));
  assert.deepEqual(await said('kbps'), ['2,400', '2,500', '1,200', '2,450'], 'where nothing was known there is no point');
  assert.deepEqual(await said('pace'), ['99.5', '101', '48', '100']);
  const times = await rows('kbps').evaluateAll((all) => all.map((row) => Date.parse(row.querySelector('th[scope="row"] time').dateTime)));
  assert.ok(times.every((at_ms, n) => n === 0 || at_ms >= times[n - 1]), String(times));

  // Viewers by the minute come with the page; two curves are drawn of what has come.
  const canvases = page.locator('[data-curves]:not([hidden]) canvas');
  assert.equal(await canvases.count(), 3);
  const drawn = await canvases.evaluateAll((all) => all.map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.some((channel) => channel > 0);
  }));
  assert.deepEqual(drawn, [true, true, true]);
  assert.equal(await page.locator('[data-curves] .uplot:not([aria-hidden="true"])').count(), 0, 'a picture of what the tables say');

  // By keyboard, with a name that says which.
  const summary = page.locator('[data-points="kbps"] summary');
  assert.equal((await summary.textContent()).trim(), 'As a table: Bitrate, kbit/s');
  await summary.focus();
  await page.keyboard.press('Enter');
  assert.ok(await rows('kbps').first().isVisible());
});

test('a job goes on, ends, fails and is joined by others without a reload', async () => {
  const job = (id, state, more = {}) => ({ id, kind: 'storyboard', title: 'Topology', state, percent: 0, error: null, created_ms: 1_790_000_000_000, ...more });
  const first = (state, more) => job('j1', state, { title: 'Analyse 2', ...more });
  const tell = await stream('/operate/_/jobs/events', [['all', [first('running', { percent: 42 })]]]);
  await page.goto(`${origin.url}/operate/_/jobs`);
  const row = (id) => page.locator(`tr[data-job="${id}"]`);
  await page.waitForFunction(() => document.querySelector('tr[data-job="j1"] progress')?.value === 42);
  assert.match(await row('j1').innerText(), /runs\s+42 %/);
  assert.ok(await row('j1').locator('[data-act="cancel"]').isVisible());
  assert.ok(!(await row('j1').locator('[data-act="retry"]').isVisible()));

  tell('some', [job('j2', 'queued'), first('failed', { error: 'no <picture>' })]);
  await row('j2').waitFor();
  assert.deepEqual(await page.locator('tr[data-job]').evaluateAll((all) => all.map((one) => one.dataset.job)), ['j2', 'j1'], 'newest first');
  const failed = row('j1');
  assert.equal(await failed.locator('[data-error]').textContent(), 'no <picture>');
  assert.ok(!(await failed.locator('progress').isVisible()));
  assert.ok(await failed.getByRole('button', { name: /^Try again ?: Analyse 2$/ }).isVisible());
  const added = row('j2');
  assert.equal(await added.locator('[data-act="cancel"]').getAttribute('action'), '/operate/_/jobs/j2/cancel');
  assert.ok(await added.getByRole('button', { name: /^Cancel ?: Topology$/ }).isVisible());
  assert.equal(await added.locator('[data-kind]').textContent(), 'poster and previews');
  assert.notEqual(await added.locator('time').textContent(), '');

  tell('all', []);
  await page.getByText('There is no job.').waitFor();
  assert.equal(await page.locator('tr[data-job]').count(), 0);
  assert.ok(!(await page.locator('[data-jobs]').isVisible()));
});

test('the disk and the engines go on without a reload, and a row that has the focus keeps it', async () => {
  const disk = (free, lasts) => ({ figures: [free, 900, 80, 2400], lasts });
  const engine = (slug, more = {}) => ({ slug, title: `Hall ${slug}`, encoder: 'x264', speed: 110, lag: null, ...more });
  const tell = await stream('/operate/_/machine/events', [['all', [{ disk: disk(180, 'Full in 9 days.'), engines: [engine('a')] }]]]);
  await page.goto(`${origin.url}/operate/_/machine`);
  await page.getByText('Full in 9 days.').waitFor();
  assert.deepEqual(await page.locator('[data-disk] dd').allTextContents(), ['180', '900', '80', '2400']);
  const link = page.locator('tr[data-slug="a"] a');
  await link.focus();

  tell('all', [{ disk: disk(179, 'Full in 8 days.'), engines: [engine('a', { encoder: null, speed: 95, lag: 1900 }), engine('b')] }]);
  await page.locator('tr[data-slug="b"]').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Hall a');
  assert.deepEqual(await page.locator('tr[data-slug="a"] td').allTextContents(), ['none: viewers get the source', '95', '1900']);
  assert.equal(await page.locator('tr[data-slug="b"] a').getAttribute('href'), '/operate/b');

  tell('all', [{ disk: null, engines: [] }]);
  await page.getByText('The disk does not answer').waitFor();
  assert.equal(await page.locator('[data-disk]:visible, [data-engines]:visible').count(), 0);
  assert.ok(await page.getByText('Nothing is on air').first().isVisible());
});
