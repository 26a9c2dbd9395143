import { describe, expect, test } from 'vitest';
import { Summable } from '../../src/hal/node/checksum.ts';

const MASK = 2n ** 64n - 1n;

/** What the module computes, as its comment says it. */
function reference(bytes: Uint8Array, start: number): number {
  const padded = new Uint8Array(start + Math.ceil((bytes.length - start) / 32) * 32);
  padded.set(bytes);
  const view = new DataView(padded.buffer);
  let a = BigInt(bytes.length);
  let b = 0n;
  for (let at = start; at < padded.length; at += 4) {
    a += BigInt(view.getUint32(at, true));
    b += a;
  }
  const turned = (a << 32n) | (a >> 32n);
  return Number((((turned ^ b) * 0x9e3779b97f4a7c15n) & MASK) >> 32n);
}

function summed(length: number, fill: (bytes: Uint8Array) => void, start = 0): number {
  const area = new Summable(length);
  fill(area.bytes);
  return area.checksum(start);
}

const numbered = (bytes: Uint8Array) => bytes.set(bytes.map((_, i) => i * 131 + (i >> 8)));

describe('the checksum of cached code', () => {
  test.each([1, 7, 8, 31, 32, 33, 4095, 4096, 4097, 65_503, 65_504, 65_505, 65_535, 65_536, 65_537, 200_001])(
    'is the two sums of the words of %i bytes',
    (length) => {
      const bytes = new Uint8Array(length);
      numbered(bytes);
      for (const start of [0, 4, 12].filter((start) => start < length))
        expect(summed(length, numbered, start)).toBe(reference(bytes, start));
    },
  );

  test.each([
    { length: 100, step: 1 },
    { length: 5000, step: 67 },
  ])('of $length bytes shows every bit, words that changed places, and zeros at the end', ({ length, step }) => {
    const sums = new Set([summed(length, numbered)]);
    for (let bit = 0; bit < length * 8; bit += step) {
      sums.add(
        summed(length, (bytes) => {
          numbered(bytes);
          bytes[bit >> 3]! ^= 1 << (bit & 7);
        }),
      );
    }
    sums.add(
      summed(length, (bytes) => {
        numbered(bytes);
        bytes.set([...bytes.subarray(8, 16), ...bytes.subarray(0, 8)]);
      }),
    );
    expect(sums.size).toBe(1 + Math.ceil((length * 8) / step) + 1);
    expect(summed(length + 1, (bytes) => numbered(bytes.subarray(0, length)))).not.toBe(summed(length, numbered));
  });
});
