// The player's controls as somebody reaches them who uses the keyboard only.
import assert from 'node:assert/strict';

/** What opens the settings. */
export const SETTINGS = '.vds-settings-menu media-menu-button[aria-label]';

/** Waits until what the selector fits, or something in it, has the focus. */
export const focused = (page, selector) => page.waitForFunction((wanted) => Boolean(document.activeElement?.closest(wanted)), selector, { timeout: 10_000 });

/** From the player on to one of its controls. */
export async function goTo(page, selector) {
  await page.locator('media-player').focus();
  for (let tries = 20; tries > 0; tries -= 1) {
    await page.keyboard.press('Tab');
    // The first key shows the controls.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
  }
  assert.fail(`${selector} is not reached`);
}

/** Opens the settings. The library gives the focus to them once they are seen, so that a key before is one for what was open before. */
export async function openSettings(page) {
  await goTo(page, SETTINGS);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('.vds-settings-menu-items')?.checkVisibility({ visibilityProperty: true, opacityProperty: true }), null, { timeout: 10_000 });
  await focused(page, '.vds-settings-menu-items');
}

/** Opens the menu of this class in the one that is open. */
export async function openInside(page, menu) {
  await page.locator(`${menu} > media-menu-button`).focus();
  await page.keyboard.press('Enter');
  await focused(page, `${menu} media-menu-items`);
}
