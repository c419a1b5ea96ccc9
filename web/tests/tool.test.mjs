// Another site's page beside a live: as wide as the viewer wants it, by keyboard and by mouse, and no wider than the window.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startOrigin } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';

let origin;
let browser;
let page;

before(async () => {
  origin = await startOrigin();
  browser = await openBrowser({ language: 'fr-FR' });
  page = browser.page;
  await page.goto(`${origin.url}/live/hall`);
});
after(async () => {
  await browser?.close();
  await origin?.close();
});

const width = () => page.locator('.tool').evaluate((tool) => Math.round((tool.getBoundingClientRect().width / tool.parentElement.getBoundingClientRect().width) * 100));

test('it is shown in a frame that can do little, and in a window of its own', async () => {
  const frame = page.frameLocator('.tool iframe');
  assert.equal(await frame.locator('h1').textContent(), 'Chat');
  const allowed = (await page.locator('.tool iframe').getAttribute('sandbox')).split(' ');
  assert.ok(!allowed.includes('allow-top-navigation') && allowed.includes('allow-scripts'), String(allowed));
  assert.equal(await page.locator('.tool a').getAttribute('rel'), 'noopener noreferrer');
});

test('the keyboard moves its edge within bounds, and says how far', async () => {
  const edge = page.getByRole('separator');
  await edge.focus();
  const before = await width();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await width(), before + 4);
  assert.equal(await edge.getAttribute('aria-valuenow'), String(before + 4));
  await page.keyboard.press('End');
  assert.equal(await width(), 60);
  await page.keyboard.press('ArrowLeft');
  assert.equal(await width(), 60);
  await page.keyboard.press('Home');
  assert.equal(await width(), 20);
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => document.activeElement.dataset.splitter), '', 'no keyboard trap');
});

test('the mouse moves it too, over the frame as well, and it is kept', async () => {
  const box = await page.getByRole('separator').boundingBox();
  const whole = await page.locator('.beside-live').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(whole.x + whole.width * 0.9, box.y + 120, { steps: 5 });
  await page.mouse.move(whole.x + whole.width * 0.6, box.y + 120, { steps: 5 });
  await page.mouse.up();
  assert.ok(Math.abs((await width()) - 40) <= 2, String(await width()));
  const kept = await width();
  await page.reload();
  assert.equal(await width(), kept);
});

test('on a small screen it stands below, and nothing moves', async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  const [player, tool] = [await page.locator('.theatre').boundingBox(), await page.locator('.tool').boundingBox()];
  assert.ok(tool.y >= player.y + player.height && tool.width > 300, JSON.stringify(tool));
  assert.equal(await page.getByRole('separator').count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
  assert.deepEqual(browser.faults, { csp: [], console_errors: [], third_party: [] });
});
