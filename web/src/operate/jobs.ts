// /operate/_/jobs: the table follows the server's messages. Rows stay where they are; jobs that are new come first, as the page orders them.
import { follow, readWords } from './stream';

interface Job {
  id: string;
  kind: string;
  title: string;
  state: string;
  percent: number;
  error: string;
  created_ms: number;
}

const ID = /^[a-z0-9]{1,32}$/;
/** Which of a job's forms there is in a state. */
const ACTS: Readonly<Record<string, string>> = { queued: 'cancel', running: 'cancel', failed: 'retry', cancelled: 'retry' };

function parseJob(value: unknown): Job[] {
  if (typeof value !== 'object' || value === null) return [];
  const { id, kind, title, state, percent, error, created_ms } = value as Record<string, unknown>;
  if (typeof id !== 'string' || !ID.test(id) || typeof kind !== 'string' || typeof title !== 'string' || typeof state !== 'string') return [];
  if (typeof percent !== 'number' || typeof created_ms !== 'number') return [];
  return [{ id, kind, title, state, percent, error: typeof error === 'string' ? error : '', created_ms }];
}

function parseJobs(text: string): Job[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.flatMap(parseJob) : null;
  } catch {
    return null;
  }
}

class Jobs {
  readonly #root: HTMLElement;
  readonly #body: HTMLElement;
  readonly #blank = document.querySelector<HTMLTemplateElement>('template[data-blank]');
  readonly #none = document.querySelector<HTMLElement>('[data-none]');
  readonly #words = readWords();
  readonly #times = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });

  constructor(root: HTMLElement, body: HTMLElement) {
    this.#root = root;
    this.#body = body;
    follow(root.dataset['events'] ?? '', (data, whole) => {
      const jobs = parseJobs(data);
      if (!jobs) return;
      if (whole) this.#keepOnly(new Set(jobs.map((job) => job.id)));
      // Newest first: the oldest of those that are new is put there first.
      for (const job of jobs.reverse()) this.#show(job);
      const empty = this.#body.childElementCount === 0;
      this.#root.hidden = empty;
      if (this.#none) this.#none.hidden = !empty;
    });
  }

  #keepOnly(ids: ReadonlySet<string>): void {
    for (const row of this.#body.querySelectorAll<HTMLElement>('tr[data-job]')) if (!ids.has(row.dataset['job'] ?? '')) row.remove();
  }

  #add(job: Job): HTMLElement | null {
    const row = this.#blank?.content.querySelector('tr')?.cloneNode(true);
    if (!(row instanceof HTMLElement)) return null;
    row.dataset['job'] = job.id;
    for (const form of row.querySelectorAll<HTMLFormElement>('form[data-act]')) form.setAttribute('action', `/operate/_/jobs/${job.id}/${form.dataset['act']}`);
    const time = row.querySelector('time');
    if (time) {
      time.dateTime = new Date(job.created_ms).toISOString();
      time.textContent = this.#times.format(job.created_ms);
    }
    this.#body.prepend(row);
    return row;
  }

  #show(job: Job): void {
    const row = this.#body.querySelector<HTMLElement>(`tr[data-job="${job.id}"]`) ?? this.#add(job);
    if (!row) return;
    const part = <E extends HTMLElement>(selector: string) => row.querySelector<E>(selector);
    const title = part('[data-title]');
    if (title) title.textContent = job.title || (title.dataset['gone'] ?? '');
    for (const whose of row.querySelectorAll('[data-whose]')) whose.textContent = job.title;
    const [kind, state] = [part('[data-kind]'), part('[data-state]')];
    if (kind) kind.textContent = this.#words.get(`job-kind-${job.kind}`) ?? job.kind;
    if (state) state.textContent = this.#words.get(`job-state-${job.state}`) ?? job.state;
    const [runs, bar, percent, error] = [part('[data-runs]'), part<HTMLProgressElement>('progress'), part('[data-percent]'), part('[data-error]')];
    if (runs) runs.hidden = job.state !== 'running';
    if (bar) bar.value = job.percent;
    if (percent) percent.textContent = String(job.percent);
    if (error) {
      error.hidden = job.error === '';
      error.textContent = job.error;
    }
    for (const form of row.querySelectorAll<HTMLElement>('form[data-act]')) form.hidden = form.dataset['act'] !== ACTS[job.state];
  }
}

/** Lets the page's table of jobs follow; nothing where there is none. */
export function followJobs(): void {
  const root = document.querySelector<HTMLElement>('[data-jobs]');
  const body = root?.querySelector<HTMLElement>('tbody');
  if (root && body) new Jobs(root, body);
}
