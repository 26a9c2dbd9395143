import { describe, expect, test } from 'vitest';
import type { MemoryType, Mmu } from '../../src/hal/mmu.ts';
import { portableMmu } from '../../src/hal/node/mmu/portable.ts';
import { simHal } from '../../src/hal/sim/hal.ts';

const plain: MemoryType = { minimum: 1, maximum: undefined, shared: false, address: 'i32' };

const drivers: [string, () => Mmu][] = [
  ['portable', portableMmu],
  ['sim', () => simHal({ seed: 1 }).mmu],
];

describe.each(drivers)('mmu: %s', (_name, make) => {
  const types: [string, MemoryType][] = [
    ['plain', plain],
    ['empty', { ...plain, minimum: 0 }],
    ['bounded', { ...plain, maximum: 10 }],
    ['shared', { ...plain, maximum: 10, shared: true }],
    ['64-bit', { ...plain, address: 'i64' }],
    ['64-bit, bounded', { ...plain, maximum: 10, address: 'i64' }],
    ['64-bit, with a maximum that nobody can have', { ...plain, maximum: 2 ** 48, address: 'i64' }],
  ];

  test.each(types)('a %s memory has its minimum, zeroed, and grows', (_what, type) => {
    const mmu = make();
    const memory = mmu.allocate(type)!;
    expect(memory.buffer.byteLength).toBe(type.minimum * 65_536);
    expect(memory.buffer instanceof SharedArrayBuffer).toBe(type.shared);
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
    expect(mmu.grow(memory, type, 2)).toBe(type.minimum);
    expect(mmu.grow(memory, type, 0)).toBe(type.minimum + 2);
    expect(memory.buffer.byteLength).toBe((type.minimum + 2) * 65_536);
    mmu.release(memory, type);
  });

  test('growth beyond the maximum is refused and changes nothing', () => {
    const mmu = make();
    for (const address of ['i32', 'i64'] as const) {
      const type = { ...plain, maximum: 3, address };
      const memory = mmu.allocate(type)!;
      expect(mmu.grow(memory, type, 3)).toBe(-1);
      expect(mmu.grow(memory, type, 65_536)).toBe(-1);
      expect(memory.buffer.byteLength).toBe(65_536);
      mmu.release(memory, type);
    }
  });

  test('what does not fit into the host is refused', () => {
    expect(make().allocate({ ...plain, minimum: 262_145, address: 'i64' })).toBeUndefined();
    const mmu = make();
    const memory = mmu.allocate(plain)!;
    expect(mmu.grow(memory, plain, 65_536)).toBe(-1);
  });
});

test('a simulated machine runs out of pages, and gets them back', () => {
  const { mmu } = simHal({ seed: 1, pages: 4 });
  const first = mmu.allocate({ ...plain, minimum: 3 })!;
  expect(mmu.allocate({ ...plain, minimum: 2 })).toBeUndefined();
  expect(mmu.grow(first, plain, 2)).toBe(-1);
  expect(mmu.grow(first, plain, 1)).toBe(3);
  mmu.release(first, plain);
  expect(mmu.pagesFree).toBe(4);
  expect(mmu.live).toBe(0);
  expect(() => mmu.release(first, plain)).toThrow('twice');
});

test('a simulated machine refuses memory at the moments that its seed decides', () => {
  const outcomes = (seed: number) => {
    const { mmu } = simHal({ seed, faults: { noMemory: 0.5 } });
    return Array.from({ length: 32 }, () => (mmu.allocate(plain) ? 1 : 0)).join('');
  };
  expect(outcomes(1)).toMatch(/0.*1|1.*0/);
  expect(outcomes(1)).toBe(outcomes(1));
  expect(outcomes(1)).not.toBe(outcomes(2));
});
