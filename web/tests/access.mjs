// What axe can't see of a page, asked in Chromium: the way of the keyboard through it, where the focus is seen, how large a target is, what
// is cut off when the window is narrow or the text is spaced, what moves. Each answer is a list of what is wrong, as text.

/** Puts what asks into the page; what follows needs it. */
function install() {
  const OPERABLE = 'a[href], button, input:not([type="hidden"]), select, textarea, summary, iframe, [tabindex]';
  const named = (element) => {
    const words = (element.getAttribute('aria-label') ?? element.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 40);
    const id = element.id ? `#${element.id}` : [...element.classList].slice(0, 2).map((name) => `.${name}`).join('');
    return `${element.localName}${id}${words ? ` "${words}"` : ''}`;
  };
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) && element.getClientRects().length > 0;
  const reachable = () => [...document.querySelectorAll(OPERABLE)].filter((element) =>
    element.tabIndex >= 0 && !element.matches(':disabled') && !element.closest('[inert]') && shown(element) && (element.localName !== 'summary' || element.matches('details > summary:first-of-type')));
  const ids = new Map();
  const idOf = (element) => ids.get(element) ?? ids.set(element, ids.size + 1).get(element);

  const frames = async (count) => {
    for (let n = 0; n < count; n += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
  };
  const rgba = (text) => {
    const [r, g, b, a = 1] = (/^rgba?\(([^)]*)\)$/.exec(text)?.[1] ?? '').split(/[ ,/]+/).map(Number);
    return Number.isFinite(r + g + b + a) ? [r, g, b, a] : null;
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [less, more] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  };
  /** The plain colour that is behind an element; null: a picture is. */
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== 'none' || at.localName === 'media-player' || at.localName === 'amphi-player') return null;
      const colour = rgba(style.backgroundColor);
      if (colour?.[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const LOOKS = ['outlineStyle', 'outlineWidth', 'outlineColor', 'boxShadow', 'backgroundColor', 'borderTopColor', 'borderTopWidth', 'color', 'textDecorationLine', 'opacity'];
  const looks = (element) => {
    const style = getComputedStyle(element);
    // Some show it on what lies over their picture.
    const after = getComputedStyle(element, '::after');
    return { ...Object.fromEntries(LOOKS.map((name) => [name, style[name]])), after: `${after.content} ${after.borderTopWidth} ${after.borderTopColor}` };
  };
  const settle = (within) => within.getAnimations({ subtree: true }).forEach((animation) => {
    if (animation.effect.getComputedTiming().endTime !== Infinity) animation.finish();
  });
  /** What of the page the boxes around an element let one see; the window can be scrolled. */
  const through = (element) => {
    let seen = { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflow === 'visible') continue;
      const box = at.getBoundingClientRect();
      seen = { left: Math.max(seen.left, box.left), top: Math.max(seen.top, box.top), right: Math.min(seen.right, box.right), bottom: Math.min(seen.bottom, box.bottom) };
    }
    return seen;
  };
  /** The share of an outline's length that is not cut off. */
  const outlineSeen = (element) => {
    const style = getComputedStyle(element);
    const out = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth) / 2;
    const seen = through(element);
    let [whole, part] = [0, 0];
    for (const rect of element.getClientRects()) {
      const [left, top, right, bottom] = [rect.left - out, rect.top - out, rect.right + out, rect.bottom + out];
      const [across, down] = [Math.max(0, Math.min(right, seen.right) - Math.max(left, seen.left)), Math.max(0, Math.min(bottom, seen.bottom) - Math.max(top, seen.top))];
      whole += 2 * (right - left) + 2 * (bottom - top);
      for (const y of [top, bottom]) if (y >= seen.top && y <= seen.bottom) part += across;
      for (const x of [left, right]) if (x >= seen.left && x <= seen.right) part += down;
    }
    return whole > 0 ? part / whole : 0;
  };
  /** Why nobody sees that an element has the focus; empty: it is seen. */
  const unseen = async (element) => {
    settle(element);
    const focused = looks(element);
    element.blur();
    await frames(1);
    settle(element);
    const plain = looks(element);
    element.focus({ focusVisible: true, preventScroll: true });
    const changed = Object.keys(plain).filter((name) => focused[name] !== plain[name]);
    const outlined = focused.outlineStyle !== 'none' && parseFloat(focused.outlineWidth) > 0;
    if (outlined && changed.some((name) => name.startsWith('outline'))) {
      // What scrolls may show a part.
      if (outlineSeen(element) < 0.25) return 'its outline is cut off';
      // A browser's own ring is of two colours.
      const [ring, behind] = [rgba(focused.outlineColor), ground(element.parentElement)];
      if (focused.outlineStyle === 'auto' || !ring || !behind) return '';
      return contrast(ring, behind) >= 3 ? '' : `its outline ${focused.outlineColor} on rgb(${behind.join(' ')})`;
    }
    return changed.length > 0 && focused.opacity !== '0' ? '' : 'nothing shows that it has the focus';
  };
  /** What lies over an element, if all can't see it. */
  const covered = (element) => {
    const rects = [...element.getClientRects()].filter(({ width, height }) => width > 0 && height > 0);
    if (rects.length === 0) return 'it has no size';
    const inside = rects.map(({ left, top, right, bottom }) => [Math.max(left, 0), Math.max(top, 0), Math.min(right, innerWidth), Math.min(bottom, innerHeight)])
      .find(([left, top, right, bottom]) => right > left && bottom > top);
    if (!inside) return 'it is outside of the window';
    const [left, top, right, bottom] = inside;
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const own = hit && (element.contains(hit) || hit.contains(element) || hit.closest('label')?.control === element);
    return own ? '' : `${hit ? named(hit) : 'nothing'} is over it`;
  };

  window.amphiAccess = {
    reachable: () => reachable().map((element) => ({ id: idOf(element), name: named(element), positive: element.tabIndex > 0 })),
    /** What has the focus now, and what is wrong with it. */
    async stop(look) {
      const element = document.activeElement;
      if (!element || element === document.body || element === document.documentElement) return null;
      const wrong = [];
      if (look) {
        // What unfolds when it gets the focus is there a moment later.
        await frames(1);
        settle(document);
        const over = covered(element);
        if (over) wrong.push(over);
        // The browser shows by itself where the focus is in a frame.
        const why = element.localName === 'iframe' ? '' : await unseen(element);
        if (why) wrong.push(why);
      }
      const listed = reachable();
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
      return { id: idOf(element), name: named(element), wrong, place: listed.indexOf(element), scrolls: scrollWidth > clientWidth || scrollHeight > clientHeight };
    },
    /** Where the keyboard's way begins. */
    toBegin() {
      const mark = document.createElement('span');
      mark.tabIndex = -1;
      document.body.prepend(mark);
      mark.focus();
      mark.remove();
    },
    toEnd() {
      const mark = document.createElement('span');
      mark.tabIndex = -1;
      document.body.append(mark);
      mark.focus();
      mark.remove();
    },
    /** Targets of less than 24 pixels that are neither in a line of text nor far enough from others (WCAG 2.5.8). */
    small() {
      const boxes = [...document.querySelectorAll('a[href], button, input:not([type="hidden"]), select, textarea, summary, [role="button"], [role="slider"], [role="separator"], [role^="menuitem"]')]
        .filter((element) => shown(element) && !element.matches(':disabled') && !element.closest('[aria-hidden="true"]'))
        .map((element) => {
          // A click on what is around a box for a check is a click on the box.
          const whole = element.closest('label') ?? element;
          return { element, box: whole.getBoundingClientRect() };
        })
        .filter(({ box }) => box.width > 1 && box.height > 1);
      const under = boxes.filter(({ box }) => box.width < 23.9 || box.height < 23.9);
      const inLine = ({ element }) => {
        const { parentElement: parent } = element;
        if (!getComputedStyle(element).display.startsWith('inline') || !parent) return false;
        return [...parent.childNodes].some((node) => node !== element && node.nodeType === Node.TEXT_NODE && node.data.trim());
      };
      const centre = ({ box }) => [box.left + box.width / 2, box.top + box.height / 2];
      const apart = (one) => boxes.every((other) => {
        if (other === one || other.element.contains(one.element) || one.element.contains(other.element)) return true;
        const [x, y] = centre(one);
        if (under.includes(other)) return Math.hypot(x - centre(other)[0], y - centre(other)[1]) >= 24;
        const [dx, dy] = [Math.max(other.box.left - x, 0, x - other.box.right), Math.max(other.box.top - y, 0, y - other.box.bottom)];
        return Math.hypot(dx, dy) >= 12;
      });
      return under.filter((one) => !inLine(one) && !apart(one)).map(({ element, box }) => `${named(element)} is ${Math.round(box.width)}×${Math.round(box.height)} and close to another`);
    },
    /** What does not fit: wider than the window, cut off, or to be scrolled in two directions. */
    lost() {
      const wrong = [];
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth > clientWidth) wrong.push(`the page is ${scrollWidth - clientWidth} px wider than the window`);
      for (const element of document.body.querySelectorAll('*')) {
        if (!shown(element) || element.closest('svg, .said, .skip, [aria-hidden="true"]')) continue;
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        const scroller = element.parentElement?.closest('.scroll, [role="region"][tabindex="0"]');
        if (!scroller && (box.right > clientWidth + 1 || box.left < -1) && box.width > 1) wrong.push(`${named(element)} reaches from ${Math.round(box.left)} to ${Math.round(box.right)}`);
        const [wide, high] = [element.scrollWidth > element.clientWidth + 1, element.scrollHeight > element.clientHeight + 1];
        const [x, y] = [/hidden|clip/.test(style.overflowX), /hidden|clip/.test(style.overflowY)];
        const scrolls = wide && high && /auto|scroll/.test(style.overflowX) && /auto|scroll/.test(style.overflowY);
        if (scrolls && !element.querySelector('table')) wrong.push(`${named(element)} scrolls in two directions`);
        // Fields scroll by themselves, a picture is cut as it is laid out, and the player has its own check.
        if (element.closest('amphi-player') || ['INPUT', 'SELECT', 'TEXTAREA', 'IFRAME', 'IMG'].includes(element.tagName)) continue;
        if ((wide && x) || (high && y)) {
          const range = document.createRange();
          for (const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT); walker.nextNode(); ) {
            const text = walker.currentNode;
            if (!text.data.trim() || !shown(text.parentElement) || text.parentElement.closest('.said, [aria-hidden="true"]')) continue;
            range.selectNodeContents(text);
            const rect = range.getBoundingClientRect();
            if ((x && rect.right > box.right + 1) || (y && rect.bottom > box.bottom + 1)) {
              wrong.push(`${named(element)} cuts off "${text.data.trim().slice(0, 40)}"`);
              break;
            }
          }
        }
      }
      // A player's controls lie on its picture.
      for (const player of document.querySelectorAll('amphi-player')) {
        const frame = player.getBoundingClientRect();
        for (const control of player.querySelectorAll('button, [role="button"], [role="slider"]')) {
          const box = control.getBoundingClientRect();
          const { width } = box;
          // Of what is larger than a target has to be, the middle.
          const [dx, dy] = [Math.max(0, (box.width - 24) / 2), Math.max(0, (box.height - 24) / 2)];
          const [left, right, top, bottom] = [box.left + dx, box.right - dx, box.top + dy, box.bottom - dy];
          if (shown(control) && width > 1 && !control.closest('dialog') && (left < frame.left - 1 || right > frame.right + 1 || top < frame.top - 1 || bottom > frame.bottom + 1)) wrong.push(`${named(control)} is outside of the player: ${[left, top, right, bottom].map(Math.round)} in ${[frame.left, frame.top, frame.right, frame.bottom].map(Math.round)}`);
        }
      }
      return wrong;
    },
    /** Texts are spaced as WCAG 1.4.12 says, whatever the page has. */
    space() {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-block-end: 2em !important }');
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    },
    /** What is said in English on a page that is not, and not marked as such: by the little words that every sentence has. */
    english() {
      const words = /(?<!\p{L})(the|and|must|with|this|that|not|can['’]t|cannot|is|are|of|from|for|your|has|have)(?!\p{L})/iu;
      const wrong = [];
      const foreign = (element) => element.closest('[lang]')?.lang.startsWith('en') || element.closest('code, script, style, textarea, template, pre');
      for (const element of document.querySelectorAll('body, body *')) {
        if (foreign(element)) continue;
        const said = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data);
        for (const name of ['aria-label', 'title', 'alt', 'placeholder', 'aria-valuetext']) said.push(element.getAttribute(name) ?? '');
        for (const text of said) if (words.test(text)) wrong.push(`${element.localName}: ${text.trim().slice(0, 80)}`);
      }
      return wrong;
    },
    /** What takes more than ten milliseconds to move, or would when it changes. */
    moving() {
      const ms = (text) => Math.max(...text.split(',').map((one) => parseFloat(one) * (one.trim().endsWith('ms') ? 1 : 1000)));
      const found = new Set();
      for (const animation of document.getAnimations()) {
        const { duration, endTime } = animation.effect.getComputedTiming();
        if (animation.playState === 'running' && (Number(duration) > 10 || endTime > 10)) found.add(`${animation.animationName ?? animation.transitionProperty ?? 'script'} runs on ${named(animation.effect.target)}`);
      }
      for (const element of document.querySelectorAll('*')) {
        for (const part of [null, '::before', '::after']) {
          const style = getComputedStyle(element, part);
          if (part && style.content === 'none') continue;
          if (ms(style.transitionDuration) > 10) found.add(`${named(element)}${part ?? ''} changes ${style.transitionProperty} in ${style.transitionDuration}`);
          if (style.animationName !== 'none' && (ms(style.animationDuration) > 10 || ms(style.animationDuration) * Number(style.animationIterationCount) > 10)) found.add(`${named(element)}${part ?? ''} is animated by ${style.animationName}`);
        }
      }
      return [...found];
    },
  };
}

const ask = async (page, what, ...given) => {
  const asked = () => page.evaluate(async ([name, rest]) => (window.amphiAccess ? { answer: await window.amphiAccess[name](...rest) } : null), [what, given]);
  const first = await asked();
  if (first) return first.answer;
  await page.evaluate(install);
  return (await asked()).answer;
};

/** More stops than any page has: somebody is caught. */
const TOO_MANY = 600;

/** The stops of the keyboard from one end of the page to the other. */
async function stops(page, key, look) {
  const found = [];
  const seen = new Set();
  while (found.length < TOO_MANY) {
    await page.keyboard.press(key);
    const stop = await ask(page, 'stop', look);
    if (!stop) return { found, caught: null };
    if (found.at(-1)?.id === stop.id) {
      // A frame has stops of its own.
      if (stop.name.startsWith('iframe')) continue;
      return { found, caught: stop.name };
    }
    // From the last to the first again: the window has nothing else.
    if (seen.has(stop.id)) return { found, caught: found[0].id === stop.id ? null : stop.name };
    seen.add(stop.id);
    found.push(stop);
  }
  return { found, caught: 'more stops than there can be' };
}

/** Walks the whole page forwards and back. */
export async function walk(page) {
  const wrong = [];
  await ask(page, 'toBegin');
  const wanted = await ask(page, 'reachable');
  for (const { name, positive } of wanted) if (positive) wrong.push(`${name} has an order of its own`);
  const { found, caught } = await stops(page, 'Tab', true);
  if (caught) wrong.push(`the keyboard is caught at ${caught}`);
  for (const stop of found) {
    wrong.push(...stop.wrong.map((why) => `${stop.name}: ${why}`));
    // What scrolls is reached without being told to.
    if (stop.place < 0 && !stop.scrolls) wrong.push(`${stop.name} is reached, and nobody would say so`);
  }
  const places = found.map(({ place }) => place).filter((place) => place >= 0);
  if (places.some((place, n) => n > 0 && place <= places[n - 1])) wrong.push(`not in the order of the page: ${found.map(({ name }) => name).join(', ')}`);
  const reached = new Set(found.map(({ id }) => id));
  for (const { id, name } of wanted) if (!reached.has(id)) wrong.push(`${name} is not reached`);
  await ask(page, 'toEnd');
  const back = await stops(page, 'Shift+Tab', false);
  if (back.caught) wrong.push(`the keyboard is caught on the way back at ${back.caught}`);
  const [there, again] = [found.map(({ id }) => id).join(), back.found.map(({ id }) => id).reverse().join()];
  if (there !== again) wrong.push(`another way back: ${back.found.map(({ name }) => name).reverse().join(', ')}`);
  return { wrong, stops: found.map(({ name }) => name) };
}

/** From the page's beginning the first stop is the link that leads to what the page is about. */
export async function skip(page) {
  await ask(page, 'toBegin');
  await page.keyboard.press('Tab');
  const link = await page.evaluate(() => {
    const { activeElement: element } = document;
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return { is: element.matches('a.skip'), seen: left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && right > left };
  });
  if (!link.is) return ['the first stop is no link to the content'];
  const wrong = link.seen ? [] : ['the link to the content is not seen'];
  await page.keyboard.press('Enter');
  if (!(await page.evaluate(() => document.activeElement === document.querySelector('main')))) wrong.push('the link to the content does not lead there');
  await page.keyboard.press('Tab');
  const inside = await page.evaluate(() => {
    const main = document.querySelector('main');
    return document.activeElement === document.body || Boolean(main.compareDocumentPosition(document.activeElement) & (Node.DOCUMENT_POSITION_FOLLOWING | Node.DOCUMENT_POSITION_CONTAINED_BY));
  });
  if (!inside) wrong.push('after the content comes what is before it');
  return wrong;
}

export const small = (page) => ask(page, 'small');
export const lost = (page) => ask(page, 'lost');
export const space = (page) => ask(page, 'space');
export const english = (page) => ask(page, 'english');
export const moving = (page) => ask(page, 'moving');

/** Until the page shows all that it will: its player is ready, what is folded is open, and the transcript is there. */
export async function ready(page) {
  await page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)));
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await page.waitForFunction(() => !document.querySelector('[data-transcript][aria-busy]') && !document.querySelector('[data-transcript] [data-lines]:empty'), null, { timeout: 30_000 });
  await page.waitForFunction(() => [...document.querySelectorAll('amphi-player')].every((player) =>
    ['ready', 'playing', 'paused'].includes(player.dataset.playerState) && player.querySelector('media-play-button, media-time-slider')), null, { timeout: 30_000 });
  // A live that has ended becomes its video once its last pictures are played.
  await page.waitForFunction(() => !document.querySelector('amphi-player[kind="live"]'), null, { timeout: 60_000 });
  await page.waitForFunction(() => [...document.querySelectorAll('amphi-player')].every((player) => ['ready', 'paused'].includes(player.dataset.playerState)), null, { timeout: 30_000 });
  await page.evaluate(() => scrollTo(0, 0));
}
