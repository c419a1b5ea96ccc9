// Chromium as a viewer. Started by the integration tests and the benches as a child process:
//
//   node tests/support/peers/browser.mjs watch   --url PAGE --seconds N [--language fr-FR] [--shots DIR] [--silent]
//   node tests/support/peers/browser.mjs story   --url PAGE --expect-ended SECONDS [--shots DIR] [--play-out]
//   node tests/support/peers/browser.mjs drop    --url PAGE --drops N [--shots DIR]
//   node tests/support/peers/browser.mjs choose  --url PAGE --height H --levels N --expect-ended SECONDS [--shots DIR]
//   node tests/support/peers/browser.mjs previews --url PAGE [--shots DIR]
//   node tests/support/peers/browser.mjs latency --url PAGE --seconds N [--settle S] [--height H]
//
// Prints one JSON object per result, each with `step` and `ok`, and exits 0 if all are ok, 1 if one is not, 2 on wrong
// usage, 3 when its time is over (`--timeout SECONDS`, by default what the command needs and a minute).
// Needs `npm ci` in web/ (playwright-core, no browser download) and a Chromium: $CHROMIUM or /usr/bin/chromium.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import * as probe from './browser_probe.mjs';
import { decode } from './time_code.mjs';

const { chromium } = createRequire(new URL('../../../web/package.json', import.meta.url))('playwright-core');

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'];
/** A picture, or the clock, that stands longer is seen to stand. Milliseconds. */
const STANDS_MS = 100;
/** Quieter than any speech or tone that a test pushes, louder than silence coded by AAC. */
const HEARD_RMS = 0.003;

function options(words) {
  const found = {};
  for (let i = 0; i < words.length; i += 1) {
    if (!words[i].startsWith('--')) usage(`unexpected ${words[i]}`);
    const next = words[i + 1];
    if (next === undefined || next.startsWith('--')) found[words[i].slice(2)] = true;
    else {
      found[words[i].slice(2)] = next;
      i += 1;
    }
  }
  return found;
}

function usage(what) {
  console.error(`${what}\nusage: browser.mjs watch|story|drop|choose|previews|latency --url PAGE …`);
  process.exit(2);
}

let allOk = true;
function report(step, ok, numbers) {
  allOk &&= ok;
  console.log(JSON.stringify({ step, ok, ...numbers }));
}

const rounded = (value, digits = 3) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);

export function percentile(values, share) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Opens a browser of its own; what it must never do is collected in `faults`. `more`: words of its command line. */
export async function openBrowser({ language = 'fr-FR', width = 1280, height = 800, dark = false, javaScript = true, more = [] } = {}) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'amphi-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true, locale: language, viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', javaScriptEnabled: javaScript, args: [...ARGS, ...more],
  });
  const faults = { csp: [], console_errors: [], third_party: [] };
  const note = (list, text) => list.length < 50 && list.push(String(text).slice(0, 300));
  await context.exposeBinding('amphiCspViolation', (_, text) => note(faults.csp, text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) =>
      window.amphiCspViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ''}`));
  });
  const page = context.pages()[0] ?? (await context.newPage());
  // A reload that was held in vain is answered with 503 (RFC 8216bis 6.2.5.2), and the player asks again: the browser calls that an
  // error, but it is how a live waits for its broadcaster. Counted, for it has its place in a drop only.
  const held = { in_vain: 0 };
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    const { url } = message.location();
    if (/status of 503/.test(message.text()) && /media\.m3u8\?.*_HLS_msn=/.test(url)) held.in_vain += 1;
    else note(faults.console_errors, `${message.text()} ${url}`);
  });
  page.on('pageerror', (error) => note(faults.console_errors, error.stack ?? error));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^https?:$/.test(url.protocol) && page.url().startsWith('http') && url.host !== new URL(page.url()).host) note(faults.third_party, url.href);
  });
  const close = async () => {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  };
  return { context, page, faults, held, close };
}

const clean = (faults) => Object.values(faults).every((list) => list.length === 0);

async function shot(page, given, name) {
  if (!given.shots) return;
  fs.mkdirSync(given.shots, { recursive: true });
  await page.screenshot({ path: path.join(given.shots, `${name}.png`) });
}

/** Gives the listening probe the time to begin: what is silent stays silent. */
async function listen(page) {
  for (const end_ms = Date.now() + 8_000; Date.now() < end_ms; await page.waitForTimeout(250)) {
    if ((await page.evaluate(probe.sample))?.rms >= HEARD_RMS) return;
  }
}

/** Plays for some seconds and says what was seen and heard. */
export async function observe(page, seconds) {
  const before = await page.evaluate(probe.sample);
  const samples = [];
  const end_ms = Date.now() + seconds * 1000;
  while (Date.now() < end_ms) {
    await page.waitForTimeout(Math.min(500, Math.max(50, end_ms - Date.now())));
    const now = await page.evaluate(probe.sample);
    if (now) samples.push(now);
  }
  const last = samples.at(-1) ?? before;
  const settled = samples.slice(Math.floor(samples.length / 2));
  const latencies = settled.map((s) => s.latency_s).filter((s) => s !== null);
  return {
    progress_s: rounded(last.time_s - before.time_s),
    time_s: rounded(last.time_s),
    duration_s: rounded(last.duration_s),
    decoded_frames: last.frames - before.frames,
    dropped_frames: last.dropped - before.dropped,
    distinct_pictures: new Set(samples.map((s) => s.picture)).size,
    rms: rounded(Math.max(0, ...samples.map((s) => s.rms)), 4),
    stalls: last.stalls - before.stalls,
    latency_s: rounded(percentile(latencies, 0.5)),
    date_latency_s: rounded(percentile(settled.map((s) => s.date_latency_s).filter((s) => s !== null), 0.5)),
    target_s: rounded(last.target_s),
    rates: [...new Set(samples.map((s) => s.rate))],
    behind: last.behind,
    page_state: last.page_state,
    size: last.size,
  };
}

const moves = (seen, seconds) => seen.progress_s >= seconds * 0.6 && seen.decoded_frames >= seconds * 4 && seen.distinct_pictures >= 3;

async function watch(given) {
  const seconds = Number(given.seconds ?? 10);
  const { page, faults, close } = await openBrowser({ language: given.language ?? 'fr-FR' });
  try {
    await page.goto(given.url, { waitUntil: 'domcontentloaded' });
    await probe.begin(page);
    if (!given.silent) await listen(page);
    const seen = await observe(page, seconds);
    await shot(page, given, 'watch');
    const heard = Boolean(given.silent) || seen.rms >= HEARD_RMS;
    report('watch', moves(seen, seconds) && heard && clean(faults), { ...seen, ...faults });
  } finally {
    await close();
  }
}

async function story(given) {
  const { page, faults, held, close } = await openBrowser({ language: given.language ?? 'fr-FR' });
  try {
    await page.goto(given.url, { waitUntil: 'domcontentloaded' });
    await probe.begin(page);
    // Nobody asks for the live edge: a viewer who comes is brought there.
    await page.waitForFunction(probe.isLive, null, { timeout: 15_000 });
    await listen(page);
    const live = await observe(page, 6);
    await shot(page, given, '1-live');
    report('live', moves(live, 6) && live.rms >= HEARD_RMS && live.latency_s !== null, live);

    await page.waitForFunction(probe.canSeekBack, 12, { timeout: 30_000 });
    await page.locator('media-player').focus();
    const from = await page.evaluate(probe.sample);
    await page.keyboard.press('j');
    await page.waitForTimeout(1500);
    const back = await observe(page, 4);
    const moved_s = from.time_s + 5.5 - back.time_s;
    await shot(page, given, '2-behind');
    const stays = back.rates.every((rate) => rate === 1) && back.behind && back.latency_s > live.latency_s + 7;
    report('seek_back', moves(back, 4) && stays && Math.abs(moved_s - 10) < 2, { moved_s: rounded(moved_s), ...back });

    await page.locator('media-player').hover();
    const asked_ms = Date.now();
    await page.locator('media-live-button').click({ timeout: 10_000 });
    await page.waitForFunction(probe.isLive, null, { timeout: 20_000 });
    const took_ms = Date.now() - asked_ms;
    const again = await observe(page, 5);
    await shot(page, given, '3-live-again');
    report('go_live', moves(again, 5) && !again.behind && again.latency_s < again.target_s + 3, { took_ms, ...again });

    const wait_ms = Number(given['expect-ended'] ?? 60) * 1000;
    const waiting_since = Date.now();
    await page.waitForSelector('[data-live][data-state="ended"]', { timeout: wait_ms });
    const said = await page.locator('[data-live] > [role="status"]').textContent();
    const href = await page.locator('[data-video-link]').getAttribute('href');
    report('ended', Boolean(said) && Boolean(href), { after_s: rounded((Date.now() - waiting_since) / 1000), said, href });

    await page.waitForSelector('amphi-player[kind="video"]', { timeout: 30_000 });
    await probe.begin(page);
    const inPlace = await observe(page, 4);
    await shot(page, given, '4-ended');
    report('video_in_place', moves(inPlace, 4), inPlace);

    await page.locator('[data-video-link]').click();
    await page.waitForURL(/\/videos\//, { timeout: 15_000 });
    await probe.begin(page);
    await listen(page);
    const video = await observe(page, 5);
    await shot(page, given, '5-video');
    report('video', moves(video, 5) && video.rms >= HEARD_RMS && Number.isFinite(video.duration_s), { url: page.url(), ...video });
    if (given['play-out']) await playOut(page);
    report('faults', clean(faults) && held.in_vain === 0, { ...faults, held_in_vain: held.in_vain });
  } finally {
    await close();
  }
}

/** The broadcaster's line breaks and comes back, as often as said: the page says so, and goes on by itself. */
async function drop(given) {
  const { page, faults, held, close } = await openBrowser({ language: given.language ?? 'fr-FR' });
  try {
    await page.goto(given.url, { waitUntil: 'domcontentloaded' });
    await probe.begin(page);
    const { time_s: joined_s } = await page.evaluate(probe.sample);
    await page.waitForFunction(probe.movesAgain, joined_s, { timeout: 30_000, polling: 100 });
    await page.evaluate(probe.markPage);
    await listen(page);
    const live = await observe(page, 4);
    report('live', moves(live, 4) && live.rms >= HEARD_RMS, live);
    for (let n = 1; n <= Number(given.drops ?? 1); n += 1) {
      await page.waitForSelector('[data-live][data-state="dropped"]', { timeout: 60_000 });
      const said = await page.locator('[data-live] > [role="status"]').textContent();
      await page.locator('[data-panel="dropped"]').waitFor({ state: 'visible', timeout: 5_000 });
      const asked_before = held.in_vain;
      await shot(page, given, `drop-${n}`);
      report('dropped', Boolean(said), { said });
      await page.waitForSelector('[data-live][data-state="on_air"]', { timeout: 90_000 });
      const back_ms = Date.now();
      const { time_s: stood_s } = await page.evaluate(probe.sample);
      await page.waitForFunction(probe.movesAgain, stood_s, { timeout: 30_000, polling: 100 });
      const after_s = rounded((Date.now() - back_ms) / 1000);
      await listen(page);
      const back = await observe(page, 4);
      await shot(page, given, `back-${n}`);
      const { same, fatal } = await page.evaluate(probe.pageMark);
      const good = moves(back, 4) && back.rms >= HEARD_RMS && !back.behind && same && fatal.length === 0;
      report('back', good, { after_s, same, fatal, held_in_vain: held.in_vain - asked_before, ...back });
    }
    report('faults', clean(faults), faults);
  } finally {
    await close();
  }
}

/** Chooses a quality of the settings' menu: a height, automatic, or sound alone. */
export async function chooseQuality(page, name) {
  // A menu closes with the controls, which go when nothing moves for a while: a busy machine may take longer between two clicks.
  for (let tries = 3; ; tries -= 1) {
    try {
      await page.locator('media-player').hover();
      await page.locator('.vds-settings-menu media-menu-button').first().click({ timeout: 5_000 });
      await page.locator('.vds-quality-menu media-menu-button').first().click({ timeout: 5_000 });
      await page.getByRole('menuitemradio', { name }).click({ timeout: 5_000 });
      break;
    } catch (error) {
      if (tries === 1) throw error;
      await page.keyboard.press('Escape');
      await page.mouse.move(1, 1);
    }
  }
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
}

/** How long the clock may stand in a change at the edge of a live while engine, server and a Chromium without a device fill two processors. */
const LATER_MS = 300;

/** Whether nothing was seen to stand. Of sound alone only the clock counts: its picture is one that stands. */
export function smooth(seen, { pictures = true } = {}) {
  const quiet = seen.waiting + seen.seeking + seen.stalled + seen.pause + seen.emptied === 0;
  return quiet && seen.clock_stood_ms <= STANDS_MS && (!pictures || seen.picture_stood_ms <= STANDS_MS);
}

/** Chooses a quality, and says when it was seen and what stood meanwhile and in the seconds after. */
export async function changeQuality(page, name, height) {
  await page.evaluate(probe.startWatching);
  await chooseQuality(page, name);
  const asked_ms = Date.now();
  await page.waitForFunction((wanted) => document.querySelector('amphi-player').video.videoHeight === wanted, height, { timeout: 20_000, polling: 20 });
  const took_ms = Date.now() - asked_ms;
  await page.waitForTimeout(3_000);
  return { height, took_ms, ...(await page.evaluate(probe.stopWatching)) };
}

/** To sound alone and back to pictures of that height: what stood on the way in and meanwhile, on the way out, and after it. */
export async function soundAlone(page, name, back, height) {
  const watch = async (until) => {
    await page.evaluate(probe.startWatching);
    await until();
    return page.evaluate(probe.stopWatching);
  };
  const cover = page.locator('.amphi-sound-alone');
  const alone = await watch(async () => {
    await chooseQuality(page, name);
    await cover.waitFor({ timeout: 5_000 });
    await page.waitForTimeout(6_000);
  });
  const out = await watch(async () => {
    await chooseQuality(page, back);
    await cover.waitFor({ state: 'detached', timeout: 20_000 });
  });
  const after = await watch(() => page.waitForTimeout(3_000));
  const shown = await page.evaluate(() => document.querySelector('amphi-player').video.videoHeight);
  const ok = smooth(alone, { pictures: false }) && smooth(out, { pictures: false }) && smooth(after) && shown === height;
  return { ok, alone, out, after };
}

/** For some seconds: each text that appeared, and at which picture. */
async function read(page, seconds) {
  const end_ms = Date.now() + seconds * 1000;
  const shown = new Map();
  while (Date.now() < end_ms) {
    const { texts, ...at } = await page.evaluate(probe.captions);
    for (const text of texts) if (!shown.has(text)) shown.set(text, at);
    await page.waitForTimeout(40);
  }
  return [...shown].map(([text, at]) => ({ text, ...at }));
}

/** Whether the captions that come next can be read: in that colour, on a ground, large enough and within the picture. */
async function styled(page, { color }) {
  const handle = await page.waitForFunction(probe.captionStyle, null, { timeout: 20_000, polling: 50 });
  const style = await handle.jsonValue();
  const ground = Number(/rgba\(.*,\s*([\d.]+)\)/.exec(style.backgroundColor)?.[1] ?? (style.backgroundColor.startsWith('rgb(') ? 1 : 0));
  return [color.test(style.color) && ground >= 0.5 && style.font_px >= 14 && style.inside, { ...style, ground }];
}

/** A viewer who wants captions and another quality, of the live and of the video. */
async function choose(given) {
  const { page, faults, close } = await openBrowser({ language: given.language ?? 'fr-FR' });
  try {
    await page.goto(given.url, { waitUntil: 'domcontentloaded' });
    await probe.begin(page);
    await page.waitForFunction(probe.isLive, null, { timeout: 15_000 });
    const heights = () => page.evaluate(() => document.querySelector('amphi-player').hls.levels.map(({ height }) => height).sort((a, b) => b - a));
    await page.waitForFunction((wanted) => document.querySelector('amphi-player').hls?.levels.length === wanted, Number(given.levels), { timeout: 20_000 });
    const live_heights = await heights();

    const none = await page.evaluate(probe.captions);
    await page.locator('media-player').focus();
    await page.keyboard.press('c');
    // Where they are loaded from the list, the first ones come when they have come.
    const begun = () => page.evaluate(probe.captions).then(({ texts }) => texts.length > 0);
    for (let tries = 100; tries > 0 && !(await begun()); tries -= 1) await page.waitForTimeout(100);
    await page.waitForTimeout(2_000);
    const shown = await read(page, 12);
    await shot(page, given, '1-captions');
    report('captions', none.texts.length === 0 && shown.length > 0, { shown });
    await page.evaluate(() => localStorage.setItem('vds-player:text-color', '#ffff00'));
    report('captions_styled', ...(await styled(page, { color: /255, ?255, ?255/ })));
    await page.keyboard.press('c');
    await page.waitForTimeout(500);
    const off = await page.evaluate(probe.captions);
    await page.keyboard.press('c');
    report('captions_off', off.texts.length === 0, off);

    // What the machine itself lets stand is no fault of a change, but nothing could be said of one then.
    await page.evaluate(probe.startWatching);
    await page.waitForTimeout(5_000);
    const still = await page.evaluate(probe.stopWatching);
    report('undisturbed', smooth(still), still);
    const [best] = live_heights;
    const height = Number(given.height);
    const changes = [];
    for (const [name, wanted] of [[new RegExp(`^${height}p`), height], [/Source\b/, best], [new RegExp(`^${height}p`), height], [/^Auto/, best]]) {
      changes.push(await changeQuality(page, name, wanted));
      await shot(page, given, `2-change-${changes.length}`);
    }
    // At a live's edge an engine's renditions are later than the source: the player falls back before it changes to one. Web tests change
    // without an engine beside them, and so does the video below: there nothing may stand.
    report('quality', changes.every((seen) => seen.clock_stood_ms <= LATER_MS), { heights: live_heights, changes });
    const sound = await soundAlone(page, /^Son seul/, new RegExp(`^${height}p`), height);
    await shot(page, given, '3-pictures-again');
    report('sound_alone', sound.ok, sound);
    const live = await observe(page, 4);
    report('live', moves(live, 4) && live.rms >= HEARD_RMS && !live.behind, live);

    await page.waitForSelector('[data-live][data-state="ended"]', { timeout: Number(given['expect-ended'] ?? 60) * 1000 });
    await page.locator('[data-video-link]').click();
    await page.waitForURL(/\/videos\//, { timeout: 15_000 });
    await probe.begin(page);
    const video_shown = await read(page, 15);
    await shot(page, given, '4-video');
    // What was chosen on the live holds here.
    report('video_styled', ...(await styled(page, { color: /255, ?255, ?0/ })));
    const lines = page.locator('[data-transcript] [data-lines] li');
    await lines.first().waitFor({ timeout: 15_000 });
    const transcript = (await lines.allInnerTexts()).join(' ');
    // The last line leads to its second.
    await lines.last().locator('button, a').first().click();
    await page.waitForTimeout(1_500);
    const { time_s } = await page.evaluate(probe.captions);
    report('transcript', /mot\d\d/i.test(transcript), { transcript, led_to_s: time_s });
    await page.evaluate(() => { document.querySelector('amphi-player').video.currentTime = 1; });
    await page.waitForTimeout(2_000);
    report('video', video_shown.length > 0, { heights: await heights(), shown: video_shown });
    const of_video = [await changeQuality(page, new RegExp(`^${height}p`), height), await changeQuality(page, /Source\b/, best)];
    report('video_quality', of_video.every((seen) => smooth(seen)), { changes: of_video });
    report('faults', clean(faults), faults);
  } finally {
    await close();
  }
}

/** What is shown above the bar, by pointer and by key, is what is seen where a click on the bar leads: of a live that shows its seconds. */
async function previews(given) {
  const { page, faults, close } = await openBrowser({ language: given.language ?? 'fr-FR' });
  const second = (selector) => page.evaluate(probe.secondShown, selector);
  const shown = page.locator('media-slider-thumbnail img');
  const loaded = () => page.waitForFunction(() => {
    const image = document.querySelector('media-slider-thumbnail img');
    return image?.checkVisibility({ visibilityProperty: true }) && image.complete && image.naturalWidth === 160;
  }, null, { timeout: 15_000 });
  try {
    const asked = [];
    page.on('request', (request) => request.url().includes('/previews') && asked.push(new URL(request.url()).pathname));
    await page.goto(given.url, { waitUntil: 'domcontentloaded' });
    await probe.begin(page);
    await page.waitForFunction(probe.canSeekBack, 24, { timeout: 60_000 });
    report('unasked', asked.length === 0, { asked });
    for (const fraction of [0.2, 0.5, 0.8]) {
      await page.locator('media-player').hover();
      const box = await page.locator('media-time-slider').boundingBox();
      const at = [box.x + box.width * fraction, box.y + box.height / 2];
      await page.mouse.move(...at, { steps: 3 });
      await loaded();
      const [preview_s, picture] = [await second('media-slider-thumbnail img'), await shown.getAttribute('src')];
      await shot(page, given, `preview-${fraction * 10}`);
      await page.mouse.click(...at);
      await page.waitForFunction(probe.isBehindAndMoves, null, { timeout: 20_000 });
      const seen_s = await second('amphi-player video');
      // The preview before the place is shown there, and the player has played on.
      report('preview', preview_s <= seen_s && seen_s - preview_s <= 13, { fraction, preview_s, seen_s, picture });
    }
    await page.mouse.move(2, 2);
    await page.locator('media-time-slider').focus();
    await page.keyboard.down('ArrowLeft');
    await loaded();
    const preview_s = await second('media-slider-thumbnail img');
    await shot(page, given, 'preview-by-key');
    await page.keyboard.up('ArrowLeft');
    report('by_key', preview_s > 0 && preview_s < 100, { preview_s });
    const lists = asked.filter((path) => path.endsWith('.json')).length;
    report('faults', clean(faults) && lists >= 1 && lists <= 20, { ...faults, lists });
  } finally {
    await close();
  }
}

/** From the first picture to the last, in a player that has decoded nothing before: how many were decoded. */
async function playOut(page) {
  await page.reload({ waitUntil: 'domcontentloaded' });
  await probe.begin(page);
  const before = await page.evaluate(probe.sample);
  await page.waitForFunction(probe.isOver, null, { timeout: Math.ceil(before.duration_s * 1500) + 15_000, polling: 250 });
  const after = await page.evaluate(probe.sample);
  report('play_out', after.time_s >= after.duration_s - 0.1, {
    duration_s: rounded(after.duration_s),
    decoded_frames: after.frames,
    dropped_frames: after.dropped,
    stalls: after.stalls,
  });
}

async function latency(given) {
  const seconds = Number(given.seconds ?? 20);
  const { page, faults, close } = await openBrowser({ language: given.language ?? 'fr-FR' });
  try {
    await page.goto(given.url, { waitUntil: 'domcontentloaded' });
    await probe.begin(page);
    if (given.height) {
      // From here on this rendition and no other.
      await page.waitForFunction((height) => {
        const { hls } = document.querySelector('amphi-player');
        const level = hls?.levels.findIndex((one) => one.height === height) ?? -1;
        if (level >= 0) hls.loadLevel = level;
        return level >= 0;
      }, Number(given.height), { timeout: 30_000 });
    }
    await page.waitForTimeout(Number(given.settle ?? 10) * 1000);
    await page.evaluate(probe.startReading);
    const seen = await observe(page, seconds);
    const frames = await page.evaluate(probe.stopReading);
    const delays = [];
    for (const { levels, shown_ms } of frames) {
      const drawn_ms = decode(levels, shown_ms);
      if (drawn_ms !== null) delays.push((shown_ms - drawn_ms) / 1000);
    }
    // The newest picture may be shown as the next ones are: a clock that runs backwards is a wrong measurement.
    const readable = frames.length > 0 && delays.length / frames.length >= 0.9 && delays.every((s) => s > 0 && s < 120);
    const chosen = !given.height || seen.size?.[1] === Number(given.height);
    report('latency', readable && chosen && delays.length >= seconds * 5 && clean(faults), {
      size: seen.size, pictures: frames.length, read: delays.length,
      p50_s: rounded(percentile(delays, 0.5)), p95_s: rounded(percentile(delays, 0.95)),
      min_s: rounded(percentile(delays, 0)), max_s: rounded(percentile(delays, 1)),
      target_s: seen.target_s, hls_latency_s: seen.latency_s, date_latency_s: seen.date_latency_s, stalls: seen.stalls, rates: seen.rates, ...faults,
    });
  } finally {
    await close();
  }
}

const COMMANDS = { watch, story, drop, choose, previews, latency };

async function main() {
  const [command, ...rest] = process.argv.slice(2);
  const given = options(rest);
  const run = COMMANDS[command] ?? usage(`unknown command ${command}`);
  if (!given.url || given.url === true) usage('--url is missing');
  if (command === 'drop' && given.timeout === undefined) given.timeout = 60 + 180 * Number(given.drops ?? 1);
  const needed_s = command === 'story' || command === 'choose' ? (command === 'choose' ? 200 : 60) + Number(given['expect-ended'] ?? 60) : Number(given.seconds ?? 20) + Number(given.settle ?? 10);
  const limit_s = Number(given.timeout ?? needed_s + 60);
  const clock = setTimeout(() => {
    console.error(`not done after ${limit_s} s`);
    process.exit(3);
  }, limit_s * 1000);
  try {
    await run(given);
  } catch (error) {
    report('failed', false, { message: String(error?.message ?? error).slice(0, 2000) });
  }
  clearTimeout(clock);
  process.exitCode = allOk ? 0 : 1;
}

if (process.argv[1] === new URL(import.meta.url).pathname) await main();
