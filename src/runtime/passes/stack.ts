// stack: every write that may lower the stack pointer is compared with the bounds of the stack, and one below them ends the process:
// without it the stack grows into data. Below a stack at address 0 there is none, and the checks are left out by default. A stack that is elsewhere, as that of a thread or a coroutine is, has bounds that nobody
// knows, and is left alone. A stack that begins a random number of bytes lower is as good, and harder to aim at.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { findStack } from '../analysis/stackpointer.ts';
import { NO_LOCAL } from '../analysis/stackwrites.ts';
import type { HintNext } from '../checks.ts';
import type { StackLayout } from '../layout.ts';
import { BlockType, Op } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import { copyOriginal } from '../walk.ts';
import type { Writer } from '../writer.ts';
import { unusedName } from './entry.ts';

const LOWER = 'superos:stack';
/** Bytes at the stack's lower end that are the kernel's, for a canary: the stack stays aligned. */
const CANARY_BYTES = 16;
/** A stack smaller than this gives none away. */
const CANARY_STACK_MIN = 1024;
const PAGE_SHIFT = 16;

/** Leaves whether the value that `read` leaves is outside of the stack. */
function outside({ limit, high }: StackLayout, out: Writer, read: () => void): void {
  read();
  if (limit !== 0) {
    emitConst(out, 'i32', limit);
    emit(out, Op.i32Sub);
  }
  emitConst(out, 'i32', high - limit);
  emit(out, Op.i32GtU);
}

/** The function called with a value outside of the stack, before it is written: returns where this is no overflow. */
function overflowHelper(plan: Plan, stack: StackLayout): FunctionRef {
  const overflow = plan.import('stack_overflow', ['i32'], []);
  return plan.function(encodeUtf8('superos:overflow'), plan.type(['i32'], []), [], (out, hint) => {
    const leaveIf = () => {
      hint(false);
      emit(out, Op.if, BlockType.empty);
      emit(out, Op.return);
      emit(out, Op.end);
    };
    outside(stack, out, () => emit(out, Op.globalGet, stack.global));
    leaveIf();
    // Above it, but in memory: another stack. What wrapped around is not in memory.
    emit(out, Op.localGet, 0);
    emitConst(out, 'i32', stack.high);
    emit(out, Op.i32GtU);
    emit(out, Op.localGet, 0);
    emit(out, Op.i64ExtendI32U);
    emit(out, Op.memorySize, 0);
    emit(out, Op.i64ExtendI32U);
    emitConst(out, 'i64', PAGE_SHIFT);
    emit(out, Op.i64Shl);
    emit(out, Op.i64LeU);
    emit(out, Op.i32And);
    leaveIf();
    emit(out, Op.localGet, 0);
    emit(out, Op.call, overflow.index);
    emit(out, Op.unreachable);
  });
}

function writeCheck(stack: StackLayout, local: number, helper: FunctionRef, out: Writer, hint: HintNext): void {
  outside(stack, out, () => emit(out, Op.localGet, local));
  hint(false);
  emit(out, Op.if, BlockType.empty);
  emit(out, Op.localGet, local);
  emit(out, Op.call, helper.index);
  emit(out, Op.end);
}

export const stack: Pass = {
  name: 'stack',
  plan(plan) {
    const found = findStack(plan.module, plan.scan);
    if (typeof found === 'string') return;
    const { low, high, exact, global, by } = found.stack;
    const canary = exact && high - low >= CANARY_STACK_MIN;
    const lower = unusedName(LOWER, plan.module);
    const checked = plan.options.stack ?? !(exact && low === 0);
    const layout: StackLayout = {
      checked,
      lower,
      global,
      by,
      low,
      high,
      exact,
      limit: canary ? low + CANARY_BYTES : low,
      ...(canary && { canary: low }),
    };
    plan.stack = layout;
    const ref = plan.function(encodeUtf8(LOWER), plan.type(['i32'], ['i32']), [], (out) => {
      emit(out, Op.globalGet, global);
      emit(out, Op.localGet, 0);
      emit(out, Op.i32Sub);
      emit(out, Op.localTee, 0);
      emit(out, Op.globalSet, global);
      emit(out, Op.localGet, 0);
    });
    plan.exports.push({ name: lower, ref });
    if (!checked) return;
    const { checkedAt, local } = found.writes();
    const helper = overflowHelper(plan, layout);
    // For a value that no local has.
    const setter = local.includes(NO_LOCAL)
      ? plan.function(encodeUtf8('superos:set stack'), plan.type(['i32'], []), [], (out, hint) => {
          writeCheck(layout, 0, helper, out, hint);
          emit(out, Op.localGet, 0);
          emit(out, Op.globalSet, global);
        })
      : undefined;
    // Sites come in the order of the code, but for those in the body of a loop that is repeated.
    let next = 0;
    plan.replace(Op.globalSet, (site, out, hint) => {
      while (next > 0 && checkedAt[next - 1]! >= site.start) next--;
      if (site.start !== checkedAt[next]) return copyOriginal(site, out);
      const held = local[next++]!;
      if (held === NO_LOCAL) return emit(out, Op.call, setter!.index);
      writeCheck(layout, held, helper, out, hint);
      copyOriginal(site, out);
    });
  },
};
