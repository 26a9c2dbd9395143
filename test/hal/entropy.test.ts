import { describe, expect, test } from 'vitest';
import type { Entropy } from '../../src/hal/entropy.ts';
import { nodeEntropy } from '../../src/hal/node/entropy.ts';
import { simHal } from '../../src/hal/sim/hal.ts';

const drivers: [string, () => Entropy][] = [
  ['node', nodeEntropy],
  ['sim', () => simHal({ seed: 1 }).entropy],
];

describe.each(drivers)('entropy: %s', (_name, make) => {
  test.each([0, 1, 15, 4095, 4096, 4097, 70_000])('fills exactly %i bytes where it is told to', (length) => {
    const entropy = make();
    const into = new Uint8Array(length + 20);
    const seen = new Uint8Array(length + 20);
    // A byte may well be zero once, but hardly in forty draws.
    for (let i = 0; i < 40; i++) {
      entropy.fill(into, 10, length);
      for (let j = 0; j < into.length; j++) seen[j]! |= into[j]!;
    }
    expect(seen.subarray(0, 10).every((byte) => byte === 0)).toBe(true);
    expect(seen.subarray(10, 10 + length).every((byte) => byte !== 0)).toBe(true);
    expect(seen.subarray(10 + length).every((byte) => byte === 0)).toBe(true);
  });

  test('fills shared memory', () => {
    const into = new Uint8Array(new SharedArrayBuffer(8192));
    make().fill(into, 0, 8192);
    expect(into.some((byte) => byte !== 0)).toBe(true);
  });

  test('gives nothing twice', () => {
    const entropy = make();
    const seen = new Set<bigint>();
    const word = new BigUint64Array(1);
    for (let i = 0; i < 2000; i++) {
      entropy.fill(new Uint8Array(word.buffer), 0, 8);
      seen.add(word[0]!);
    }
    expect(seen.size).toBe(2000);
  });

  test('uses every byte value about equally often', () => {
    const bytes = new Uint8Array(256_000);
    make().fill(bytes, 0, bytes.length);
    const counts = new Uint32Array(256);
    for (const byte of bytes) counts[byte]!++;
    // Mean 1,000, deviation 31.6: beyond seven of them once in 10^10 runs.
    expect(Math.min(...counts)).toBeGreaterThan(778);
    expect(Math.max(...counts)).toBeLessThan(1222);
  });
});

test('a simulated machine draws what its seed says', () => {
  const draw = (seed: number) => {
    const bytes = new Uint8Array(64);
    simHal({ seed }).entropy.fill(bytes, 0, 64);
    return bytes.join();
  };
  expect(draw(7)).toBe(draw(7));
  expect(draw(7)).not.toBe(draw(8));
});
