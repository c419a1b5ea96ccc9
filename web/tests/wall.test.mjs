// The live wall as the server tells it: what is added and changed by messages is as good as what the page began with, and what calls for
// somebody is said to who can't see it, once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { lost, moving, small, walk } from './access.mjs';
import { axe } from './look.mjs';
import { startOrigin } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';

let origin;
before(async () => {
  origin = await startOrigin();
});
after(() => origin?.close());

const figures = { viewers: 128, peak: 131, size: '1920×1080', fps: 25, kbps: 4_200, pace: 1, keyframe_ms: 2_000, drift_ms: -12, repairs: 0, drops: 3, codec: 'avc1.640028', sound: 'AAC', protocol: 'rtmp', picture_ms: null, renditions: '1080p, 720p, 360p' };
const TILES = [
  { slug: 'hall', title: 'Hall hall', state: 'on_air', level: 'ok', recorded: true, alerts: [], ...figures },
  { slug: 'lab', title: 'Hall lab', state: 'dropped', level: 'warning', recorded: false, alerts: [['warning', 'keyframe_interval']], ...figures },
  { slug: 'new', title: 'Une salle dont le nom est bien plus long que celui des autres salles de ce bâtiment', state: 'on_air', level: 'notice', recorded: true, alerts: [['notice', 'no_audio']], ...figures },
];
const said = (page) => page.locator('[data-say]').textContent();
const saying = (page, pattern) => page.waitForFunction((wanted) => new RegExp(wanted).test(document.querySelector('[data-say]').textContent), pattern, { timeout: 10_000 });

/** A wall that has been told all. */
async function wall(options, work) {
  const { page, faults, close } = await openBrowser(options);
  try {
    if (options.still) await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(`${origin.url}/operate`);
    // Who connects is told all, once the page listens.
    for (let tries = 50; tries > 0 && (await page.locator('article[data-slug="new"] [data-badge]').count()) === 0; tries -= 1) {
      origin.tellWall('all', TILES);
      await page.waitForTimeout(200);
    }
    await page.waitForSelector('article[data-slug="new"]');
    await work(page);
    assert.deepEqual({ ...faults, console_errors: [] }, { csp: [], console_errors: [], third_party: [] });
  } finally {
    await close();
  }
}

test('a wall that is fed by messages: axe finds nothing, the keyboard reaches all of it, nothing is lost', async () => {
  for (const language of ['fr-FR', 'en-GB']) {
    for (const dark of [false, true]) {
      await wall({ language, dark }, async (page) => {
        assert.equal(await page.locator('article[data-slug]').count(), 3);
        for (const width of [1600, 1280, 390, 320]) {
          await page.setViewportSize({ width, height: 850 });
          const where = `${language} ${dark} ${width}`;
          assert.deepEqual([where, ...(await axe(page)), ...(await lost(page)), ...(await small(page))], [where]);
        }
        assert.deepEqual((await walk(page)).wrong, []);
      });
    }
  }
});

test('what calls for somebody is said once, and nothing else is', async () => {
  await wall({ language: 'fr-FR' }, async (page) => {
    assert.equal(await page.locator('[data-say]').getAttribute('role'), 'status');
    assert.equal(await said(page), '', 'warnings and notices are not said');
    const starved = { slug: 'lab', level: 'error', alerts: [['error', 'starved'], ['warning', 'keyframe_interval']] };
    origin.tellWall('some', [starved]);
    await saying(page, '^Hall lab: .{8,}');
    const words = await page.locator('article[data-slug="lab"] .alerts .error').textContent();
    assert.ok(words.endsWith((await said(page)).replace('Hall lab: ', '')), `${words} / ${await said(page)}`);
    // The same again, and another figure: who listens is left alone.
    await page.evaluate(() => {
      window.amphiSaid = 0;
      new MutationObserver(() => (window.amphiSaid += 1)).observe(document.querySelector('[data-say]'), { childList: true, characterData: true, subtree: true });
    });
    origin.tellWall('some', [{ ...starved, viewers: 12 }]);
    await page.waitForFunction(() => document.querySelector('article[data-slug="lab"] dd[data-f="viewers"]').textContent === '12');
    assert.equal(await page.evaluate(() => window.amphiSaid), 0);
    origin.tellWall('some', [{ slug: 'hall', level: 'error', alerts: [['error', 'starved']] }]);
    await saying(page, '^Hall hall: ');
    assert.equal(await page.evaluate(() => window.amphiSaid), 1);
  });
});

test('a connection that is lost is said, and that it is back', async () => {
  await wall({ language: 'en-GB' }, async (page) => {
    const connection = page.locator('[data-connection]');
    assert.equal(await connection.getAttribute('role'), 'status');
    assert.equal(await connection.textContent(), '');
    origin.hangUpWall();
    await page.waitForFunction(() => document.querySelector('[data-connection]').textContent.length > 8, null, { timeout: 10_000 });
    for (let tries = 50; tries > 0 && (await connection.textContent()) !== ''; tries -= 1) {
      origin.tellWall('all', TILES);
      await page.waitForTimeout(200);
    }
    assert.equal(await connection.textContent(), '');
  });
});

test('the focus stays where it is while figures change', async () => {
  await wall({ language: 'fr-FR' }, async (page) => {
    await page.locator('article[data-slug="hall"] a').focus();
    origin.tellWall('all', TILES.map((tile) => ({ ...tile, viewers: 7, alerts: [['error', 'starved']] })));
    await page.waitForFunction(() => [...document.querySelectorAll('article dd[data-f="viewers"]')].every((one) => one.textContent === '7'));
    assert.equal(await page.evaluate(() => document.activeElement.closest('article')?.dataset.slug), 'hall');
  });
});

test('nothing on it moves for who wants it still', async () => {
  await wall({ language: 'fr-FR', still: true }, async (page) => assert.deepEqual(await moving(page), []));
});
