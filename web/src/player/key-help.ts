// The list of keyboard shortcuts, in a native dialog (the browser gives it its focus trap and Escape).
import type { OwnLabels } from './labels';

export function keyHelp(labels: OwnLabels): HTMLDialogElement {
  const dialog = document.createElement('dialog');
  dialog.className = 'key-help';
  const heading = document.createElement('h2');
  heading.textContent = labels.keyboard;
  heading.id = 'key-help-title';
  dialog.setAttribute('aria-labelledby', heading.id);
  const list = document.createElement('dl');
  for (const [keys, action] of labels.keys) {
    const term = document.createElement('dt');
    term.textContent = keys;
    const meaning = document.createElement('dd');
    meaning.textContent = action;
    list.append(term, meaning);
  }
  const form = document.createElement('form');
  form.method = 'dialog';
  const close = document.createElement('button');
  close.className = 'button';
  close.textContent = labels.close;
  form.append(close);
  dialog.append(heading, list, form);
  return dialog;
}
