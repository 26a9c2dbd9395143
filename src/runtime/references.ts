// References as integers: -1 for null, for a function its number among those that something refers to, for an i31 its bits. Whatever
// else a reference may be is -2, and has no way back: it is state that is not the instance's alone.

import { encodeUtf8 } from '../hal/utf8.ts';
import type { Module } from './module.ts';
import { BlockType, GC, Op } from './opcodes.ts';
import { emit, emitConst, type FunctionRef, type Plan } from './plan.ts';
import { NULL, OPAQUE, type ReferenceKind } from './slots.ts';
import { type ValueType, writeValueType } from './types.ts';
import { Writer } from './writer.ts';

const REF_FUNC = 0xd2;
const REF_IS_NULL = 0xd1;
const REF_AS_NON_NULL = 0xd4;
const I32_EQ = 0x46;
const REF_TEST = GC + 20;
const REF_CAST = GC + 22;
const REF_CAST_NULL = GC + 23;
const REF_I31 = GC + 28;
const I31_GET_U = GC + 30;
const HEAP = { func: 0x70, i31: 0x6c, noextern: 0x72, noexn: 0x74 };
const I32 = 0x7f;
const FUNCREF = 0x70;
const I31REF = 0x6c;
/** First byte of a reference type that names its heap type after it. */
const REF = 0x64;
const REF_NULL = 0x63;

const ROOTS: Readonly<Record<string, ReferenceKind>> = {
  func: 'func',
  nofunc: 'func',
  extern: 'extern',
  noextern: 'extern',
  exn: 'exn',
  noexn: 'exn',
};

/** Of a reference type; undefined for numbers. */
export function hierarchy({ objects }: Module, type: ValueType): ReferenceKind | undefined {
  if (/^[ifv]\d+$/.test(type)) return undefined;
  const heap = /^\(ref (?:null )?(\w+)\)$/.exec(type)?.[1] ?? type.replace(/^null(?=\w)/, 'no').replace(/ref$/, '');
  if (/^\d+$/.test(heap)) return objects.has(Number(heap)) ? 'any' : 'func';
  return ROOTS[heap] ?? 'any';
}

/** What is on the stack, as `type`, which its hierarchy may be wider than. */
function writeCast(out: Writer, type: ValueType): void {
  const written = new Writer();
  writeValueType(written, type);
  const [form] = written.bytes;
  const named = form === REF || form === REF_NULL;
  emit(out, form === REF ? REF_CAST : REF_CAST_NULL);
  out.raw(written.result().subarray(named ? 1 : 0));
}

/** Leaves a reference to the function whose number, in [from, to), is local 0. */
export function writeChoice(out: Writer, indexOf: (number: number) => number, from: number, to: number): void {
  if (to - from === 1) {
    emit(out, REF_FUNC, indexOf(from));
    return;
  }
  const middle = (from + to) >>> 1;
  emit(out, Op.localGet, 0);
  emitConst(out, 'i32', middle);
  emit(out, Op.i32LtU);
  out.u8(Op.if).u8(FUNCREF);
  writeChoice(out, indexOf, from, middle);
  out.u8(Op.else);
  writeChoice(out, indexOf, middle, to);
  emit(out, Op.end);
}

/** The code that turns references of one module into integers, and back. */
export class References {
  readonly #plan: Plan;
  /** Functions by their numbers: indices in the original. */
  readonly functions: readonly number[];
  /** Gives a function by its number. */
  #pick: FunctionRef | undefined;
  #toObject: FunctionRef | undefined;
  #fromObject: FunctionRef | undefined;

  constructor(plan: Plan, functions: readonly number[]) {
    this.#plan = plan;
    this.functions = functions;
  }

  /** To be called for each hierarchy that is written later. */
  use(kind: ReferenceKind): void {
    if (kind === 'func') this.pick();
    if (kind !== 'any') return;
    const plan = this.#plan;
    this.#toObject ??= plan.function(encodeUtf8('superos.snapshot.i31'), plan.type(['i32'], ['i31ref']), [], (out) => {
      emit(out, Op.localGet, 0);
      emitConst(out, 'i32', 0);
      emit(out, Op.i32LtS);
      out.u8(Op.if).u8(I31REF);
      out.u8(Op.refNull).u8(HEAP.i31).u8(Op.else);
      emit(out, Op.localGet, 0);
      emit(out, REF_I31);
      emit(out, Op.end);
    });
    this.#fromObject ??= plan.function(encodeUtf8('superos.snapshot.any'), plan.type(['anyref'], ['i32']), [], (out) => {
      emit(out, Op.localGet, 0);
      emit(out, REF_TEST);
      out.u8(HEAP.i31).u8(Op.if).u8(I32);
      emit(out, Op.localGet, 0);
      emit(out, REF_CAST_NULL);
      out.u8(HEAP.i31);
      emit(out, I31_GET_U);
      out.u8(Op.else);
      emit(out, Op.localGet, 0);
      this.#nullness(out);
      emit(out, Op.end);
    });
  }

  pick(): FunctionRef {
    const plan = this.#plan;
    this.#pick ??= plan.function(encodeUtf8('superos.snapshot.function'), plan.type(['i32'], ['funcref']), [], (out) => {
      emit(out, Op.localGet, 0);
      emitConst(out, 'i32', NULL);
      out.u8(I32_EQ).u8(Op.if).u8(BlockType.empty);
      out.u8(Op.refNull).u8(HEAP.func).u8(Op.return).u8(Op.end);
      emit(out, Op.localGet, 0);
      emitConst(out, 'i32', this.functions.length);
      out.u8(Op.i32LtU).u8(Op.i32Eqz).u8(Op.if).u8(BlockType.empty).u8(Op.unreachable).u8(Op.end);
      if (this.functions.length === 0) out.u8(Op.unreachable);
      else writeChoice(out, (number) => plan.map[this.functions[number]!]!, 0, this.functions.length);
    });
    return this.#pick;
  }

  /** What is on the stack becomes NULL or OPAQUE. */
  #nullness(out: Writer): void {
    out.u8(REF_IS_NULL);
    emitConst(out, 'i32', OPAQUE);
    emit(out, Op.i32Add);
  }

  /** What `encode` leaves. A function has no number in Wasm, where functions cannot be compared: JavaScript finds it out. */
  static encoded(kind: ReferenceKind): ValueType {
    return kind === 'func' ? 'funcref' : 'i32';
  }

  encode(out: Writer, kind: ReferenceKind): void {
    if (kind === 'any') emit(out, Op.call, this.#fromObject!.index);
    else if (kind !== 'func') this.#nullness(out);
  }

  /** Leaves the reference of `type` whose integer `read` leaves. */
  decode(out: Writer, kind: ReferenceKind, type: ValueType, read: () => void): void {
    if (kind === 'extern' || kind === 'exn') {
      out.u8(Op.refNull).u8(kind === 'extern' ? HEAP.noextern : HEAP.noexn);
      if (type.startsWith('(ref ') && !type.startsWith('(ref null ')) out.u8(REF_AS_NON_NULL);
      return;
    }
    read();
    emit(out, Op.call, (kind === 'func' ? this.#pick! : this.#toObject!).index);
    if (type !== 'funcref' && type !== 'i31ref' && type !== 'anyref' && type !== 'eqref') writeCast(out, type);
  }
}
