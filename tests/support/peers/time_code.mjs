// A wall-clock time drawn in a picture, and read back from it after encoding, delivery and decoding.
//
// 40 blocks in one row across the whole width at the top: 32 bits of milliseconds since 1970 modulo 2^32, then 8 bits of
// check sum, most significant first; white is 1. At 640x360 a block is one 16x16 macroblock, which x264 keeps apart from
// its neighbours at any bit rate; the reader looks at the middle of each block only, and refuses a row whose check sum or
// contrast is wrong, so that a damaged picture is a missing measurement and never a false one.

export const BLOCKS = 40;
const DATA_BITS = 32;
/** Height of the row, as a fraction of the picture's width. */
export const ROW_OF_WIDTH = 1 / BLOCKS;

/** The check sum of 32 bits: two rows of one value, or a row of one colour, do not pass. */
function checkSum(bits) {
  let sum = 0xa5;
  for (let shift = 0; shift < DATA_BITS; shift += 8) sum = (sum * 31 + ((bits >>> shift) & 0xff)) & 0xff;
  return sum;
}

/** 40 zeroes and ones for a time in milliseconds since 1970. */
export function encode(at_ms) {
  const bits = Math.floor(at_ms % 2 ** 32) >>> 0;
  const sum = checkSum(bits);
  const row = [];
  for (let i = DATA_BITS - 1; i >= 0; i -= 1) row.push((bits >>> i) & 1);
  for (let i = 7; i >= 0; i -= 1) row.push((sum >>> i) & 1);
  return row;
}

/** The time drawn as 40 brightness values 0..255, completed with the help of a time near it; null if it is no time code. */
export function decode(levels, near_ms) {
  if (levels.length !== BLOCKS) return null;
  const dark = Math.min(...levels);
  const light = Math.max(...levels);
  if (light - dark < 90) return null;
  let bits = 0;
  let sum = 0;
  for (let i = 0; i < BLOCKS; i += 1) {
    const place = (levels[i] - dark) / (light - dark);
    if (place > 0.35 && place < 0.65) return null;
    const bit = place > 0.5 ? 1 : 0;
    if (i < DATA_BITS) bits = ((bits << 1) | bit) >>> 0;
    else sum = (sum << 1) | bit;
  }
  if (sum !== checkSum(bits)) return null;
  const period = 2 ** 32;
  const base = Math.floor(near_ms / period) * period;
  const near = [base - period + bits, base + bits, base + period + bits];
  return near.reduce((best, at) => (Math.abs(at - near_ms) < Math.abs(best - near_ms) ? at : best));
}
