// What is said in a video, beside the pictures. The server's page has the same text as files; this takes nothing away from it.
import type { AmphiPlayer, TimeDetail } from '../player/amphi-player';
import { clock, MAX_CUES, parseCues } from './cues';
import { Lines } from './lines';
import { seekWhenReady } from './seek';

class Transcript {
  readonly #root: HTMLElement;
  readonly #player: AmphiPlayer;
  readonly #lines: Lines;
  #loading = 0;

  constructor(root: HTMLElement, template: HTMLTemplateElement, player: AmphiPlayer) {
    this.#root = root;
    this.#player = player;
    template.before(template.content.cloneNode(true));
    this.#lines = new Lines(root, {
      clock,
      choose: ({ at }) => {
        seekWhenReady(player, at);
        void player.play().catch(() => undefined);
      },
      most: MAX_CUES,
    });
    this.#languages(root.querySelector<HTMLSelectElement>('[data-language]') as HTMLSelectElement);
    player.addEventListener('time', (event) => this.#lines.show((event as CustomEvent<TimeDetail>).detail.currentTime));
  }

  // The languages are those of the files that the page links to.
  #languages(select: HTMLSelectElement): void {
    const files = [...this.#root.querySelectorAll<HTMLAnchorElement>('a[data-cues]')];
    for (const file of files) {
      const option = new Option(file.dataset['name'] ?? '', file.href);
      option.lang = file.dataset['cues'] ?? '';
      select.append(option);
    }
    // What is heard and what is read had better be in one language.
    const wanted = document.documentElement.lang;
    const own = files.findIndex((file) => file.dataset['cues']?.split('-')[0] === wanted);
    select.selectedIndex = Math.max(0, own);
    select.parentElement?.toggleAttribute('hidden', files.length < 2);
    select.addEventListener('change', () => void this.#load(select));
    void this.#load(select);
  }

  async #load(select: HTMLSelectElement): Promise<void> {
    const turn = (this.#loading += 1);
    this.#root.setAttribute('aria-busy', 'true');
    try {
      const answer = await fetch(select.value, { credentials: 'same-origin' });
      const cues = answer.ok ? parseCues(await answer.text()) : [];
      if (turn !== this.#loading) return;
      const lines = cues.map((cue, n) => ({ id: String(n), at: cue.start_s, text: cue.text, draft: false }));
      this.#lines.write(lines, select.selectedOptions[0]?.lang ?? '');
      this.#lines.show(this.#player.video?.currentTime ?? 0);
    } catch {
      // The files are still there to be opened.
    } finally {
      this.#root.removeAttribute('aria-busy');
    }
  }
}

/** Makes the panel in `root`, when it comes near what is seen. */
export function transcript(root: HTMLElement | null, player: AmphiPlayer): void {
  const template = root?.querySelector<HTMLTemplateElement>('template[data-panel]');
  if (!root || !template) return;
  const seen = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      new Transcript(root, template, player);
    },
    { rootMargin: '400px' },
  );
  seen.observe(root);
}
