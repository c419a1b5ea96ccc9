import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCKS, decode, encode } from '../../tests/support/peers/time_code.mjs';

const grey = (bits) => bits.map((bit) => (bit ? 228 : 22));

test('a time comes back, also across the period and with a weak picture', () => {
  for (const at of [0, 1_795_000_123_456, 2 ** 32 * 418 - 1, 2 ** 32 * 418]) {
    assert.equal(decode(grey(encode(at)), at + 2_000), at);
    assert.equal(decode(encode(at).map((bit) => (bit ? 180 : 60)), at), at);
  }
});

test('a damaged row is no time', () => {
  const at = 1_795_000_123_456;
  for (let i = 0; i < BLOCKS; i += 1) {
    const bits = encode(at);
    bits[i] ^= 1;
    assert.equal(decode(grey(bits), at), null, `bit ${i}`);
  }
  assert.equal(decode(Array(BLOCKS).fill(128), at), null);
  assert.equal(decode(grey(encode(at)).map((level, i) => (i === 5 ? 125 : level)), at), null);
  assert.equal(decode([], at), null);
});
