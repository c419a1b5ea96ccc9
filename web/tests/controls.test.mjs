// What the player's own controls are to who uses the keyboard or listens: a live that is on air, the settings' menu and the list of shortcuts.
// And that who wants it still has it still while it plays.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { focused, goTo, openInside, openSettings, SETTINGS } from './by-keyboard.mjs';
import { lost, moving, small } from './access.mjs';
import { axe, lookAt } from './look.mjs';
import { startOrigin } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';

let origin;
let browser;
let page;

const playing = async (at) => {
  await at.waitForSelector('[data-state="on_air"] [data-player-state="playing"]', { timeout: 25_000 });
  await at.waitForSelector('media-mute-button', { state: 'attached', timeout: 30_000 });
};

before(async () => {
  origin = await startOrigin({ subtitles: ['fr'], rungs: [{ height: 180, lag_ms: 0 }] });
  origin.push();
  browser = await openBrowser({ language: 'fr-FR' });
  page = browser.page;
  await page.goto(`${origin.url}/live/demo`);
  await playing(page);
});
after(async () => {
  await browser?.close();
  await origin?.close();
});

test('a live on air: axe finds nothing in both languages, light and dark, narrow and wide', async () => {
  const paths = ['/live/demo', '/embed/live/demo'];
  // That a player begins is asked elsewhere; here it is looked at while it plays, if it has to be loaded anew for that.
  const begun = (at) => playing(at).catch(async () => {
    await at.reload({ waitUntil: 'domcontentloaded' });
    await playing(at);
  });
  const { wrong, looked } = await lookAt(origin.url, paths, { until: begun });
  assert.deepEqual(wrong, []);
  assert.equal(looked, paths.length * 8);
});

test('after a rest the first Tab leads from the player to its controls, and back', async () => {
  await page.locator('media-player').focus();
  await page.waitForFunction(() => !document.querySelector('media-player').hasAttribute('data-controls'), null, { timeout: 20_000 });
  await page.keyboard.press('Tab');
  await focused(page, 'media-controls');
  await page.keyboard.press('Shift+Tab');
  await page.waitForFunction(() => document.activeElement.localName === 'media-player', null, { timeout: 10_000 });
  await page.waitForFunction(() => !document.querySelector('media-player').hasAttribute('data-controls'), null, { timeout: 20_000 });
  await page.keyboard.press('Shift+Tab');
  // A frame later still: the library gives the focus back in the next one.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.ok(!(await page.evaluate(() => document.activeElement.localName === 'media-player')), 'the keyboard is caught on the player');
});

test('who is on a control by keyboard stays there, however long they think', async () => {
  await goTo(page, 'media-caption-button');
  // Twice as long as the library waits.
  await page.waitForTimeout(4_500);
  assert.ok(await page.evaluate(() => document.activeElement.matches('media-caption-button')), 'the focus was taken away');
  assert.ok(await page.locator('media-player').evaluate((player) => player.hasAttribute('data-controls')), 'the controls have gone');
  const shown = () => page.evaluate(() => document.querySelector('media-player').textTracks.selected !== null);
  const before = await shown();
  await page.keyboard.press('Enter');
  await page.waitForFunction((was) => (document.querySelector('media-player').textTracks.selected !== null) !== was, before, { timeout: 10_000 });
  await page.keyboard.press('Enter');
  await page.locator('media-player').evaluate((player) => player.blur());
  await page.locator('.name').focus();
  await page.waitForFunction(() => !document.querySelector('media-player').hasAttribute('data-controls'), null, { timeout: 20_000 });
});

test('the settings are opened, used and left by keyboard, and the focus comes back', async () => {
  await openSettings(page);
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(await small(page), []);
  // Into the first menu inside, and back out of it.
  await openInside(page, '.vds-quality-menu');
  assert.deepEqual(await axe(page), []);
  const first = await page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction((before) => document.activeElement.textContent !== before, first, { timeout: 10_000 });
  await page.keyboard.press('Escape');
  await focused(page, '.vds-quality-menu > media-menu-button');
  await page.keyboard.press('Escape');
  await focused(page, SETTINGS);
  await page.waitForFunction(() => !document.querySelector('.vds-settings-menu-items').checkVisibility({ visibilityProperty: true, opacityProperty: true }), null, { timeout: 10_000 });
});

test('every menu inside the settings is as good', async () => {
  await openSettings(page);
  const count = await page.locator('.vds-settings-menu-items .vds-menu > media-menu-button:visible').count();
  assert.ok(count >= 3, String(count));
  const wrong = [];
  for (let n = 0; n < count; n += 1) {
    const button = page.locator('.vds-settings-menu-items .vds-menu > media-menu-button:visible').nth(n);
    const name = (await button.textContent()).trim().split(/\s{2,}/)[0];
    await button.focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.closest('.vds-settings-menu-items .vds-menu-items'), null, { timeout: 10_000 });
    wrong.push(...(await axe(page)).map((one) => `${name}: ${one}`));
    // The captions' style is a menu inside.
    const inner = page.locator('.vds-font-menu > media-menu-button');
    if (await inner.isVisible()) {
      await inner.focus();
      await page.keyboard.press('Enter');
      await page.locator('.vds-font-menu input[type="color"]').first().waitFor({ timeout: 10_000 });
      wrong.push(...(await axe(page)).map((one) => `${name}, captions: ${one}`));
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => document.activeElement?.matches('.vds-font-menu > media-menu-button'), null, { timeout: 10_000 });
    }
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.activeElement?.matches('.vds-settings-menu-items .vds-menu > media-menu-button'), null, { timeout: 10_000 });
  }
  await page.keyboard.press('Escape');
  await focused(page, SETTINGS);
  assert.deepEqual(wrong, []);
});

test('the list of shortcuts takes the focus, keeps it, and gives it back', async () => {
  for (const width of [1280, 320]) {
    await page.setViewportSize({ width, height: 640 });
    await page.locator('media-player').focus();
    await page.keyboard.press('?');
    await focused(page, 'dialog.key-help');
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(await lost(page), []);
    const box = await page.locator('dialog.key-help').boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= width, JSON.stringify(box));
    for (const key of ['Tab', 'Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab']) {
      await page.keyboard.press(key);
      assert.ok(await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))), key);
    }
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.activeElement === document.querySelector('media-player'), null, { timeout: 10_000 });
    assert.equal(await page.locator('dialog[open]').count(), 0);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('who wants it still has it still: the player, its menu, and a live that begins', async () => {
  await page.mouse.move(2, 2);
  const moves = await moving(page);
  assert.ok(moves.length > 5, 'without the wish this finds what moves');
  await page.emulateMedia({ reducedMotion: 'reduce' });
  // What has begun to move goes on.
  await page.reload();
  await playing(page);
  assert.deepEqual(await moving(page), []);
  await openSettings(page);
  assert.deepEqual(await moving(page), []);
  await page.keyboard.press('Escape');
  const another = await startOrigin();
  const other = await browser.context.newPage();
  try {
    another.tell({ state: 'starting' });
    await other.goto(`${another.url}/live/demo`);
    await other.waitForSelector('[data-state="starting"] .pulse');
    assert.ok((await moving(other)).some((one) => /pulse/.test(one)), 'without the wish it turns');
    await other.emulateMedia({ reducedMotion: 'reduce' });
    assert.deepEqual(await moving(other), []);
  } finally {
    await other.close();
    await another.close();
    await page.emulateMedia({ reducedMotion: 'no-preference' });
  }
});

test('what happens to a live is said once, in words', async () => {
  const said = () => page.locator('[data-live] > [role="status"]').textContent();
  origin.tell({ state: 'dropped' });
  const dropped = await page.locator('[data-panel="dropped"] [data-say]').textContent();
  const says = () => page.waitForFunction((words) => document.querySelector('[data-live] > [role="status"]').textContent === words, dropped, { timeout: 2_000 }).then(() => true, () => false);
  // A page that was just loaded may not listen yet.
  let heard = false;
  for (let tries = 10; tries > 0 && !heard; tries -= 1) {
    origin.tell({ state: 'dropped' });
    heard = await says();
  }
  assert.ok(heard, 'the drop is not said');
  origin.tell({ state: 'on_air' });
  await page.waitForFunction((before) => document.querySelector('[data-live] > [role="status"]').textContent !== before, dropped, { timeout: 10_000 });
  assert.equal(await said(), await page.locator('[data-panel="on_air"] [data-say]').textContent());
});

test('nothing was refused by the policy, no other site was asked', () => {
  assert.deepEqual(browser.faults.csp, []);
  assert.deepEqual(browser.faults.third_party, []);
});
