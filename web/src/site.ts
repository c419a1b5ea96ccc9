// On every page: the styles, times in the reader's own zone, files that are read into texts, and the pass to what is not for everybody.
import { readFilesIntoTexts } from './file-into';
import { keepPass } from './pass';
import './styles/site.css';

const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });
for (const element of document.querySelectorAll<HTMLTimeElement>('time[datetime]')) {
  const at_ms = Date.parse(element.dateTime);
  if (!Number.isNaN(at_ms)) element.textContent = format.format(at_ms);
}

readFilesIntoTexts(document);

const pass = document.querySelector<HTMLMetaElement>('meta[name="amphi-pass"]')?.content;
// The page that comes instead says why.
if (pass) keepPass(pass, () => location.reload());
