import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { capture, resetter, restore, type Snapshot, SnapshotError } from '../../src/runtime/snapshot.ts';
import { decodeSnapshot, encodeSnapshot } from '../../src/runtime/snapshot-file.ts';
import { link, type Running, start, wat } from './tools.ts';

const PROVIDED = { options: { snapshot: true }, tableSize: () => 1 };
const PROGRAM = 'a program';

function taken(running: Running): Snapshot {
  const snapshot = capture(running, running.layout, PROGRAM);
  if (typeof snapshot === 'string') throw new Error(snapshot);
  return snapshot;
}

/** A new instance made what `running` is, by way of bytes. */
function clone(source: Uint8Array, running: Running): Running {
  const snapshot = decodeSnapshot(encodeSnapshot(structuredClone(taken(running))), PROGRAM);
  expect(snapshot).toEqual(taken(running));
  const made = link(source, PROVIDED);
  restore(made, made.layout, snapshot);
  expect(taken(made)).toEqual(snapshot);
  return made;
}

/** An outcome as text. */
function outcome({ call }: Running, name: string, ...args: unknown[]): string {
  try {
    return String(call(name, ...args));
  } catch (error) {
    return String(error);
  }
}

describe('what a snapshot keeps', () => {
  test.each([
    ['i32', 'i32.const -2147483648', ['i32.const 5']],
    ['i64', 'i64.const -9223372036854775808', ['i64.const 5']],
    ['f32', 'f32.const nan:0x200001', ['f32.const -0']],
    ['f64', 'f64.const -nan:0x4000000000001', ['f64.const -inf']],
    ['v128', 'v128.const i32x4 1 -2 3 -4', ['v128.const i64x2 -1 0x123456789abcdef0']],
  ])('the bits of a global: %s', async (type, initial, [set]) => {
    const equal = {
      i32: `(i32.eq (global.get $g) (${set}))`,
      i64: `(i64.eq (global.get $g) (${set}))`,
      f32: `(i32.eq (i32.reinterpret_f32 (global.get $g)) (i32.reinterpret_f32 (${set})))`,
      f64: `(i64.eq (i64.reinterpret_f64 (global.get $g)) (i64.reinterpret_f64 (${set})))`,
      v128: `(i8x16.all_true (i8x16.eq (global.get $g) (${set})))`,
    }[type]!;
    const source = await wat(`(global $before (mut i64) (i64.const 1)) (global $g (mut ${type}) (${initial}))
      (global $after (mut i64) (i64.const 3)) (func (export "set") (global.set $g (${set})))
      (func (export "same") (result i32) ${equal})`);
    const first = start(source, PROVIDED);
    const second = clone(source, first);
    expect(second.call('same')).toBe(0);
    first.call('set');
    expect(second.call('same')).toBe(0);
    const third = clone(source, first);
    expect([first, second, third].map(({ call }) => call('same'))).toEqual([1, 0, 1]);
  });

  test('references to functions are those of the clone', async () => {
    const source = await wat(
      `(type $f (func (result i32))) (import "sys" "call" (func $imported (result i32)))
      (global $own (mut i32) (i32.const 0)) (global $g (mut (ref $f)) (ref.func $count)) (global $n (mut funcref) (ref.func $count))
      (table $t 2 funcref) (elem $e func $count $imported) (elem declare func $other)
      (func $count (type $f) (global.set $own (i32.add (global.get $own) (i32.const 1))) (global.get $own))
      (func $other (type $f) (i32.const 100))
      (func (export "set") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2)) (global.set $n (ref.null func)))
      (func (export "swap") (global.set $g (ref.func $other)))
      (func (export "isNull") (result i32) (ref.is_null (global.get $n)))
      (func (export "global") (result i32) (call_ref $f (global.get $g)))
      (func (export "table") (param i32) (result i32) (call_indirect $t (type $f) (local.get 0)))`,
    );
    const imports = { sys: { call: () => 7 } };
    const first = start(source, { ...PROVIDED, imports });
    first.call('set');
    first.call('swap');
    first.call('table', 0);
    const second = link(source, { ...PROVIDED, imports: { sys: { call: () => 8 } } });
    restore(second, second.layout, taken(first));
    expect([first, second].map(({ call }) => call('global'))).toEqual([100, 100]);
    expect([first, second].map(({ call }) => call('isNull'))).toEqual([1, 1]);
    expect([first, second].map(({ call }) => call('table', 1))).toEqual([7, 8]);
    expect([first.call('table', 0), first.call('table', 0), second.call('table', 0)]).toEqual([2, 3, 2]);
  });

  test('sizes and elements of tables', async () => {
    const source =
      await wat(`(type $f (func (result i32))) (func $one (type $f) (i32.const 1)) (func $two (type $f) (i32.const 2))
      (elem declare func $one $two)
      (table $t 2 20 funcref) (elem (table $t) (i32.const 0) func $one $two) (table $typed i64 1 (ref $f) (ref.func $one))
      (table $any 3 anyref) (elem (table $any) (i32.const 0) anyref (item (ref.i31 (i32.const 5))) (item (ref.i31 (i32.const 6))))
      (table $extern 1 externref) (table $exn 1 exnref) (table $untouched 1 funcref) (elem (table $untouched) (i32.const 0) func $two)
      (func (export "go")
        (table.set $t (i32.const 0) (ref.null func)) (drop (table.grow $t (ref.func $two) (i32.const 3)))
        (table.set $t (i32.const 3) (ref.func $one))
        (drop (table.grow $typed (ref.func $two) (i64.const 2)))
        (table.set $any (i32.const 0) (ref.i31 (i32.const -1))) (table.set $any (i32.const 1) (ref.null any))
        (drop (table.grow $extern (ref.null extern) (i32.const 4))) (drop (table.grow $exn (ref.null exn) (i32.const 1))))
      (func (export "t") (param i32) (result i32) (call_indirect $t (type $f) (local.get 0)))
      (func (export "u") (param i32) (result i32) (call_indirect $untouched (type $f) (local.get 0)))
      (func (export "typed") (param i64) (result i32) (call_ref $f (table.get $typed (local.get 0))))
      (func (export "any") (param i32) (result i32) (i31.get_s (ref.cast (ref i31) (table.get $any (local.get 0)))))
      (func (export "sizes") (result i32 i64 i32 i32) (table.size $t) (table.size $typed) (table.size $extern) (table.size $exn))`);
    const first = start(source, PROVIDED);
    const before = clone(source, first);
    first.call('go');
    const after = clone(source, first);
    const again = clone(source, after);
    const seen = (running: Running) => [
      ...[0, 1, 2, 3, 4, 5].map((at) => outcome(running, 't', at)),
      ...[0n, 1n, 2n, 3n].map((at) => outcome(running, 'typed', at)),
      ...[0, 1, 2].map((at) => outcome(running, 'any', at)),
      outcome(running, 'u', 0),
      outcome(running, 'sizes'),
    ];
    expect(seen(first).slice(-2)).toEqual(['2', '5,3,5,2']);
    expect(seen(before)).toEqual(seen(start(source, PROVIDED)));
    expect(seen(after)).toEqual(seen(first));
    expect(seen(again)).toEqual(seen(first));
  });

  test('which segments were dropped, those that the entry applied included', async () => {
    const source =
      await wat(`(memory 1) (table 1 funcref) (data $active (i32.const 0) "a") (data $a "a") (data $b "b") (data $c "c")
      (elem $e funcref (ref.null func)) (elem $f funcref (ref.null func))
      (func (export "drop") (data.drop $b) (elem.drop $f))
      (func (export "never") (data.drop $a) (data.drop $c) (elem.drop $e))
      ${['active', 'a', 'b', 'c'].map((name) => `(func (export "${name}") (memory.init $${name} (i32.const 0) (i32.const 0) (i32.const 1)))`).join('')}
      ${['e', 'f'].map((name) => `(func (export "${name}") (table.init 0 $${name} (i32.const 0) (i32.const 0) (i32.const 1)))`).join('')}`);
    const first = start(source, PROVIDED);
    first.call('drop');
    const second = clone(source, first);
    const seen = (running: Running) => ['active', 'a', 'b', 'c', 'e', 'f'].map((name) => outcome(running, name).slice(0, 12));
    expect(seen(second)).toEqual(['RuntimeError', 'undefined', 'RuntimeError', 'undefined', 'undefined', 'RuntimeError']);
    expect(seen(second)).toEqual(seen(first));
  });

  test('more segments than a word has bits', async () => {
    const count = 70;
    const each = (text: (i: number) => string) => Array.from({ length: count }, (_, i) => text(i)).join(' ');
    const source = await wat(`(memory 1) ${each((i) => `(data $d${i} "x")`)}
      ${each((i) => `(func (export "drop${i}") (data.drop $d${i})) (func (export "init${i}") (memory.init $d${i} (i32.const 0) (i32.const 0) (i32.const 1)))`)}`);
    const first = start(source, PROVIDED);
    for (let i = 0; i < count; i += 3) first.call(`drop${i}`);
    const second = clone(source, first);
    for (let i = 0; i < count; i++) expect(outcome(second, `init${i}`)).toMatch(i % 3 === 0 ? /RuntimeError/ : /undefined/);
  });

  test('more globals than one call takes', async () => {
    const types = ['i32', 'f64', 'v128', 'i64', 'f32'];
    const names = Array.from({ length: 200 }, (_, i) => [`$g${i}`, types[i % types.length]!] as const);
    const source =
      await wat(`${names.map(([name, type]) => `(global ${name} (mut ${type}) (${type}.const ${type === 'v128' ? 'i64x2 0 0' : 0}))`).join('')}
      (func (export "go") ${names.map(([name, type], i) => `(global.set ${name} (${type}.const ${type === 'v128' ? `i64x2 ${i} -${i}` : i}))`).join('')})`);
    const first = start(source, PROVIDED);
    const fresh = taken(first);
    first.call('go');
    const snapshot = taken(first);
    expect(snapshot.values.filter((value, i) => value !== fresh.values[i]).length).toBe(239);
    clone(source, first);
    // Back to the beginning, and there again.
    resetter(first, first.layout, fresh)();
    expect(taken(first)).toEqual(fresh);
    resetter(first, first.layout, snapshot)();
    expect(taken(first)).toEqual(snapshot);
  });

  test('what counts for one process begins anew', async () => {
    const told: number[] = [];
    const source = await wat('(type $s (struct)) (func (export "go") (drop (struct.new $s)))');
    const first = start(source, {
      ...PROVIDED,
      allocated: (bytes) => {
        told.push(bytes!);
        return 100;
      },
    });
    const snapshot = taken(first);
    expect(snapshot.values).toEqual([]);
    for (let i = 0; i < 3; i++) first.call('go');
    resetter(first, first.layout, snapshot)();
    for (let i = 0; i < 3; i++) first.call('go');
    // A process tells of its first object, then of no other until there are a hundred bytes of them.
    expect(told).toEqual([16, 16]);
  });
});

describe('what cannot be captured', () => {
  const source = wat(`(type $s (struct)) (import "sys" "call" (func $sys (result i32))) (tag $tag)
    (global $a (mut anyref) (ref.null any)) (global $x (mut externref) (ref.null extern)) (global $e (mut exnref) (ref.null exn))
    (global $f (mut funcref) (ref.null func)) (table $t 3 anyref) (table $u 3 funcref)
    (func (export "any") (global.set $a (struct.new $s))) (func (export "extern") (param externref) (global.set $x (local.get 0)))
    (func (export "exn") (global.set $e (block $h (result exnref) (try_table (catch_all_ref $h) (throw $tag)) unreachable)))
    (func (export "func") (param funcref) (global.set $f (local.get 0)))
    (func (export "table") (table.set $t (i32.const 2) (struct.new $s)))
    (func (export "place") (param funcref) (table.set $u (i32.const 1) (local.get 0)))`);

  test.each([
    ['any', [], "global 0 holds an object of the engine's heap"],
    ['extern', [{}], 'global 1 holds a value of the host'],
    ['exn', [], 'global 2 holds an exception'],
    ['func', ['foreign'], 'global 3 holds a function that no code of the program refers to'],
    ['table', [], "table 0 holds an object of the engine's heap at 2"],
    ['place', ['foreign'], 'table 1 holds a function that no code of the program refers to at 1'],
  ] as const)('is named: %s', async (name, args, reason) => {
    const imports = { sys: { call: () => 0 } };
    const running = start(await source, { ...PROVIDED, imports });
    const foreign = start(await wat('(func (export "f"))')).exports['f'];
    running.call(name, ...args.map((argument) => (argument === 'foreign' ? foreign : argument)));
    expect(capture(running, running.layout, PROGRAM)).toBe(reason);
  });

  test('a program that was not loaded for it', async () => {
    const running = start(await wat('(global (mut i32) (i32.const 0))'));
    expect(capture(running, running.layout, PROGRAM)).toBe('the program was not loaded to be captured');
    expect(() => restore(running, running.layout, { program: PROGRAM, values: [], tables: [] })).toThrow(SnapshotError);
  });
});

describe('hostile snapshots', () => {
  const source =
    wat(`(type $f (func (result i32))) (type $g (func)) (func $f (type $f) (i32.const 1)) (func $g (type $g)) (elem declare func $f $g)
    (global (mut i32) (i32.const 1)) (global (mut i64) (i64.const 2)) (global (mut (ref $f)) (ref.func $f)) (table 2 5 (ref null $f)) (table 1 funcref)
    (global (mut i31ref) (ref.null i31))
    (func (export "f") (param i32) (result i32) (table.set 0 (local.get 0) (ref.func $f)) (call_ref $f (global.get 2)))`);
  const good = async () => taken(start(await source, PROVIDED));

  test.each<[string, (snapshot: Snapshot) => Snapshot]>([
    ['too few values', (one) => ({ ...one, values: one.values.slice(1) })],
    ['too many values', (one) => ({ ...one, values: [...one.values, 1] })],
    [
      'a value of another type',
      (one) => ({ ...one, values: one.values.map((value) => (typeof value === 'bigint' ? 1 : value)) }),
    ],
    ['a function that is none', (one) => ({ ...one, values: one.values.with(2, 2) })],
    ['a function of another type', (one) => ({ ...one, values: one.values.with(2, 1) })],
    ['null where there is none', (one) => ({ ...one, values: one.values.with(2, -1) })],
    ['no reference at all', (one) => ({ ...one, values: one.values.with(2, -2) })],
    ['no small integer', (one) => ({ ...one, values: one.values.with(3, -3) })],
    ['no table', (one) => ({ ...one, tables: [] })],
    ['a table without elements', (one) => ({ ...one, tables: one.tables.with(0, undefined) })],
    ['elements of a table that no code writes', (one) => ({ ...one, tables: one.tables.with(1, new Int32Array(1)) })],
    ['a table that is too short', (one) => ({ ...one, tables: one.tables.with(0, new Int32Array(1)) })],
    ['a table that is too long', (one) => ({ ...one, tables: one.tables.with(0, new Int32Array(6)) })],
    ['an element that is no function', (one) => ({ ...one, tables: one.tables.with(0, Int32Array.of(0, 2)) })],
    ['an element of another type', (one) => ({ ...one, tables: one.tables.with(0, Int32Array.of(0, 1)) })],
  ])('%s', async (_, spoil) => {
    const running = link(await source, PROVIDED);
    expect(() => restore(running, running.layout, spoil(taken(running)))).toThrow(SnapshotError);
  });

  test('of another program', async () => {
    const bytes = encodeSnapshot(await good());
    expect(() => decodeSnapshot(bytes, 'another')).toThrow(new SnapshotError('the snapshot is of another program'));
  });

  test('of another version', async () => {
    const bytes = encodeSnapshot(await good());
    bytes[4]!++;
    expect(() => decodeSnapshot(bytes, PROGRAM)).toThrow(/^the snapshot has version 2; this is version 1$/);
  });

  test('bytes cut off, or left over', async () => {
    const bytes = encodeSnapshot(await good());
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeSnapshot(bytes.subarray(0, length), PROGRAM)).toThrow(SnapshotError);
    expect(() => decodeSnapshot(Uint8Array.of(...bytes, 0), PROGRAM)).toThrow(/bytes left over/);
  });

  test('changed bytes are an error, or a snapshot that restores what it says', async () => {
    const bytes = encodeSnapshot(await good());
    const wasm = await source;
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, (list) => {
        const changed = bytes.slice();
        for (const [at, byte] of list) changed[at] = byte;
        const running = link(wasm, PROVIDED);
        try {
          const snapshot = decodeSnapshot(changed, PROGRAM);
          restore(running, running.layout, snapshot);
          expect(taken(running)).toEqual(snapshot);
        } catch (error) {
          expect(error).toBeInstanceOf(SnapshotError);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const headed = Uint8Array.of(0x73, 0x6f, 0x73, 0x6e, 1, ...bytes);
        for (const one of [bytes, headed]) {
          try {
            decodeSnapshot(one, PROGRAM);
          } catch (error) {
            expect(error).toBeInstanceOf(SnapshotError);
          }
        }
      }),
    );
  });
});

test('what differs in a table is found once, and put there through one function', async () => {
  const source = await wat(`(table $t 100 funcref) (elem declare func $f) (func $f)
    (func (export "fill") (table.fill $t (i32.const 0) (ref.func $f) (i32.const 100)))`);
  const first = start(source, PROVIDED);
  first.call('fill');
  const snapshot = taken(first);
  const asked: number[] = [];
  for (let round = 0; round < 3; round++) {
    const made = link(source, PROVIDED);
    const name = 'superos:snapshot.accessor';
    const give = made.exports[name] as WebAssembly.ExportedFunction;
    let times = 0;
    const counting = (...numbers: (number | bigint)[]) => {
      times++;
      return give(...numbers);
    };
    restore({ exports: { ...made.exports, [name]: counting } }, first.layout, snapshot);
    asked.push(times);
    expect(taken(made)).toEqual(snapshot);
  }
  expect(asked.slice(1)).toEqual([1, 1]);
  expect(asked[0]).toBeLessThan(10);
});

test('a snapshot is restored to programs in turn, each as it is', async () => {
  const text = (more: string) => `(global $g (mut i32) (i32.const 1)) (func (export "set") (global.set $g (i32.const 7)))
    (func (export "get") (result i32) (global.get $g)) ${more}`;
  const [one, other] = [await wat(text('')), await wat(text('(func)'))];
  const running = start(one, PROVIDED);
  running.call('set');
  const snapshot = taken(running);
  for (let round = 0; round < 2; round++) {
    for (const source of [one, other]) {
      const made = link(source, PROVIDED);
      restore(made, made.layout, snapshot);
      expect(made.call('get')).toBe(7);
    }
  }
});
