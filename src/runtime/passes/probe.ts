// probe: where pages of a memory may be protected, what V8 does not turn into a trap at such a page follows a plain access to it, which
// traps: bulk operations (in their helpers, see bulk) and atomics. What a page holds is never changed by a probe. A program that
// maps pages itself asks the kernel instead: a probe that stores would undo what others do in a region that they share.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { filled, findStack } from '../analysis/stackpointer.ts';
import type { HintNext } from '../checks.ts';
import { LoadError } from '../errors.ts';
import type { Module } from '../module.ts';
import { ATOMIC, BlockType, Op } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import type { ValueType } from '../types.ts';
import type { Writer } from '../writer.ts';
import { type Place, placeOf, writeAccess } from './place.ts';
import { checksOf } from './preempt.ts';
import { probeStores } from './stores.ts';

/** The smallest page of any host. */
const PAGE_BYTES = 4096;
const I32_LOAD8_U = 0x2d;
/** A program with more kinds of atomic accesses is an attack on the size of what the loader writes. */
const HELPERS_MAX = 10_000;

/**
 * Writes a plain access at the address that `address` leaves: a load, and, to be told of pages that may be read but not written, a
 * store of what was loaded. In memory that threads share the store would undo another's: there are no such pages there.
 */
export function writeProbe(plan: Plan, out: Writer, place: Place, stores: boolean, address: () => void): void {
  const shared = plan.module.memories[place.memory]!.shared;
  address();
  if (stores && !shared) address();
  writeAccess(out, I32_LOAD8_U, place);
  if (stores && !shared) writeAccess(out, Op.i32Store8, place);
  else emit(out, Op.drop);
}

/** Writes probes of each page of [from, from + length), a range in bounds whose ends are in locals that the loop may not change. */
export function writeProbes(
  plan: Plan,
  out: Writer,
  memory: number,
  stores: boolean,
  [from, fromType]: readonly [number, 'i32' | 'i64'],
  [length, lengthType]: readonly [number, 'i32' | 'i64'],
  cursor: number,
): void {
  const place = { memory, offset: 0n };
  const wide = plan.module.memories[memory]!.address === 'i64';
  const at = (local: number, type: 'i32' | 'i64') => {
    emit(out, Op.localGet, local);
    if (type === 'i32') emit(out, Op.i64ExtendI32U);
  };
  const probe = () =>
    writeProbe(plan, out, place, stores, () => {
      emit(out, Op.localGet, cursor);
      if (!wide) emit(out, Op.i32WrapI64);
    });
  at(length, lengthType);
  emitConst(out, 'i64', 0);
  emit(out, Op.i64GtU);
  emit(out, Op.if, BlockType.empty);
  at(from, fromType);
  emit(out, Op.localSet, cursor);
  out.u8(Op.loop).u8(BlockType.empty);
  probe();
  // The next page's first byte.
  emit(out, Op.localGet, cursor);
  emitConst(out, 'i64', PAGE_BYTES);
  emit(out, Op.i64Add);
  emitConst(out, 'i64', -PAGE_BYTES);
  emit(out, Op.i64And);
  emit(out, Op.localTee, cursor);
  at(from, fromType);
  at(length, lengthType);
  emit(out, Op.i64Add);
  emit(out, Op.i64LtU);
  out.u8(Op.brIf).u8(0).u8(Op.end).u8(Op.end);
}

/** Calls after which pages of the caller's memory may be protected. */
const MAPPING: ReadonlySet<string> = new Set(['mem_map', 'mem_alloc', 'mem_unmap', 'mem_protect']);

const maps = ({ imports }: Module): boolean => imports.some(({ module, name }) => module === 'superos' && MAPPING.has(name));

/** Writes the question whether the guest may touch bytes, and a trap where not. `address` and `length` leave an f64 each. */
export function writeTouch(
  touch: FunctionRef,
  out: Writer,
  hint: HintNext,
  memory: number,
  writes: boolean,
  address: () => void,
  length: () => void,
): void {
  emitConst(out, 'i32', memory);
  address();
  length();
  emitConst(out, 'i32', writes ? 1 : 0);
  emit(out, Op.call, touch.index);
  emit(out, Op.i32Eqz);
  hint(false);
  out.u8(Op.if).u8(BlockType.empty);
  emit(out, Op.unreachable);
  emit(out, Op.end);
}

const LOADS = 0x10;
const STORES = 0x17;
const RMW = 0x1e;
const CMPXCHG = 0x48;
const LAST = 0x4e;
/** Of the accesses in each group of seven. */
const TYPES = ['i32', 'i64', 'i32', 'i32', 'i64', 'i64', 'i64'] as const;

/** Operands after the address, results, and whether the access writes. */
function signature(sub: number): { operands: ValueType[]; results: ValueType[]; stores: boolean } {
  if (sub === 0) return { operands: ['i32'], results: ['i32'], stores: false };
  if (sub <= 2) return { operands: [sub === 1 ? 'i32' : 'i64', 'i64'], results: ['i32'], stores: false };
  const type = TYPES[(sub - LOADS) % 7]!;
  if (sub < STORES) return { operands: [], results: [type], stores: false };
  if (sub < RMW) return { operands: [type], results: [], stores: true };
  return { operands: sub < CMPXCHG ? [type] : [type, type], results: [type], stores: true };
}

/** Bytes of the accesses in each group of seven. */
const BYTES = [4, 8, 1, 2, 1, 2, 4] as const;
const bytesOf = (sub: number): number => (sub <= 1 ? 4 : sub === 2 ? 8 : BYTES[(sub - LOADS) % 7]!);

/** A function that stands for an atomic access: a probe, then the access itself. */
function atomicHelper(plan: Plan, sub: number, memarg: Uint8Array, place: Place): FunctionRef {
  const { operands, results, stores } = signature(sub);
  const { address } = plan.module.memories[place.memory]!;
  const params = [address, ...operands];
  return plan.function(encodeUtf8(`superos.atomic ${sub}`), plan.type(params, results), [], (out, hint) => {
    const { touch } = plan;
    if (touch === undefined) writeProbe(plan, out, place, stores, () => emit(out, Op.localGet, 0));
    else {
      const number = () => {
        emit(out, Op.localGet, 0);
        emit(out, address === 'i64' ? Op.f64ConvertI64U : Op.f64ConvertI32U);
        writeF64(out, Number(place.offset));
        emit(out, Op.f64Add);
      };
      writeTouch(touch, out, hint, place.memory, stores, number, () => writeF64(out, bytesOf(sub)));
    }
    params.forEach((_, local) => {
      emit(out, Op.localGet, local);
    });
    emit(out, ATOMIC + sub);
    out.raw(memarg);
  });
}

const F64_CONST = 0x44;

function writeF64(out: Writer, value: number): void {
  out.u8(F64_CONST).raw(new Uint8Array(new Float64Array([value]).buffer));
}

/** Bytes from address 0 on that nothing of the program is in: known of those whose data lies below their stack. */
function freeBytes(plan: Plan): number {
  const ranges = filled(plan.module);
  if (ranges === undefined || ranges.length === 0) return 0;
  const found = findStack(plan.module, plan.scan);
  if (typeof found === 'string' || found.stack.low === 0) return 0;
  const first = Math.min(...ranges.map(([from]) => from));
  return Math.floor(first / PAGE_BYTES) * PAGE_BYTES;
}

export const probe: Pass = {
  name: 'probe',
  plan(plan) {
    const { raw, probe: asked } = plan.options;
    const asks = asked === 'ask' || maps(plan.module);
    // Without checks for preemption bulk operations have no helpers that could probe.
    if ((raw && !asks) || plan.module.memories.length === 0) return;
    const free = asked === false ? 0 : freeBytes(plan);
    if (!asked && free === 0 && !asks) return;
    plan.probed = { free, ...(asks && { asks }) };
    if (plan.options.probeStores) probeStores(plan, asks);
    if (asks) plan.touch = plan.import('touch', ['i32', 'f64', 'f64', 'i32'], ['i32']);
    if (!raw) checksOf(plan);
    const made = new Map<string, FunctionRef>();
    const replace = (sub: number) =>
      plan.replace(ATOMIC + sub, (site, out) => {
        const memarg = site.source.slice(site.immediates, site.end);
        const key = `${sub} ${memarg.join()}`;
        const known = made.get(key) ?? atomicHelper(plan, sub, memarg, placeOf(site));
        if (made.size === HELPERS_MAX)
          throw new LoadError('too-large', `the module has more than ${HELPERS_MAX} kinds of atomics`);
        made.set(key, known);
        emit(out, Op.call, known.index);
      });
    for (const sub of [0, 1, 2]) replace(sub);
    for (let sub = LOADS; sub <= LAST; sub++) replace(sub);
  },
};
