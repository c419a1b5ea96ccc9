// What axe can't see, on every page that the server's tests write: the keyboard reaches all and is caught nowhere, the focus is seen and not
// covered, targets are large enough, nothing is lost in a narrow window or with spaced text, and nothing moves for who wants it still.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { english, lost, moving, ready, skip, small, space, walk } from './access.mjs';
import { LECTURE_PAGE, PATHS, startOrigin } from './origin.mjs';
import { openBrowser } from '../../tests/support/peers/browser.mjs';

let origin;
before(async () => {
  origin = await startOrigin();
  origin.push();
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  origin.end();
});
after(() => origin?.close());

/** Asks each page in a browser of its own; nothing may be wrong. AMPHI_PAGES narrows the addresses, for who looks for a fault. */
async function everyPage(options, widths, ask) {
  const paths = PATHS.filter((at) => new RegExp(process.env.AMPHI_PAGES ?? '').test(at));
  const { page, faults, close } = await openBrowser(options);
  const wrong = [];
  try {
    if (options.still) await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: options.dark ? 'dark' : 'light' });
    for (const width of widths) {
      await page.setViewportSize({ width, height: options.height ?? 800 });
      for (const at of paths) {
        await page.goto(origin.url + at);
        await ready(page).catch((error) => wrong.push(`${at} ${width}: ${error.message}`));
        wrong.push(...(await ask(page, at)).map((why) => `${at} ${width}: ${why}`));
      }
    }
    wrong.push(...Object.values(faults).flat());
  } finally {
    await close();
  }
  return wrong;
}

const keyboard = async (page, at) => {
  const first = at.startsWith('/embed/') ? [] : await skip(page);
  const small_ = await small(page);
  const { wrong, stops } = await walk(page);
  return [...first, ...small_, ...wrong, ...(stops.length > 0 ? [] : ['nothing is reached'])];
};

test('the keyboard reaches everything in order, there and back, and the focus is seen: wide and light', async () => {
  assert.deepEqual(await everyPage({ language: 'fr-FR' }, [1280], keyboard), []);
});

test('the same: narrow and dark', async () => {
  assert.deepEqual(await everyPage({ language: 'en-GB', dark: true }, [390], keyboard), []);
});

test('nothing is lost at 320 pixels, which is 400 % of 1280, nor at 1600', async () => {
  assert.deepEqual(await everyPage({ language: 'fr-FR' }, [320, 1600], lost), []);
});

test('nothing is lost when texts are spaced', async () => {
  const spaced = async (page) => {
    await space(page);
    return lost(page);
  };
  assert.deepEqual(await everyPage({ language: 'fr-FR' }, [390], spaced), []);
});

test('nothing moves for who wants it still, and a French page says nothing in English, the player neither', async () => {
  const both = async (page) => [...(await moving(page)), ...(await english(page))];
  assert.deepEqual(await everyPage({ language: 'fr-FR', still: true }, [1280], both), []);
});

test('a form that can’t be taken says what is wrong, has the focus there, and names the field', async () => {
  const paths = PATHS.filter((at) => /(wrong|short|taken)$/.test(at));
  assert.ok(paths.length >= 8, paths.join());
  for (const javaScript of [true, false]) {
    const { page, close } = await openBrowser({ language: 'fr-FR', javaScript });
    try {
      for (const at of paths) {
        await page.goto(origin.url + at);
        const trouble = page.locator('#trouble');
        await page.waitForFunction(() => document.activeElement?.id === 'trouble', null, { timeout: 10_000 }).catch(() => assert.fail(`${at}: the focus is not on what is wrong`));
        assert.equal(await trouble.getAttribute('role'), 'alert', at);
        assert.ok((await trouble.textContent()).length > 8, at);
        const fields = await page.locator('[aria-invalid="true"]').evaluateAll((all) => all.map((field) => ({
          labelled: field.labels.length > 0,
          said: (field.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? null),
        })));
        const words = await trouble.textContent();
        assert.ok(fields.length > 0 && fields.every(({ labelled, said }) => labelled && said.includes(words) && !said.includes(null)), `${at}: ${JSON.stringify(fields)}`);
        // From there the next thing is in the form.
        await page.keyboard.press('Tab');
        assert.ok(await page.evaluate(() => Boolean(document.activeElement.closest('main'))), at);
      }
    } finally {
      await close();
    }
  }
});

test('what was copied is said', async () => {
  const { page, context, close } = await openBrowser({ language: 'fr-FR' });
  try {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.goto(origin.url + LECTURE_PAGE);
    await page.locator('.share > summary').focus();
    await page.keyboard.press('Enter');
    const button = page.locator('.share [data-copy]').first();
    await button.waitFor();
    const status = page.locator('.share [role="status"]').first();
    assert.equal(await status.textContent(), '');
    await button.focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.share [role="status"]').textContent.length > 0, null, { timeout: 10_000 });
    assert.equal(await status.textContent(), await button.getAttribute('data-copied'));
    assert.ok(await button.evaluate((one) => one.matches('[data-copy]')));
  } finally {
    await close();
  }
});

test('these checks see what they are there for', async () => {
  const { page, close } = await openBrowser({ language: 'fr-FR', width: 320 });
  try {
    await page.goto(`${origin.url}/sign-in`);
    const put = (markup, style) => page.evaluate(([html, css]) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets = [sheet];
      const place = document.createElement('div');
      place.id = 'put';
      place.innerHTML = html;
      document.getElementById('put')?.remove();
      document.querySelector('main').append(place);
    }, [markup, style]);
    const has = (list, pattern) => assert.ok(list.some((one) => pattern.test(one)), `${pattern}: ${list.join(' | ')}`);

    await put('<button id="plain">a</button>', '#plain:focus { outline: none }');
    has((await walk(page)).wrong, /#plain.*nothing shows/);
    await put('<button id="faint">a</button>', '#faint:focus { outline: 3px solid #f0f0f0 }');
    has((await walk(page)).wrong, /#faint.*its outline rgb/);
    await put('<div style="overflow: hidden"><button id="cut">a</button></div>', '#put > div { overflow: hidden; width: 60px; height: 30px } #cut { display: block; width: 60px; height: 30px; border: 0 }');
    has((await walk(page)).wrong, /#cut.*cut off/);
    await put('<button id="under">a</button><p id="bar">over</p>', '#bar { position: fixed; inset: 0; background: #fff }');
    has((await walk(page)).wrong, /#under.*is over it/);
    await put('<button id="last" tabindex="2">a</button>', '');
    has((await walk(page)).wrong, /#last.*an order of its own/);
    await put('<button id="trap">a</button>', '');
    await page.evaluate(() => document.getElementById('trap').addEventListener('keydown', (event) => event.key === 'Tab' && event.preventDefault()));
    has((await walk(page)).wrong, /caught at button#trap/);
    await put('<a id="one" href="/1">i</a><a id="two" href="/2">i</a>', '#put a { display: block; width: 12px; height: 12px; overflow: hidden }');
    has(await small(page), /#one.*12×12/);
    await put('<p id="wide">wide</p>', '#wide { width: 500px }');
    has(await lost(page), /wider than the window/);
    await put('<p id="gone">a line and another one that is longer than that</p>', '#gone { height: 1em; overflow: hidden }');
    has(await lost(page), /#gone.*cuts off/);
    await put('<p>The page is not translated.</p><p lang="en">This is.</p><p aria-label="Seek to the end"></p>', '');
    assert.equal((await english(page)).length, 2);
    await put('<p id="slow">a</p>', '@keyframes there { to { opacity: 0 } } #slow { animation: there 3s infinite }');
    has(await moving(page), /runs on p#slow/);
  } finally {
    await close();
  }
});
