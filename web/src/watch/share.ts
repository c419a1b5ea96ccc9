// The address of a page, perhaps of a moment of it, and the code that embeds its player: shown by the server, put together here for the moment.
import type { AmphiPlayer } from '../player/amphi-player';
import { clock } from './cues';

/** The moment that is shown. */
export interface Moment {
  /** As an address says it; empty: the beginning. */
  query: string;
  /** As people read it. */
  words: string;
}

export interface Moments {
  /** The one of now; null: nothing is shown. */
  now(): Moment | null;
  /** Whether the player alone, in other pages, knows it too. */
  elsewhere: boolean;
}

/** Of a video. */
export function videoMoments(player: AmphiPlayer): Moments {
  return {
    now: () => {
      const time_s = Math.floor(player.video?.currentTime ?? 0);
      return { query: time_s > 0 ? `t=${time_s}` : '', words: clock(time_s) };
    },
    elsewhere: true,
  };
}

/** `root` is the section of the page with the fields; without it there is nothing to do. */
export function share(root: HTMLElement | null, moments: Moments): void {
  if (!root) return;
  const template = root.querySelector<HTMLTemplateElement>('template[data-share-tools]');
  template?.before(template.content.cloneNode(true));
  const at = root.querySelector<HTMLInputElement>('[data-share-at]');
  const time = root.querySelector<HTMLElement>('[data-share-time]');
  const fields = [...root.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('[data-share]')];
  const plain = new Map(fields.map((field) => [field, field.value]));
  let moment: Moment | null = null;

  const write = () => {
    if (time) time.textContent = moment?.words ?? '';
    // Before anything is shown there is no moment to choose.
    at?.parentElement?.toggleAttribute('hidden', moment === null);
    for (const [field, text] of plain) {
      const address = field.dataset['share'] ?? '';
      const asked = at?.checked && moment?.query && (moments.elsewhere || field instanceof HTMLInputElement);
      field.value = asked ? text.split(address).join(`${address}?${moment?.query}`) : text;
    }
  };
  // The moment is that of when it is chosen: an address that changes while it is read can't be copied.
  const take = () => {
    moment = moments.now();
    write();
  };
  if (root instanceof HTMLDetailsElement) root.addEventListener('toggle', () => root.open && take());
  at?.addEventListener('change', take);

  for (const button of root.querySelectorAll<HTMLButtonElement>('[data-copy]')) {
    const field = fields.find((one) => one.id === button.dataset['copy']);
    if (!field) continue;
    button.hidden = false;
    button.addEventListener('click', () => {
      field.select();
      // By plain HTTP there is no clipboard: the text is chosen all the same.
      void navigator.clipboard?.writeText(field.value).then(() => {
        const said = root.querySelector('[role="status"]');
        if (said) said.textContent = button.dataset['copied'] ?? '';
      });
    });
  }
}
