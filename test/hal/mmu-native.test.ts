// What only the native memory driver does: pages that trap, shared ones, and a host that refuses.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Access, Image, MemoryType, Mmu, Region } from '../../src/hal/mmu.ts';
import { WRITTEN_PAGES_MAX } from '../../src/hal/node/mmu/calls.ts';
import { Mappings } from '../../src/hal/node/mmu/mappings.ts';
import { nodeMmu } from '../../src/hal/node/mmu/mmu.ts';
import { PortableMmu } from '../../src/hal/node/mmu/portable.ts';
import { wat } from '../runtime/tools.ts';
import { hostCalls, nativeMmu, refusing } from './mmus.ts';

const [EPERM, ENOMEM] = [1, 12];
const WASM_PAGE = 65_536;
const PAGE = hostCalls?.pageBytes ?? WASM_PAGE;
const type: MemoryType = { minimum: 16, maximum: undefined, shared: false, address: 'i32' };
const SIZE = type.minimum * WASM_PAGE;

const bytesOf = (memory: WebAssembly.Memory) => new Uint8Array(memory.buffer);
const isZero = (memory: WebAssembly.Memory) => Buffer.from(memory.buffer).every((byte) => byte === 0);

const guest = new WebAssembly.Module(
  (await wat(`(import "k" "memory" (memory 0))
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))`)) as Uint8Array<ArrayBuffer>,
);

/** What a guest can do to a byte. */
function touch(memory: WebAssembly.Memory, at: number): Access {
  const { load, store } = new WebAssembly.Instance(guest, { k: { memory } }).exports as Record<
    string,
    (...of: number[]) => number
  >;
  let byte: number;
  try {
    byte = load!(at);
  } catch (error) {
    expect(error).toBeInstanceOf(WebAssembly.RuntimeError);
    return 'none';
  }
  try {
    store!(at, byte);
    return 'write';
  } catch (error) {
    expect(error).toBeInstanceOf(WebAssembly.RuntimeError);
    return 'read';
  }
}

const pages = (memory: WebAssembly.Memory, ...numbers: number[]) => numbers.map((page) => touch(memory, page * PAGE + 8));

describe.skipIf(hostCalls === undefined)('native', () => {
  const mmu = nativeMmu() as Mmu;
  const make = () => mmu.allocate(type)!;
  const sealed = (length = SIZE, byte = 7) => mmu.seal(new Uint8Array(length).fill(byte))!;

  test('a guest that touches protected pages traps, at their edges and nowhere else', () => {
    const memory = make();
    expect(mmu.protect(memory, PAGE, 2 * PAGE, 'none')).toBe(true);
    expect(mmu.protect(memory, 2 * PAGE, 4 * PAGE, 'read')).toBe(true);
    expect(pages(memory, 0, 1, 2, 3, 4)).toEqual(['write', 'none', 'read', 'read', 'write']);
    const edges = [PAGE - 1, PAGE, 2 * PAGE - 1, 2 * PAGE, 4 * PAGE - 1, 4 * PAGE].map((at) => touch(memory, at));
    expect(edges).toEqual(['write', 'none', 'none', 'read', 'read', 'write']);
    expect(mmu.protect(memory, 0, 3 * PAGE, 'write')).toBe(true);
    expect(pages(memory, 0, 1, 2, 3, 4)).toEqual(['write', 'write', 'write', 'read', 'write']);
    mmu.release(memory, type);
  });

  test.each<['i32' | 'i64']>([['i32'], ['i64']])('protections of a %s memory outlast growth', (address) => {
    const one = { ...type, address };
    const memory = mmu.allocate(one)!;
    bytesOf(memory)[3 * PAGE] = 9;
    mmu.protect(memory, 3 * PAGE, 4 * PAGE, 'none');
    expect(mmu.grow(memory, one, 3)).toBe(16);
    expect(mmu.protect(memory, SIZE, SIZE + PAGE, 'read')).toBe(true);
    expect(mmu.grow(memory, one, 1)).toBe(19);
    if (address === 'i32') expect(pages(memory, 2, 3, 4, SIZE / PAGE)).toEqual(['write', 'none', 'write', 'read']);
    expect(mmu.protect(memory, 3 * PAGE, 4 * PAGE, 'read')).toBe(true);
    expect(bytesOf(memory)[3 * PAGE]).toBe(9);
    mmu.release(memory, one);
  });

  test.each([
    ['nothing', 0, 0],
    ['the wrong way round', 2 * PAGE, PAGE],
    ['half a page', 0, PAGE / 2],
    ['a page between two', PAGE / 2, PAGE + PAGE / 2],
    ['beyond the end', SIZE, SIZE + PAGE],
    ['below the start', -PAGE, PAGE],
    ['no number', Number.NaN, PAGE],
    ['everywhere', 0, Number.POSITIVE_INFINITY],
  ])('%s cannot be protected or unmapped', (_what, from, to) => {
    const memory = make();
    expect(mmu.protect(memory, from, to, 'none')).toBe(false);
    expect(mmu.unmap(memory, from, to - from)).toBe(false);
    expect(isZero(memory)).toBe(true);
    mmu.release(memory, type);
  });

  test('a region is one memory in all that it is mapped into, each with its own rights', () => {
    const region = mmu.region(2 * PAGE)!;
    expect(region.bytes).toBe(2 * PAGE);
    const [writer, reader] = [make(), make()];
    expect(mmu.map(writer, 4 * PAGE, region, 'write')).toBe(true);
    expect(mmu.map(reader, 8 * PAGE, region, 'read')).toBe(true);
    bytesOf(writer)[4 * PAGE + 5] = 42;
    expect([bytesOf(reader)[8 * PAGE + 5], region.view[5]]).toEqual([42, 42]);
    region.view[2 * PAGE - 1] = 43;
    expect(bytesOf(reader)[10 * PAGE - 1]).toBe(43);
    expect([...pages(writer, 3, 4, 5, 6), ...pages(reader, 7, 8, 9, 10)]).toEqual([
      ...['write', 'write', 'write', 'write'],
      ...['write', 'read', 'read', 'write'],
    ]);
    for (const memory of [writer, reader]) mmu.grow(memory, type, 1);
    expect([bytesOf(reader)[8 * PAGE + 5], ...pages(reader, 8)]).toEqual([42, 'read']);
    // What revoking does.
    expect(mmu.unmap(reader, 8 * PAGE, region.bytes)).toBe(true);
    expect(pages(reader, 7, 8, 9, 10)).toEqual(['write', 'none', 'none', 'write']);
    expect(mmu.unmap(writer, 4 * PAGE, region.bytes, 'write')).toBe(true);
    expect(bytesOf(writer)[4 * PAGE + 5]).toBe(0);
    bytesOf(writer)[4 * PAGE + 5] = 1;
    expect(region.view[5]).toBe(42);
    region.release();
    expect(() => region.release()).toThrow('twice');
    for (const memory of [writer, reader]) mmu.release(memory, type);
  });

  test('a region that was released stays where it is, and is mapped no more', () => {
    const region = mmu.region(PAGE)!;
    const memory = make();
    mmu.map(memory, 0, region, 'write');
    region.release();
    bytesOf(memory)[1] = 6;
    expect(region.view[1]).toBe(6);
    expect(mmu.map(memory, PAGE, region, 'write')).toBe(false);
    mmu.release(memory, type);
    const next = make();
    bytesOf(next)[1] = 7;
    expect([isZero(make()), region.view[1]]).toEqual([true, 6]);
    mmu.release(next, type);
  });

  test('a region is opened by its handle, and nothing else is', () => {
    const region = mmu.region(2 * PAGE)!;
    const opened = mmu.open(region.handle, 2 * PAGE)!;
    region.view[3] = 8;
    const { handle } = region;
    region.release();
    const memory = make();
    expect(mmu.map(memory, 0, opened, 'write')).toBe(true);
    expect(bytesOf(memory)[3]).toBe(8);
    opened.release();
    const other = mmu.region(PAGE)!;
    const file = fs.openSync(import.meta.filename, 'r');
    const before = fs.readdirSync('/proc/self/fd').length;
    for (const [wrong, bytes] of [
      [handle, 2 * PAGE],
      [other.handle, 2 * PAGE],
      [file, fs.statSync(import.meta.filename).size],
      [-1, PAGE],
      [2 ** 31 - 1, PAGE],
    ] as const) {
      expect(mmu.open(wrong, bytes)).toBeUndefined();
    }
    expect(fs.readdirSync('/proc/self/fd').length).toBe(before);
    fs.closeSync(file);
    other.release();
    mmu.release(memory, type);
  });

  test('a region that does not fit, or lies askew, is not mapped', () => {
    const region = mmu.region(PAGE + 1)!;
    expect(region.bytes).toBe(2 * PAGE);
    const memory = make();
    for (const at of [-PAGE, 1, PAGE / 2, SIZE - PAGE, SIZE, Number.NaN])
      expect(mmu.map(memory, at, region, 'write')).toBe(false);
    expect(mmu.region(0)).toBeUndefined();
    region.release();
    mmu.release(memory, type);
  });

  test('a reset takes regions and protections away, but for those that are to stay', () => {
    const image = sealed();
    const memory = make();
    const region = mmu.region(2 * PAGE)!;
    const guard = { from: 0, to: PAGE, access: 'none' } as const;
    mmu.load(memory, image);
    for (const keep of [[], [guard], [guard], [{ ...guard, access: 'read' } as const], []]) {
      mmu.map(memory, 4 * PAGE, region, 'write');
      bytesOf(memory).fill(0xee, 4 * PAGE, 8 * PAGE);
      mmu.unmap(memory, 10 * PAGE, PAGE);
      mmu.protect(memory, 12 * PAGE, 13 * PAGE, 'none');
      expect(mmu.reset(memory, image, keep)).toBe(true);
      expect(
        bytesOf(memory)
          .subarray(PAGE)
          .every((byte) => byte === 7),
      ).toBe(true);
      expect(pages(memory, 0, 4, 5, 10, 12)).toEqual([keep[0]?.access ?? 'write', 'write', 'write', 'write', 'write']);
      bytesOf(memory)[5 * PAGE] = 1;
      expect(mmu.reset(memory, image, keep)).toBe(true);
      expect(bytesOf(memory)[5 * PAGE]).toBe(7);
    }
    expect(region.view[0]).toBe(0xee);
    for (const one of [image, region]) one.release();
    mmu.release(memory, type);
  });

  test('what was written before its page was protected is put back', () => {
    const image = sealed(8 * PAGE);
    for (const access of ['none', 'read'] as const) {
      for (const [page, byte] of [
        [2, 7],
        [12, 0],
      ] as const) {
        const memory = make();
        mmu.load(memory, image);
        bytesOf(memory).fill(1, page * PAGE, (page + 2) * PAGE);
        const guard = { from: page * PAGE, to: (page + 1) * PAGE, access };
        mmu.protect(memory, guard.from, guard.to, access);
        expect(mmu.reset(memory, image, [guard])).toBe(true);
        expect(pages(memory, page, page + 1)).toEqual([access, 'write']);
        mmu.protect(memory, guard.from, guard.to, 'write');
        expect(
          bytesOf(memory)
            .subarray(page * PAGE, (page + 2) * PAGE)
            .every((each) => each === byte),
        ).toBe(true);
        mmu.release(memory, type);
      }
    }
    image.release();
  });

  test.each([1, 15, 16, 17, 33, WRITTEN_PAGES_MAX - 1, WRITTEN_PAGES_MAX, WRITTEN_PAGES_MAX + 1, 2 * WRITTEN_PAGES_MAX, 4000])(
    '%i written pages that do not touch are put back, over and over',
    (count) => {
      const large = { ...type, minimum: Math.ceil((2 * count * PAGE) / WASM_PAGE) };
      const source = new Uint8Array(large.minimum * WASM_PAGE).fill(5);
      const image = mmu.seal(source)!;
      const memory = mmu.allocate(large)!;
      mmu.load(memory, image);
      for (let life = 0; life < 70; life += count < WRITTEN_PAGES_MAX - 1 ? 1 : 23) {
        for (let i = 0; i < count; i++) bytesOf(memory)[2 * i * PAGE + life] = 0xee;
        expect(mmu.reset(memory, image)).toBe(true);
        expect(Buffer.compare(bytesOf(memory), source)).toBe(0);
      }
      mmu.release(memory, large);
      image.release();
    },
  );

  test('an image takes no room for its zeros, and none once it is gone', () => {
    const files = () => fs.readdirSync('/proc/self/fd').length;
    const before = files();
    const source = new Uint8Array(1024 * WASM_PAGE);
    source.fill(1, 0, 10).fill(1, 900 * WASM_PAGE, 900 * WASM_PAGE + 10);
    const image = mmu.seal(source)!;
    const fd = fs.readdirSync('/proc/self/fd').find((name) => {
      try {
        return fs.statSync(`/proc/self/fd/${name}`).size === 900 * WASM_PAGE + PAGE;
      } catch {
        return false;
      }
    });
    expect(fs.statSync(`/proc/self/fd/${fd}`).blocks * 512).toBe(2 * PAGE);
    expect(() => fs.writeSync(Number(fd), 'x', 0)).toThrow('EPERM');
    image.release();
    expect(files()).toBe(before);
  });

  test('the pool gives the same memory again, but none that grew or is shared', () => {
    const memory = make();
    mmu.release(memory, type);
    expect(make()).toBe(memory);
    expect(() => [1, 2].map(() => mmu.release(memory, type))).toThrow('twice');
    const grown = make();
    mmu.grow(grown, type, 1);
    mmu.release(grown, type);
    expect(make()).not.toBe(grown);
    const behind = make();
    mmu.reset(behind, undefined);
    behind.grow(1);
    expect(mmu.reset(behind, undefined)).toBe(false);
    mmu.release(behind, type);
    const shared: MemoryType = { ...type, maximum: 20, shared: true };
    const threads = mmu.allocate(shared)!;
    expect(mmu.reset(threads, undefined)).toBe(false);
    mmu.release(threads, shared);
    expect(mmu.allocate(shared)).not.toBe(threads);
  });

  test('the pool is bounded, shrinks while less is asked of it, and goes when it is told', () => {
    const own = nativeMmu() as Mmu;
    const many = Array.from({ length: 100 }, () => own.allocate(type)!);
    for (const memory of many) own.release(memory, type);
    const again = Array.from({ length: 100 }, () => own.allocate(type)!);
    expect(again.filter((memory) => many.includes(memory))).toHaveLength(64);
    for (const memory of again) own.release(memory, type);
    for (let i = 0; i < 2000; i++) own.release(own.allocate(type)!, type);
    const left = Array.from({ length: 64 }, () => own.allocate(type)!).filter((memory) => again.includes(memory));
    expect(left.length).toBeLessThan(8);
    own.release(left[0]!, type);
    own.trim();
    expect(own.allocate(type)).not.toBe(left[0]);
  });

  test('a memory waits with its image for a process that starts from the same, and is as the image for it', () => {
    const called: string[] = [];
    const own = nativeMmu(
      refusing(hostCalls!, (call) => {
        called.push(call);
        return undefined;
      }),
    ) as Mmu;
    const start = (image: Image | undefined) => {
      const memory = own.allocate(type, image)!;
      if (image !== undefined) expect(own.load(memory, image)).toBe(true);
      return memory;
    };
    const [image, other] = [3, 4].map((byte) => own.seal(new Uint8Array(2 * PAGE).fill(byte))!) as [Image, Image];
    const first = start(image);
    const as = (byte: number, from: WebAssembly.Memory) =>
      Buffer.compare(bytesOf(from), new Uint8Array(SIZE).fill(byte, 0, 2 * PAGE)) === 0;
    for (let i = 0; i < 4; i++) {
      bytesOf(first).fill(9, PAGE - 3, 5 * PAGE);
      own.protect(first, 3 * PAGE, 4 * PAGE, 'none');
      own.release(first, type);
      called.length = 0;
      expect(start(image)).toBe(first);
      expect(called.filter((call) => call === 'copy' || call === 'zero')).toEqual([]);
      expect([as(3, first), touch(first, 3 * PAGE)]).toEqual([true, 'write']);
    }
    for (const [wanted, byte] of [
      [other, 4],
      [undefined, 0],
      [image, 3],
    ] as const) {
      bytesOf(first).fill(9, 0, 3 * PAGE);
      own.release(first, type);
      expect(start(wanted)).toBe(first);
      expect(as(byte, first)).toBe(true);
    }
    own.release(first, type);
    expect(own.allocate(type, image)).toBe(first);
    expect(() => own.load(first, other)).toThrow('allocated for one image');
    own.release(first, type);
    for (const one of [image, other]) one.release();
  });

  test('an image that is released is held by no memory that waits, nor by one that waits no longer', () => {
    const mappings = new Mappings(() => 0);
    const own = nativeMmu(hostCalls, undefined, mappings) as Mmu;
    const waiting = () => {
      const image = own.seal(new Uint8Array(PAGE).fill(3))!;
      const memory = own.allocate(type, image)!;
      own.load(memory, image);
      own.release(memory, type);
      return { image, memory };
    };
    const { image, memory } = waiting();
    image.release();
    expect(mappings.taken).toBe(0);
    expect(own.allocate(type)).not.toBe(memory);
    const next = waiting();
    own.trim();
    expect(isZero(next.memory)).toBe(true);
    next.image.release();
    expect(mappings.taken).toBe(0);
    // One that is in use meanwhile.
    const late = own.seal(new Uint8Array(PAGE).fill(3))!;
    const used = own.allocate(type, late)!;
    own.load(used, late);
    late.release();
    own.release(used, type);
    expect([own.allocate(type) === used, isZero(used), mappings.taken]).toEqual([true, true, 0]);
  });

  describe('a host that refuses', () => {
    type Step = (mmu: Mmu, memory: WebAssembly.Memory, image: Image, region: Region) => unknown;
    const steps: [string, Step, string[]][] = [
      ['load', (m, memory, image) => m.load(memory, image), ['copy']],
      ['reset', (m, memory) => m.reset(memory, undefined), ['discard']],
      ['another image', (m, memory, image) => m.reset(memory, image), ['zero', 'copy']],
      ['protect', (m, memory) => m.protect(memory, 0, PAGE, 'none'), ['protect']],
      ['map', (m, memory, _image, region) => m.map(memory, 0, region, 'read'), ['share']],
      ['unmap', (m, memory) => m.unmap(memory, 0, PAGE), ['zero']],
    ];
    const cases = steps.flatMap(([name, step, calls]) => calls.map((call) => [name, call, step] as const));

    test.each(cases)(
      '%s, at %s: the memory is not used again, and memories are portable with one warning',
      (_name, failing, step) => {
        for (const errno of [EPERM, ENOMEM]) {
          let refused = false;
          const warnings: string[] = [];
          const calls = refusing(hostCalls!, (call) => {
            // Without a scan, every reset drops.
            if (call === 'written') return EPERM;
            return refused && call === failing ? errno : undefined;
          });
          const own = nativeMmu(calls, (why) => warnings.push(why)) as Mmu;
          const image = own.seal(new Uint8Array(PAGE).fill(3))!;
          const region = own.region(PAGE)!;
          const memory = own.allocate(type)!;
          bytesOf(memory)[5] = 9;
          refused = true;
          expect(step(own, memory, image, region)).toBe(false);
          refused = false;
          expect([own.reset(memory, undefined), own.load(memory, image), own.protect(memory, 0, PAGE, 'read')]).toEqual(
            Array(3).fill(false),
          );
          own.release(memory, type);
          expect([own.driver, warnings.length]).toEqual(errno === EPERM ? ['portable', 1] : ['native', 0]);
          // Processes still start from the image.
          const next = own.allocate(type)!;
          expect([next === memory, isZero(next)]).toEqual([false, true]);
          expect(own.load(next, image)).toBe(true);
          bytesOf(next).fill(1);
          expect(own.reset(next, errno === EPERM ? undefined : image)).toBe(true);
          own.release(next, type);
          region.release();
          image.release();
        }
      },
    );

    test.each(['file', 'seal', 'show'])('an image is copied where %s is refused', (failing) => {
      const own = nativeMmu(refusing(hostCalls!, (call) => (call === failing ? ENOMEM : undefined))) as Mmu;
      const image = own.seal(new Uint8Array(100).fill(4))!;
      const memory = own.allocate(type)!;
      expect(own.load(memory, image)).toBe(true);
      bytesOf(memory).fill(9);
      expect(own.reset(memory, image)).toBe(true);
      expect([bytesOf(memory)[99], bytesOf(memory)[100]]).toEqual([4, 0]);
      own.release(memory, type);
      expect(isZero(own.allocate(type)!)).toBe(true);
    });

    test('where mappings run out, images are copied, and nothing is protected or shared, until some are given back', () => {
      const mappings = new Mappings(() => 0);
      const own = nativeMmu(hostCalls, undefined, mappings) as Mmu;
      const image = own.seal(new Uint8Array(PAGE).fill(3))!;
      const region = own.region(PAGE)!;
      const first = own.allocate(type)!;
      expect([
        own.load(first, image),
        own.protect(first, PAGE, 2 * PAGE, 'none'),
        own.map(first, 4 * PAGE, region, 'read'),
      ]).toEqual(Array(3).fill(true));
      const memory = own.allocate(type)!;
      const { taken } = mappings;
      mappings.add(512 - taken);
      expect([own.protect(memory, 0, PAGE, 'none'), own.map(memory, 0, region, 'read'), own.unmap(memory, 0, PAGE)]).toEqual(
        Array(3).fill(false),
      );
      expect([own.region(PAGE), own.allocate(type), own.intact(memory)]).toEqual([undefined, undefined, true]);
      expect(own.load(memory, image)).toBe(true);
      const other = own.seal(new Uint8Array(PAGE).fill(4))!;
      for (const [one, byte] of [
        [image, 3],
        [other, 4],
      ] as const) {
        bytesOf(memory).fill(9);
        expect(own.reset(memory, one)).toBe(true);
        expect([bytesOf(memory)[PAGE - 1], bytesOf(memory)[PAGE]]).toEqual([byte, 0]);
      }
      mappings.add(taken - 512);
      expect(own.reset(memory, image, [{ from: 0, to: PAGE, access: 'read' }])).toBe(true);
      for (const one of [first, memory]) own.release(one, type);
      for (const one of [image, other, region]) one.release();
      expect(mappings.taken).toBe(0);
    });

    test('protections of one memory are bounded', () => {
      const own = nativeMmu() as Mmu;
      const memory = own.allocate({ ...type, minimum: 64 })!;
      const answers = Array.from({ length: 100 }, (_, i) => own.protect(memory, 2 * i * PAGE, (2 * i + 1) * PAGE, 'read'));
      expect(answers.filter((done) => done)).toHaveLength(64);
      own.release(memory, { ...type, minimum: 64 });
    });
  });

  test('random lives: each byte and each page is as the model says', () => {
    const small: MemoryType = { ...type, minimum: 2, maximum: 6 };
    const images = [sealed(3 * PAGE, 5), mmu.seal(Uint8Array.from({ length: 100_000 }, (_, i) => (i > 60_000 ? i % 251 : 0)))!];
    const sources = [
      new Uint8Array(3 * PAGE).fill(5),
      Uint8Array.from({ length: 100_000 }, (_, i) => (i > 60_000 ? i % 251 : 0)),
    ];
    const page = fc.nat({ max: (2 * WASM_PAGE) / PAGE - 1 });
    const step = fc.oneof(
      fc.record({
        op: fc.constant('write' as const),
        page,
        length: fc.nat({ max: 3 * PAGE }),
        byte: fc.integer({ min: 1, max: 255 }),
      }),
      fc.record({ op: fc.constant('protect' as const), page, access: fc.constantFrom<Access>('none', 'read', 'write') }),
      fc.record({ op: fc.constant('unmap' as const), page, access: fc.constantFrom<Access>('none', 'write') }),
      fc.record({ op: fc.constant('map' as const), page, access: fc.constantFrom<Access>('read', 'write') }),
      fc.record({ op: fc.constantFrom('grow' as const, 'reset' as const, 'release' as const), image: fc.nat({ max: 2 }) }),
    );
    const region = mmu.region(PAGE)!;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (sequence) => {
        let memory!: WebAssembly.Memory;
        let image: number | undefined;
        let model = new Uint8Array(2 * WASM_PAGE);
        let access: Access[] = [];
        let shared: boolean[] = [];
        let grown = false;
        const fresh = (which: number | undefined) => {
          image = which;
          model = new Uint8Array(2 * WASM_PAGE);
          if (which !== undefined) model.set(sources[which]!);
          [access, shared, grown] = [[], [], false];
        };
        const start = (which: number) => {
          const loaded = images[which];
          memory = mmu.allocate(small, loaded)!;
          if (loaded !== undefined) expect(mmu.load(memory, loaded)).toBe(true);
          fresh(loaded && which);
          expect(Buffer.compare(bytesOf(memory), model)).toBe(0);
        };
        start(sequence.length % 3);
        for (const one of sequence) {
          const from = 'page' in one ? one.page * PAGE : 0;
          if (one.op === 'write') {
            for (let at = from; at < Math.min(from + one.length, model.length); at++) {
              const of = Math.floor(at / PAGE);
              if ((access[of] ?? 'write') !== 'write') continue;
              bytesOf(memory)[at] = one.byte;
              if (shared[of]) continue;
              model[at] = one.byte;
            }
          } else if (one.op === 'protect') {
            if (mmu.protect(memory, from, from + PAGE, one.access)) access[one.page] = one.access;
          } else if (one.op === 'unmap') {
            if (!mmu.unmap(memory, from, PAGE, one.access)) continue;
            access[one.page] = one.access;
            shared[one.page] = false;
            model.fill(0, from, from + PAGE);
          } else if (one.op === 'map') {
            if (!mmu.map(memory, from, region, one.access)) continue;
            access[one.page] = one.access;
            shared[one.page] = true;
          } else if (one.op === 'grow') {
            if (mmu.grow(memory, small, one.image) < 0 || one.image === 0) continue;
            grown = true;
            const longer = new Uint8Array(memory.buffer.byteLength);
            longer.set(model);
            model = longer;
          } else if (one.op === 'reset') {
            expect(mmu.reset(memory, images[image ?? -1])).toBe(!grown);
            if (grown) {
              mmu.release(memory, small);
              start(one.image);
            } else fresh(image);
          } else {
            mmu.release(memory, small);
            start(one.image);
          }
        }
        for (let at = 0; at < model.length; at += PAGE) {
          const of = at / PAGE;
          expect(touch(memory, at)).toBe(access[of] ?? 'write');
          if (access[of] === 'none') continue;
          const expected = shared[of] ? region.view : model.subarray(at, at + PAGE);
          expect(Buffer.compare(bytesOf(memory).subarray(at, at + PAGE), expected)).toBe(0);
        }
        mmu.release(memory, small);
      }),
      { numRuns: 300 },
    );
    for (const one of [...images, region]) one.release();
  });
});

test('a machine that asks for nothing special loads no node:ffi until many processes have come and gone', () => {
  const load = vi.spyOn(process, 'getBuiltinModule');
  const mmu = nodeMmu();
  for (let i = 0; i < 63; i++) {
    const memory = mmu.allocate(type)!;
    mmu.grow(memory, type, 1);
    mmu.release(memory, type);
  }
  mmu.trim();
  expect(load).not.toHaveBeenCalled();
  mmu.release(mmu.allocate(type)!, type);
  expect(load.mock.calls).toEqual(process.platform === 'linux' ? [['node:ffi']] : []);
  vi.restoreAllMocks();
});

test('portable memories are wiped and used again while that is cheaper than new ones', () => {
  const mmu = new PortableMmu();
  const [small, large] = [{ ...type, minimum: 1 }, type];
  for (const [one, again] of [
    [small, true],
    [large, false],
  ] as const) {
    const memory = mmu.allocate(one)!;
    bytesOf(memory).fill(1);
    mmu.release(memory, one);
    const next = mmu.allocate(one)!;
    expect([next === memory, isZero(next)]).toEqual([again, true]);
  }
});

describe.skipIf(hostCalls === undefined)('whatever V8 does with memories that have something mapped', () => {
  test.each([
    ['collect', 'grown, collected and released in every order, they leave nothing behind'],
    ['exit', 'the process ends with them'],
    ['thread', 'a thread ends with them, and leaves nothing behind'],
  ])('%s: %s', (what) => {
    const child = path.join(import.meta.dirname, 'mmu-child.ts');
    const { stdout, stderr, status, signal } = spawnSync(process.execPath, ['--no-warnings', '--expose-gc', child, what], {
      encoding: 'utf8',
    });
    expect({ stderr, status, signal }).toEqual({ stderr: '', status: 0, signal: null });
    const { mappings, files } = JSON.parse(stdout);
    expect(files).toBeLessThanOrEqual(0);
    // Of more than a thousand; V8's heap and the C library's arenas come and go.
    expect(mappings).toBeLessThan(150);
  });

  test.each([
    ['V8 was told to handle no faults', ['--disable-wasm-trap-handler']],
    ['64-bit memories have no guards', ['--no-wasm-memory64-trap-handling']],
    ['Node refuses its ffi', ['--permission', '--allow-fs-read=*']],
  ])('memories are portable where %s', (_why, flags) => {
    const module = path.join(import.meta.dirname, '../../src/hal/node/mmu/mmu.ts');
    const text = `const { nodeMmu } = await import(${JSON.stringify(module)}); const mmu = nodeMmu();
      console.log(mmu.driver, mmu.protect(new WebAssembly.Memory({ initial: 1 }), 0, 65536, 'none'), mmu.reason);`;
    const { stdout } = spawnSync(process.execPath, ['--no-warnings', ...flags, '--input-type=module', '-e', text], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/^portable false \S+/);
  });
});
