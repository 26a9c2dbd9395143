// meter: what a module allocates on the heap of the JavaScript engine is counted, and the kernel is told after some hundred kilobytes,
// with the object allocated last as a sample: as many of a process's samples live as of its bytes. A large array is asked for before it
// is made, because the engine takes the whole host down where it has no room. Code that allocates behaves as before.

import { encodeUtf8 } from '../../hal/utf8.ts';
import type { HintNext } from '../checks.ts';
import { constantBytes } from '../constants.ts';
import { skipInteger, U32_MOST } from '../immediates.ts';
import { BlockType, GC, Op } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import { arrayBytes, EXCEPTION_BYTES, payloadBytes, WORD } from '../sizes.ts';
import { copyOriginal, indexAt, type Site } from '../walk.ts';
import type { Writer } from '../writer.ts';

/** Arrays from here on are asked for before they are made. */
const LARGE_BYTES = 65_536;
/** V8 makes no array with more than this, and traps instead. */
const ARRAY_BYTES_MAX = 2 ** 30;

const THROW = 0x08;
const STRUCT_NEW = GC + 0;
const STRUCT_NEW_DEFAULT = GC + 1;
const ARRAY_NEW = GC + 6;
const ARRAY_NEW_DEFAULT = GC + 7;
const ARRAY_NEW_FIXED = GC + 8;
const ARRAY_NEW_DATA = GC + 9;
const ARRAY_NEW_ELEM = GC + 10;
const ANY_HEAP_TYPE = 0x6e;
// Bytes of the longest 32-bit integer.

/** Tells the kernel what was allocated since it last asked; parameter: the object allocated last, or null. */
function tellHelper(plan: Plan, left: number, batch: number): FunctionRef {
  const allocated = plan.import('allocated', ['i32', 'anyref'], ['i32']);
  return plan.function(encodeUtf8('superos.allocated'), plan.type(['anyref'], []), ['i32'], (out, hint) => {
    emit(out, Op.globalGet, batch);
    emit(out, Op.globalGet, left);
    emit(out, Op.i32Sub);
    emit(out, Op.localGet, 0);
    emit(out, Op.call, allocated.index);
    emit(out, Op.localTee, 1);
    emit(out, Op.globalSet, batch);
    emit(out, Op.localGet, 1);
    emit(out, Op.globalSet, left);
    emit(out, Op.localGet, 1);
    emitConst(out, 'i32', 0);
    emit(out, Op.i32LtS);
    hint(false);
    emit(out, Op.if, BlockType.empty);
    emit(out, Op.unreachable);
    emit(out, Op.end);
  });
}

/** Asks the kernel for the room that an array takes; parameters: its length, the bytes of an element. */
function askHelper(plan: Plan): FunctionRef {
  const allocate = plan.import('allocate', ['i32'], ['i32']);
  return plan.function(encodeUtf8('superos.allocate'), plan.type(['i32', 'i32'], []), ['i64'], (out, hint) => {
    emit(out, Op.localGet, 0);
    emit(out, Op.i64ExtendI32U);
    emit(out, Op.localGet, 1);
    emit(out, Op.i64ExtendI32U);
    emit(out, Op.i64Mul);
    emit(out, Op.localTee, 2);
    emitConst(out, 'i64', ARRAY_BYTES_MAX);
    emit(out, Op.i64LeU);
    emit(out, Op.if, BlockType.empty);
    emit(out, Op.localGet, 2);
    emit(out, Op.i32WrapI64);
    emit(out, Op.call, allocate.index);
    hint(false);
    emit(out, Op.if, BlockType.empty);
    emit(out, Op.unreachable);
    emit(out, Op.end);
    emit(out, Op.end);
  });
}

export const meter: Pass = {
  name: 'meter',
  plan(plan) {
    const { module } = plan;
    const { objects, tags } = module;
    if (objects.size === 0 && tags.length === 0) return;
    plan.heapBytes = constantBytes(module);
    const left = plan.global('i32');
    const batch = plan.global('i32');
    plan.counters.push(left, batch);
    const tell = tellHelper(plan, left, batch);

    /** Takes what was allocated, which is on the stack, from the batch, and does `then` where that is used up. */
    const charge = (out: Writer, hint: HintNext, block: () => void, then: () => void) => {
      emit(out, Op.i32Sub);
      emit(out, Op.globalSet, left);
      emit(out, Op.globalGet, left);
      emitConst(out, 'i32', 0);
      emit(out, Op.i32LtS);
      hint(false);
      out.u8(Op.if);
      block();
      then();
      emit(out, Op.end);
    };

    plan.replace(THROW, (site, out, hint) => {
      emit(out, Op.globalGet, left);
      emitConst(out, 'i32', EXCEPTION_BYTES + payloadBytes(module.types[tags[indexAt(site)]!]!.params));
      const none = () => {
        out.u8(BlockType.empty);
      };
      charge(out, hint, none, () => {
        out.u8(Op.refNull).u8(ANY_HEAP_TYPE);
        emit(out, Op.call, tell.index);
      });
      copyOriginal(site, out);
    });
    if (objects.size === 0) return;

    const lengths = plan.local('i32');
    const ask = askHelper(plan);
    const bytesAt = (site: Site) => objects.get(indexAt(site))!.bytes;
    /** By type index: tells of an object of that type, and gives it back. Made where a type is first allocated. */
    const tellers = new Map<number, { readonly type: number; readonly ref: FunctionRef }>();
    const teller = (object: number) => {
      const known = tellers.get(object);
      if (known) return known;
      const reference = `(ref ${object})`;
      const type = plan.type([reference], [reference]);
      const ref = plan.function(encodeUtf8(`superos.allocated ${object}`), type, [], (out) => {
        emit(out, Op.localGet, 0);
        emit(out, Op.call, tell.index);
        emit(out, Op.localGet, 0);
      });
      tellers.set(object, { type, ref });
      return { type, ref };
    };
    const chargeObject = (site: Site, out: Writer, hint: HintNext) => {
      const { type, ref } = teller(indexAt(site));
      charge(
        out,
        hint,
        () => out.signed(type),
        () => emit(out, Op.call, ref.index),
      );
    };
    const fixed = (bytes: (site: Site) => number) => (site: Site, out: Writer, hint: HintNext) => {
      copyOriginal(site, out);
      emit(out, Op.globalGet, left);
      emitConst(out, 'i32', bytes(site));
      chargeObject(site, out, hint);
    };
    plan.replace(STRUCT_NEW, fixed(bytesAt));
    plan.replace(STRUCT_NEW_DEFAULT, fixed(bytesAt));
    plan.replace(
      ARRAY_NEW_FIXED,
      fixed((site) => arrayBytes(bytesAt(site), indexAt(site, skipInteger(site.source, site.immediates, U32_MOST)))),
    );
    const sized = (site: Site, out: Writer, hint: HintNext) => {
      const bytes = bytesAt(site);
      const length = site.firstLocal + lengths;
      emit(out, Op.localTee, length);
      emit(out, Op.localGet, length);
      emitConst(out, 'i32', LARGE_BYTES / bytes);
      emit(out, Op.i32GtU);
      hint(false);
      emit(out, Op.if, BlockType.empty);
      emit(out, Op.localGet, length);
      emitConst(out, 'i32', bytes);
      emit(out, Op.call, ask.index);
      emit(out, Op.end);
      copyOriginal(site, out);
      // An array that was made has less than 2^30 bytes.
      emit(out, Op.globalGet, left);
      emit(out, Op.localGet, length);
      emitConst(out, 'i32', bytes);
      emit(out, Op.i32Mul);
      emitConst(out, 'i32', arrayBytes(bytes, 0) + (bytes < WORD ? WORD - 1 : 0));
      emit(out, Op.i32Add);
      if (bytes < WORD) {
        emitConst(out, 'i32', -WORD);
        emit(out, Op.i32And);
      }
      chargeObject(site, out, hint);
    };
    for (const opcode of [ARRAY_NEW, ARRAY_NEW_DEFAULT, ARRAY_NEW_DATA, ARRAY_NEW_ELEM]) plan.replace(opcode, sized);
  },
};
