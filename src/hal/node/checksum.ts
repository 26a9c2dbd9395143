// A checksum against accidents, in place of node:zlib's, which takes longer to load than a small program runs. It is no defence
// against anybody who can write what it covers. It is computed by WebAssembly, because a function of JavaScript has seen most of a large
// file before V8 has compiled it: 18 MB take 3 ms, where they took 10.

/**
 * Fletcher's two sums over words of 32 bits: `(func (export "") (param $p i32) (param $end i32) (result i32) (local $a i64) (local $b i64)`.
 * Eight words a turn; where the length is no multiple of these, zeros of the memory come last, and the length is what `$a` begins with.
 */
const MODULE = Uint8Array.fromHex(
  [
    '0061736d 01000000 01070160027f7f017f 0206010000020000 03020100 070401000000 0ab20101af0101027e',
    '2001ad2102', // $a = $end
    '0240 0340 20002001 4f 0d01', // block, loop, br_if 1 ($p >= $end)
    ...['00', '04', '08', '0c', '10', '14', '18', '1c'].map(
      (offset) => `2003 2002 20003502${offset} 7c2202 7c2103`, // $b += ($a += i64.load32_u offset ($p))
    ),
    '2000 4120 6a 2100 0c00 0b 0b', // $p += 32, br 0
    '2002 4220 89 2003 85 4295f8a9fa97b7de9b9e7f 7e 4220 88 a7 0b', // wrap(((rotl($a, 32) ^ $b) * 0x9e3779b97f4a7c15) >> 32)
  ]
    .join('')
    .replaceAll(' ', ''),
);
/** The last turn may read so far beyond the end. */
const TURN_BYTES = 32;
const PAGE_BYTES = 65_536;
const WORD_BYTES = 4;

/** Up to so many bytes JavaScript is done sooner than WebAssembly has begun. */
const SHORT_BYTES = 4096;

type Sum = (start: number, end: number) => number;

let compiled: WebAssembly.Module | undefined;

/** Bytes that can be summed where they lie. */
export class Summable {
  /** Zeros at first. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #sum: Sum;

  /** Throws RangeError where the host has no such memory. */
  constructor(length: number) {
    if (length <= SHORT_BYTES) {
      const words = new Uint32Array(Math.ceil((length + TURN_BYTES) / WORD_BYTES));
      this.bytes = new Uint8Array(words.buffer, 0, length);
      this.#sum = (start, end) => sum(words, start, end);
      return;
    }
    const pages = Math.ceil((length + TURN_BYTES) / PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    compiled ??= new WebAssembly.Module(MODULE);
    this.bytes = new Uint8Array(memory.buffer as ArrayBuffer, 0, length);
    this.#sum = new WebAssembly.Instance(compiled, { '': { '': memory } }).exports[''] as Sum;
  }

  /** 32 bits over all from `start`, a multiple of four, on. */
  checksum(start: number): number {
    return this.#sum(start, this.bytes.length) >>> 0;
  }
}

/** What MODULE computes; of so few words both sums are exact in doubles. */
function sum(words: Uint32Array, start: number, end: number): number {
  let a = end;
  let b = 0;
  const turns = Math.ceil((end - start) / TURN_BYTES);
  for (let at = start / WORD_BYTES, rest = (turns * TURN_BYTES) / WORD_BYTES; rest > 0; at++, rest--) {
    a += words[at]!;
    b += a;
  }
  const [low, high] = [BigInt(a), BigInt(b)];
  return Number(BigInt.asUintN(64, (((low << 32n) | (low >> 32n)) ^ high) * 0x9e3779b97f4a7c15n) >> 32n);
}
