// preempt: a word in a memory of the kernel's is looked at wherever a program could otherwise run for long, and when it is set the
// kernel is called, which may suspend the thread or end it. A check changes nothing that the program can see.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { placeChecks } from '../analysis/edits.ts';
import type { Checks } from '../checks.ts';
import { PREEMPT } from '../kernel-module.ts';
import { BlockType, Op } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import type { Writer } from '../writer.ts';

const I32_LOAD = 0x28;
/** In the alignment of a memory access: an index of the memory follows. */
const HAS_MEMORY = 0x40;
const ALIGN_4 = 2;

/** The function that a check calls: the kernel's attention, then a trap where this thread is to end. */
function preemptHelper(plan: Plan): FunctionRef {
  const wait = plan.import('wait', ['i32'], ['f64']);
  return plan.function(encodeUtf8('superos.preempt'), plan.type([], []), ['f64'], (out, hint) => {
    emitConst(out, 'i32', PREEMPT);
    emit(out, Op.call, wait.index);
    emit(out, Op.localTee, 0);
    emit(out, Op.localGet, 0);
    emit(out, Op.f64Ne);
    hint(false);
    emit(out, Op.if, BlockType.empty);
    emit(out, Op.unreachable);
    emit(out, Op.end);
  });
}

/** The word at address 0 of the last memory. */
function writePoll(out: Writer, epoch: number): void {
  emitConst(out, 'i32', 0);
  if (epoch === 0) emit(out, I32_LOAD, ALIGN_4, 0);
  else emit(out, I32_LOAD, ALIGN_4 | HAS_MEMORY, epoch, 0);
}

/** The means of checking, for all passes that put a check anywhere. */
export function checksOf(plan: Plan): Checks {
  if (plan.checks) return plan.checks;
  // The epoch comes last, so the memories before it must be imported too.
  plan.provideMemories = true;
  const epoch = plan.module.memories.length;
  const helper = preemptHelper(plan);
  plan.checks = {
    offsets: new Uint32Array(),
    edits: new Uint8Array(),
    poll: (out) => writePoll(out, epoch),
    call: (out) => emit(out, Op.call, helper.index),
  };
  return plan.checks;
}

export const preempt: Pass = {
  name: 'preempt',
  plan(plan) {
    if (plan.options.raw) return;
    const edits = placeChecks(plan.module, plan.scan);
    if (edits.offsets.length > 0) plan.checks = { ...checksOf(plan), ...edits };
  },
};
