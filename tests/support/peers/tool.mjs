// Pages of other sites beside lives, in Chromium, each site by https under a name of its own. Started by tests/beside.rs:
//
//   node tests/support/peers/tool.mjs SITE CERTIFICATE KEY SLUG…
//
// Opens SITE/live/SLUG of each. Prints for each one JSON object with `step` (the slug) and what became of the frame: `at` (its site), `ran` (whether
// its script did), `devices` (how many of camera and microphone it was given, or the error), `screen` (whether it may ask for it), `refused` (what
// the page's policy refused) and `asked` (sites that a request came to). Exits 0 when all were looked at, 1 on an error.
import fs from 'node:fs';
import https from 'node:https';
import process from 'node:process';
import { openBrowser } from './browser.mjs';

const [site, certificate, key, ...slugs] = process.argv.slice(2);
/** From the page to its frame, on a machine that also compiles. */
const FRAME_MS = 20_000;
const NAMES = ['chat.example', '*.meet.example', 'elsewhere.example'];

let asked = new Set();
const server = https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, (request, response) => {
  const url = new URL(request.url, `https://${request.headers.host}`);
  if (url.pathname === '/favicon.ico') return response.writeHead(404).end();
  asked.add(url.host);
  // As a sign-in does, or who hands meetings out.
  if (url.pathname === '/to') return response.writeHead(302, { location: url.searchParams.get('site') }).end();
  response.writeHead(200, { 'content-type': 'text/html' });
  return response.end('<!doctype html><title>Tool</title><script>document.documentElement.dataset.ran = location.host;</script>');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const rules = NAMES.map((name) => `MAP ${name} 127.0.0.1:${server.address().port}`).join(', ');

const { page, faults, close } = await openBrowser({
  language: 'en-GB',
  more: [`--host-resolver-rules=${rules}`, '--ignore-certificate-errors', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});

/** The frame of the tool when it has come to rest; `null`: the page has none. */
async function settled() {
  const iframe = await page.$('.tool iframe');
  if (!iframe) return null;
  const frame = await iframe.contentFrame();
  for (const end_ms = Date.now() + FRAME_MS; Date.now() < end_ms; await page.waitForTimeout(100)) {
    if (faults.csp.length > 0 || (await frame.evaluate(() => document.documentElement?.dataset.ran).catch(() => undefined))) break;
  }
  return frame;
}

let failed = false;
try {
  for (const slug of slugs) {
    asked = new Set();
    faults.csp.length = 0;
    await page.goto(`${site}/live/${slug}`);
    const frame = await settled();
    const look = () =>
      frame.evaluate(async () => {
        const { ran } = document.documentElement.dataset;
        const given = navigator.mediaDevices?.getUserMedia({ audio: true, video: true });
        const devices = await given?.then((stream) => stream.getTracks().length, (error) => error.name);
        return { at: location.host, ran, devices, screen: document.featurePolicy.allowsFeature('display-capture') };
      });
    const seen = frame && faults.csp.length === 0 ? await look() : { framed: frame !== null };
    console.log(JSON.stringify({ step: slug, ...seen, refused: faults.csp, asked: [...asked] }));
  }
} catch (error) {
  console.log(JSON.stringify({ step: 'failed', error: String(error) }));
  failed = true;
} finally {
  await close();
  server.closeAllConnections();
  server.close();
}
process.exit(failed ? 1 : 0);
