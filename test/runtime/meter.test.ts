// What the meter pass counts, what V8 takes, and that a module cannot tell.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { KERNEL_MODULE, load } from '../../src/runtime/loader.ts';
import { wat } from '../machine/guests.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Metered {
  readonly exports: Record<string, (...args: number[]) => unknown>;
  readonly heapBytes: number | undefined;
  /** Bytes asked for before, told of after, and the objects told with them. */
  readonly asked: number[];
  readonly told: number[];
  readonly samples: unknown[];
}

/** With a batch of 0 every allocation is told. */
async function metered(fields: string, { batch = 0, refuse = false } = {}): Promise<Metered> {
  const { bytes, layout } = load(await wat(fields), { raw: true });
  const [asked, told, samples]: [number[], number[], unknown[]] = [[], [], []];
  const allocate = (wanted: number) => {
    asked.push(wanted);
    return refuse ? 1 : 0;
  };
  const allocated = (count: number, object: unknown) => {
    told.push(count);
    samples.push(object);
    return refuse ? -1 : batch;
  };
  const kernel = { allocate, allocated, table_size: () => 1 };
  // What is too large for V8 cannot be instantiated.
  const instance =
    layout.heapBytes! > 2 ** 30
      ? { exports: {} }
      : new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), { [KERNEL_MODULE]: kernel });
  return { exports: instance.exports as Metered['exports'], heapBytes: layout.heapBytes, asked, told, samples };
}

/** Each makes one object, with 16 as the length of an array. */
const OBJECTS: Record<string, readonly [type: string, make: string]> = {
  'no field': ['(struct)', '(struct.new $t)'],
  'one byte': ['(struct (field i8))', '(struct.new $t (i32.const 1))'],
  'fields of every size': [
    '(struct (field i8) (field i64) (field i16) (field v128) (field anyref) (field f32))',
    '(struct.new_default $t)',
  ],
  bytes: ['(array (mut i8))', '(array.new $t (i32.const 1) (i32.const 16))'],
  words: ['(array (mut i16))', '(array.new_default $t (i32.const 16))'],
  numbers: ['(array (mut f64))', '(array.new_default $t (i32.const 16))'],
  vectors: ['(array (mut v128))', '(array.new_default $t (i32.const 16))'],
  references: ['(array (mut anyref))', '(array.new_fixed $t 3 (ref.null any) (ref.null any) (ref.null any))'],
  'of a data segment': ['(array (mut i32))', '(array.new_data $t $d (i32.const 0) (i32.const 16))'],
  'of an element segment': ['(array (mut funcref))', '(array.new_elem $t $e (i32.const 0) (i32.const 16))'],
};

describe.each(Object.entries(OBJECTS))('%s', (_name, [type, make]) => {
  const fields = `(type $t ${type}) (type $all (array (mut anyref))) (global $g (mut (ref null $all)) (ref.null $all))
    (data $d "${'x'.repeat(64)}") (elem $e func ${'$f '.repeat(16)}) (func $f (export "f") (drop ${make}))
    (func (export "keep") (param $n i32) (global.set $g (array.new_default $all (local.get $n)))
      (loop $again (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (array.set $all (global.get $g) (local.get $n) ${make}) (br_if $again (local.get $n))))`;

  test('is told after it was made, with its bytes', async () => {
    const { exports, told, samples } = await metered(fields);
    exports['f']!();
    exports['f']!();
    expect(told.length).toBe(2);
    expect(told[0]).toBe(told[1]);
    expect(typeof samples[0]).toBe('object');
    expect(samples[0]).not.toBe(samples[1]);
  });

  test('takes what is told', async () => {
    const count = 200_000;
    const { exports, told } = await metered(fields, { batch: 2 ** 30 });
    const single = await metered(fields);
    single.exports['f']!();
    exports['keep']!(10);
    collect();
    collect();
    const before = getHeapStatistics().used_heap_size;
    exports['keep']!(count);
    collect();
    const each = (getHeapStatistics().used_heap_size - before) / count - 8;
    expect(told.length).toBe(1);
    expect(each / single.told[0]!).toBeGreaterThan(0.75);
    expect(each / single.told[0]!).toBeLessThan(1.1);
  });
});

test('one call for a batch', async () => {
  const { exports, told } = await metered('(type $t (struct (field i64))) (func (export "f") (drop (struct.new_default $t)))', {
    batch: 2400,
  });
  for (let i = 0; i < 1001; i++) exports['f']!();
  // 24 bytes each: the first, and then each hundred and first.
  expect(told).toEqual([24, ...new Array(9).fill(2424)]);
});

describe('a large array', () => {
  const fields = '(type $t (array (mut i32))) (func (export "f") (param i32) (drop (array.new_default $t (local.get 0))))';

  test('is asked for before it is made', async () => {
    const { exports, asked, told } = await metered(fields);
    exports['f']!(16_384);
    exports['f']!(16_385);
    expect([asked, told]).toEqual([[65_540], [65_560, 65_568]]);
  });

  test('is not made where there is no room', async () => {
    const { exports, asked, told } = await metered(fields, { refuse: true });
    expect(() => exports['f']!(200_000_000)).toThrow('unreachable');
    expect([asked, told]).toEqual([[800_000_000], []]);
  });

  test.each([2 ** 28 + 1, 2 ** 30, 2 ** 31, -1])('of %d numbers is none, as without the pass', async (length) => {
    const { exports, asked, told } = await metered(fields, { refuse: true });
    expect(() => exports['f']!(length)).toThrow('requested new array is too large');
    expect([asked, told]).toEqual([[], []]);
  });
});

test('who is to end traps after the object that was too much', async () => {
  const { exports } = await metered('(type $t (struct)) (func (export "f") (drop (struct.new $t)))', { refuse: true });
  expect(() => exports['f']!()).toThrow('unreachable');
});

test('exceptions are told before they are thrown, without a sample', async () => {
  const { exports, told, samples } = await metered(
    '(tag $e (param i32 i64 v128 anyref)) (func (export "f") (throw $e (i32.const 1) (i64.const 2) (v128.const i64x2 0 0) (ref.null any)))',
  );
  expect(() => exports['f']!()).toThrow(WebAssembly.Exception);
  expect([told, samples]).toEqual([[56 + 16 + 32 + 64 + 8], [null]]);
});

test('constant expressions are counted when the module is loaded', async () => {
  const { heapBytes } =
    await metered(`(type $s (struct (field i64) (field i64))) (type $a (array i8)) (type $r (array (ref null $s)))
    (global $n i32 (i32.const 100)) (global $one (ref $s) (struct.new $s (i64.const 1) (i64.add (i64.const 1) (i64.const 1))))
    (global (ref $a) (array.new_default $a (i32.mul (global.get $n) (i32.const 10))))
    (global (ref $r) (array.new_fixed $r 2 (global.get $one) (struct.new_default $s)))
    (table 1 1 (ref $a) (array.new $a (i32.const 7) (i32.sub (i32.const 100) (i32.const 4))))
    (elem (ref null $a) (array.new $a (i32.const 1) (i32.const -1)) (ref.null $a))`);
  expect(heapBytes).toBe(32 + (24 + 1000) + (24 + 16 + 32) + (24 + 96) + (24 + 2 ** 32));
});

test('a module without objects and exceptions is left alone', async () => {
  const { heapBytes } = await metered('(func (export "f") (drop (i32.const 1)))');
  expect(heapBytes).toBe(undefined);
});
