// On every page: the styles, and times in the reader's own zone.
import './styles/site.css';

const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });
for (const element of document.querySelectorAll<HTMLTimeElement>('time[datetime]')) {
  const at_ms = Date.parse(element.dateTime);
  if (!Number.isNaN(at_ms)) element.textContent = format.format(at_ms);
}
