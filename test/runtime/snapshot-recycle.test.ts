// Whether an instance that the loader lets be recycled is a new one: modules made of pieces of state, random calls, and a recycled
// instance against a new one. Pieces that it refuses are recycled all the same, to see that this test would find each of them out.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capture, resetter, restore } from '../../src/runtime/snapshot.ts';
import { link, type Running, start, wat } from './tools.ts';

const PROVIDED = { options: { snapshot: true }, tableSize: () => 1 };

interface Piece {
  readonly declarations: string;
  /** Bodies of exported functions (param i32) (result i32); they have a local i32 each, and $T in names becomes unique. */
  readonly functions: readonly string[];
}

const counter = (type: string, zero: string, one: string, low: string): Piece => ({
  declarations: `(global $g$T (mut ${type}) (${type}.const ${zero}))`,
  functions: [
    `(global.set $g$T (${type}.add (global.get $g$T) (${type}.const ${one}))) ${low}`,
    low,
    `(global.set $g$T (${type}.const ${zero})) (i32.const 0)`,
  ].map((body) => body.replaceAll('$v', '(global.get $g$T)')),
});

/** State that putting memory and globals back covers. */
const EXACT: Readonly<Record<string, Piece>> = {
  i32: counter('i32', '7', '1', '$v'),
  i64: counter('i64', '-1', '0x100000001', '(i32.wrap_i64 (i64.shr_u $v (i64.const 32)))'),
  f32: counter('f32', '1', '0.5', '(i32.reinterpret_f32 $v)'),
  f64: counter('f64', '1', '0.5', '(i32.wrap_i64 (i64.shr_u (i64.reinterpret_f64 $v) (i64.const 32)))'),
  v128: {
    declarations: '(global $g$T (mut v128) (v128.const i32x4 1 2 3 4))',
    functions: [
      '(global.set $g$T (i32x4.replace_lane 2 (global.get $g$T) (local.get 0))) (i32.const 0)',
      '(i32x4.extract_lane 2 (global.get $g$T))',
    ],
  },
  memory: {
    declarations: '(data (memory $m) (i32.const 16) "start")',
    functions: [
      '(i32.store $m (i32.and (local.get 0) (i32.const 63)) (local.get 0)) (i32.const 0)',
      '(i32.load $m (i32.and (local.get 0) (i32.const 63)))',
    ],
  },
  'a passive segment that is read': {
    declarations: '(data $d$T "abcdefgh")',
    functions: [
      '(memory.init $m $d$T (i32.const 8) (i32.and (local.get 0) (i32.const 3)) (i32.const 4)) (i32.load $m (i32.const 8))',
    ],
  },
  'a table that is called through': {
    declarations: '(table $t$T 2 funcref) (elem (table $t$T) (i32.const 0) func $seven $eight)',
    functions: ['(call_indirect $t$T (type $f) (i32.and (local.get 0) (i32.const 1)))'],
  },
  'a reference that nothing sets': {
    declarations: '(global $r$T (mut (ref $f)) (ref.func $seven))',
    functions: ['(call_ref $f (global.get $r$T))'],
  },
  'small integers in a table': {
    declarations: '(table $t$T 2 i31ref (ref.i31 (i32.const 5)))',
    functions: ['(i31.get_u (table.get $t$T (i32.const 1)))'],
  },
  'an object that nothing holds': {
    declarations: '',
    functions: ['(struct.get $s 0 (struct.new $s (local.get 0)))'],
  },
  'an exception that is caught': {
    declarations: '(tag $e$T (param i32))',
    functions: ['(block $h (result i32) (try_table (catch $e$T $h) (throw $e$T (local.get 0))) (i32.const 1))'],
  },
};

/** State that it does not cover: each has to be refused. */
const INEXACT: Readonly<Record<string, Piece>> = {
  'table.set': {
    declarations: '(table $t$T 2 funcref) (elem (table $t$T) (i32.const 0) func $seven $seven)',
    functions: ['(table.set $t$T (i32.const 1) (ref.func $eight)) (i32.const 0)', '(call_indirect $t$T (type $f) (i32.const 1))'],
  },
  'table.grow': {
    declarations: '(table $t$T 0 funcref)',
    functions: ['(table.grow $t$T (ref.null func) (i32.const 1))', '(table.size $t$T)'],
  },
  'table.fill': {
    declarations: '(table $t$T 2 funcref)',
    functions: [
      '(table.fill $t$T (i32.const 0) (ref.func $seven) (i32.const 1)) (i32.const 0)',
      '(ref.is_null (table.get $t$T (i32.const 0)))',
    ],
  },
  'table.copy': {
    declarations: '(table $t$T 2 funcref) (table $u$T 2 funcref) (elem (table $u$T) (i32.const 0) func $seven)',
    functions: [
      '(table.copy $t$T $u$T (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 0)',
      '(ref.is_null (table.get $t$T (i32.const 0)))',
    ],
  },
  'table.init': {
    declarations: '(table $t$T 2 funcref) (elem $p$T func $seven)',
    functions: [
      '(table.init $t$T $p$T (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 0)',
      '(ref.is_null (table.get $t$T (i32.const 0)))',
    ],
  },
  'data.drop': {
    declarations: '(data $d$T "x")',
    functions: [
      '(data.drop $d$T) (i32.const 0)',
      '(memory.init $m $d$T (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 1)',
    ],
  },
  'elem.drop': {
    declarations: '(type $a$T (array funcref)) (elem $p$T func $seven)',
    functions: ['(elem.drop $p$T) (i32.const 0)', '(array.len (array.new_elem $a$T $p$T (i32.const 0) (i32.const 1)))'],
  },
  'an object behind an immutable global': {
    declarations: '(global $o$T (ref $s) (struct.new $s (i32.const 1)))',
    functions: ['(struct.set $s 0 (global.get $o$T) (local.get 0)) (i32.const 0)', '(struct.get $s 0 (global.get $o$T))'],
  },
  'an object behind a mutable global that nothing sets': {
    declarations: '(global $o$T (mut (ref $s)) (struct.new $s (i32.const 1)))',
    functions: ['(struct.set $s 0 (global.get $o$T) (local.get 0)) (i32.const 0)', '(struct.get $s 0 (global.get $o$T))'],
  },
  'an object behind a global behind another': {
    declarations: '(global $o$T (ref $s) (struct.new $s (i32.const 1))) (global $p$T anyref (global.get $o$T))',
    functions: [
      '(struct.set $s 0 (ref.cast (ref $s) (global.get $p$T)) (local.get 0)) (i32.const 0)',
      '(struct.get $s 0 (ref.cast (ref $s) (global.get $p$T)))',
    ],
  },
  'an object in a table': {
    declarations:
      '(table $t$T 1 (ref null $s)) (elem (table $t$T) (i32.const 0) (ref null $s) (item (struct.new $s (i32.const 1))))',
    functions: [
      '(struct.set $s 0 (table.get $t$T (i32.const 0)) (local.get 0)) (i32.const 0)',
      '(struct.get $s 0 (table.get $t$T (i32.const 0)))',
    ],
  },
  'an object that a table is filled with': {
    declarations: '(table $t$T 1 (ref $s) (struct.new $s (i32.const 1)))',
    functions: [
      '(struct.set $s 0 (table.get $t$T (i32.const 0)) (local.get 0)) (i32.const 0)',
      '(struct.get $s 0 (table.get $t$T (i32.const 0)))',
    ],
  },
  'an array in a passive segment': {
    declarations:
      '(type $b$T (array (mut i32))) (type $a$T (array anyref)) (elem $p$T anyref (item (array.new $b$T (i32.const 1) (i32.const 1))))',
    functions: ['(array.set $b$T', '(array.get $b$T'].map(
      (access, i) =>
        `${access} (ref.cast (ref $b$T) (array.get $a$T (array.new_elem $a$T $p$T (i32.const 0) (i32.const 1)) (i32.const 0))) (i32.const 0)${i === 0 ? ' (local.get 0)) (i32.const 0)' : ')'}`,
    ),
  },
};

function moduleOf(pieces: readonly Piece[]): string {
  const unique = (text: string, number: number) => text.replaceAll('$T', `_${number}`);
  const functions = pieces.flatMap((piece, number) => piece.functions.map((body) => unique(body, number)));
  return `(type $f (func (result i32))) (type $s (struct (field (mut i32)))) (memory $m 1)
    (func $seven (type $f) (i32.const 7)) (func $eight (type $f) (i32.const 8)) (elem declare func $seven $eight)
    ${pieces.map(({ declarations }, number) => unique(declarations, number)).join('\n')}
    ${functions.map((body, i) => `(func (export "${i}") (param i32) (result i32) ${body})`).join('\n')}`;
}

const calls = fc.array(fc.tuple(fc.nat(99), fc.nat(100)), { minLength: 1, maxLength: 12 });
type Calls = readonly (readonly [number, number])[];

function run(running: Running, list: Calls): string[] {
  const count = running.layout.exports.length;
  return list.map(([which, argument]) => {
    try {
      return String(running.call(String(which % count), argument));
    } catch (error) {
      return String(error);
    }
  });
}

const bytesOf = ({ memories }: Running) => new Uint8Array(memories[0]!.buffer);

/**
 * An instance does `prefix`, serves `first`, is put back and serves `second`; gives what it then says, and what a clone made after
 * `prefix` says.
 */
function recycled(
  source: Uint8Array,
  prefix: Calls,
  first: Calls,
  second: Calls,
  put = { globals: true, memory: true },
): { old: string[]; fresh: string[] } {
  const running = start(source, PROVIDED);
  run(running, prefix);
  const image = bytesOf(running).slice();
  const snapshot = capture(running, running.layout, 'made');
  // What has no snapshot has no clone either: a new instance that did the same is as good.
  const fresh = typeof snapshot === 'string' ? start(source, PROVIDED) : link(source, PROVIDED);
  if (typeof snapshot === 'string') run(fresh, prefix);
  else restore(fresh, fresh.layout, snapshot);
  bytesOf(fresh).set(image);
  const reset = typeof snapshot === 'string' ? () => undefined : resetter(running, running.layout, snapshot);
  run(running, first);
  if (put.globals) reset();
  if (put.memory) bytesOf(running).set(image);
  return { old: run(running, second), fresh: run(fresh, second) };
}

describe('recycling', () => {
  test('an instance that the loader accepts is a new one', async () => {
    const names = fc.uniqueArray(fc.constantFrom(...Object.keys(EXACT)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(names, calls, calls, calls, async (chosen, prefix, first, second) => {
        const source = await wat(moduleOf(chosen.map((name) => EXACT[name]!)));
        expect(start(source, PROVIDED).layout.recycle).toBe(true);
        const { old, fresh } = recycled(source, prefix, first, second);
        expect(old).toEqual(fresh);
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    ['globals', { globals: false, memory: true }, ['i32', 'i64', 'f32', 'f64', 'v128']],
    ['memory', { globals: true, memory: false }, ['memory', 'a passive segment that is read']],
  ] as const)('this test would find out that %s are not put back', async (_, put, names) => {
    for (const name of names) {
      const source = await wat(moduleOf([EXACT[name]!, EXACT['memory']!]));
      const same = fc.property(calls, calls, calls, (prefix, first, second) => {
        const { old, fresh } = recycled(source, prefix, first, second, put);
        return old.join() === fresh.join();
      });
      expect(fc.check(same, { numRuns: 300 }).failed).toBe(true);
    }
  });

  test.each(Object.keys(INEXACT))('%s is refused, whatever else there is, and this test would find it out', async (name) => {
    const alone = await wat(moduleOf([INEXACT[name]!]));
    const mixed = await wat(moduleOf([...Object.values(EXACT), INEXACT[name]!]));
    for (const source of [alone, mixed]) expect(start(source, PROVIDED).layout.recycle).toMatch(/^(code|global|table|element) /);
    const same = fc.property(calls, calls, calls, (prefix, first, second) => {
      const { old, fresh } = recycled(alone, prefix, first, second);
      return old.join() === fresh.join();
    });
    expect(fc.check(same, { numRuns: 300 }).failed).toBe(true);
  });
});
