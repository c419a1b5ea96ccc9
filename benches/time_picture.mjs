// Writes raw pictures to stdout, each with the wall-clock time of its making drawn in it, at their own pace:
//
//   node benches/time_picture.mjs --size 640x360 --rate 25 [--seconds N] \
//     | ffmpeg -f rawvideo -pixel_format gray -video_size 640x360 -framerate 25 -i pipe:0 …
//
// A picture is drawn when its moment has come. When the reader was slow, the missing ones are drawn late and carry the
// time at which they really are drawn, so that no old time waits in a queue here. The rest of the picture moves, so that
// the encoder has work to do.
import process from 'node:process';
import { BLOCKS, encode } from '../tests/support/peers/time_code.mjs';

const WHITE = 235;
const BLACK = 16;

function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}

const [width, height] = option('size', '640x360').split('x').map(Number);
const rate = Number(option('rate', '25'));
const seconds = Number(option('seconds', '3600'));
if (!(width >= BLOCKS && width % BLOCKS === 0 && height > width / BLOCKS && rate > 0 && rate <= 120 && seconds > 0)) {
  console.error(`usage: time_picture.mjs --size WxH (W a multiple of ${BLOCKS}) --rate 1..120 --seconds N`);
  process.exit(2);
}
const block = width / BLOCKS;
// A slope of greys twice as wide as the picture: each row of a frame is a window into it.
const slope = Buffer.from(Array.from({ length: width * 2 }, (_, x) => 48 + Math.abs((x % 256) - 128)));

function draw(frame, at_ms) {
  const picture = Buffer.allocUnsafe(width * height);
  for (let y = block; y < height; y += 1) slope.copy(picture, y * width, (frame * 3 + y) % width, ((frame * 3 + y) % width) + width);
  const row = Buffer.allocUnsafe(width);
  encode(at_ms).forEach((bit, i) => row.fill(bit ? WHITE : BLACK, i * block, (i + 1) * block));
  for (let y = 0; y < block; y += 1) row.copy(picture, y * width);
  return picture;
}

const start_ms = performance.now();
let frame = 0;
let blocked = false;
process.stdout.on('error', () => process.exit(0));
process.stdout.on('drain', () => {
  blocked = false;
});

function tick() {
  const due = Math.floor(((performance.now() - start_ms) * rate) / 1000);
  if (due >= seconds * rate) return process.stdout.end(() => process.exit(0));
  // ffmpeg counts frames, not time: none may be missing, or its clock would fall behind.
  while (frame <= due && !blocked) {
    blocked = !process.stdout.write(draw(frame, performance.timeOrigin + performance.now()));
    frame += 1;
  }
  const next_ms = (frame * 1000) / rate - (performance.now() - start_ms);
  return setTimeout(tick, Math.max(1, next_ms));
}
tick();
