// A stream of events that a page of operators follows: it is opened again when it ends, and the page says while it is lost.

/** What stands where there is nothing to show. */
export const NOTHING = '–';
const RETRY_FIRST_MS = 1_000;
const RETRY_LAST_MS = 30_000;

/** Words that scripts put in, in the reader's language, by key: the page has them already. */
export function readWords(): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  for (const word of document.querySelectorAll<HTMLElement>('[data-word]')) words.set(word.dataset['word'] ?? '', word.textContent ?? '');
  return words;
}

/** Takes `all` (everything that there is) and `some` (what has changed) as they come. */
export function follow(url: string, take: (data: string, whole: boolean) => void): void {
  const connection = document.querySelector<HTMLElement>('[data-connection]');
  let retry_ms = RETRY_FIRST_MS;
  const open = () => {
    const source = new EventSource(url);
    const heard = (event: MessageEvent<string>, whole: boolean) => {
      retry_ms = RETRY_FIRST_MS;
      if (connection) connection.textContent = '';
      take(event.data, whole);
    };
    source.addEventListener('all', (event: MessageEvent<string>) => heard(event, true));
    source.addEventListener('some', (event: MessageEvent<string>) => heard(event, false));
    source.addEventListener('error', () => {
      // Figures that stand still look like figures that are good.
      if (connection) connection.textContent = connection.dataset['lost'] ?? '';
      if (source.readyState !== EventSource.CLOSED) return;
      window.setTimeout(open, retry_ms * (0.5 + Math.random()));
      retry_ms = Math.min(retry_ms * 2, RETRY_LAST_MS);
    });
  };
  open();
}
