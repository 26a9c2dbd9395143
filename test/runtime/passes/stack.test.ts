// The stack pass: which writes of the stack pointer are checked, and what happens at one below the stack.
import { describe, expect, test } from 'vitest';
import { placeChecks } from '../../../src/runtime/analysis/edits.ts';
import { Edit } from '../../../src/runtime/checks.ts';
import { load } from '../../../src/runtime/loader.ts';
import { parse } from '../../../src/runtime/parse.ts';
import { Plan } from '../../../src/runtime/plan.ts';
import { link, type Provided, wat } from '../tools.ts';

/** A function with a frame, as clang writes it. */
const FRAME = `(func $frame (export "frame") (param $depth i32) (local $sp i32)
  (global.set 0 (local.tee $sp (i32.sub (global.get 0) (i32.const 4096))))
  (i32.store (local.get $sp) (local.get $depth))
  (if (local.get $depth) (then (call $frame (i32.sub (local.get $depth) (i32.const 1)))))
  (global.set 0 (i32.add (local.get $sp) (i32.const 4096))))`;
const POINTER = '(global $sp (mut i32) (i32.const 65536))';
const GET = '(func (export "sp") (result i32) (global.get 0))';
const STACK_FIRST = `(memory (export "memory") 4 65536) ${POINTER} (data (i32.const 65536) "data") ${FRAME} ${GET}`;

const overflowing = () => {
  const pointers: number[] = [];
  const provided: Provided = {
    options: { stack: true },
    stackOverflow: (pointer) => {
      pointers.push(pointer!);
      return 0;
    },
  };
  return { pointers, provided };
};

describe('finding the stack', () => {
  const stackOf = async (text: string) => load(await wat(text)).layout.stack;

  test('by shape: a global that functions decrease and restore; a stack below all data ends at 0', async () => {
    expect(await stackOf(STACK_FIRST)).toEqual({
      global: 0,
      by: 'shape',
      low: 0,
      high: 65536,
      exact: true,
      limit: 16,
      canary: 0,
      checked: false,
      lower: 'superos:stack',
    });
  });

  test('by export, and by the bounds that are exported', async () => {
    const text = `(memory 4) (global $x (mut i32) (i32.const 7)) (global (export "__stack_pointer") (mut i32) (i32.const 90000))
      (global (export "__stack_low") i32 (i32.const 20000)) (global (export "__stack_high") i32 (i32.const 90000))`;
    expect(await stackOf(text)).toMatchObject({ global: 1, by: 'export', low: 20000, high: 90000, exact: true });
  });

  test('by name', async () => {
    const text = `(memory 4) (global $a (mut i32) (i32.const 64)) (global $__stack_pointer (mut i32) (i32.const 90000))`;
    expect(await stackOf(text)).toMatchObject({ global: 1, by: 'name' });
  });

  test('over data: where the data ends is known, or that it is not', async () => {
    const text = `(memory 4) ${POINTER} (data (i32.const 1024) "0123456789") ${FRAME}`;
    expect(await stackOf(text)).toMatchObject({ low: 1034, exact: false, limit: 1034 });
    expect((await stackOf(text))?.canary).toBeUndefined();
    const exported = `${text} (global (export "__data_end") i32 (i32.const 2001))`;
    expect(await stackOf(exported)).toMatchObject({ low: 2016, exact: true, limit: 2032, canary: 2016 });
  });

  test.each([
    ['no memory', POINTER],
    ['a pointer outside of memory', `(memory 0) ${POINTER} ${FRAME}`],
    ['a global that only grows', `(memory 4) ${POINTER} (func (global.set 0 (i32.add (global.get 0) (i32.const 16))))`],
    ['a global that is only decreased', `(memory 4) ${POINTER} (func (global.set 0 (i32.sub (global.get 0) (i32.const 16))))`],
    ['64-bit addresses', `(memory i64 4) (global (mut i64) (i64.const 65536))`],
    ['an immutable global', `(memory 4) (global i32 (i32.const 65536))`],
    [
      'a global that is computed',
      `(memory 4) (global i32 (i32.const 4)) (global (export "__stack_pointer") (mut i32) (global.get 0))`,
    ],
    ['a malformed name section', `(memory 4) (@custom "name" "\\07\\05\\ff\\ff\\ff\\ff\\ff")`],
  ])('none: %s', async (_, text) => {
    expect(await stackOf(text)).toBeUndefined();
  });

  test('the checks are off by name', async () => {
    const source = await wat(`(memory 4) ${POINTER} (data (i32.const 1024) "d") ${FRAME}`);
    const { layout, bytes } = load(source, { stack: false });
    expect(layout.stack).toMatchObject({ checked: false });
    expect(load(source).layout.stack).toMatchObject({ checked: true });
    expect(bytes.length).toBeLessThan(load(source).bytes.length);
  });
});

describe('the check', () => {
  test('a stack that fits behaves as before', async () => {
    const { call } = link(await wat(STACK_FIRST), { options: { stack: true } });
    call('frame', 14);
    expect(call('sp')).toBe(65536);
  });

  test('one frame too many traps, before anything is written below the stack', async () => {
    const { pointers, provided } = overflowing();
    const { call } = link(await wat(STACK_FIRST), provided);
    expect(() => call('frame', 15)).toThrow('unreachable');
    expect(pointers).toEqual([0]);
  });

  test('without the pass the stack grows into what is below', async () => {
    const text = `(memory (export "memory") 4) ${POINTER} (data (i32.const 8192) "data") ${FRAME} ${GET}
      (global (export "__data_end") i32 (i32.const 8196))`;
    const source = await wat(text);
    const bare = link(source, { options: { stack: false } });
    bare.call('frame', 15);
    const { pointers, provided } = overflowing();
    const { call } = link(source, provided);
    expect(() => call('frame', 15)).toThrow('unreachable');
    expect(pointers).toEqual([8192]);
  });

  test('frames larger than what is below the stack wrap around, and trap', async () => {
    const text = `(memory 4) ${POINTER} (data (i32.const 65536) "d") ${FRAME}
      (func (export "alloca") (param $n i32) (local $sp i32)
        (global.set 0 (local.tee $sp (i32.and (i32.sub (global.get 0) (local.get $n)) (i32.const -16)))))`;
    for (const size of [65537, 70000, 1 << 20, 0x7fff_0000]) {
      const { pointers, provided } = overflowing();
      const { call } = link(await wat(text), provided);
      expect(() => call('alloca', size)).toThrow('unreachable');
      expect(pointers).toHaveLength(1);
    }
  });

  test('a value that no local has is checked as well', async () => {
    const text = `${STACK_FIRST} (func (export "push") (param $n i32) (global.set 0 (i32.sub (global.get 0) (local.get $n))))`;
    const { pointers, provided } = overflowing();
    const { call } = link(await wat(text), provided);
    call('push', 32768);
    expect(call('sp')).toBe(32768);
    expect(() => call('push', 32768)).toThrow('unreachable');
    expect(pointers).toEqual([0]);
  });

  test('in each copy of a loop that is repeated, in two of them in a row', async () => {
    const loop = '(loop $l (global.set 0 (i32.sub (global.get 0) (local.get $n))) (br_if $l (global.get 0)))';
    const text = `${STACK_FIRST} (func (export "push") (param $n i32) ${loop} ${loop})
      (func (export "again") (param $n i32) (global.set 0 (i32.sub (global.get 0) (local.get $n))))`;
    const source = await wat(text);
    const [first] = placeChecks(parse(source), new Plan(parse(source), {}).scan).edits.filter((one) => (one & Edit.repeat) !== 0);
    expect(first).toBeDefined();
    // The round in which it is too much is another one of the four each time.
    for (const step of [16_384, 13_108, 10_923, 9363, 8193, 7282]) {
      const { pointers, provided } = overflowing();
      const { call } = link(source, provided);
      expect(() => call('push', step)).toThrow('unreachable');
      expect(pointers).toEqual([65_536 - step * Math.ceil((65_536 - 15) / step)]);
      // What comes after it in the code is checked, too.
      const other = overflowing();
      expect(() => link(source, other.provided).call('again', 65_530)).toThrow('unreachable');
      expect(other.pointers).toEqual([6]);
    }
  });

  test('another stack is left alone: elsewhere in memory, below it too, and back', async () => {
    const text = `(memory 4) ${POINTER} (data (i32.const 1024) "d") ${FRAME} ${GET}
      (func (export "switch") (param i32) (global.set 0 (local.get 0)))`;
    const { call } = link(await wat(text), { options: { stack: true } });
    for (const stack of [200000, 16000, 65536]) {
      call('switch', stack);
      call('frame', 2);
      expect(call('sp')).toBe(stack);
    }
  });

  test('the kernel lowers where the stack begins', async () => {
    const { call, layout } = link(await wat(STACK_FIRST));
    expect(call(layout.stack!.lower, 4800)).toBe(65536 - 4800);
    expect(call('sp')).toBe(65536 - 4800);
  });

  test('left out where an overflow leaves memory by itself', async () => {
    const { call, layout, bytes } = link(await wat(STACK_FIRST));
    expect(layout.stack?.checked).toBe(false);
    expect(() => call('frame', 17)).toThrow('memory access out of bounds');
    expect(bytes.length).toBeLessThan(load(await wat(STACK_FIRST), { stack: true }).bytes.length);
  });

  test('what puts the pointer back is not checked', async () => {
    const source = await wat(STACK_FIRST);
    const text = new TextDecoder('latin1').decode(load(source, { stack: true }).bytes);
    // i32.gt_u, branch, call: once for the frame, once in the helper.
    expect(text.split('\x4b\x04\x40').length - 1).toBe(2);
  });
});
