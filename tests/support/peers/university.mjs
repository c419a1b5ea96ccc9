// A day at a university, told in Chromium by those who live it: a technician, a student, an operator, a teacher, a stranger and a member of
// the group. Started by an integration test, which pushes, starves and ends the contribution when it is told to:
//
//   node tests/support/peers/university.mjs SITE GROUP SHOTS-FOLDER LOGIN=PASSWORD…
//
// People are called after what they are. Prints one JSON object per step (see browser.mjs); exits 0 if all are ok.
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { observe, openBrowser } from './browser.mjs';
import * as probe from './browser_probe.mjs';

const [url, group, shotsFolder, ...people] = process.argv.slice(2);
const passwords = Object.fromEntries(people.map((pair) => pair.split('=')));
const STEP_MS = 60_000;
/** Until a viewer whose right has gone is cut off, and then some. */
const RIGHTS_MS = 15_000;

let ok = true;
const report = (step, good, numbers = {}) => {
  ok &&= Boolean(good);
  console.log(JSON.stringify({ step, ok: Boolean(good), ...numbers }));
};

let shots = 0;
async function shot(page, name) {
  fs.mkdirSync(shotsFolder, { recursive: true });
  shots += 1;
  await page.screenshot({ path: path.join(shotsFolder, `${String(shots).padStart(2, '0')}-${name}.png`), fullPage: true });
}

const browsers = [];
/** Somebody's own browser; they sign in where the site asks them to. */
async function somebody(login, options = {}) {
  const browser = await openBrowser({ language: 'fr-FR', ...options });
  browsers.push({ login, ...browser });
  browser.page.setDefaultTimeout(STEP_MS);
  if (login) {
    await browser.page.goto(`${url}/sign-in`);
    await browser.page.fill('input[name="login"]', login);
    await browser.page.fill('input[name="password"]', passwords[login]);
    await browser.page.click('main form button');
    await browser.page.waitForURL((url) => url.pathname !== '/sign-in');
  }
  return browser.page;
}

async function leave(page) {
  const at = browsers.findIndex((one) => one.page === page);
  const [{ login, faults, close }] = browsers.splice(at, 1);
  // What is refused to a stranger is said in the console, too: that is no fault of a page.
  const refused = /status of (401|403|404)/;
  const real = { ...faults, console_errors: faults.console_errors.filter((text) => !refused.test(text)) };
  report('faults', Object.values(real).every((list) => list.length === 0), { of: login ?? 'nobody', ...real });
  await close();
}

const press = (page, action, button = 'button') => page.click(`form[action="${action}"] ${button}`);
const saved = (page) => page.waitForSelector('p.done[role="status"]');

/** Adds a hall, says whom it is for and what becomes of its recordings, and copies a key. */
async function technician() {
  const page = await somebody('technician');
  await page.goto(`${url}/operate/_/new`);
  await page.fill('#title', 'Amphi Ada');
  await shot(page, 'technician-new');
  await press(page, '/operate/_/new');
  await page.waitForURL('**/operate/amphi-ada');
  await page.click('a[href="/operate/amphi-ada/rights"]');
  await page.selectOption('#visibility', 'signed_in');
  await press(page, '/operate/amphi-ada/rights');
  await saved(page);
  await shot(page, 'technician-rights');
  await page.goto(`${url}/operate/amphi-ada`);
  await page.selectOption('#recordings', 'to_claim');
  await press(page, '/operate/amphi-ada/about');
  await page.waitForLoadState();
  await page.fill('#label', 'SMP 351');
  await press(page, '/operate/amphi-ada/keys/add');
  const key = (await page.locator('code').first().textContent()).trim();
  await shot(page, 'technician-key-shown-once');
  await page.reload().catch(() => {});
  await page.goto(`${url}/operate/amphi-ada`);
  const again = await page.locator('main').textContent();
  await shot(page, 'technician-hall');
  report('key', key.length > 8 && !again.includes(key), { key });
  await leave(page);
}

/** Watches with captions, and goes back. */
async function student(page) {
  await page.goto(`${url}/`);
  await shot(page, 'student-home-on-air');
  await page.goto(`${url}/live/amphi-ada`);
  await probe.begin(page);
  await page.waitForFunction(probe.isLive, null, { timeout: 20_000 });
  await page.waitForFunction(probe.canSeekBack, 12, { timeout: STEP_MS });
  await page.locator('media-player').focus();
  await page.keyboard.press('c');
  await page.waitForFunction(() => [...document.querySelectorAll('amphi-player *')].some((one) => /mot\d\d/i.test(one.textContent)), null, { timeout: 30_000 });
  await shot(page, 'student-live-with-captions');
  const live = await page.evaluate(probe.sample);
  await page.keyboard.press('j');
  await page.waitForTimeout(1_500);
  const back = await observe(page, 3);
  await shot(page, 'student-behind');
  const moved = live.time_s + 4.5 - back.time_s;
  report('watched', back.behind && back.decoded_frames > 10 && Math.abs(moved - 10) < 3, { moved, decoded: back.decoded_frames });
}

/** In the page: bitrate and pace are drawn, and their tables say the same; false as long as they are not. */
function drawnCurves() {
  const drawn = [...document.querySelectorAll('[data-curves]:not([hidden]) canvas')].filter((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.some((channel) => channel > 0);
  });
  const points = ['kbps', 'pace'].map((key) => {
    const rows = [...document.querySelectorAll(`[data-points="${key}"]:not([hidden]) tbody tr`)];
    const said = rows.filter((row) => row.querySelector('th time').textContent !== '' && /\d/.test(row.querySelector('td').textContent));
    return said.length === rows.length ? rows.length : 0;
  });
  return drawn.length >= 2 && points.every((count) => count >= 3) && { drawn: drawn.length, points };
}

/** Sees a push come, starve and recover. */
async function operator(page) {
  await page.goto(`${url}/operate`);
  const tile = (level) => page.waitForSelector(`[data-slug="amphi-ada"][data-state="on_air"][data-level="${level}"]`, { timeout: STEP_MS });
  await tile('ok');
  await page.waitForFunction(() => document.querySelector('[data-slug="amphi-ada"] [data-f="fps"]').textContent !== '–', null, { timeout: 30_000 });
  await shot(page, 'operator-wall-well');
  report('well', true);
  await page.waitForSelector('[data-slug="amphi-ada"] [data-code="starved"]', { timeout: 30_000 });
  await shot(page, 'operator-wall-starved');
  report('starved', true);
  await tile('ok');
  report('recovered', true);
  await page.goto(`${url}/operate/amphi-ada`);
  const curves = await page.waitForFunction(drawnCurves, null, { timeout: 15_000 });
  report('curves', true, await curves.jsonValue());
  await page.click('[data-points="kbps"] summary');
  await shot(page, 'operator-hall-on-air');
  await page.goto(`${url}/operate/_/machine`);
  await shot(page, 'operator-machine');
}

/** Claims the recording, cuts its first 12 seconds off, adds a chapter, and says that it is for a group. */
async function teacher() {
  const page = await somebody('teacher');
  const waiting = page.locator('form[action$="/claim"]');
  for (const end_ms = Date.now() + STEP_MS; ; await page.waitForTimeout(500)) {
    await page.goto(`${url}/recordings-to-claim`);
    if ((await waiting.count()) > 0 || Date.now() > end_ms) break;
  }
  await shot(page, 'teacher-to-claim');
  const id = (await waiting.first().getAttribute('action')).split('/')[2];
  await waiting.first().locator('button').click();
  await page.waitForURL('**/my-videos?**');
  await shot(page, 'teacher-my-videos');
  await page.goto(`${url}/videos/${id}/edit`);
  await page.fill('#title', 'Analyse : séries de Fourier');
  await page.fill('#from', '0:00:12');
  await page.fill('#chapters', '0:00:14 Introduction');
  await page.fill('#speakers', 'Ada Lovelace');
  await press(page, `/videos/${id}/edit`);
  await saved(page);
  await shot(page, 'teacher-edited');
  await page.goto(`${url}/videos/${id}/subtitles?language=fr`);
  await shot(page, 'teacher-subtitles');
  await page.goto(`${url}/videos/${id}/rights`);
  await page.selectOption('#visibility', 'groups');
  await page.getByLabel(group).check();
  await page.check('input[name="downloadable"]');
  await press(page, `/videos/${id}/rights`);
  await saved(page);
  await shot(page, 'teacher-rights');
  report('restricted', /^[a-z0-9]{16}$/.test(id), { id });
  await leave(page);
  return id;
}

/** Is told that it is not for them, and sees nothing of it. */
async function stranger(id) {
  const page = await somebody('stranger');
  await page.goto(`${url}/videos/${id}`);
  const said = await page.locator('main').textContent();
  await shot(page, 'stranger-refused');
  const players = await page.locator('amphi-player').count();
  await page.goto(`${url}/search?q=Fourier`);
  const found = await page.locator('main').textContent();
  await shot(page, 'stranger-search');
  report('refused', players === 0 && !/Fourier/.test(said) && !/séries/.test(found), { said: said.trim().slice(0, 120) });
  await leave(page);
}

/** Sees all of it. */
async function member(id) {
  const page = await somebody('member', { width: 390, height: 844, dark: true });
  await page.goto(`${url}/search?q=Fourier`);
  await shot(page, 'member-search-phone');
  await page.click(`a[href*="${id}"]`);
  await probe.begin(page);
  const seen = await observe(page, 4);
  await shot(page, 'member-video-phone');
  const chapter = await page.locator('[data-seek]').first();
  const at = Number(await chapter.getAttribute('data-seek'));
  await chapter.click();
  await page.waitForTimeout(1_500);
  const { time_s } = await page.evaluate(probe.sample);
  await page.goto(`${url}/videos/${id}/download`);
  const files = await page.locator('a[href$=".mp4"]').count();
  await shot(page, 'member-download-phone');
  report('member', seen.decoded_frames > 10 && at <= 4 && Math.abs(time_s - at) < 4 && files >= 2, { decoded: seen.decoded_frames, at, time_s, files });
  await leave(page);
}

try {
  await technician();
  const [watching, wall] = [await somebody('student'), await somebody('technician')];
  // The test pushes now.
  await watching.waitForTimeout(1_000);
  for (const end_ms = Date.now() + STEP_MS; Date.now() < end_ms; await watching.waitForTimeout(500)) {
    await watching.goto(`${url}/live/amphi-ada`);
    if ((await watching.locator('amphi-player').count()) > 0) break;
  }
  await student(watching);
  await operator(wall);
  await wall.goto(`${url}/operate/amphi-ada`);
  // Long enough for what the teacher cuts off.
  await watching.waitForTimeout(2_000);
  report('end', true);
  await watching.goto(`${url}/live/amphi-ada`);
  await watching.waitForSelector('[data-live][data-state="ended"]', { timeout: STEP_MS });
  await shot(watching, 'student-ended');
  const id = await teacher();
  // Whoever watched it is a stranger now.
  await watching.goto(`${url}/`);
  await watching.waitForTimeout(RIGHTS_MS);
  await leave(watching);
  for (const page of ['_/jobs', '_/log']) {
    await wall.goto(`${url}/operate/${page}`);
    await shot(wall, `operator-${page.slice(2)}`);
  }
  await leave(wall);
  await stranger(id);
  await member(id);
} catch (error) {
  report('failed', false, { error: String(error.stack ?? error).slice(0, 1_500) });
  for (const { login, page } of browsers) await shot(page, `failed-${login}`).catch(() => {});
} finally {
  for (const { close } of browsers) await close().catch(() => {});
}
process.exit(ok ? 0 : 1);
