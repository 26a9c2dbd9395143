import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/hal/utf8.ts';
import type { Module } from '../../src/runtime/module.ts';
import { BlockType, Op } from '../../src/runtime/opcodes.ts';
import { parse } from '../../src/runtime/parse.ts';
import { memory } from '../../src/runtime/passes/memory.ts';
import { unwind } from '../../src/runtime/passes/unwind.ts';
import { rewrite } from '../../src/runtime/pipeline.ts';
import { emit, emitConst, type Pass } from '../../src/runtime/plan.ts';
import { copyOriginal } from '../../src/runtime/walk.ts';
import { SAMPLE } from './sample.ts';
import { custom, wat } from './tools.ts';

async function module(text: string): Promise<Module> {
  return parse(await wat(text));
}

/** Counts loop iterations and calls by a kernel call from a helper, as a check for preemption would. */
const counting: Pass = {
  name: 'counting',
  plan(plan) {
    const count = plan.import('count', ['i32'], ['i32']);
    const helper = plan.function(encodeUtf8('helper'), plan.type(['i32'], []), [], (out) => {
      emit(out, Op.localGet, 0);
      emit(out, Op.call, count.index);
      emit(out, Op.drop);
    });
    plan.prologues.push((functionIndex, out) => {
      emitConst(out, 'i32', functionIndex);
      emit(out, Op.call, helper.index);
    });
    plan.replace(Op.loop, (site, out, hint) => {
      copyOriginal(site, out);
      emitConst(out, 'i32', 1);
      hint(false);
      emit(out, Op.if, BlockType.empty);
      emitConst(out, 'i32', -1);
      emit(out, Op.call, helper.index);
      emit(out, Op.end);
    });
  },
};

const LOOP = `(func $leaf (result i32) (local i64) (i32.const 7))
  (func (export "run") (param i32) (result i32) (local $n i32)
    (loop $again
      (local.set $n (i32.add (local.get $n) (call $leaf)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $again (local.get 0)))
    (local.get $n))`;

describe('pipeline', () => {
  test('no pass: the same code, every function where it was', async () => {
    const parsed = await module(SAMPLE);
    const { bytes } = rewrite(parsed, []);
    expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
    const again = parse(bytes);
    expect(again.functions).toEqual(parsed.functions);
    const code = ({ source, code: { start, end } }: Module) => Buffer.from(source.subarray(start, end));
    expect(code(again).equals(code(parsed))).toBe(true);
    expect(custom(bytes, 'metadata.code.branch_hint')).toEqual(custom(parsed.source, 'metadata.code.branch_hint'));
    expect(custom(bytes, 'name')).toEqual(custom(parsed.source, 'name'));
  });

  test.each([[[memory]], [[unwind]], [[memory, unwind]], [[counting]], [[memory, counting, unwind]]])(
    'passes stand alone and together',
    async (passes) => {
      // Without the pass `segments` active data would need the memory at once, so there is none here.
      const { bytes } = rewrite(
        await module(SAMPLE.replaceAll(/^ {2}\(data \(memory.*$/gm, '  (data $passive_data "passive")')),
        passes,
      );
      expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
    },
  );

  test('a pass puts code at function entries and loop headers', async () => {
    const { bytes } = rewrite(await module(LOOP), [counting]);
    const counted: number[] = [];
    const compiled = new WebAssembly.Module(bytes as BufferSource);
    const { exports } = new WebAssembly.Instance(compiled, { 'superos:kernel': { count: (what: number) => counted.push(what) } });
    const { run } = exports as { run: (rounds: number) => number };
    expect(run(3)).toBe(21);
    expect(counted).toEqual([1, -1, 0, -1, 0, -1, 0]);
    expect(custom(bytes, 'metadata.code.branch_hint')).toBeDefined();
  });

  test('hints of passes and of the original come in order', async () => {
    const text = LOOP.replace('(br_if $again', '(@metadata.code.branch_hint "\\01") (br_if $again');
    // One function, with two hints: the pass's `if`, then the original's `br_if`.
    const content = custom(rewrite(await module(text), [counting]).bytes, 'metadata.code.branch_hint')!;
    expect([...content.subarray(0, 3)]).toEqual([1, 2, 2]);
    expect(content[3]!).toBeLessThan(content[6]!);
    expect([content[5], content[8]]).toEqual([0, 1]);
  });

  test('two passes may not replace the same instruction', async () => {
    const parsed = await module(LOOP);
    expect(() => rewrite(parsed, [counting, counting])).toThrow(/replaced by two passes/);
  });
});
