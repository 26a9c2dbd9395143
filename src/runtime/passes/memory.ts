// memory: every memory is imported from the kernel with minimum 0, so that the kernel allocates, limits, pools and protects
// it, and memory.grow asks the kernel. Accesses keep their bounds checks, constant addresses included, because the declared
// minimum is 0. Memory indices never change: imported memories come first, and all of them stay in order.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { BlockType, Op } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import { indexAt } from '../walk.ts';

// The kernel counts pages in a signed i32.
const PAGES_MAX = 0x7fff_ffff;

/** Body of the function that stands for `memory.grow memory`: previous size in pages, or -1. */
function growHelper(plan: Plan, memory: number, grow: FunctionRef): FunctionRef {
  const { address } = plan.module.memories[memory]!;
  return plan.function(encodeUtf8(`superos.memory.grow ${memory}`), plan.type([address], [address]), [], (out, hint) => {
    if (address === 'i64') {
      emit(out, Op.localGet, 0);
      emitConst(out, 'i64', PAGES_MAX);
      emit(out, Op.i64GtU);
      hint(false);
      emit(out, Op.if, BlockType.empty);
      emitConst(out, 'i64', -1);
      emit(out, Op.return);
      emit(out, Op.end);
    }
    emitConst(out, 'i32', memory);
    emit(out, Op.localGet, 0);
    if (address === 'i64') emit(out, Op.i32WrapI64);
    emit(out, Op.call, grow.index);
    if (address === 'i64') emit(out, Op.i64ExtendI32S);
  });
}

export const memory: Pass = {
  name: 'memory',
  plan(plan) {
    const { memories } = plan.module;
    if (memories.length === 0) return;
    plan.provideMemories = true;
    const grow = plan.import('memory_grow', ['i32', 'i32'], ['i32']);
    const helpers = memories.map((_, index) => growHelper(plan, index, grow));
    plan.replace(Op.memoryGrow, (site, out) => emit(out, Op.call, helpers[indexAt(site)]!.index));
  },
};
