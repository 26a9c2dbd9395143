import { describe, expect, test } from 'vitest';
import { PREEMPT } from '../../../src/runtime/kernel-module.ts';
import { link, type Running, start, wat } from '../tools.ts';

const PIECE = 1 << 20;

/** Rewritten, with checks that always fire and are counted. */
function firing(source: Uint8Array): Running & { readonly calls: () => number } {
  let calls = 0;
  const wait = (raw: number) => {
    if (raw === PREEMPT) calls++;
    return 0;
  };
  return { ...start(source, { wait: wait as never, epoch: 1, tableSize: () => 1 }), calls: () => calls };
}

const PATTERN = Uint8Array.from({ length: 70 }, (_, i) => i + 1);

/** What a call of the original and of the rewritten module does: result or message, and the memory afterwards. */
function compare(source: Uint8Array, name: string, ...args: unknown[]): number {
  const outcome = (exports: Record<string, unknown>) => {
    try {
      return (exports[name] as (...args: unknown[]) => unknown)(...args);
    } catch (error) {
      return (error as Error).message;
    }
  };
  const bytes = (exports: Record<string, unknown>) =>
    exports['memory'] instanceof WebAssembly.Memory ? Buffer.from(exports['memory'].buffer) : Buffer.alloc(0);
  const original = new WebAssembly.Instance(new WebAssembly.Module(source as BufferSource)).exports;
  const rewritten = firing(source);
  for (const { memory } of [original, rewritten.exports]) {
    if (!(memory instanceof WebAssembly.Memory)) continue;
    const bytes = new Uint8Array(memory.buffer);
    for (const byte of PATTERN) bytes[byte * 70_001] = byte;
  }
  expect(outcome(rewritten.exports)).toEqual(outcome(original));
  expect(bytes(rewritten.exports).equals(bytes(original))).toBe(true);
  return rewritten.calls();
}

const MEMORY = `(memory (export "memory") 80) (memory $other 80)
  (data $d "0123456789abcdef") (data (memory 0) (i32.const 1000) "some bytes that are there before")
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "across") (param i32 i32 i32)
    (memory.copy $other 0 (local.get 0) (local.get 1) (local.get 2)) (memory.fill (i32.const 0) (i32.const 0) (i32.const 3000000))
    (memory.copy 0 $other (i32.const 64) (local.get 0) (local.get 2)))`;

describe('memory', () => {
  const size = 80 * 65536;

  test.each([0, 1, 1024, 1025, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17])('fill of %i bytes', async (length) => {
    const calls = compare(await wat(MEMORY), 'fill', 12345, 0xab, length);
    expect(calls).toBe(length <= 1024 ? 0 : 1 + Math.max(0, Math.ceil(length / PIECE) - 1));
  });

  test.each([
    [0, size + 1],
    [size - 2 * PIECE, 2 * PIECE + 1],
    [size + 1, 0],
    [-1, 2 * PIECE],
    [-PIECE, PIECE + 8],
    [4, -4],
    [size, -1],
  ])('a fill out of bounds traps as the original, with nothing written: %i, %i', async (to, length) => {
    const source = await wat(MEMORY);
    compare(source, 'fill', to, 7, length);
    compare(source, 'init', to, 0, length);
    compare(source, 'copy', to, 0, length);
    compare(source, 'copy', 0, to, length);
  });

  test.each([
    [0, 100, 3 * PIECE],
    [100, 0, 3 * PIECE],
    [0, PIECE, 2 * PIECE + 5],
    [PIECE + 3, 1, 3 * PIECE],
    [5, 5, 2 * PIECE],
    [1, 0, PIECE],
    [0, 3 * PIECE, 2 * PIECE],
  ])('overlapping copies: %i, %i, %i', async (to, from, length) => {
    const source = await wat(MEMORY);
    expect(compare(source, 'copy', to, from, length)).toBeGreaterThan(0);
    compare(source, 'across', to, from, length);
  });

  test('a segment that is too short traps with nothing written', async () => {
    const source = await wat(MEMORY);
    for (const [from, length] of [
      [0, 2 * PIECE],
      [-1, 2 * PIECE],
      [8, 9],
      [0, -1],
    ])
      compare(source, 'init', 2000, from, length);
  });

  test('64-bit addresses', async () => {
    const source = await wat(`(memory (export "memory") i64 80) (memory $small 80)
      (func (export "fill") (param i64 i64) (memory.fill (local.get 0) (i32.const 9) (local.get 1)))
      (func (export "copy") (param i64 i64 i64) (memory.fill (i64.const 7) (i32.const 3) (i64.const 70000))
        (memory.copy (local.get 0) (local.get 1) (local.get 2)))
      (func (export "out") (param i32 i64 i32) (memory.fill $small (i32.const 0) (i32.const 5) (i32.const 3000000))
        (memory.copy 0 $small (local.get 1) (local.get 0) (local.get 2)))`);
    for (const length of [10n, 3000000n, BigInt(size), 1n << 62n, -1n]) {
      compare(source, 'fill', 0n, length);
      compare(source, 'fill', 1n << 33n, length);
      compare(source, 'copy', 50n, 0n, length);
      compare(source, 'copy', 0n, 50n, length);
    }
    compare(source, 'out', 11, 100n, 2 * PIECE + 3);
    compare(source, 'out', 11, -1n, 2 * PIECE + 3);
  });

  test('a short constant length is left as it is, and so are all operations of a raw program', async () => {
    const short = await wat('(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1024)))');
    expect(link(short).layout.preempt).toBe(false);
    const long = await wat('(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1025)))');
    expect(link(long).layout.preempt).toBe(true);
    expect(link(long, { options: { raw: true } }).layout.preempt).toBe(false);
    // The constant is not the length here.
    const other = await wat(`(memory 1)
      (func (param i32) (memory.fill (i32.const 0) (i32.const 0) (block (result i32) (local.get 0) (br 0) (i32.const 1))))`);
    expect(link(other).layout.preempt).toBe(true);
  });

  test('data is initialised in pieces, many small segments as well', async () => {
    const large = start(await wat(`(memory 80) (data (i32.const 10) "${'x'.repeat(3 * PIECE)}")`), { epoch: 1, wait: () => 0 });
    expect(
      Buffer.from(large.memories[0]!.buffer)
        .subarray(10, 10 + 3 * PIECE)
        .every((byte) => byte === 0x78),
    ).toBe(true);
    const small = await wat(`(memory 1) ${'(data (i32.const 0) "abc")'.repeat(3000)}`);
    expect(firing(small).calls()).toBe(2);
  });
});

const TABLE = `(type $f (func)) (table $t 40000 funcref) (table $u i64 40000 funcref) (func $a) (func $b)
  (elem $e func $a $b $a) (elem declare func $a $b)
  (func (export "fill") (param i32 i32) (result i32) (table.fill $t (local.get 0) (ref.func $a) (local.get 1))
    (i32.add (ref.is_null (table.get $t (i32.const 0))) (i32.mul (i32.const 2) (ref.is_null (table.get $t (i32.const 39999))))))
  (func (export "wide") (param i64 i64) (table.fill $u (local.get 0) (ref.func $a) (local.get 1)))
  (func (export "init") (param i32 i32 i32) (table.init $t $e (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (result i32) (local $i i32) (local $n i32)
    (table.set $t (i32.const 3) (ref.func $a)) (table.set $t (i32.const 20000) (ref.func $b)) (table.set $t (i32.const 30001) (ref.func $b))
    (table.copy $t $t (local.get 0) (local.get 1) (local.get 2))
    (loop $l (if (i32.eqz (ref.is_null (table.get $t (local.get $i)))) (then (local.set $n (i32.add (i32.mul (local.get $n) (i32.const 31)) (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 40000))))
    (local.get $n))`;

describe('tables', () => {
  test.each([
    [0, 40000],
    [1, 39999],
    [1, 40000],
    [39999, 1],
    [-1, 20000],
    [5, -1],
    [40001, 0],
  ])('fill: %i, %i', async (to, length) => {
    const source = await wat(TABLE);
    compare(source, 'fill', to, length);
    compare(source, 'wide', BigInt(to), BigInt(length));
  });

  test.each([
    [0, 1, 39999],
    [1, 0, 39999],
    [0, 20000, 20000],
    [10, 0, 39991],
    [0, 10, -1],
    [7, 7, 20000],
  ])('copy: %i, %i, %i', async (to, from, length) => {
    compare(await wat(TABLE), 'copy', to, from, length);
  });

  test('a segment has few elements', async () => {
    const source = await wat(TABLE);
    for (const length of [2, 3, 4, 30000, -1]) compare(source, 'init', 1, 0, length);
    compare(source, 'init', 0, -1, 20000);
  });
});

const ARRAY = `(type $i8 (array (mut i8))) (type $f64 (array (mut f64))) (type $ref (array (mut anyref))) (data $d "${'0123456789'.repeat(10000)}")
  (elem $e anyref (ref.i31 (i32.const 1)) (ref.i31 (i32.const 2)))
  (func $sum (param $a (ref $i8)) (result i32) (local $i i32) (local $n i32)
    (loop $l (local.set $n (i32.add (i32.mul (local.get $n) (i32.const 31)) (array.get_u $i8 (local.get $a) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (array.len (local.get $a)))))
    (local.get $n))
  (func (export "fill") (param i32 i32) (result i32) (local $a (ref $i8)) (local.set $a (array.new_default $i8 (i32.const 100000)))
    (array.fill $i8 (local.get $a) (local.get 0) (i32.const 7) (local.get 1)) (call $sum (local.get $a)))
  (func (export "copy") (param i32 i32 i32) (result i32) (local $a (ref $i8))
    (local.set $a (array.new_data $i8 $d (i32.const 0) (i32.const 100000)))
    (array.copy $i8 $i8 (local.get $a) (local.get 0) (local.get $a) (local.get 1) (local.get 2)) (call $sum (local.get $a)))
  (func (export "init") (param i32 i32 i32) (result i32) (local $a (ref $i8)) (local.set $a (array.new_default $i8 (i32.const 100000)))
    (array.init_data $i8 $d (local.get $a) (local.get 0) (local.get 1) (local.get 2)) (call $sum (local.get $a)))
  (func (export "elements") (param i32) (array.init_elem $ref $e (array.new_default $ref (i32.const 50000)) (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "float") (param i32) (result f64) (local $a (ref $f64)) (local.set $a (array.new_default $f64 (i32.const 50000)))
    (array.fill $f64 (local.get $a) (i32.const 0) (f64.const 1.5) (local.get 0)) (array.get $f64 (local.get $a) (i32.const 40000)))
  (func (export "null") (param i32) (array.fill $i8 (ref.null $i8) (i32.const 0) (i32.const 7) (local.get 0)))`;

describe('arrays', () => {
  test.each([
    [0, 100000],
    [3, 99997],
    [3, 99998],
    [-5, 50000],
    [0, -1],
  ])('fill: %i, %i', async (to, length) => {
    compare(await wat(ARRAY), 'fill', to, length);
  });

  test.each([
    [0, 1, 99999],
    [1, 0, 99999],
    [50000, 0, 50001],
    [0, 33333, 60000],
    [33333, 0, 60000],
    [0, -1, 40000],
  ])('copy and init: %i, %i, %i', async (to, from, length) => {
    const source = await wat(ARRAY);
    compare(source, 'copy', to, from, length);
    compare(source, 'init', to, from, length);
  });

  test('elements, other types, null', async () => {
    const source = await wat(ARRAY);
    for (const length of [2, 3, 40000, 50000, 50001]) {
      compare(source, 'elements', length);
      compare(source, 'float', length);
      compare(source, 'null', length);
    }
  });
});

test('one helper for each operation and its indices, and a bound on how many', async () => {
  const functions = (bytes: Uint8Array) =>
    WebAssembly.Module.customSections(new WebAssembly.Module(bytes as BufferSource), 'name');
  const fill = (memory: number) => `(memory.fill ${memory} (i32.const 0) (i32.const 0) (local.get 0))`;
  const { bytes } = link(await wat(`(memory 1) (memory 1) (func (param i32) ${fill(0)} ${fill(1)} ${fill(0)})`));
  const names = Buffer.from(functions(bytes)[0]!).toString('latin1');
  expect(names.match(/superos\.memory\.fill/g)).toHaveLength(2);
  const pairs = Array.from({ length: 10_001 }, (_, i) => [i % 101, Math.floor(i / 101)] as const);
  const types = Array.from({ length: 101 }, (_, i) => `(type $t${i} (array (mut i32)))`).join('');
  const copies = pairs.map(
    ([a, b]) => `(array.copy ${a} ${b} (ref.null ${a}) (local.get 0) (ref.null ${b}) (local.get 0) (local.get 0))`,
  );
  const many = await wat(`${types} (func (param i32) ${copies.join('')})`);
  expect(() => link(many)).toThrow(/more than 10000 kinds of bulk operations/);
});
