// A small LL-HLS origin for the player's tests: real CMAF made by ffmpeg while it is asked for, video and audio in
// renditions of their own, blocking reload, a drop and a return, an end after which the same segments are a video.
// The pages are the server's own, rendered by its tests into tests/pages/.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const DIST = path.join(HERE, '../dist');
const SEGMENT_S = 2;
const PART_TARGET_S = 0.55;
/** The page of the video that the live becomes, as the server's tests name it. */
export const VIDEO_PAGE = '/videos/v1-amphi-emile-borel-23-novembre';
/** A page of which all is said: the same pictures, with chapters and a transcript in two languages. */
export const LECTURE_PAGE = '/videos/v7-analyse-2-series-de-fourier';
const LINES = {
  fr: ['bonjour à toutes et à tous', 'nous parlons des séries de Fourier', 'la convergence n’est pas uniforme', 'voici un premier exemple', 'et un second', 'c’est tout pour aujourd’hui'],
  en: ['hello everybody', 'we speak of Fourier series', 'the convergence is not uniform', 'here is a first example', 'and a second one', 'that is all for today'],
};
const vttTime = (s) => `00:00:${String(s).padStart(2, '0')}.000`;
const vtt = (cues) => `WEBVTT\n${cues.map(([from, to, text]) => `\n${vttTime(from)} --> ${vttTime(to)}\n${text}\n`).join('')}`;
/** Twenty previews of 16 pixels, beside each other. */
const SHEET = execFileSync('ffmpeg', [...'-v error -f lavfi -i testsrc=s=320x16 -frames:v 1 -f mjpeg -'.split(' ')]);
/** A blocked playlist request is answered with 503 after this long: three target durations, as the rules say. */
const WAIT_MS = 6_000;
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; " +
  "media-src 'self' blob:; worker-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'";

/** Splits ffmpeg's output into the init segment and moof+mdat pairs. */
class Boxes {
  #held = Buffer.alloc(0);
  #head = [];
  #init = null;
  constructor(onInit, onPart) {
    this.onInit = onInit;
    this.onPart = onPart;
  }
  push(bytes) {
    this.#held = Buffer.concat([this.#held, bytes]);
    for (;;) {
      if (this.#held.length < 8) return;
      const size = this.#held.readUInt32BE(0);
      if (this.#held.length < size) return;
      const kind = this.#held.toString('latin1', 4, 8);
      const box = this.#held.subarray(0, size);
      this.#held = this.#held.subarray(size);
      if (kind === 'mfra') continue;
      this.#head.push(box);
      if (kind === 'moov') {
        this.#init = Buffer.concat(this.#head);
        this.#head = [];
        this.onInit(this.#init);
      } else if (kind === 'mdat') {
        const data = Buffer.concat(this.#head);
        this.#head = [];
        this.onPart(data);
      }
    }
  }
}

/** Where the fragment begins and how many samples it has, in the track's units. */
function readFragment(data) {
  const tfdt = data.indexOf('tfdt', 0, 'latin1');
  const begin = data[tfdt + 4] === 1 ? Number(data.readBigUInt64BE(tfdt + 8)) : data.readUInt32BE(tfdt + 8);
  const trun = data.indexOf('trun', 0, 'latin1');
  return { begin, samples: data.readUInt32BE(trun + 8) };
}

class Track {
  segments = [];
  spans = [];
  constructor(name, timescale, sampleUnits, lag_ms = 0) {
    Object.assign(this, { name, timescale, sampleUnits, lag_ms });
  }
  begin() {
    this.spans.push({ init: null, first: this.segments.length, anchor_ms: null });
    this.close();
  }
  close() {
    const last = this.segments.at(-1);
    if (last) last.complete = true;
  }
  add(data, clock) {
    const { begin, samples } = readFragment(data);
    const begin_s = begin / this.timescale;
    const duration = (samples * this.sampleUnits) / this.timescale;
    const span = this.spans.at(-1);
    clock.anchor_ms ??= Date.now() - (begin_s + duration) * 1000;
    const index = Math.floor((begin_s + 1e-6) / SEGMENT_S);
    let segment = this.segments.at(-1);
    if (!segment || segment.complete || segment.index !== index) {
      this.close();
      const pdt_ms = clock.anchor_ms + begin_s * 1000;
      segment = { index, span: this.spans.length - 1, first: this.segments.length === span.first, begin_s, pdt_ms, parts: [], complete: false };
      this.segments.push(segment);
    }
    segment.parts.push({ data, duration });
  }
  has(msn, part) {
    const last = this.segments.length - 1;
    if (last > msn) return true;
    const segment = this.segments[msn];
    if (!segment) return false;
    return segment.complete || (part !== null && segment.parts.length > part);
  }
  /** `others`: the renditions that are reported of beside it. */
  playlist(ended, video, others = []) {
    const base = `/media/${this.name}`;
    const lines = ['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:3', '#EXT-X-MEDIA-SEQUENCE:0'];
    if (video) lines.push('#EXT-X-PLAYLIST-TYPE:VOD');
    else {
      lines.push('#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.65', `#EXT-X-PART-INF:PART-TARGET=${PART_TARGET_S}`);
    }
    this.segments.forEach((segment, msn) => {
      if (segment.first && segment.span > 0) lines.push('#EXT-X-DISCONTINUITY');
      if (segment.first) lines.push(`#EXT-X-MAP:URI="${base}/init${segment.span}.mp4"`);
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.pdt_ms).toISOString()}`);
      if (!video && msn >= this.segments.length - 3) {
        segment.parts.forEach((part, i) => {
          const independent = i === 0 || this.name === 'audio' ? ',INDEPENDENT=YES' : '';
          lines.push(`#EXT-X-PART:DURATION=${part.duration.toFixed(5)},URI="${base}/${msn}.${i}.m4s"${independent}`);
        });
      }
      if (!segment.complete && !ended) return;
      const duration = segment.parts.reduce((sum, part) => sum + part.duration, 0);
      lines.push(`#EXTINF:${duration.toFixed(5)},`, `${base}/${msn}.m4s`);
    });
    const last = this.segments.at(-1);
    if (ended) lines.push('#EXT-X-ENDLIST');
    else if (last) {
      const [msn, part] = last.complete ? [this.segments.length, 0] : [this.segments.length - 1, last.parts.length];
      lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${base}/${msn}.${part}.m4s"`);
    }
    if (!video && !ended) {
      for (const { name, segments } of others.filter((other) => other.segments.length > 0)) {
        lines.push(`#EXT-X-RENDITION-REPORT:URI="/live/${name}/media.m3u8",LAST-MSN=${segments.length - 1},LAST-PART=${segments.at(-1).parts.length - 1}`);
      }
    }
    return `${lines.join('\n')}\n`;
  }
}

/** A subtitles rendition beside the pictures: each segment has the cues that are known when it is asked for. */
class Subtitles {
  cues = [];
  constructor(language, pictures) {
    Object.assign(this, { language, pictures });
  }
  has(msn) {
    return this.pictures.has(msn, null);
  }
  playlist(ended) {
    const lines = ['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:3', '#EXT-X-MEDIA-SEQUENCE:0', '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES'];
    this.pictures.segments.forEach((segment, msn) => {
      if (!segment.complete) return;
      if (segment.first && segment.span > 0) lines.push('#EXT-X-DISCONTINUITY');
      const duration = segment.parts.reduce((sum, part) => sum + part.duration, 0);
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.pdt_ms).toISOString()}`, `#EXTINF:${duration.toFixed(5)},`, `/media/subtitles-${this.language}/${msn}.vtt`);
    });
    if (ended) lines.push('#EXT-X-ENDLIST');
    return `${lines.join('\n')}\n`;
  }
  segment(msn) {
    const { begin_s, pdt_ms, parts } = this.pictures.segments[msn];
    const end_ms = pdt_ms + parts.reduce((sum, part) => sum + part.duration, 0) * 1000;
    // An hour is the segment's beginning, so that a cue that began before it has a time too.
    const time = (ms) => new Date(3_600_000 + ms - pdt_ms).toISOString().slice(11, 23);
    const cues = this.cues.filter((cue) => cue.end > pdt_ms && cue.start < end_ms);
    const texts = cues.map(({ id, start, end, text }) => `${id}\n${time(start)} --> ${time(end)}\n${text}\n`);
    return `WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:${Math.round(begin_s * 90_000)},LOCAL:01:00:00.000\n\n${texts.join('\n')}`;
  }
}

/**
 * Starts an origin on a free port. `subtitles` are the languages listed; `rate` is the picture's frames per second; `rungs` are pictures
 * beside the source's, each `{ height, lag_ms }`: made so much later than the source, as an engine does. `interpreted`: there is a second
 * sound track, which is the same sound under another name.
 */
export async function startOrigin({ embedder = '', rate = 24, rungs = [], subtitles: languages = [], interpreted = false, port = 0, host = '127.0.0.1' } = {}) {
  const pictureTrack = (name, lag_ms) => new Track(name, 12_800 * rate, 12_800, lag_ms);
  const tracks = { source: pictureTrack('source', 0), audio: new Track('audio', 48_000, 1024) };
  for (const { height, lag_ms } of rungs) tracks[`${height}p`] = pictureTrack(`${height}p`, lag_ms);
  const subtitles = Object.fromEntries(languages.map((language) => [language, new Subtitles(language, tracks.source)]));
  const live = { state: 'idle', video_id: null, video_url: null, viewers: 0, renditions_version: 0 };
  const watchers = new Set();
  const walls = new Set();
  const waiting = new Set();
  const requests = [];
  let encoder = null;
  let hasAudio = true;
  /** A video stays when the next live begins. */
  let hasVideo = false;

  const tell = (change) => {
    Object.assign(live, change);
    for (const response of watchers) response.write(`event: state\ndata: ${JSON.stringify(live)}\n\n`);
  };
  const wake = () => {
    for (const check of waiting) check();
  };
  const until = (ready) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => done(false), WAIT_MS);
      const done = (answer) => {
        clearTimeout(timer);
        waiting.delete(check);
        resolve(answer);
      };
      const check = () => {
        if (ready() || live.state === 'ended') done(true);
      };
      waiting.add(check);
      check();
    });

  /** Begins or resumes a live. `pictures`: a child process that writes gray 640x360 pictures, else a moving test picture. */
  function push({ pictures = null } = {}) {
    const source = pictures
      ? ['-f', 'rawvideo', '-pixel_format', 'gray', '-video_size', '640x360', '-framerate', String(rate), '-i', 'pipe:0']
      : ['-re', '-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=${rate}`];
    const fragments = ['-f', 'mp4', '-frag_duration', '499000', '-flush_packets', '1', '-movflags'];
    const encode = (height, bit_rate, pipe) => ['-map', '0:v', '-vf', `scale=-2:${height}`, '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency',
      '-profile:v', 'baseline', '-threads', '1', '-pix_fmt', 'yuv420p', '-g', String(rate * SEGMENT_S), '-keyint_min', String(rate * SEGMENT_S),
      '-sc_threshold', '0', '-b:v', bit_rate, '-video_track_timescale', String(12_800 * rate),
      ...fragments, '+empty_moov+default_base_moof+frag_keyframe', `pipe:${pipe}`];
    const args = ['-hide_banner', '-loglevel', 'error', '-fflags', 'nobuffer', '-probesize', '32', ...source,
      '-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', ...encode(360, '700k', 1),
      '-map', '1:a', '-c:a', 'aac', '-b:a', '64k', ...fragments, '+empty_moov+default_base_moof', 'pipe:3',
      ...rungs.flatMap(({ height }, i) => encode(height, '200k', 4 + i))];
    const child = spawn('ffmpeg', args, { stdio: ['pipe', 'pipe', 'inherit', 'pipe', ...rungs.map(() => 'pipe')] });
    encoder = child;
    child.stdin.on('error', () => undefined);
    if (pictures) pictures.stdout.pipe(child.stdin);
    const clock = { anchor_ms: null };
    const made = [[tracks.source, child.stdout], [tracks.audio, child.stdio[3]], ...rungs.map(({ height }, i) => [tracks[`${height}p`], child.stdio[4 + i]])];
    for (const [track, pipe] of made) {
      track.begin();
      const span = track.spans.at(-1);
      const add = (data) => {
        if (encoder !== child) return;
        track.add(data, clock);
        // On air once all can be played.
        const { source, ...others } = tracks;
        if (live.state !== 'on_air' && source.segments.length > 1 && Object.values(others).every(({ segments }) => segments.length > 0)) {
          tell({ state: 'on_air', renditions_version: live.renditions_version || 1 });
        }
        wake();
      };
      const boxes = new Boxes((init) => (span.init = init), track.lag_ms > 0 ? (data) => setTimeout(add, track.lag_ms, data) : add);
      pipe.on('data', (bytes) => boxes.push(bytes));
    }
    if (live.state !== 'dropped') tell({ state: 'starting', video_id: 'v1' });
    return child;
  }
  function stopEncoder() {
    const child = encoder;
    encoder = null;
    child?.kill('SIGKILL');
    for (const track of Object.values(tracks)) track.close();
  }

  async function answer(request, response) {
    const url = new URL(request.url, 'http://x');
    requests.push(url.pathname + url.search);
    if (requests.length > 20_000) requests.splice(0, 10_000);
    response.setHeader('cache-control', 'no-store');
    const send = (type, body, status = 200) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    };
    const hls = (text) => send('application/vnd.apple.mpegurl', text);
    // What is asked for of the second sound track is the first one's.
    const pathname = url.pathname.replace(/^\/media\/other\//, '/media/audio/');
    let found;
    if (pathname === '/operate/_/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('retry: 1000\n\n');
      walls.add(response);
      request.on('close', () => walls.delete(response));
      return;
    }
    if (/^\/(live\/(demo|hall)|operate\/_\/(jobs|machine))\/events$/.test(pathname)) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`retry: 1000\nevent: state\ndata: ${JSON.stringify(live)}\n\n`);
      watchers.add(response);
      request.on('close', () => watchers.delete(response));
      return;
    }
    if ((found = /^\/(live\/demo|videos\/v[17])\/master\.m3u8$/.exec(pathname))) {
      const kind = found[1] === 'live/demo' ? 'live' : 'vod';
      if (kind === 'live' ? tracks.source.segments.length < 2 : !hasVideo) return send('application/problem+json', '{"status":404}', 404);
      const audio = hasAudio ? `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${interpreted ? 'Français' : 'Audio'}",DEFAULT=YES,AUTOSELECT=YES,${interpreted ? 'LANGUAGE="fr",' : ''}URI="/${kind}/audio/media.m3u8"\n` +
        (interpreted ? `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,URI="/${kind}/other/media.m3u8"\n` : '') : '';
      const texts = languages.map((language) => `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="${language}",LANGUAGE="${language}",` +
        `AUTOSELECT=YES,DEFAULT=NO,URI="/${kind}/subtitles-${language}/media.m3u8"\n`).join('');
      const groups = `${hasAudio ? ',AUDIO="a"' : ''}${texts && ',SUBTITLES="s"'}`;
      const variant = (name, height, bandwidth) => `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},RESOLUTION=${Math.round((height * 8) / 9) * 2}x${height},` +
        `CODECS="avc1.42c01e${hasAudio ? ',mp4a.40.2' : ''}",FRAME-RATE=${rate}${groups}\n/${kind}/${name}/media.m3u8\n`;
      const variants = [variant('source', 360, 900_000), ...rungs.map(({ height }) => variant(`${height}p`, height, 300_000))].join('');
      const alone = hasAudio ? `#EXT-X-STREAM-INF:BANDWIDTH=70000,CODECS="mp4a.40.2"${groups}\n/${kind}/audio/media.m3u8\n` : '';
      return hls(`#EXTM3U\n#EXT-X-VERSION:9\n${audio}${texts}${variants}${alone}`);
    }
    if ((found = /^\/(live|vod)\/(?:subtitles-(\w+)|(\w+))\/media\.m3u8$/.exec(pathname))) {
      const track = found[2] ? subtitles[found[2]] : tracks[found[3] === 'other' ? 'audio' : found[3]];
      if (!track) return send('text/plain', '', 404);
      const [msn, part] = ['_HLS_msn', '_HLS_part'].map((name) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : null));
      if (found[1] === 'live' && msn !== null && !(await until(() => track.has(msn, part)))) return send('text/plain', 'later', 503);
      const isVideo = found[1] === 'vod';
      const list = track.playlist(isVideo || live.state === 'ended', isVideo, Object.values(tracks).filter((other) => other !== track));
      return hls(found[3] === 'other' ? list.replaceAll('/media/audio/', '/media/other/') : list);
    }
    if ((found = /^\/media\/(\w+)\/init(\d+)\.mp4$/.exec(pathname))) {
      const init = tracks[found[1]]?.spans[Number(found[2])]?.init;
      return init ? send('video/mp4', init) : send('text/plain', '', 404);
    }
    if ((found = /^\/media\/(\w+)\/(\d+)(?:\.(\d+))?\.m4s$/.exec(pathname))) {
      const track = tracks[found[1]];
      if (!track) return send('text/plain', '', 404);
      const msn = Number(found[2]);
      if (found[3] !== undefined) {
        const part = Number(found[3]);
        await until(() => track.has(msn, part));
        const data = track.segments[msn]?.parts[part]?.data;
        return data ? send('video/mp4', data) : send('text/plain', '', 404);
      }
      const segment = track.segments[msn];
      return segment ? send('video/mp4', Buffer.concat(segment.parts.map((part) => part.data))) : send('text/plain', '', 404);
    }
    if (pathname === '/api/v1/videos/v1') return send('application/json', JSON.stringify({ id: 'v1', poster_url: live.pictured ? '/videos/v1/poster.jpg' : null }));
    if (request.method === 'POST' && /^\/videos\/v[17]\/watched$/.test(pathname)) return send('text/plain', '', 204);
    if (pathname === '/videos/v1/storyboard.vtt') {
      const cue = (n) => `\n00:00:${String(n * 2).padStart(2, '0')}.000 --> 00:00:${String(n * 2 + 2).padStart(2, '0')}.000\n/videos/v1/storyboard.jpg#xywh=${n * 16},0,16,16\n`;
      return send('text/vtt', `WEBVTT\n${[...Array(20).keys()].map(cue).join('')}`);
    }
    if ((found = /^\/videos\/v7\/captions\/(fr|en)\.vtt$/.exec(pathname))) {
      return send('text/vtt', vtt(LINES[found[1]].map((line, n) => [n * 3, n * 3 + 3, line])));
    }
    if (pathname === '/videos/v7/chapters.vtt') return send('text/vtt', vtt([[0, 6, 'Rappels'], [6, 12, 'Dirichlet'], [12, 59, 'Exemples']]));
    if ((found = /^\/live\/demo\/captions\/(\w+)\.(json|txt|vtt)$/.exec(pathname)) && subtitles[found[1]]) {
      const [, language, form] = found;
      const { cues } = subtitles[language];
      if (form === 'json') return send('application/json', JSON.stringify({ cues: cues.map(({ id, start, end, text }) => ({ language, id, start, end, lines: text.split('\n'), final: true })) }));
      return send('text/plain', cues.map(({ text }) => text).join('\n'));
    }
    if (pathname === '/live/demo/previews.json') {
      return send('application/json', JSON.stringify({ at_ms: tracks.source.segments.map(({ pdt_ms }) => Math.ceil(pdt_ms)), more: false }));
    }
    if (/^\/live\/demo\/previews\/\d+\.jpg$/.test(pathname)) return send('image/jpeg', SHEET);
    if (/^\/live\/\w+\/picture\.jpg$/.test(pathname)) return send('image/jpeg', SHEET);
    if (pathname === '/videos/v1/storyboard.jpg') return send('image/jpeg', SHEET);
    if ((found = /^\/media\/subtitles-(\w+)\/(\d+)\.vtt$/.exec(pathname))) return send('text/vtt', subtitles[found[1]].segment(Number(found[2])));
    return serveFile(pathname, request.headers['accept-language'] ?? '', send, response, embedder);
  }

  const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  await new Promise((resolve) => server.listen(port, host, resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  return {
    url: address,
    live,
    tracks,
    subtitles,
    requests,
    push,
    tell,
    /** A `caption` event, as the live page follows them. */
    tellCue(cue) {
      for (const response of watchers) response.write(`event: caption\ndata: ${JSON.stringify(cue)}\n\n`);
    },
    /** What the wall is told: `all` that there are, or those of which `some` things have changed. */
    tellWall(event, tiles) {
      for (const response of walls) response.write(`event: ${event}\ndata: ${JSON.stringify(tiles)}\n\n`);
    },
    /** The wall's connections end, as when the server starts anew. */
    hangUpWall() {
      for (const response of walls) response.end();
    },
    setAudio: (on) => (hasAudio = on),
    drop() {
      stopEncoder();
      tell({ state: 'dropped' });
    },
    end() {
      stopEncoder();
      hasVideo = true;
      tell({ state: 'ended', video_id: 'v1', video_url: VIDEO_PAGE });
      wake();
    },
    async close() {
      stopEncoder();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8' };
const PAGES = {
  '/sign-in': 'sign-in', '/forgotten': 'forgotten', '/account': 'account', '/site': 'site', '/accessibility': 'accessibility', '/search': 'search',
  '/operate': 'operate', '/operate/hall': 'operate-hall', '/operate/_/new': 'operate-new', '/operate/_/jobs': 'operate-jobs', '/operate/_/log': 'operate-log', '/operate/_/machine': 'operate-machine',
  '/operate/hall/rights': 'operate-rights', '/operate/hall/remove': 'operate-remove', '/operate/_/buildings/b1': 'operate-building',
  '/people': 'people', '/people/p2': 'person', '/groups': 'groups', '/videos/v1/edit': 'video-edit', '/videos/v1/rights': 'video-rights', '/videos/v1/subtitles': 'video-subtitles', '/videos/v1/download': 'video-download',
  '/my-videos': 'my-videos', '/my-videos/grid': 'my-videos-grid', '/recordings-to-claim': 'recordings-to-claim',
  '/new-password': 'new-password', '/new-password/short': 'new-password-short', '/sign-in/wrong': 'sign-in-wrong', '/account/wrong': 'account-wrong',
  '/videos/v1/edit/wrong': 'video-edit-wrong', '/videos/v1/subtitles/wrong': 'video-subtitles-wrong', '/videos/v1/rights/wrong': 'video-rights-wrong',
  '/people/taken': 'people-taken', '/groups/wrong': 'groups-wrong', '/site/wrong': 'site-wrong', '/message': 'message', '/message/names': 'message-names',
  '/shown-once': 'shown-once', '/operate/hall/key': 'operate-key', '/my-videos/deleted': 'my-videos-deleted', '/my-videos/wrong': 'my-videos-wrong', '/live/on-air': 'live-on-air',
  '/live/closed': 'password', '/live/hall': 'live-tool', '/embed/videos/closed': 'embed-refused',
  '/embed/videos/v7': 'embed-video', '/embed/live/demo': 'embed-live', '/': 'home', '/live/demo': 'live', '/videos': 'videos', '/none': 'error', [VIDEO_PAGE]: 'video', [LECTURE_PAGE]: 'lecture',
};
/** The addresses of all pages that the server's tests have written. */
export const PATHS = Object.keys(PAGES);
/** What stands beside a live: here a page of this site. */
const TOOL = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Chat</title><main><h1>Chat</h1><p>Hello.</p></main>';

// A page of tests/pages has the assets' names before hashing, such as /assets/live.js.
function serveFile(pathname, languages, send, response, embedder) {
  const page = PAGES[pathname];
  if (page) {
    const language = languages.startsWith('en') ? 'en' : 'fr';
    const embedded = page.startsWith('embed-');
    response.setHeader('content-security-policy', embedded ? `${CSP} ${embedder}` : CSP);
    const text = fs.readFileSync(path.join(HERE, 'pages', `${page}.${language}.html`), 'utf8');
    return send(TYPES['.html'], text.replace('data-embedders=""', `data-embedders="${embedder}"`).replaceAll('https://chat.example/', '/tool/'));
  }
  if (pathname.startsWith('/tool/')) return send(TYPES['.html'], TOOL);
  const manifest = JSON.parse(fs.readFileSync(path.join(DIST, '.vite/manifest.json'), 'utf8'));
  const entry = Object.values(manifest).find((item) => item.isEntry && pathname === `/assets/${item.name}.js`);
  let file = entry ? `/${entry.file}` : pathname;
  if (/^\/assets\/(site|player|operate)\.css$/.test(pathname)) {
    const name = pathname.includes('player') ? 'amphi-player' : path.basename(pathname, '.css');
    file = `/${Object.values(manifest).find((item) => item.file.includes(`/${name}`) && item.file.endsWith('.js')).css[0]}`;
  }
  const full = path.join(DIST, path.normalize(file));
  if (!full.startsWith(DIST) || !fs.existsSync(full) || !fs.statSync(full).isFile()) return send('text/plain', 'not found', 404);
  // A module that is asked for by two names would run twice.
  if (entry) {
    response.writeHead(302, { location: file });
    return response.end();
  }
  return send(TYPES[path.extname(full)] ?? 'application/octet-stream', fs.readFileSync(full));
}
