import { describe, expect, test } from 'vitest';
import { placeChecks } from '../../../src/runtime/analysis/edits.ts';
import { Edit } from '../../../src/runtime/checks.ts';
import { PREEMPT } from '../../../src/runtime/kernel-module.ts';
import { LoadError, load } from '../../../src/runtime/loader.ts';
import { parse } from '../../../src/runtime/parse.ts';
import { Plan } from '../../../src/runtime/plan.ts';
import { Writer } from '../../../src/runtime/writer.ts';
import { start, wat } from '../tools.ts';

/** How many checks stand inside, and how many loops are left to call. */
async function checks(text: string): Promise<{ inside: number; leave: number }> {
  const module = parse(await wat(text));
  const { edits } = placeChecks(module, new Plan(module, {}).scan);
  const count = (edit: number) => edits.filter((one) => one & edit).length;
  return { inside: count(Edit.check), leave: count(Edit.leave) };
}

const NONE = { inside: 0, leave: 0 };
const INSIDE = { inside: 1, leave: 0 };
const LEAVE = { inside: 0, leave: 1 };

/** Runs `name` in the original, then rewritten with checks that never and always fire. Returns how often they fired. */
function compare(source: Uint8Array, name: string, ...args: unknown[]): number {
  const outcome = (run: () => unknown) => {
    try {
      return run();
    } catch (error) {
      return error instanceof WebAssembly.Exception ? 'exception' : (error as Error).message;
    }
  };
  const original = new WebAssembly.Instance(new WebAssembly.Module(source as BufferSource)).exports;
  const expected = outcome(() => (original[name] as (...args: unknown[]) => unknown)(...args));
  let calls = 0;
  const wait = (raw?: number) => {
    expect(raw).toBe(PREEMPT);
    calls++;
    return 0;
  };
  const quiet = start(source);
  expect(outcome(() => quiet.call(name, ...args))).toEqual(expected);
  const firing = start(source, { wait, epoch: 1 });
  expect(outcome(() => firing.call(name, ...args))).toEqual(expected);
  return calls;
}

describe('loops', () => {
  test.each([
    ['endless', '(func (loop $l (br $l)))', LEAVE],
    ['with a condition', '(func (param i32) (loop $l (br_if $l (local.get 0))))', LEAVE],
    ['never branched back to', '(func (param i32) (loop $l (br_if 1 (local.get 0))))', NONE],
    ['branched back to from code that is never reached', '(func (loop $l unreachable (br $l)))', NONE],
    ['with a call', '(func $f) (func (param i32) (loop $l (call $f) (br_if $l (local.get 0))))', INSIDE],
    ['with parameters', '(func (param i32) (i32.const 1) (loop $l (param i32) (br_if $l)))', INSIDE],
    ['branched back to by a table', '(func (param i32) (loop $l (br_table $l 1 (local.get 0))))', INSIDE],
    [
      'branched back to, then by a table',
      '(func (param i32) (loop $l (br_if $l (local.get 0)) (br_table $l 1 (local.get 0))))',
      INSIDE,
    ],
    [
      'branched back to, then by a reference',
      '(func (param anyref) (loop $l (br_if $l (i32.const 1)) (br_on_null $l (local.get 0)) (drop)))',
      INSIDE,
    ],
    ['large', `(func (param i32) (loop $l ${'(local.set 0 (i32.const 1))'.repeat(80)} (br_if $l (local.get 0))))`, INSIDE],
    ['with many branches back', `(func (param i32) (loop $l ${'(br_if $l (local.get 0))'.repeat(5)}))`, INSIDE],
    ['caught', '(tag $t) (func (loop $l (try_table (catch $t $l) (throw $t))))', INSIDE],
    [
      'two, one after the other',
      '(func (param i32) (loop $l (br_if $l (local.get 0))) (loop $l (br_if $l (local.get 0))))',
      { inside: 0, leave: 2 },
    ],
  ])('%s', async (_name, text, expected) => {
    expect(await checks(text)).toEqual(expected);
  });

  const inner = '(loop $i (br_if $i (local.get 0)))';
  test.each([
    ['an inner loop before every branch back', `(loop $o ${inner} (br_if $o (local.get 0)))`, 1],
    [
      'an inner loop that can be jumped over',
      `(loop $o (block $b (br_if $b (local.get 0)) ${inner}) (br_if $o (local.get 0)))`,
      2,
    ],
    ['an inner loop in one arm', `(loop $o (if (local.get 0) (then ${inner})) (br_if $o (local.get 0)))`, 2],
    ['an inner loop in each arm', `(loop $o (if (local.get 0) (then ${inner}) (else ${inner})) (br_if $o (local.get 0)))`, 2],
    ['a branch back before the inner loop', `(loop $o (br_if $o (local.get 0)) ${inner} (br_if $o (local.get 0)))`, 2],
    [
      'a branch back out of the inner loop, before its own',
      '(loop $o (loop $i (br_if $o (local.get 0)) (br_if $i (local.get 0))))',
      2,
    ],
    ['a branch back out of the inner loop, after its own', '(loop $o (loop $i (br_if $i (local.get 0)) (nop) (br $o)))', 1],
    ['an inner loop that is never repeated', '(loop $o (loop $i (br_if 2 (local.get 0))) (br_if $o (local.get 0)))', 1],
    [
      'an inner loop that code after a return hides',
      `(loop $o (block $b (br_if $b (local.get 0)) (return)) (br_if $o (local.get 0)) ${inner})`,
      2,
    ],
  ])('%s: %s', async (_name, body, expected) => {
    const { inside, leave } = await checks(`(func (param i32) ${body})`);
    expect(inside + leave).toBe(expected);
  });

  test('an exception may come from before the inner loop', async () => {
    const text = (handler: string) => `(tag $t) (func $f) (func (param i32) (loop $o ${handler}))`;
    const table = `(block $h (try_table (catch_all $h) (call $f) ${inner})) (br_if $o (local.get 0))`;
    expect(await checks(text(table))).toEqual({ inside: 1, leave: 1 });
    const legacy = `try (call $f) ${inner} catch_all end (br_if $o (local.get 0))`;
    expect(await checks(text(legacy))).toEqual({ inside: 1, leave: 1 });
    const after = `${inner} try (call $f) catch_all end (br_if $o (local.get 0))`;
    expect(await checks(text(after))).toEqual(LEAVE);
  });

  const counting = (before: string, step: string, compareWith: string, extra = '') =>
    `(func (param $p i32) (local $i i32) (local $j i32) ${before} (loop $l ${extra}
      (br_if $l (${compareWith.replace('I', `(local.tee $i (i32.add (local.get $i) (i32.const ${step})))`)}))))`;
  const zero = '(local.set $i (i32.const 0))';
  test.each([
    ['to 16', counting(zero, '1', 'i32.ne I (i32.const 16)'), NONE],
    ['to 64, as V8 sees it', counting(zero, '1', 'i32.lt_u I (i32.const 64)'), NONE],
    ['to a thousand', counting(zero, '1', 'i32.lt_u I (i32.const 1000)'), NONE],
    ['to a million', counting(zero, '1', 'i32.lt_u I (i32.const 1000000)'), LEAVE],
    [
      'to 2000, with much to do',
      `(memory 1)${counting(zero, '1', 'i32.lt_u I (i32.const 2000)', '(i32.store (i32.const 0) (local.get $p))'.repeat(20))}`,
      LEAVE,
    ],
    ['to the bound itself', counting(zero, '7', 'i32.le_s I (i32.const 700)'), NONE],
    ['down as unsigned numbers', counting('(local.set $i (i32.const -1))', '-3', 'i32.gt_u I (i32.const -3000)'), NONE],
    ['by nothing', counting(zero, '0', 'i32.lt_u I (i32.const 9)'), LEAVE],
    ['away from the bound', counting(zero, '-1', 'i32.lt_s I (i32.const 9)'), LEAVE],
    ['while it is 0', counting(zero, '1', 'i32.eq I (i32.const 0)'), NONE],
    ['down to -8', counting(zero, '-1', 'i32.gt_s I (i32.const -8)'), NONE],
    ['by 3, never 16', counting(zero, '3', 'i32.ne I (i32.const 16)'), LEAVE],
    ['to an end that is no constant', counting(zero, '1', 'i32.ne I (local.get $p)'), LEAVE],
    ['from a start that is none', counting('(local.set $i (local.get $p))', '1', 'i32.ne I (i32.const 16)'), LEAVE],
    ['another counter is set before', counting('(local.set $j (i32.const 0))', '1', 'i32.ne I (i32.const 16)'), LEAVE],
    ['something lies between', counting(`${zero} (nop)`, '1', 'i32.ne I (i32.const 16)'), LEAVE],
    ['the counter is written twice', counting(zero, '1', 'i32.ne I (i32.const 16)', '(local.set $i (local.get $p))'), LEAVE],
    ['it is branched back to twice', counting(zero, '1', 'i32.ne I (i32.const 16)', '(br_if $l (local.get $p))'), LEAVE],
    ['wrapping around', counting('(local.set $i (i32.const 0x7ffffffe))', '1', 'i32.gt_s I (i32.const 0)'), NONE],
    ['never ending, wrapping around', counting(zero, '1', 'i32.ge_u I (i32.const 0)'), LEAVE],
  ])('counted %s', async (_name, text, expected) => {
    expect(await checks(text)).toEqual(expected);
  });

  const next = '(local.set $i (i32.add (local.get $i) (i32.const 1)))';
  const asked = (body: string, before = zero) => `(func (param $p i32) (local $i i32) ${before} ${body})`;
  const under = (bound: number) => `(i32.lt_s (local.get $i) (i32.const ${bound}))`;
  test.each([
    ['while', asked(`(loop $l (if ${under(1000)} (then (drop (local.get $p)) ${next} (br $l))))`), NONE],
    ['while, a million times', asked(`(loop $l (if ${under(1_000_000)} (then ${next} (br $l))))`), LEAVE],
    ['until', asked(`(block $b (loop $l (br_if $b (i32.eq (local.get $i) (i32.const 100))) ${next} (br $l)))`), NONE],
    ['until not', asked(`(block $b (loop $l (br_if $b (i32.eqz ${under(100)})) ${next} (br $l)))`), NONE],
    ['until it is below, which it is not', asked(`(block $b (loop $l (br_if $b ${under(-1)}) ${next} (br $l)))`), LEAVE],
    ['asked of another', asked(`(loop $l (if (i32.lt_s (local.get $p) (i32.const 9)) (then ${next} (br $l))))`), LEAVE],
    ['asked first, but of nothing', asked(`(loop $l (drop ${under(9)}) ${next} (br $l))`), LEAVE],
    ['asked in a block', asked(`(loop $l (block $b (br_if $b ${under(9)})) ${next} (br $l))`), LEAVE],
    ['the other way round', asked(`(loop $l (if ${under(9)} (then) (else ${next} (br $l))))`), LEAVE],
    ['asked, and then for all', asked(`(loop $l (if ${under(9)} (then)) (block ${next} (br $l)))`), LEAVE],
    ['counted in one arm', asked(`(loop $l (if ${under(9)} (then (if (local.get $p) (then ${next})) (br $l))))`), LEAVE],
    ['counted before something else', asked(`(loop $l (if ${under(9)} (then ${next} (nop) (br $l))))`), LEAVE],
    [
      'from one of two starts',
      asked(`(loop $l (if ${under(9)} (then ${next} (br $l))))`, `(if (local.get $p) (then ${zero}))`),
      LEAVE,
    ],
    ['begun again', asked(`(loop $l (if ${under(9)} (then ${zero} ${next} (br $l))))`), LEAVE],
  ])('asked before each round: %s', async (_name, text, expected) => {
    expect(await checks(`(memory 1) ${text}`)).toEqual(expected);
  });

  test('what all rounds run through counts for the function', async () => {
    const loop = `${zero} (loop $l (if ${under(8000)} (then ${next} (br $l))))`;
    const called = (loops: number) => `(func $f (local $i i32) ${loop.repeat(loops)}) (func ${'(call $f)'.repeat(3)})`;
    expect((await checks(called(0))).inside).toBe(0);
    expect(await checks(called(1))).toEqual({ inside: 1, leave: 0 });
  });

  test('a short counted loop is no check for the loop around it', async () => {
    const loop =
      '(local.set $i (i32.const 0)) (loop $l (br_if $l (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8))))';
    expect(await checks(`(func (param i32) (local $i i32) (loop $o ${loop} (br_if $o (local.get 0))))`)).toEqual(INSIDE);
  });
});

describe('cycles of calls', () => {
  test.each([
    ['no cycle', '(func $a) (func $b (call $a)) (func (call $b) (call $a))', 0],
    ['itself', '(func $a (call $a))', 1],
    ['a tail call of itself', '(func $a (return_call $a))', 1],
    ['each other', '(func $a (call $b)) (func $b (call $a))', 1],
    [
      'a ring of three, and one that calls it',
      '(func $a (call $b)) (func $b (call $c)) (func $c (return_call $a)) (func (call $a))',
      1,
    ],
    ['through a table', '(table 1 funcref) (elem (i32.const 0) $a) (func $a (call_indirect (i32.const 0)))', 1],
    [
      'a tail call through a table',
      '(table 1 funcref) (elem (i32.const 0) $a) (func $a (return_call_indirect (i32.const 0)))',
      1,
    ],
    [
      'through a table, other signature',
      '(table 1 funcref) (elem (i32.const 0) $a) (func $a (call_indirect (param i32) (i32.const 0) (i32.const 0)))',
      0,
    ],
    ['through a table, address never taken', '(table 1 funcref) (func $a (call_indirect (i32.const 0)))', 0],
    [
      'through a passive segment of expressions',
      '(table 1 funcref) (elem funcref (ref.func $a)) (func $a (call_indirect (i32.const 0)))',
      1,
    ],
    ['through a reference', '(type $t (func)) (elem declare func $a) (func $a (type $t) (call_ref $t (ref.func $a)))', 1],
    [
      'through a global',
      '(type $t (func)) (global $g (ref $t) (ref.func $a)) (func $a (type $t) (return_call_ref $t (global.get $g)))',
      1,
    ],
    [
      'through a subtype: references count as one',
      `(type $t (sub (func (param (ref any))))) (type $u (sub $t (func (param anyref)))) (table 1 funcref) (elem (i32.const 0) $a)
       (func $a (type $u) (call_indirect (type $t) (ref.i31 (i32.const 0)) (i32.const 0)))`,
      1,
    ],
    ['in a checked loop', '(func $a (param i32) (loop $l (call $a (i32.const 0)) (br_if $l (local.get 0))))', 1],
    ['after a checked loop', '(func $a (param i32) (loop $l (br_if $l (local.get 0))) (call $a (i32.const 0)))', 1],
    ['before a loop', '(func $a (param i32) (call $a (i32.const 0)) (loop $l (br_if $l (local.get 0))))', 2],
    ['in a loop without a check', '(func $a (param i32) (loop $l (call $a (i32.const 0))))', 1],
  ])('%s', async (_name, text, expected) => {
    const { inside, leave } = await checks(text);
    expect(inside + leave).toBe(expected);
  });

  test('functions that call the next one twice are checked, though there is no cycle', async () => {
    const functions = Array.from({ length: 60 }, (_, i) => `(func $f${i} (call $f${i + 1}) (call $f${i + 1}))`).join('');
    const source = await wat(`${functions} (func $f60) (export "f" (func $f0))`);
    let calls = 0;
    // The kernel ends it, the seventh time it is asked.
    const { call } = start(source, { epoch: 1, wait: () => (++calls < 7 ? 0 : Number.NaN) });
    expect(() => call('f')).toThrow(/unreachable/);
    expect(calls).toBe(7);
    expect(await checks('(func $a) (func $b (call $a) (call $a)) (func (call $b) (call $b))')).toEqual(NONE);
  });
});

describe('a check changes nothing', () => {
  test('branches of every kind out of a loop that is left', async () => {
    const source = await wat(`(type $s (struct)) (tag $t (param i32)) (global $n (mut i32) (i32.const 0))
      (func $next (param $limit i32) (result i32) (i32.const 0))
      (func (export "run") (param $case i32) (result i32) (local $i i32) (local $r anyref) (local $f funcref)
        (block $three (result i32) (block $two (result i32) (block $one (result i32) (block $null
          (loop $l (result i32)
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 5)))
            (if (i32.eq (local.get $case) (i32.const 1)) (then (br $one (i32.const 10))))
            (block $inner (br_if $inner (i32.ne (local.get $case) (i32.const 2))) (br $two (i32.const 20)))
            (block $a (block $b (br_table $a $b $null $b (i32.sub (local.get $case) (i32.const 3)))) (nop))
            (if (i32.eq (local.get $case) (i32.const 6)) (then (br_on_null $null (local.get $r)) (drop)))
            (if (i32.eq (local.get $case) (i32.const 7)) (then (return (i32.const 70))))
            (drop (br_if $three (i32.const 80) (i32.eq (local.get $case) (i32.const 8))))
            (if (i32.eq (local.get $case) (i32.const 9))
              (then (try_table (catch $t $two) (catch_all $null) (throw $t (i32.const 90)))))
            (if (i32.eq (local.get $case) (i32.const 10))
              (then (block $cast (result anyref) (br_on_cast $cast anyref i31ref (ref.i31 (i32.const 3))) (br $three (i32.const 101)))
                (drop) (br $one (i32.const 100))))
            (local.get $i))
          (return)) (return (i32.const -1)))
        (i32.add (i32.const 1))) (i32.add (i32.const 2))) (i32.add (i32.const 3)))`);
    for (let one = 0; one <= 11; one++) expect(compare(source, 'run', one)).toBeGreaterThanOrEqual(4);
  });

  test('legacy exceptions: delegate and rethrow across a loop that is left', async () => {
    const source = await wat(`(tag $t (param i32))
      (func (export "run") (param $case i32) (result i32) (local $i i32)
        try (result i32)
          try (result i32)
            (loop $l (result i32)
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              try
                (if (i32.eq (local.get $case) (i32.const 1)) (then (throw $t (i32.const 7))))
              delegate 1
              try
                try (if (i32.eq (local.get $case) (i32.const 2)) (then (throw $t (i32.const 8)))) delegate 0
              catch $t
                (drop) (br_if $l (i32.lt_u (local.get $i) (i32.const 4)))
                (if (i32.eq (local.get $case) (i32.const 2)) (then rethrow 1))
              end
              (br_if $l (i32.lt_u (local.get $i) (i32.const 3)))
              (local.get $i))
          catch $t
            (i32.add (i32.const 100))
          end
        catch_all (i32.const 1000)
        end)`);
    for (let one = 0; one <= 2; one++) compare(source, 'run', one);
  });

  test('a loop with several results, and one that only a branch to it ends', async () => {
    const source = await wat(`(func (export "run") (param i32) (result i32 i64) (local $i i32)
      (loop $l (result i32 i64)
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (local.get 0)))
        (local.get $i) (i64.const 5)))
      (func (export "void") (param i32) (result i32) (block $b (loop $l
        (br_if $b (i32.eqz (local.get 0))) (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $l))) (local.get 0))`);
    expect(compare(source, 'run', 10)).toBe(10);
    // Four rounds to a check, besides the one before the loop.
    expect(compare(source, 'void', 10)).toBe(3);
  });

  describe('a small loop whose body is repeated', () => {
    const BODIES: readonly (readonly [name: string, body: string])[] = [
      ['with a condition', '(loop $l (call_me) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))'],
      [
        'left in its middle',
        '(block $b (loop $l (br_if $b (i32.eqz (local.get $n))) (call_me) (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $l)))',
      ],
      [
        'that returns',
        '(loop $l (call_me) (if (i32.eqz (local.get $n)) (then (return (local.get $s)))) (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $l))',
      ],
      [
        'with a table out of it',
        '(block $a (block $b (loop $l (call_me) (br_table 0 $a $b (i32.ge_u (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 3)))) ) (local.set $s (i32.const -1)))',
      ],
      [
        'with a block of its own',
        '(loop $l (block $b (br_if $b (i32.and (local.get $n) (i32.const 1))) (call_me)) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))',
      ],
      [
        'above values',
        '(i32.const 5) (loop $l (call_me) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (local.set $s (i32.add (local.get $s)))',
      ],
      [
        'that leaves values behind',
        '(block $b (loop $l (local.get $n) (br_if $b (i32.eqz (local.get $n))) (call_me) (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $l)))',
      ],
      [
        'that traps',
        '(loop $l (call_me) (local.set $s (i32.div_u (local.get $s) (i32.rem_u (local.get $n) (i32.const 9)))) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))',
      ],
    ];

    test.each(BODIES)('%s', async (_name, body) => {
      const text = body.replaceAll('(call_me)', '(local.set $s (i32.add (local.get $s) (local.get $n)))');
      const source = await wat(`(func (export "run") (param $n i32) (result i32) (local $s i32) ${text} (local.get $s))`);
      for (let n = 1; n < 40; n++) compare(source, 'run', n);
    });

    test('is one of so many in a module', async () => {
      const loop = `(loop $l ${'(nop)'.repeat(20)} (br_if $l (local.get 0)))`;
      const functions = Array.from({ length: 40 }, () => `(func (param i32) ${loop.repeat(400)})`).join('\n');
      const module = parse(await wat(functions));
      const repeated = placeChecks(module, new Plan(module, {}).scan).edits.filter((one) => (one & Edit.repeat) !== 0).length;
      expect(repeated).toBeGreaterThan(2 ** 18 / 32 - 1);
      expect(repeated).toBeLessThan(2 ** 18 / 20);
      const source = await wat(functions);
      expect(load(source).bytes.length).toBeLessThan(4 * source.length);
    });

    test('is none where the function has hints of its own', async () => {
      const hinted = '(@metadata.code.branch_hint "\\00")';
      const text = (hint: string) =>
        `(func (export "run") (param i32) (loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1))) ${hint} (br_if $l (local.get 0))))`;
      const [plain, marked] = await Promise.all([wat(text('')), wat(text(hinted))]);
      expect(compare(plain, 'run', 9)).toBeLessThan(compare(marked, 'run', 9));
    });

    test('is one that goes back at its end alone, and is small', async () => {
      const repeated = async (loop: string) => {
        const module = parse(await wat(`(func (param i32) ${loop})`));
        return placeChecks(module, new Plan(module, {}).scan).edits.some((one) => (one & Edit.repeat) !== 0);
      };
      const set = '(local.set 0 (i32.const 1))';
      expect(await repeated(`(loop $l ${set} (br_if $l (local.get 0)))`)).toBe(true);
      expect(await repeated(`(loop $l ${set.repeat(7)} (br_if $l (local.get 0)))`)).toBe(false);
      expect(await repeated(`(loop $l (br_if $l (local.get 0)) ${set} (br_if $l (local.get 0)))`)).toBe(false);
      expect(await repeated(`(loop $l (br_if $l (local.get 0)) ${set})`)).toBe(false);
      expect(await repeated(`(loop $l (if (local.get 0) (then (br $l))))`)).toBe(false);
      expect(await repeated(`(loop $l (result i32) (br_if $l (local.get 0)) (i32.const 1)) (drop)`)).toBe(false);
      // What looks like a branch may be the end of another instruction.
      expect(await repeated(`(loop $l (br_if $l (local.get 0)) (drop (i32.const 0x600)) (i32.const 0) (drop))`)).toBe(false);
    });
  });

  test('recursion of every kind', async () => {
    const source = await wat(`(type $t (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $c)
      (func $a (export "direct") (type $t) (if (result i32) (local.get 0)
        (then (i32.add (i32.const 2) (call $a (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 1))))
      (func $b (export "tail") (type $t) (if (i32.eqz (local.get 0)) (then (return (i32.const 3))))
        (return_call $b (i32.sub (local.get 0) (i32.const 1))))
      (func $c (export "indirect") (type $t) (if (result i32) (local.get 0)
        (then (i32.add (i32.const 2) (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))) (else (i32.const 1))))`);
    expect(compare(source, 'direct', 100)).toBe(101);
    expect(compare(source, 'tail', 1000)).toBe(1001);
    expect(compare(source, 'indirect', 100)).toBe(101);
  });

  test('where the kernel ends the thread, the check traps, and no handler of the guest sees it', async () => {
    const source = await wat(`(tag $t) (func $f) (func (export "run")
      (loop $l (block $h (try_table (catch_all $h) (call $f) (loop $m (br $m)))) (br $l)))`);
    let calls = 0;
    const { call } = start(source, { epoch: 1, wait: () => (++calls === 100 ? Number.NaN : 0) });
    expect(() => call('run')).toThrow(WebAssembly.RuntimeError);
    expect(calls).toBe(100);
  });

  test('the epoch is the last memory, and a raw program has none', async () => {
    const source = await wat('(memory 1) (memory 1) (func (loop $l (br $l)))');
    const memories = (raw: boolean) =>
      WebAssembly.Module.imports(new WebAssembly.Module(load(source, { raw }).bytes as BufferSource))
        .filter(({ kind }) => kind === 'memory')
        .map(({ name }) => name);
    expect(memories(false)).toEqual(['memory0', 'memory1', 'epoch']);
    expect(memories(true)).toEqual(['memory0', 'memory1']);
    expect([load(source).layout.preempt, load(source, { raw: true }).layout.preempt]).toEqual([true, false]);
  });
});

describe('hostile sizes', () => {
  /** A module of functions of type [] -> [] with these bodies, which have no locals. */
  async function functions(count: number, body: (out: Writer, index: number) => void): Promise<Uint8Array> {
    const code = new Writer(count * 8).u32(count);
    const types = new Writer(count + 8).u32(count);
    for (let i = 0; i < count; i++) {
      const out = new Writer(16).u8(0);
      body(out, i);
      code.sized(out.u8(0x0b));
      types.u8(0);
    }
    const head = await wat('(type (func))');
    const end = head.length - (head.length - head.indexOf(1, 8)) + 2 + head[head.indexOf(1, 8) + 1]!;
    return new Writer().raw(head.subarray(0, end)).u8(3).sized(types).u8(10).sized(code).result().slice();
  }

  test('a chain of 200,000 functions that ends in a cycle', async () => {
    const count = 200_000;
    const source = await functions(count, (out, i) => out.u8(0x10).u32((i + 1) % count));
    expect(load(source).layout.preempt).toBe(true);
  });

  test('loops a hundred thousand deep, each with a branch back and a call', async () => {
    const depth = 100_000;
    const source = await functions(1, (out) => {
      for (let i = 0; i < depth; i++) out.u8(0x03).u8(0x40).u8(0x10).u32(0);
      for (let i = 0; i < depth; i++) out.u8(0x41).u8(0).u8(0x0d).u8(0).u8(0x0b);
    });
    let result: unknown;
    try {
      result = load(source).layout.preempt;
    } catch (error) {
      result = error instanceof LoadError;
    }
    expect(result).toBe(true);
  });
});
