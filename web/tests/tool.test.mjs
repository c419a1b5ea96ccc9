// Another site's page beside a live or below it: as wide or as high as the viewer wants it, by keyboard and by mouse, and no wider than the window.
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

const height = () => page.locator('.tool').evaluate((tool) => tool.getBoundingClientRect().height / 16);
const below = async () => {
  const [player, tool, bar] = await Promise.all(['.theatre', '.tool', '[data-splitter]'].map((what) => page.locator(what).boundingBox()));
  assert.ok(tool.y >= player.y + player.height && bar.y >= tool.y + tool.height - 1, JSON.stringify({ player, tool, bar }));
  return tool;
};

test('on a small screen it stands below, and its height is moved instead', async () => {
  const loads = origin.requests.filter((path) => path.startsWith('/tool/')).length;
  await page.setViewportSize({ width: 390, height: 800 });
  assert.ok((await below()).width > 300);
  const edge = page.getByRole('separator', { name: 'Hauteur' });
  assert.deepEqual([await edge.getAttribute('aria-orientation'), await edge.getAttribute('aria-valuenow'), await height()], ['horizontal', '30', 30]);
  await edge.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  assert.deepEqual([await height(), await edge.getAttribute('aria-valuenow')], [32, '32']);
  await page.keyboard.press('End');
  assert.equal(await height(), 80);
  await page.keyboard.press('Home');
  assert.equal(await height(), 12);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
  // Each is kept for itself, and turning the telephone loads nothing again.
  const before = await page.evaluate(() => [localStorage['amphi-tool-width'], localStorage['amphi-tool-height']]);
  await page.setViewportSize({ width: 1280, height: 800 });
  assert.equal(await width(), Number(before[0]));
  assert.equal(await page.getByRole('separator', { name: 'Largeur' }).getAttribute('aria-orientation'), 'vertical');
  assert.equal(before[1], '12');
  assert.equal(origin.requests.filter((path) => path.startsWith('/tool/')).length, loads);
});

test('where the broadcaster says so it stands below in a wide window, too, and the mouse moves its foot', async () => {
  await page.route('**/live/hall', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('class="beside-live"', 'class="beside-live below"') });
  });
  await page.goto(`${origin.url}/live/hall`);
  await below();
  assert.equal(await height(), 12, 'what was kept');
  await page.locator('[data-splitter]').evaluate((bar) => bar.scrollIntoView({ block: 'center' }));
  const box = await page.getByRole('separator', { name: 'Hauteur' }).boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 20, box.y + 80, { steps: 4 });
  await page.mouse.move(box.x + 20, box.y - 60, { steps: 4 });
  await page.mouse.move(box.x + 20, box.y + 64, { steps: 4 });
  await page.mouse.up();
  assert.ok(Math.abs((await height()) - 16) <= 1, String(await height()));
  const kept = await height();
  await page.reload();
  assert.equal(await height(), kept);
  assert.deepEqual(browser.faults, { csp: [], console_errors: [], third_party: [] });
});
