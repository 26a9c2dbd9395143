import { describe, expect, test } from 'vitest';
import type { MemoryType, Mmu } from '../../src/hal/mmu.ts';
import type { HostCalls } from '../../src/hal/node/mmu/calls.ts';
import { nodeMmu } from '../../src/hal/node/mmu/mmu.ts';
import { PortableMmu } from '../../src/hal/node/mmu/portable.ts';
import { simHal } from '../../src/hal/sim/hal.ts';
import { hostCalls, nativeMmu, refusing } from './mmus.ts';

const plain: MemoryType = { minimum: 1, maximum: undefined, shared: false, address: 'i32' };

const refuseScans = (call: string) => (call === 'written' ? 25 : undefined);

function native(name: string, calls: HostCalls | undefined): [string, () => Mmu][] {
  return calls === undefined ? [] : [[name, () => nativeMmu(calls)!]];
}

const drivers: [string, () => Mmu][] = [
  ['portable', () => new PortableMmu()],
  ['of this host', nodeMmu],
  ...native('native', hostCalls),
  ...native('native, with pages as large as some ARM64 hosts have', hostCalls && refusing(hostCalls, () => undefined, 65_536)),
  ...native('native, on a host that does not tell what was written', hostCalls && refusing(hostCalls, refuseScans)),
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

  const small: MemoryType = { ...plain, minimum: 4 };
  const bytesOf = (memory: WebAssembly.Memory) => new Uint8Array(memory.buffer);
  /** Data at the start, a hole, and data that ends within a page. */
  const source = () => {
    const bytes = new Uint8Array(150_001);
    bytes.fill(7, 10, 5000);
    bytes.fill(9, 120_000, 150_001);
    return bytes;
  };
  const started = () => {
    const mmu = make();
    const image = mmu.seal(source())!;
    const memory = mmu.allocate(small)!;
    expect(mmu.load(memory, image)).toBe(true);
    const whole = new Uint8Array(4 * 65_536);
    whole.set(source());
    return { mmu, image, memory, whole };
  };

  test('a memory starts as its image, with zeros behind it', () => {
    const { mmu, image, memory, whole } = started();
    expect(Buffer.compare(bytesOf(memory), whole)).toBe(0);
    expect(image.bytes).toBe(150_001);
    mmu.release(memory, small);
    image.release();
  });

  test('an image is what was sealed, whatever becomes of the bytes and of those who loaded it', () => {
    const mmu = make();
    const bytes = source();
    const image = mmu.seal(bytes)!;
    bytes.fill(1);
    const [first, second] = [mmu.allocate(small)!, mmu.allocate(small)!];
    mmu.load(first, image);
    bytesOf(first).fill(2);
    mmu.load(second, image);
    expect(Buffer.compare(bytesOf(second).subarray(0, 150_001), source())).toBe(0);
    for (const memory of [first, second]) mmu.release(memory, small);
    image.release();
  });

  test.each([
    ['nowhere', []],
    ['in the image', [[100, 200]]],
    ['in its hole', [[70_000, 90_000]]],
    ['behind it', [[200_000, 200_001]]],
    ['over its end', [[149_000, 160_000]]],
    ['everywhere', [[0, 262_144]]],
    ['here and there', Array.from({ length: 64 }, (_, i) => [i * 4096, i * 4096 + 1])],
  ])('what was written %s is put back', (_where, written) => {
    const { mmu, image, memory, whole } = started();
    for (let life = 0; life < 3; life++) {
      for (const [from, to] of written) bytesOf(memory).fill(0xee, from, to);
      expect(mmu.reset(memory, image)).toBe(true);
      expect(Buffer.compare(bytesOf(memory), whole)).toBe(0);
    }
    mmu.release(memory, small);
    image.release();
  });

  test('without an image, zeros are put back', () => {
    const mmu = make();
    const memory = mmu.allocate(small)!;
    bytesOf(memory).fill(3, 60_000, 140_000);
    expect(mmu.reset(memory, undefined)).toBe(true);
    expect(bytesOf(memory).every((byte) => byte === 0)).toBe(true);
    mmu.release(memory, small);
  });

  test('a memory goes from one image to another, and to none', () => {
    const { mmu, image, memory, whole } = started();
    const other = mmu.seal(new Uint8Array(3).fill(5))!;
    bytesOf(memory).fill(6);
    expect(mmu.reset(memory, other)).toBe(true);
    expect([...bytesOf(memory).subarray(0, 5)]).toEqual([5, 5, 5, 0, 0]);
    expect(
      bytesOf(memory)
        .subarray(3)
        .every((byte) => byte === 0),
    ).toBe(true);
    expect(mmu.reset(memory, image)).toBe(true);
    expect(Buffer.compare(bytesOf(memory), whole)).toBe(0);
    expect(mmu.reset(memory, undefined)).toBe(true);
    expect(bytesOf(memory).every((byte) => byte === 0)).toBe(true);
    mmu.release(memory, small);
    for (const one of [image, other]) one.release();
  });

  test('a memory that grew keeps its bytes, and cannot be reset', () => {
    const { mmu, image, memory, whole } = started();
    bytesOf(memory)[1] = whole[1] = 0x55;
    expect(mmu.grow(memory, small, 1)).toBe(4);
    expect(Buffer.compare(bytesOf(memory).subarray(0, whole.length), whole)).toBe(0);
    expect(
      bytesOf(memory)
        .subarray(whole.length)
        .every((byte) => byte === 0),
    ).toBe(true);
    expect(mmu.reset(memory, image)).toBe(false);
    mmu.release(memory, small);
    image.release();
  });

  test.each(types)('a %s memory is loaded', (_what, type) => {
    const mmu = make();
    const memory = mmu.allocate(type)!;
    const image = mmu.seal(new Uint8Array(Math.min(memory.buffer.byteLength, 100)).fill(8))!;
    expect(mmu.load(memory, image)).toBe(true);
    expect(
      bytesOf(memory)
        .subarray(0, 100)
        .every((byte) => byte === 8),
    ).toBe(true);
    expect(mmu.grow(memory, type, 1)).toBe(type.minimum);
    expect(
      bytesOf(memory)
        .subarray(0, image.bytes)
        .every((byte) => byte === 8),
    ).toBe(true);
    mmu.release(memory, type);
    image.release();
  });

  test('an image that was released is reset to, but not loaded', () => {
    const { mmu, image, memory, whole } = started();
    image.release();
    bytesOf(memory).fill(1);
    expect(mmu.reset(memory, image)).toBe(true);
    expect(Buffer.compare(bytesOf(memory), whole)).toBe(0);
    const other = mmu.allocate(small)!;
    expect(() => mmu.load(other, image)).toThrow('released');
    expect(() => image.release()).toThrow('twice');
    for (const one of [memory, other]) mmu.release(one, small);
  });

  test('an empty image is one of zeros', () => {
    const mmu = make();
    for (const bytes of [0, 100_000]) {
      const image = mmu.seal(new Uint8Array(bytes))!;
      const memory = mmu.allocate(small)!;
      expect(mmu.load(memory, image)).toBe(true);
      bytesOf(memory).fill(1);
      expect(mmu.reset(memory, image)).toBe(true);
      expect(bytesOf(memory).every((byte) => byte === 0)).toBe(true);
      mmu.release(memory, small);
      image.release();
    }
  });

  test.each(types)('the next %s memory has no byte of the last', (_what, type) => {
    const mmu = make();
    for (let life = 0; life < 100; life++) {
      const memory = mmu.allocate(type)!;
      expect(memory.buffer.byteLength).toBe(type.minimum * 65_536);
      expect(Buffer.from(memory.buffer).every((byte) => byte === 0)).toBe(true);
      bytesOf(memory).fill(0xff, life % 50_000);
      if (life % 10 === 3) mmu.grow(memory, type, 1);
      mmu.release(memory, type);
      if (life % 25 === 24) mmu.trim();
    }
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
