// Every page in two languages, light and dark, narrow and wide: axe finds nothing, nothing is wider than the window, no request leaves, no
// policy is broken. With AMPHI_SHOTS=DIR, small pictures of all of them are kept there to be looked at: `make test` keeps them in
// target/screenshots/pages.
//
// A page of the server is added here and in `pages_of_the_players_tests` of src/http/pages/tests.rs, which writes it.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { openBrowser } from '../../tests/support/peers/browser.mjs';

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Looks at `paths` of an origin in all ways, once `until` a page is so far; answers what is wrong, as text. */
export async function lookAt(origin, paths, { languages = ['fr-FR', 'en-GB'], schemes = [false, true], widths = [390, 1280], until = null } = {}) {
  const wrong = [];
  let looked = 0;
  for (const language of languages) {
    for (const dark of schemes) {
      const { page, faults, close } = await openBrowser({ language, dark });
      try {
        for (const width of widths) {
          await page.setViewportSize({ width, height: 850 });
          for (const at of paths) {
            const where = `${at} ${language} ${dark ? 'dark' : 'light'} ${width}`;
            // A live is never idle; and only a player loads more than its page says.
            await page.goto(`${origin}${at}`, { waitUntil: until ? 'domcontentloaded' : 'load' }).catch(() => undefined);
            if (until) await until(page).catch((error) => { throw new Error(`${where}: ${error.message}`); });
            else if ((await page.locator('amphi-player').count()) > 0) await page.waitForLoadState('networkidle');
            // What was folded is looked at, too.
            await page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)));
            // What comes when it is near what is seen.
            await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
            await page.waitForFunction(() => !document.querySelector('[data-transcript][aria-busy]') && !document.querySelector('[data-transcript] [data-lines]:empty'), null, { timeout: 10_000 });
            await page.evaluate(() => scrollTo(0, 0));
            await keepPicture(page, `${at}-${language}-${dark ? 'dark' : 'light'}-${width}`);
            wrong.push(...(await axe(page)).map((finding) => `${where}: ${finding}`));
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            if (wide > 0) wrong.push(`${where}: ${wide} px wider than the window`);
            looked += 1;
          }
        }
        for (const [what, list] of Object.entries(faults)) wrong.push(...list.map((one) => `${language} ${what}: ${one}`));
      } finally {
        await close();
      }
    }
  }
  return { wrong, looked };
}

/** What axe finds on the page as it is now. */
export async function axe(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] }), TAGS);
  return found.violations.map((one) => `${one.id} (${one.help}): ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
}

async function keepPicture(page, name) {
  const folder = process.env.AMPHI_SHOTS;
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name.replace(/[^\w-]+/g, '_')}.jpg`), fullPage: true, type: 'jpeg', quality: 55 });
}
