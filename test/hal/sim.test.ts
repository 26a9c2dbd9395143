import { describe, expect, test } from 'vitest';
import type { Directory, Entry, File, OpenOptions } from '../../src/hal/disk.ts';
import type { Faults } from '../../src/hal/sim/faults.ts';
import { simHal } from '../../src/hal/sim/hal.ts';
import { Random } from '../../src/hal/sim/random.ts';

const CREATE: OpenOptions = {
  read: true,
  write: true,
  create: true,
  exclusive: false,
  truncate: false,
  directory: false,
  follow: true,
  append: false,
  sync: 'none',
  nonblocking: false,
};

/** What comes of a fixed series of operations on a machine with these faults. */
function outcomes(seed: number, faults: Partial<Faults>): string[] {
  const root = simHal({ seed, faults }).disk.open('/') as Directory;
  const log: string[] = [];
  const bytes = new Uint8Array(100).fill(1);
  for (let i = 0; i < 100; i++) {
    const file = root.open(`f${i}`, CREATE) as File | string;
    if (typeof file === 'string') {
      log.push(file);
      continue;
    }
    log.push(`${file.write(bytes, 0, 100, 0)} ${file.read(bytes, 0, 100, 0)}`);
    file.close();
  }
  return log;
}

describe('the faults of a simulated disk', () => {
  test('none happen unless asked for', () => {
    expect(new Set(outcomes(1, {}))).toEqual(new Set(['100 100']));
  });

  test('each happens, now and then', () => {
    expect(outcomes(1, { io: 0.2 })).toContain('IO');
    expect(outcomes(1, { io: 0.2 })).toContain('100 100');
    expect(outcomes(1, { noSpace: 0.2 })).toContain('NOSPC');
    const short = outcomes(1, { short: 0.5 }).map((line) => line.split(' ').map(Number));
    expect(short.some(([put]) => put! < 100)).toBe(true);
    expect(short.every(([put, got]) => put! >= 1 && got! >= 1 && got! <= put!)).toBe(true);
  });

  test('follow from the seed', () => {
    const faults = { io: 0.2, noSpace: 0.1, short: 0.3 };
    expect(outcomes(5, faults)).toEqual(outcomes(5, faults));
    expect(outcomes(5, faults)).not.toEqual(outcomes(6, faults));
  });

  test('do not hide a directory from the operations that take two', () => {
    const root = simHal({ seed: 1 }).disk.open('/') as Directory;
    root.makeDirectory('a');
    (root.open('a/f', CREATE) as File).close();
    const to = root.linkless() as Directory;
    expect(root.rename('a/f', false, to, 'g', false)).toBeUndefined();
    expect(root.link('g', false, to, 'h')).toBeUndefined();
    expect((root.list() as readonly Entry[]).map(({ name }) => name).sort()).toEqual(['a', 'g', 'h']);
  });
});

describe('random numbers', () => {
  test('follow from the seed, and spread over 32 bits', () => {
    const random = new Random(42);
    const other = new Random(42);
    const draws = Array.from({ length: 1000 }, () => random.next());
    expect(draws).toEqual(Array.from({ length: 1000 }, () => other.next()));
    expect(new Set(draws).size).toBeGreaterThan(990);
    expect(draws.every((draw) => Number.isInteger(draw) && draw >= 0 && draw < 2 ** 32)).toBe(true);
  });

  test('below a limit are all reached, and none other', () => {
    const random = new Random(0);
    const seen = new Set(Array.from({ length: 1000 }, () => random.below(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('a chance of 0 never comes, one of 1 always', () => {
    const random = new Random(9);
    expect(Array.from({ length: 100 }, () => random.chance(0))).not.toContain(true);
    expect(Array.from({ length: 100 }, () => random.chance(1))).not.toContain(false);
  });
});
