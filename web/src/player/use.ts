// Whether somebody uses an element now: a pointer over it, a finger on it, the focus or a key in it.

const SIGNS = ['pointermove', 'pointerdown', 'focusin', 'keydown'] as const;

/** Calls `used` at each sign of use, before what is inside hears of it; the answer ends that. */
export function whenUsed(element: HTMLElement, used: () => void): () => void {
  for (const sign of SIGNS) element.addEventListener(sign, used, { capture: true, passive: true });
  return () => {
    for (const sign of SIGNS) element.removeEventListener(sign, used, { capture: true });
  };
}
