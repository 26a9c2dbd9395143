import { describe, expect, test } from 'vitest';
import { placeChecks } from '../../../src/runtime/analysis/edits.ts';
import { LoopCheck } from '../../../src/runtime/analysis/paths.ts';
import { Edit } from '../../../src/runtime/checks.ts';
import { PREEMPT } from '../../../src/runtime/kernel-module.ts';
import { load } from '../../../src/runtime/loader.ts';
import { parse } from '../../../src/runtime/parse.ts';
import { Plan } from '../../../src/runtime/plan.ts';
import { start, wat } from '../tools.ts';

interface Placed {
  /** Of the first loop. */
  readonly loop: number | undefined;
  /** Checks at jumps, and all others. */
  readonly jumps: number;
  readonly others: number;
}

async function placed(text: string): Promise<Placed> {
  const module = parse(await wat(text));
  const { scan } = new Plan(module, {});
  const { offsets, edits } = placeChecks(module, scan);
  expect([...offsets]).toEqual([...new Set(offsets)].sort((a, b) => a - b));
  const jumps = new Set(scan.jumpAt);
  const atJumps = offsets.filter((offset, i) => jumps.has(offset) && edits[i] === Edit.check).length;
  return { loop: scan.loopCheck[0], jumps: atJumps, others: edits.length - atJumps };
}

const jump = (to: number | string) => `(local.set $pc (i32.const ${to})) (br $l)`;
const TABLE = '(br_table $0 $1 $2 $3 (local.get $pc))';

/** A loop of four segments: what stands in them, the table, and what comes before the blocks. */
function dispatching(segments: readonly string[], table = TABLE, before = '', loop = '(loop $l'): string {
  const [a = '', b = '', c = '', d = ''] = segments;
  return `(func $f (param $pc i32) (param $n i32) (result i32) (local $x i32) (block $out
    ${loop} ${before} (block $3 (block $2 (block $1 (block $0 ${table}) ${a}) ${b}) ${c}) ${d} (br $out)))
    (local.get $x))`;
}

const AT_JUMPS = (jumps: number): Placed => ({ loop: LoopCheck.jumps, jumps, others: 0 });
const OTHERWISE = expect.objectContaining({ jumps: 0, others: 1 });

describe('a loop that dispatches is checked at its jumps', () => {
  test.each<[string, string, Placed]>([
    ['none', dispatching([]), AT_JUMPS(0)],
    ['forward', dispatching([jump(1), jump(3), jump(3)]), AT_JUMPS(0)],
    ['forward, from within an if', dispatching([`(if (local.get $n) (then ${jump(2)}))`]), AT_JUMPS(0)],
    ['forward, through the default', dispatching(['', '', jump(4)]), AT_JUMPS(0)],
    ['forward, through the default, by a number that is negative', dispatching(['', '', jump(-1)]), AT_JUMPS(0)],
    ['to its own segment', dispatching(['', jump(1)]), AT_JUMPS(1)],
    ['to the first segment, from itself', dispatching([jump(0)]), AT_JUMPS(1)],
    ['to an earlier one', dispatching(['', '', jump(1)]), AT_JUMPS(1)],
    ['from the last one to the default, itself', dispatching(['', '', '', jump(100)]), AT_JUMPS(1)],
    [
      'to an earlier one by the default',
      dispatching([jump(2), '', jump(4)], '(br_table $3 $2 $1 $0 (local.get $pc))'),
      AT_JUMPS(1),
    ],
    [
      'by a table that is another way round',
      dispatching(['', jump(0), jump(3)], '(br_table $3 $2 $1 $0 (local.get $pc))'),
      AT_JUMPS(1),
    ],
    ['several', dispatching([jump(0), jump(0), jump(3), jump(2)]), AT_JUMPS(3)],
    ['after a block in a segment', dispatching(['(block (nop)) (block (block))', '(block) (nop)', jump(2)]), AT_JUMPS(1)],
    ['another local is set', dispatching(['(local.set $x (i32.const 3)) (br $l)']), AT_JUMPS(1)],
    ['a number that is computed', dispatching(['(local.set $pc (i32.add (i32.const 3) (i32.const 0))) (br $l)']), AT_JUMPS(1)],
    ['a number from elsewhere', dispatching(['(local.set $pc (local.get $n)) (br $l)']), AT_JUMPS(1)],
    ['something between', dispatching(['(local.set $pc (i32.const 3)) (local.set $pc (local.get $n)) (br $l)']), AT_JUMPS(1)],
    ['nothing set', dispatching(['(br $l)']), AT_JUMPS(1)],
    ['a label between', dispatching([`(block (local.set $pc (i32.const 3))) (br $l)`]), AT_JUMPS(1)],
    ['a tee', dispatching(['(drop (local.tee $pc (i32.const 3))) (br $l)']), AT_JUMPS(1)],
    ['never reached', dispatching([`(return (local.get $x)) ${jump(0)}`]), AT_JUMPS(0)],
    ['to outside', dispatching([jump(1)], '(br_table $0 $out $2 $3 (local.get $pc))'), AT_JUMPS(1)],
    ['in front of the first segment', dispatching([], `${TABLE} ${jump(0)}`), AT_JUMPS(0)],
  ])('%s', async (_name, text, expected) => {
    expect(await placed(text)).toEqual(expected);
  });

  test.each([
    ['br_if', dispatching([jump(3), '(br_if $l (local.get $n))', jump(1)])],
    ['br_table', dispatching([jump(3), '(br_table $l $3 (local.get $n))', jump(1)])],
    ['br_on_null', dispatching(['(drop (br_on_null $l (ref.null any)))', jump(1)])],
    ['its own table', dispatching([jump(1)], '(br_table $0 $1 $l $3 (local.get $pc))')],
    ['an exception', `(tag $t) ${dispatching(['(try_table (catch $t $l) (throw $t))', jump(1)])}`],
    ['something before the blocks', dispatching([jump(0)], TABLE, '(nop)')],
    ['a computed table', dispatching([jump(0)], '(br_table $0 $1 $2 $3 (i32.and (local.get $pc) (i32.const 3)))')],
    ['a local that is set before the table', dispatching([jump(0)], '(br_table $0 $1 (local.tee $pc (local.get $n)))')],
    ['a parameter', dispatching(['(i32.const 1) (br $l)'], TABLE, '(drop)', '(i32.const 1) (loop $l (param i32)')],
    ['no block', '(func $f (param $pc i32) (loop $l (br_table $l (local.get $pc))))'],
  ])('otherwise it is one like others: %s', async (_name, text) => {
    expect(await placed(text)).toEqual(OTHERWISE);
  });

  test('a block with a type is not one of those before the table', async () => {
    const text = `(func (param $pc i32) (loop $l (block $v (result i32) (block $0 (br_table $0 0 (local.get $pc))) ${jump(0)}) (drop)))`;
    expect(await placed(text)).toEqual(OTHERWISE);
  });

  test('loops in each other, each by its own segments', async () => {
    const inner = `(loop $m (block $b (block $a (br_table $a $b (local.get $x)))
      (local.set $x (i32.const 1)) (br $m)) (local.set $x (i32.const 0)) (br_if $2 (local.get $n)) (br $m))`;
    // The inner one's second jump; the outer one's to segment 1, and not that to segment 3.
    expect(await placed(dispatching([jump(3), inner, jump(1)]))).toEqual(AT_JUMPS(2));
    const out = `(loop $m (block $b (block $a (br_table $a $b (local.get $pc))) ${jump(3)}) ${jump(0)})`;
    expect(await placed(dispatching(['', out]))).toEqual(AT_JUMPS(1));
  });
});

describe('such a loop is no check for what is in it and around it', () => {
  test('a loop around it, whose branch back comes after it', async () => {
    const { others } = await placed(`(func (param $pc i32) (param $n i32) (loop $o
      (loop $l (block $1 (block $0 (br_table $0 $1 (local.get $pc))) ${jump(1)}) (if (local.get $n) (then ${jump(0)})))
      (br_if $o (local.get $n))))`);
    expect(others).toBe(1);
  });

  test('a loop in it', async () => {
    expect(await placed(dispatching(['(loop $i (br_if $i (local.get $n)))', jump(1)]))).toEqual({ ...AT_JUMPS(1), others: 1 });
  });

  test('a call of the function itself', async () => {
    const call = '(local.set $x (call $f (local.get $pc) (local.get $n)))';
    expect(await placed(dispatching([call, jump(3), '', jump(0)]))).toEqual({ ...AT_JUMPS(1), others: 1 });
    expect(await placed(dispatching([call, '(br_if $l (local.get $n))']))).toMatchObject({
      jumps: 0,
      others: 1,
      loop: LoopCheck.inside,
    });
  });

  test('a call through a table', async () => {
    const call = '(local.set $x (call_indirect (param i32 i32) (result i32) (local.get $pc) (local.get $n) (i32.const 0)))';
    const text = `(table 1 funcref) (elem (i32.const 0) $f) ${dispatching([call])}`;
    expect(await placed(text)).toEqual({ ...AT_JUMPS(0), others: 1 });
  });
});

describe('a check at a jump changes nothing', () => {
  /** Runs `run` in the original, then rewritten with checks that never and always fire. Returns how often they fired. */
  function compare(source: Uint8Array, ...args: number[]): number {
    const original = new WebAssembly.Instance(new WebAssembly.Module(source as BufferSource)).exports;
    const expected = (original['run'] as (...args: number[]) => unknown)(...args);
    expect(start(source).call('run', ...args)).toEqual(expected);
    let calls = 0;
    const wait = (raw?: number) => {
      expect(raw).toBe(PREEMPT);
      calls++;
      return 0;
    };
    expect(start(source, { wait, epoch: 1 }).call('run', ...args)).toEqual(expected);
    return calls;
  }

  test('a sum, with operands on the stack at the jump', async () => {
    const add = '(local.set $x (i32.add (local.get $x) (local.get $n))) (local.set $n (i32.sub (local.get $n) (i32.const 1)))';
    const back = `(i32.const 7) (i64.const 8) (if (local.get $n) (then (i32.const 9) ${jump(1)})) (drop) (drop)`;
    const text = dispatching([jump(2), add, back, jump(9)].slice(0, 3));
    const source = await wat(text.replace('(func $f', '(func $f (export "run")'));
    // Ten turns; nine jumps go back.
    expect(compare(source, 1, 10)).toBe(9);
    expect(compare(source, 7, 10)).toBe(0);
  });

  test('out of a loop that is left', async () => {
    const inner = `(loop $i
      (local.set $x (i32.add (local.get $x) (local.get $n)))
      (if (i32.eq (local.get $n) (i32.const 5)) (then (local.set $n (i32.const 3)) ${jump(1)}))
      (if (i32.eq (local.get $n) (i32.const 2)) (then (local.set $n (i32.const 1)) ${jump(3)}))
      (br_if $i (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))`;
    const text = dispatching([
      '',
      inner,
      '(local.set $x (i32.const 0))',
      '(local.set $x (i32.mul (local.get $x) (i32.const 3)))',
    ]);
    const source = await wat(text.replace('(func $f', '(func $f (export "run")'));
    // Before the inner loop, twice; three rounds and one; the jump to the segment that it stands in.
    expect(compare(source, 1, 8)).toBe(2 + 3 + 1 + 1);
    expect(start(source).call('run', 1, 8)).toBe(3 * (8 + 7 + 6 + 5 + 3 + 2));
  });

  test('more blocks than one byte of a label counts', async () => {
    const count = 300;
    const labels = Array.from({ length: count }, (_, i) => `$s${i}`);
    const open = labels
      .toReversed()
      .map((label) => `(block ${label}`)
      .join(' ');
    const turn = (i: number) => `) (local.set $x (i32.add (local.get $x) (i32.const ${i})))
      ${i % 3 === 0 && i + 2 < count ? jump(i + 2) : ''}`;
    const text = `(func (export "run") (param $pc i32) (param $n i32) (result i32) (local $x i32)
      (loop $l ${open} (br_table ${labels.join(' ')} (local.get $pc)) ${labels.map((_, i) => turn(i)).join('\n')}
        (local.set $n (i32.sub (local.get $n) (i32.const 1))) (if (local.get $n) (then ${jump(0)})))
      (local.get $x))`;
    expect(await placed(text)).toEqual(AT_JUMPS(1));
    expect(compare(await wat(text), 0, 5)).toBe(4);
  });

  test.each([
    ['to and fro', dispatching(['', jump(3), '', jump(1)])],
    ['in one segment', dispatching([jump(0)])],
    [
      'by a number that rises',
      dispatching(['(local.set $pc (i32.add (local.get $pc) (i32.const 1))) (br $l)', '', '', '(br $l)']),
    ],
    [
      'around a loop that dispatches',
      dispatching([`(loop $m (block $a (block $b (br_table $b $a (local.get $x))) (br $3))) ${jump(3)}`, '', '', jump(0)]),
    ],
    ['calling itself', dispatching(['(return (call $f (i32.const 0) (local.get $n)))'])],
    ['calling itself in tail position', dispatching(['(return_call $f (i32.const 0) (local.get $n))'])],
  ])('what never ends is ended: %s', async (_name, text) => {
    let calls = 0;
    const { call } = start(await wat(text.replace('(func $f', '(func $f (export "run")')), {
      epoch: 1,
      wait: () => (++calls < 50 ? 0 : Number.NaN),
    });
    expect(() => call('run', 0, 1)).toThrow(WebAssembly.RuntimeError);
    expect(calls).toBe(50);
  });

  test('two thousand loops in each other that dispatch', async () => {
    const depth = 2000;
    const text = `(func (param $pc i32) ${'(loop (block (br_table 0 (local.get $pc))) '.repeat(depth)} ${'(br 0))'.repeat(depth)})`;
    expect(load(await wat(text)).layout.preempt).toBe(true);
  });
});
