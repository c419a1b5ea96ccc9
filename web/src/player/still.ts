// A fragmented MP4's first keyframe, and fragments of nothing but that picture: as long and as late as is asked for, in the same track and
// on the same timeline. Pure; what it can't read gives null, never an exception.

/** A picture, and where it stood. */
export interface Still {
  readonly track: number;
  /** Ticks per second. */
  readonly timescale: number;
  /** Decode time of the picture, and from there to its presentation. Ticks. */
  readonly decoded: number;
  readonly shown_after: number;
  /** Where the player put its fragment. Seconds of the media element. */
  readonly start_s: number;
  readonly sample: Uint8Array;
}

interface Box {
  readonly type: string;
  /** Of its header, of what is in it, and of what comes after it. */
  readonly at: number;
  readonly body: number;
  readonly end: number;
}

/** `sample_is_non_sync_sample`, and the flags of a sample that depends on no other (ISO/IEC 14496-12 §8.8.3.1). */
const NO_KEYFRAME = 0x0001_0000;
const KEYFRAME = 0x0200_0000;
/** No picture is larger: 4K at any quality stays below it. */
const MAX_SAMPLE_BYTES = 8 * 1024 * 1024;
/** `default-base-is-moof`. */
const FROM_MOOF = 0x02_0000;

function* boxes(view: DataView, from: number, to: number): Generator<Box> {
  for (let at = from; at + 8 <= to; ) {
    const size = view.getUint32(at);
    // Sizes of 64 bits and "to the end" are for files of hours, not for fragments.
    if (size < 8 || at + size > to) return;
    const type = String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5), view.getUint8(at + 6), view.getUint8(at + 7));
    yield { type, at, body: at + 8, end: at + size };
    at += size;
  }
}

/** The first box of this path. */
function find(view: DataView, within: { body: number; end: number }, ...path: string[]): Box | null {
  let box: Box | null = null;
  let { body, end } = within;
  for (const type of path) {
    box = null;
    for (const one of boxes(view, body, end)) {
      if (one.type !== type) continue;
      box = one;
      break;
    }
    if (!box) return null;
    ({ body, end } = box);
  }
  return box;
}

const flagsOf = (view: DataView, box: Box) => view.getUint32(box.body) & 0xff_ffff;
const versionOf = (view: DataView, box: Box) => view.getUint8(box.body);

/** The optional fields of a box, in their order; each is there when its flag is. */
function fields(view: DataView, flags: number, at: number, wanted: readonly (readonly [flag: number, bytes: number])[]): { values: (number | null)[]; end: number } {
  let end = at;
  const values = wanted.map(([flag, bytes]) => {
    if (!(flags & flag)) return null;
    end += bytes;
    return view.getUint32(end - 4);
  });
  return { values, end };
}

/**
 * The keyframe with which a fragment begins.
 * @param init the initialisation segment
 * @param start_s where the player put the fragment
 */
export function stillOf(init: Uint8Array, fragment: Uint8Array, start_s: number): Still | null {
  try {
    return read(new DataView(init.buffer, init.byteOffset, init.byteLength), new DataView(fragment.buffer, fragment.byteOffset, fragment.byteLength), start_s);
  } catch {
    // It ended within a field.
    return null;
  }
}

function read(init: DataView, media: DataView, start_s: number): Still | null {
  const whole = (view: DataView) => ({ body: 0, end: view.byteLength });
  const header = find(init, whole(init), 'moov', 'trak', 'mdia', 'mdhd');
  const extends_ = find(init, whole(init), 'moov', 'mvex', 'trex');
  const moof = find(media, whole(media), 'moof');
  const traf = moof && find(media, moof, 'traf');
  if (!header || !moof || !traf) return null;
  const [tfhd, tfdt, trun] = ['tfhd', 'tfdt', 'trun'].map((type) => find(media, traf, type));
  if (!tfhd || !tfdt || !trun) return null;

  const timescale = init.getUint32(header.body + (versionOf(init, header) === 1 ? 20 : 12));
  const decoded = versionOf(media, tfdt) === 1 ? Number(media.getBigUint64(tfdt.body + 4)) : media.getUint32(tfdt.body + 4);
  // Track, base offset, description, duration, size, flags.
  const track_flags = flagsOf(media, tfhd);
  const defaults = fields(media, track_flags, tfhd.body + 8, [[0x01, 8], [0x02, 4], [0x08, 4], [0x10, 4], [0x20, 4]]).values;
  if (defaults[0] !== null || timescale === 0 || media.getUint32(trun.body + 4) === 0) return null;
  const run_flags = flagsOf(media, trun);
  const run = fields(media, run_flags, trun.body + 8, [[0x01, 4], [0x04, 4]]);
  const [, size, own_flags, shift] = fields(media, run_flags, run.end, [[0x100, 4], [0x200, 4], [0x400, 4], [0x800, 4]]).values;

  const flags = run.values[1] ?? own_flags ?? defaults[4] ?? (extends_ ? init.getUint32(extends_.body + 20) : NO_KEYFRAME);
  const bytes = size ?? defaults[3] ?? (extends_ ? init.getUint32(extends_.body + 16) : 0);
  const begin = moof.at + (run.values[0] ?? moof.end - moof.at + 8);
  if (flags & NO_KEYFRAME || bytes === 0 || bytes > MAX_SAMPLE_BYTES || begin + bytes > media.byteLength) return null;
  return {
    track: media.getUint32(tfhd.body + 4),
    timescale,
    decoded,
    // A signed number since version 1; before, nobody writes one above two thousand million either.
    shown_after: (shift ?? 0) | 0,
    start_s,
    sample: new Uint8Array(media.buffer.slice(media.byteOffset + begin, media.byteOffset + begin + bytes)),
  };
}

/** A fragment that shows the picture from `start_s` on, for `duration_s` seconds. */
export function fragmentOf(still: Still, start_s: number, duration_s: number, sequence: number): ArrayBuffer {
  const { sample, timescale } = still;
  const moof_bytes = 104;
  const bytes = new Uint8Array(moof_bytes + 8 + sample.byteLength);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const u32 = (value: number) => {
    view.setUint32(at, value);
    at += 4;
  };
  const box = (type: string, size: number) => {
    u32(size);
    for (const letter of type) view.setUint8(at++, letter.charCodeAt(0));
  };
  box('moof', moof_bytes);
  box('mfhd', 16);
  u32(0);
  u32(sequence);
  box('traf', 80);
  box('tfhd', 16);
  u32(FROM_MOOF);
  u32(still.track);
  box('tfdt', 20);
  u32(0x0100_0000);
  view.setBigUint64(at, BigInt(Math.max(0, still.decoded + Math.round((start_s - still.start_s) * timescale))));
  at += 8;
  box('trun', 36);
  // Version 1; with an offset, and of the sample a duration, a size, flags and a composition offset.
  u32(0x0100_0f01);
  u32(1);
  u32(moof_bytes + 8);
  u32(Math.max(1, Math.round(duration_s * timescale)));
  u32(sample.byteLength);
  u32(KEYFRAME);
  view.setInt32(at, still.shown_after);
  at += 4;
  box('mdat', 8 + sample.byteLength);
  bytes.set(sample, at);
  return bytes.buffer;
}
