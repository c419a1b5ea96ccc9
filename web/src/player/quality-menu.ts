// The quality's place in the settings' menu. vidstack's own knows heights and bit rates only, and its choice flushes the buffer and seeks:
// this one stands in its place, built of the same elements, and is new each time that the settings are opened.
import type { MediaMenuElement, MediaPlayerElement, MediaRadioGroupElement } from 'vidstack/elements';
import type { Labels } from './labels';
import { AUTO, SOUND, type Option, type Quality } from './quality';

function element<T extends HTMLElement>(name: string, classes: string, ...children: (Node | string)[]): T {
  const made = document.createElement(name) as T;
  made.className = classes;
  made.append(...children);
  return made;
}

/** vidstack fills it with the picture of this name. */
function icon(name: string, more = ''): HTMLElement {
  const slot = document.createElement('slot');
  slot.name = `${name}-icon`;
  slot.dataset['class'] = `vds-icon vds-${name}-icon ${more}`.trim();
  return slot;
}

export class QualityMenu {
  readonly #quality: Quality;
  readonly #labels: Labels;
  readonly #megabits: Intl.NumberFormat;
  #menu: HTMLElement | null = null;
  #group: MediaRadioGroupElement | null = null;
  #hint: HTMLElement | null = null;

  constructor(player: MediaPlayerElement, quality: Quality, labels: Labels, language: string) {
    this.#quality = quality;
    this.#labels = labels;
    this.#megabits = new Intl.NumberFormat(language, { maximumSignificantDigits: 2 });
    // On the way down: before vidstack puts its own items there. Its events' target is no element.
    player.addEventListener('open', (event) => {
      const [menu] = event.composedPath();
      if (!(menu instanceof HTMLElement) || !menu.classList.contains('vds-settings-menu')) return;
      // A value inside vidstack that has no public setter: without it there is no menu of its own.
      (player as unknown as { $state?: { canSetQuality?: { set(can: boolean): void } } }).$state?.canSetQuality?.set(false);
      this.#put((menu as MediaMenuElement).contentElement);
    }, true);
  }

  /** Shows what is chosen and what is played now. */
  update(): void {
    const { choice, shown, options } = this.#quality;
    if (this.#group) this.#group.value = choice;
    if (!this.#hint) return;
    const chosen = options.find(({ value }) => value === choice);
    const name = chosen ? this.#name(chosen) : '';
    this.#hint.textContent = choice === AUTO && shown ? `${name} (${this.#name(shown)})` : name;
  }

  #name({ value, height, source }: Option): string {
    const { layout, own } = this.#labels;
    if (value === AUTO) return layout.Auto;
    if (value === SOUND) return own.soundAlone;
    const pictures = height === null ? value : `${height}p`;
    return source ? `${pictures} ${own.source}` : pictures;
  }

  #put(items: HTMLElement | null): void {
    this.#menu?.remove();
    this.#menu = this.#group = this.#hint = null;
    const { options } = this.#quality;
    if (!items || options.length === 0) return;
    this.#hint = element('span', 'vds-menu-item-hint');
    const button = element('media-menu-button', 'vds-menu-item', icon('menu-arrow-left', 'vds-menu-close-icon'), icon('menu-quality-up', 'vds-menu-item-icon'),
      element('span', 'vds-menu-item-label', this.#labels.layout.Quality), this.#hint, icon('menu-arrow-right', 'vds-menu-open-icon'));
    this.#group = element<MediaRadioGroupElement>('media-radio-group', 'vds-quality-radio-group vds-radio-group', ...options.map((option) => this.#radio(option)));
    this.#group.setAttribute('value', this.#quality.choice);
    this.#group.addEventListener('change', (event) => this.#quality.choose(event.detail));
    this.#menu = element('media-menu', 'vds-quality-menu vds-menu', button, element('media-menu-items', 'vds-menu-items', this.#group));
    items.prepend(this.#menu);
    this.update();
  }

  #radio(option: Option): HTMLElement {
    const hint = option.bitrate_bps ? [element('span', 'vds-radio-hint', `${this.#megabits.format(option.bitrate_bps / 1e6)} Mbit/s`)] : [];
    const radio = element('media-radio', 'vds-quality-radio vds-radio', icon('menu-radio-check'), element('span', 'vds-radio-label', this.#name(option)), ...hint);
    radio.setAttribute('value', option.value);
    return radio;
  }
}
