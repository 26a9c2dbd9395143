// unwind: a system call is a plain import of numbers. A stub around it tests the result: a negative one asks for the kernel's
// attention (block, exit, kill), which the one suspending import, `wait`, gives; a NaN from it unwinds this thread by a trap,
// which no guest handler can catch. Stubs have the original type, and every use of the import goes through its stub.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { type NumberType, VALUE } from '../kernel-module.ts';
import { BlockType, Op } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import type { FunctionType, ValueType } from '../types.ts';

// No system call has more parameters. Without a bound stubs could outgrow the module many times.
const PARAMS_MAX = 32;

function lowerable(type: FunctionType): boolean {
  const { params, results } = type;
  const words = params.reduce((sum, param) => sum + (param === 'i64' ? 2 : 1), 0);
  return words <= PARAMS_MAX && params.every(isNumber) && results.length <= 1 && results.every(isNumber);
}

const isNumber = (type: ValueType): type is NumberType => type === 'i32' || type === 'i64' || type === 'f32' || type === 'f64';

/** A result that is no i32 is fetched once the call is over: what the call itself returns asks for attention, or does not. */
const fetched = (plan: Plan, { results: [result] }: FunctionType): FunctionRef | undefined =>
  result === undefined || result === 'i32' ? undefined : plan.import(`${VALUE}${result as NumberType}`, [], [result]);

function stub(plan: Plan, name: Uint8Array, typeIndex: number, target: FunctionRef, wait: FunctionRef): FunctionRef {
  const type = plan.module.types[typeIndex]!;
  const { params, results } = type;
  const fetcher = fetched(plan, type);
  const returns = results.length > 0 && fetcher === undefined;
  const result = params.length;
  const answer = params.length + 1;
  return plan.function(name, typeIndex, ['i32', 'f64'], (out, hint) => {
    params.forEach((param, i) => {
      emit(out, Op.localGet, i);
      if (param !== 'i64') return;
      emit(out, Op.i32WrapI64);
      emit(out, Op.localGet, i);
      emitConst(out, 'i64', 32);
      emit(out, Op.i64ShrU);
      emit(out, Op.i32WrapI64);
    });
    emit(out, Op.call, target.index);
    emit(out, Op.localTee, result);
    emitConst(out, 'i32', 0);
    emit(out, Op.i32LtS);
    hint(false);
    emit(out, Op.if, BlockType.empty);
    emit(out, Op.localGet, result);
    emit(out, Op.call, wait.index);
    emit(out, Op.localTee, answer);
    emit(out, Op.localGet, answer);
    emit(out, Op.f64Ne);
    hint(false);
    emit(out, Op.if, BlockType.empty);
    emit(out, Op.unreachable);
    emit(out, Op.end);
    if (returns) {
      emit(out, Op.localGet, answer);
      emit(out, Op.i32TruncSatF64S);
      emit(out, Op.localSet, result);
    }
    emit(out, Op.end);
    if (returns) emit(out, Op.localGet, result);
    else if (fetcher !== undefined) emit(out, Op.call, fetcher.index);
  });
}

export const unwind: Pass = {
  name: 'unwind',
  plan(plan) {
    const { imports, types } = plan.module;
    const foreign = new Set(plan.options.foreign);
    let index = -1;
    for (const entry of imports) {
      if (entry.kind !== 'function') continue;
      index++;
      const type = types[entry.type]!;
      if (foreign.has(entry.module) || !lowerable(type)) continue;
      const wait = plan.import('wait', ['i32'], ['f64']);
      const words = type.params.flatMap((param) => (param === 'i64' ? ['i32', 'i32'] : [param]));
      const name = encodeUtf8(`${entry.module}.${entry.name}`);
      // Imports keep their place, so the target's index is its number.
      plan.lowered.set(index, { type: plan.type(words, ['i32']), stub: stub(plan, name, entry.type, { index }, wait) });
    }
  },
};
