// Where the bar stands, to who listens: the library says it in English only, "3 min 5 sec out of 45 min". Here in the page's language.
import type { MediaPlayerElement } from 'vidstack/elements';
import type { OwnLabels } from './labels';

export function speakTime(player: MediaPlayerElement, words: OwnLabels['time']): void {
  if (words.length === 0) return;
  const translate = (bar: Element) => {
    const said = bar.getAttribute('aria-valuetext') ?? '';
    const own = words.reduce((text, [english, word]) => text.replaceAll(english, word), said);
    if (own !== said) bar.setAttribute('aria-valuetext', own);
  };
  new MutationObserver((changes) => {
    for (const { target } of changes) if (target instanceof Element && target.localName === 'media-time-slider') translate(target);
  }).observe(player, { subtree: true, attributes: true, attributeFilter: ['aria-valuetext'] });
}
