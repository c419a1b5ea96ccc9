// A WebVTT file of captions or chapters, as text with times. Nothing of it becomes HTML.

export interface Cue {
  start_s: number;
  end_s: number;
  text: string;
}

/** More is no lecture: ten hours of short lines. */
export const MAX_CUES = 20_000;
const TIMES = /^(?:(\d{2,}):)?(\d{2}):(\d{2})\.(\d{3})[ \t]+-->[ \t]+(?:(\d{2,}):)?(\d{2}):(\d{2})\.(\d{3})/;

const seconds = (h: string | undefined, m: string, s: string, ms: string) =>
  Number(h ?? 0) * 3_600 + Number(m) * 60 + Number(s) + Number(ms) / 1_000;

/** Its words without marks (`<i>`, `&amp;`). */
function plain(text: string): string {
  return text
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&nbsp;/g, ' ')
    .replace(/&(?:lrm|rlm);/g, '')
    .replace(/&amp;/g, '&');
}

/** In the file's order; what can't be read is left out. */
export function parseCues(file: string): Cue[] {
  const cues: Cue[] = [];
  for (const block of file.replace(/\r\n?/g, '\n').split(/\n{2,}/)) {
    const lines = block.split('\n');
    const at = lines.findIndex((line) => TIMES.test(line));
    const times = at < 0 ? null : TIMES.exec(lines[at] ?? '');
    if (!times) continue;
    const [, h1, m1 = '', s1 = '', ms1 = '', h2, m2 = '', s2 = '', ms2 = ''] = times;
    const text = plain(lines.slice(at + 1).join(' ')).replace(/\s+/g, ' ').trim();
    if (!text) continue;
    cues.push({ start_s: seconds(h1, m1, s1, ms1), end_s: seconds(h2, m2, s2, ms2), text });
    if (cues.length >= MAX_CUES) break;
  }
  return cues;
}

/** Such as `1:02:03`, as the server writes it. */
export function clock(time_s: number): string {
  const whole = Math.max(0, Math.floor(time_s));
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
