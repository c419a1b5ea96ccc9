// What the settings' menu is to who doesn't see it. The library calls all of it a menu, but a menu has items only: where sliders and colours are
// to be set (speed, captions' style, amplification) it is a group with buttons. And the library's fields for colours have no name.
import type { MediaMenuElement, MediaPlayerElement } from 'vidstack/elements';

function giveRoles(root: HTMLElement): void {
  // As the library says it, which it does before it can be seen.
  const shown = (element: Element) => !element.closest('.vds-menu-items[aria-hidden="true"]');
  const hasSlider = (items: Element) => [...items.querySelectorAll('[role="slider"]')].some(shown);
  const wide = hasSlider(root);
  for (const items of [root, ...root.querySelectorAll<HTMLElement>('.vds-menu-items')]) items.setAttribute('role', hasSlider(items) ? 'group' : 'menu');
  for (const item of root.querySelectorAll<HTMLElement>('.vds-menu-item[role]')) {
    const inMenu = item.parentElement?.closest('.vds-menu-items')?.getAttribute('role') === 'menu';
    item.setAttribute('role', wide && !inMenu ? 'button' : 'menuitem');
  }
  // What is around a menu inside is nothing by itself, and no item.
  for (const menu of root.querySelectorAll('media-menu[aria-hidden="false"]')) menu.removeAttribute('aria-hidden');
  for (const field of root.querySelectorAll<HTMLInputElement>('input[type="color"]')) {
    const section = field.closest('.vds-menu-section')?.querySelector('.vds-menu-section-title')?.textContent ?? '';
    const label = field.closest('.vds-menu-item')?.querySelector('.vds-menu-item-label')?.textContent ?? '';
    field.setAttribute('aria-label', [section, label].map((words) => words.trim()).filter(Boolean).join(', '));
  }
}

/** Gives them whenever a menu opens or closes. */
export function keepMenuRoles(player: MediaPlayerElement): void {
  const watched = new WeakSet<HTMLElement>();
  player.addEventListener('open', (event) => {
    const [menu] = event.composedPath();
    if (!(menu instanceof HTMLElement) || !menu.classList.contains('vds-settings-menu')) return;
    const root = (menu as MediaMenuElement).contentElement;
    if (!root || watched.has(root)) return;
    watched.add(root);
    new MutationObserver(() => giveRoles(root)).observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-hidden', 'aria-expanded'] });
    giveRoles(root);
  }, true);
}
