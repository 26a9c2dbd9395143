import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LoadError, load } from '../../../src/runtime/loader.ts';
import { IMMEDIATES, Immediate } from '../../../src/runtime/opcodes.ts';
import { LEGACY_SAMPLE, SAMPLE } from '../sample.ts';
import { wat } from '../tools.ts';

const layoutOf = async (text: string) => load(await wat(text), { snapshot: true }).layout;
const prefixOf = async (text: string) => ((await layoutOf(text)).snapshot as { prefix: string }).prefix;

describe('snapshot', () => {
  test('nothing is added without the option', async () => {
    const source = await wat('(global (mut i32) (i32.const 1)) (table 1 funcref)');
    const { layout, bytes } = load(source);
    expect(layout).not.toHaveProperty('snapshot');
    expect(layout).not.toHaveProperty('recycle');
    expect(WebAssembly.Module.exports(new WebAssembly.Module(bytes as BufferSource))).toEqual([]);
  });

  test('nothing is added to a module without state of that kind', async () => {
    const source = await wat('(memory 1) (global i32 (i32.const 1)) (table 1 funcref) (elem (i32.const 0) $f) (func $f)');
    const { layout, bytes } = load(source, { snapshot: true });
    expect(layout.snapshot).toEqual({
      prefix: 'superos:snapshot',
      accessors: [],
      slots: [],
      chunks: [],
      tables: [],
      functions: 0,
    });
    expect(layout.recycle).toBe(true);
    expect(WebAssembly.Module.exports(new WebAssembly.Module(bytes as BufferSource))).toEqual([]);
  });

  test('the names are none of the guest’s', async () => {
    const exported = (name: string) => `(func (export "${name}"))`;
    expect(await prefixOf(exported('superos:snapshots'))).toBe('superos:snapshot');
    expect(await prefixOf(exported('superos:snapshot.get0'))).toBe('superos:snapshot-2');
    expect(await prefixOf(exported('superos:snapshot') + exported('superos:snapshot-2.set0.more'))).toBe('superos:snapshot-3');
  });

  test('the layout lists mutable globals by kind, and tables that code writes', async () => {
    const { snapshot } = await layoutOf(`(type $f (func)) (type $s (struct))
      (global i32 (i32.const 0)) (global (mut i32) (i32.const 0)) (global (mut v128) (v128.const i64x2 0 0))
      (global (mut (ref null $f)) (ref.null $f)) (global (mut (ref null $s)) (ref.null $s)) (global (mut nullref) (ref.null none))
      (global (mut nullfuncref) (ref.null nofunc)) (global (mut exnref) (ref.null exn)) (global (mut nullexternref) (ref.null noextern))
      (table 1 funcref) (table 1 (ref null $s)) (table 1 externref)
      (func (table.set 1 (i32.const 0) (ref.null $s)) (table.fill 2 (i32.const 0) (ref.null extern) (i32.const 0)))`);
    expect(snapshot).toMatchObject({
      slots: ['i32', 'v128', 'func', 'any', 'any', 'func', 'exn', 'extern'].map((kind, i) => ({ kind, index: i + 1 })),
      chunks: [8],
      tables: [
        { index: 1, kind: 'any' },
        { index: 2, kind: 'extern' },
      ],
    });
  });

  test('references to what it adds are declared, whatever segments there are', async () => {
    const fill = (index: string, type: string) =>
      `(table 1 funcref) (table $t ${type} 1 funcref) (func (table.set $t (${type}.const 0) (ref.null func)) ${index})`;
    const own = '(elem (i32.const 0) $f) (elem declare func $f) (elem $p func $f) (func $f)';
    for (const type of ['i32', 'i64']) {
      for (const text of [fill('', type), fill('(elem.drop $p)', type) + own]) {
        const { bytes, layout } = load(await wat(text), { snapshot: true });
        const names = WebAssembly.Module.exports(new WebAssembly.Module(bytes as BufferSource)).map(({ name }) => name);
        expect(names).toContain('superos:snapshot.accessor');
        expect(names.length).toBeLessThanOrEqual(2);
        const { accessors } = layout.snapshot as { accessors: readonly string[] };
        expect(accessors).toEqual(expect.arrayContaining(['size1', 'element1', 'place1', 'grow1']));
      }
    }
  });

  test('many globals are set by several functions', async () => {
    const { snapshot } = await layoutOf('(global (mut v128) (v128.const i64x2 0 0))'.repeat(70));
    expect(snapshot).toMatchObject({ chunks: [32, 32, 6] });
  });

  test('what uses everything is taken, with and without checks', async () => {
    for (const sample of [SAMPLE, LEGACY_SAMPLE]) {
      for (const raw of [false, true]) {
        const { bytes } = load(await wat(sample), { snapshot: true, raw });
        expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
      }
    }
  });
});

test('of what is left of a damaged module nothing invalid is made', async () => {
  const own = SAMPLE.replace(/\(import "env" "table" (\(table [^)]*\))\)/, '$1').replace(
    '$object (ref $leaf)',
    '$object (mut (ref $leaf))',
  );
  const sample = await wat(own);
  expect(load(sample, { snapshot: true }).layout.snapshot).toMatchObject({ tables: [{}, {}], functions: 4 });
  let taken = 0;
  const changes = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(changes, (list) => {
      const changed = sample.slice();
      for (const [at, byte] of list) changed[at] = byte;
      try {
        const { bytes } = load(changed, { snapshot: true });
        expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
        taken++;
      } catch (error) {
        expect(error).toBeInstanceOf(LoadError);
      }
    }),
    { numRuns: 1000 },
  );
  expect(taken).toBeGreaterThan(50);
});

const NODE = '(type $s (struct (field (mut i32)))) (type $f (func))';

describe('what no instance can be captured of', () => {
  test.each([
    [
      'an imported mutable global',
      '(import "a" "b" (global i32)) (import "a" "c" (global (mut i32)))',
      /^global 1 is imported and mutable/,
    ],
    ['an imported table', '(import "a" "b" (table 1 funcref))', /^table 0 is imported/],
    ['an object behind an immutable global', `${NODE} (global (ref $s) (struct.new_default $s))`, /^global 0 holds an object/],
    [
      'one behind another',
      `${NODE} (global $a (ref $s) (struct.new_default $s)) (global anyref (global.get $a))`,
      /^global 0 holds/,
    ],
    ['an array', '(type $a (array (mut i8))) (global anyref (array.new_default $a (i32.const 1)))', /^global 0 holds/],
    ['one that is externalised', `${NODE} (global externref (extern.convert_any (struct.new_default $s)))`, /^global 0 holds/],
    [
      'one in an untouched table',
      `${NODE} (table 1 anyref) (elem (table 0) (i32.const 0) anyref (item (struct.new_default $s)))`,
      /^table 0 holds/,
    ],
    ['one that a table is filled with', `${NODE} (table 1 (ref $s) (struct.new_default $s))`, /^table 0 holds/],
    [
      'one in a passive segment',
      `${NODE} (elem funcref (ref.null func)) (elem anyref (item (struct.new_default $s)))`,
      /^element segment 1 holds/,
    ],
  ])('%s', async (_, text, reason) => {
    const { snapshot, recycle } = await layoutOf(text);
    expect(snapshot).toMatch(reason);
    expect(recycle).toBe(snapshot);
  });
});

describe('recycling', () => {
  test('a new opcode is looked at before it is taken for one that changes no state', () => {
    // Where this fails, analysis/state.ts may have to know it; then change the number.
    expect(IMMEDIATES.filter((kind) => kind !== Immediate.unknown).length).toBe(575);
  });

  test.each([
    [
      'numbers',
      '(global (mut i32) (i32.const 0)) (global (mut v128) (v128.const i64x2 0 0)) (func (global.set 0 (i32.const 1)))',
    ],
    ['a table that is only called through', '(table 1 funcref) (elem (i32.const 0) $f) (func $f (call_indirect (i32.const 0)))'],
    [
      'references that nothing sets',
      `${NODE} (global (mut funcref) (ref.func $f)) (global (mut anyref) (ref.null any)) (func $f)`,
    ],
    [
      'small integers and null behind references',
      '(global anyref (ref.i31 (i32.const 1))) (table 1 anyref) (elem (table 0) (i32.const 0) anyref (item (ref.i31 (i32.const 3))))',
    ],
    ['objects that nothing holds', `${NODE} (func (drop (struct.new_default $s)))`],
    [
      'passive segments that are only read',
      '(memory 1) (data "a") (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)))',
    ],
    ['a table from which is copied', '(table 1 funcref) (func (drop (table.get 0 (i32.const 0))) (drop (table.size 0)))'],
    ['exceptions that are caught', '(tag $t) (func (block $h (try_table (catch $t $h) (throw $t))))'],
  ])('is exact with %s', async (_, text) => {
    expect((await layoutOf(text)).recycle).toBe(true);
  });

  const element = '(elem $e funcref (ref.null func))';
  test.each([
    ['table.set', '(table.set 0 (i32.const 0) (ref.null func))', /^code writes or grows table 0$/],
    ['table.grow', '(drop (table.grow 0 (ref.null func) (i32.const 0)))', /^code writes or grows table 0$/],
    ['table.fill', '(table.fill 0 (i32.const 0) (ref.null func) (i32.const 0))', /^code writes or grows table 0$/],
    ['table.copy', '(table.copy 0 1 (i32.const 0) (i32.const 0) (i32.const 0))', /^code writes or grows table 0$/],
    ['table.init', '(table.init 0 $e (i32.const 0) (i32.const 0) (i32.const 0))', /^code writes or grows table 0$/],
    ['elem.drop', '(elem.drop $e)', /^code drops element segment 0$/],
    ['data.drop', '(data.drop $d)', /^code drops data segment 0$/],
    ['a set reference', '(global.set $r (ref.null func))', /^code sets global 1, a reference$/],
    ['a set exception', '(global.set $x (ref.null exn))', /^code sets global 2, a reference$/],
  ])('is refused for %s', async (_, code, reason) => {
    const text = `(memory 1) (table 2 funcref) (table 2 funcref) ${element} (data $d "abc") (global (mut i32) (i32.const 0))
      (global $r (mut funcref) (ref.null func)) (global $x (mut exnref) (ref.null exn)) (func (block ${code}))`;
    expect((await layoutOf(text.replace(code, ''))).recycle).toBe(true);
    expect((await layoutOf(text)).recycle).toMatch(reason);
  });

  test.each([
    ['an imported reference', '(import "a" "b" (global externref))', /^global 0 is imported, a reference/],
    ['a shared memory', '(memory 1) (memory 1 1 shared)', /^memory 1 is shared$/],
    [
      'an object behind a mutable global',
      `${NODE} (global (mut anyref) (struct.new_default $s))`,
      /^global 0 may hold an object/,
    ],
  ])('is refused for %s', async (_, text, reason) => {
    expect((await layoutOf(text)).recycle).toMatch(reason);
  });
});
