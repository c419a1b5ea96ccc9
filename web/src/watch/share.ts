// The address of a video, perhaps of a moment of it, and the code that embeds it: shown by the server, put together here for the moment.
import type { AmphiPlayer } from '../player/amphi-player';
import { clock } from './cues';

/** `root` is the section of the page with the fields; without it there is nothing to do. */
export function share(root: HTMLElement | null, player: AmphiPlayer | null): void {
  if (!root) return;
  // A moment has an address in a video only.
  const template = player && root.querySelector<HTMLTemplateElement>('template[data-share-tools]');
  template?.before(template.content.cloneNode(true));
  const at = root.querySelector<HTMLInputElement>('[data-share-at]');
  const time = root.querySelector<HTMLElement>('[data-share-time]');
  const fields = [...root.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('[data-share]')];
  const plain = new Map(fields.map((field) => [field, field.value]));
  let time_s = 0;

  const write = () => {
    if (time) time.textContent = clock(time_s);
    for (const [field, text] of plain) {
      const address = field.dataset['share'] ?? '';
      const moment = at?.checked && time_s > 0 ? `${address}?t=${time_s}` : address;
      field.value = text.split(address).join(moment);
    }
  };
  // The moment is that of when it is chosen: an address that changes while it is read can't be copied.
  const take = () => {
    time_s = Math.floor(player?.video?.currentTime ?? 0);
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
