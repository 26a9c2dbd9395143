import { describe, expect, test } from 'vitest';
import { link, wat } from '../tools.ts';

const I64_MIN = -(2n ** 63n);

describe('unwind', () => {
  test('what is lowered, and what is left to the linker to refuse', async () => {
    const source = await wat(`
      (import "sys" "none" (func)) (import "sys" "one" (func (param i32 i64 f32 f64) (result i32)))
      (import "sys" "wide" (func (result i64))) (import "sys" "float" (func (result f64)))
      (import "sys" "two" (func (result i32 i32))) (import "sys" "ref" (func (param externref)))
      (import "sys" "vector" (func (param v128))) (import "other" "none" (func))`);
    const stub = () => 0;
    const imports = {
      sys: { none: stub, one: stub, wide: stub, float: stub, two: stub, ref: stub, vector: stub },
      other: { none: stub },
    };
    const { layout } = link(source, { imports, options: { foreign: ['other'] } });
    expect(layout.functions.map(({ name, lowered }) => [name, lowered])).toEqual([
      ['none', true],
      ['one', true],
      ['wide', true],
      ['float', true],
      ['two', false],
      ['ref', false],
      ['vector', false],
      ['none', false],
    ]);
    expect(layout.functions[1]).toEqual({
      module: 'sys',
      name: 'one',
      params: ['i32', 'i64', 'f32', 'f64'],
      results: ['i32'],
      lowered: true,
    });
  });

  test('i64 arrive as low and high words, floats as they are', async () => {
    const seen: number[][] = [];
    const source = await wat(`(import "sys" "f" (func $f (param i64 f32 i32 i64 f64) (result i32)))
      (func (export "f") (param i64 f32 i32 i64 f64) (result i32)
        (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))`);
    const f = (...args: number[]) => seen.push(args);
    const { call } = link(source, { imports: { sys: { f } } });
    expect(call('f', 0x1234_5678_9abc_def0n, 1.5, -7, -1n, -0)).toBe(1);
    call('f', I64_MIN, Number.NaN, 0, 1n, 1e300);
    expect(seen).toEqual([
      [0x9abc_def0 | 0, 0x1234_5678, 1.5, -7, -1, -1, -0],
      [0, -(2 ** 31), Number.NaN, 0, 1, 0, 1e300],
    ]);
  });

  test.each([
    ['i64', -5n],
    ['f32', 0.5],
    ['f64', -1e300],
  ] as const)('a result of type %s is fetched once the call is over', async (type, value) => {
    const source = await wat(`(import "sys" "f" (func $f (param i32) (result ${type})))
      (func (export "f") (param i32) (result ${type}) (call $f (local.get 0)))`);
    const wait = (raw?: number) => (raw === -2 ? Number.NaN : 7);
    const { call } = link(source, { imports: { sys: { f: (raw: number) => raw } }, wait, value });
    expect(call('f', 0)).toBe(value);
    expect(call('f', -1)).toBe(value);
    expect(() => call('f', -2)).toThrow(WebAssembly.RuntimeError);
  });

  test('a result that is not negative never waits; a negative one does, and the answer replaces it', async () => {
    const waited: number[] = [];
    const source = await wat(`(import "sys" "f" (func $f (param i32) (result i32)))
      (func (export "f") (param i32) (result i32) (call $f (local.get 0)))`);
    const { call } = link(source, {
      imports: { sys: { f: (value: number) => value } },
      wait: (value) => {
        waited.push(value!);
        return value === -1 ? 42 : -3;
      },
    });
    expect([0, 1, 2 ** 31 - 1].map((value) => call('f', value))).toEqual([0, 1, 2 ** 31 - 1]);
    expect(waited).toEqual([]);
    expect([-1, -2, -(2 ** 31)].map((value) => call('f', value))).toEqual([42, -3, -3]);
    expect(waited).toEqual([-1, -2, -(2 ** 31)]);
  });

  test('a call without a result waits as well', async () => {
    let waits = 0;
    const source = await wat('(import "sys" "f" (func $f)) (func (export "f") (call $f))');
    const { call } = link(source, { imports: { sys: { f: () => -5 } }, wait: () => ++waits });
    expect(call('f')).toBeUndefined();
    expect(waits).toBe(1);
  });

  test('NaN unwinds by a trap that catch_all does not catch', async () => {
    const source = await wat(`(import "sys" "exit" (func $exit (param i32)))
      (global $after (export "after") (mut i32) (i32.const 0))
      (func (export "f")
        (block $caught (try_table (catch_all $caught) (call $exit (i32.const 0))))
        (global.set $after (i32.const 1)))`);
    const { call, exports } = link(source, { imports: { sys: { exit: () => -1 } }, wait: () => Number.NaN });
    expect(() => call('f')).toThrow(/unreachable/);
    const { after } = exports as unknown as { after: WebAssembly.Global };
    expect(after.value).toBe(0);
  });

  test('every use of an import goes through the stub', async () => {
    const source = await wat(`(type $t (func (param i64) (result i32)))
      (import "sys" "f" (func $f (type $t)))
      (table 3 funcref) (elem (i32.const 0) $f) (elem (i32.const 1) funcref (ref.func $f)) (elem declare func $f)
      (table $init 1 (ref $t) (ref.func $f))
      (global $g (ref $t) (ref.func $f))
      (export "exported" (func $f))
      (func (export "called") (result i32) (call $f (i64.const 5)))
      (func (export "tail") (result i32) (return_call $f (i64.const 5)))
      (func (export "ref") (result i32) (call_ref $t (i64.const 5) (ref.func $f)))
      (func (export "global") (result i32) (call_ref $t (i64.const 5) (global.get $g)))
      (func (export "table0") (result i32) (call_indirect (type $t) (i64.const 5) (i32.const 0)))
      (func (export "table1") (result i32) (call_indirect (type $t) (i64.const 5) (i32.const 1)))
      (func (export "initialised") (result i32) (call_ref $t (i64.const 5) (table.get $init (i32.const 0))))`);
    const seen: number[][] = [];
    const { call } = link(source, {
      imports: { sys: { f: (...args: number[]) => -seen.push(args) } },
      wait: (value) => 1000 - value!,
    });
    const uses = ['called', 'tail', 'ref', 'global', 'table0', 'table1', 'initialised'];
    expect(uses.map((name) => call(name))).toEqual(uses.map((_, i) => 1001 + i));
    expect(call('exported', 5n)).toBe(1008);
    expect(seen).toEqual(new Array(8).fill([5, 0]));
  });

  test('the same import twice, and numbers that cross the length of an index', async () => {
    const imports = Array.from({ length: 130 }, (_, i) => `(import "sys" "f${i % 2}" (func $i${i} (result i32)))`).join('');
    const functions = Array.from({ length: 130 }, (_, i) => `(func (export "c${i}") (result i32) (call $i${i}))`).join('');
    const { call } = link(await wat(imports + functions), { imports: { sys: { f0: () => 10, f1: () => 11 } } });
    for (let i = 0; i < 130; i++) expect(call(`c${i}`)).toBe(10 + (i % 2));
  });

  test("calls between the module's own functions still reach them", async () => {
    const source = await wat(`(import "sys" "f" (func $f)) (memory 1) (table 1 funcref)
      (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.add (call $a) (i32.const 1)))
      (func (export "c") (result i32) (i32.add (call $b) (call $a)))`);
    expect(link(source, { imports: { sys: { f: () => 0 } } }).call('c')).toBe(3);
  });

  test('no lowered import: no wait', async () => {
    const { bytes } = link(await wat('(import "o" "f" (func $f)) (func (export "g") (call $f))'), {
      imports: { o: { f: () => 0 } },
      options: { foreign: ['o'] },
    });
    expect(WebAssembly.Module.imports(new WebAssembly.Module(bytes as BufferSource)).map(({ name }) => name)).toEqual(['f']);
  });
});
