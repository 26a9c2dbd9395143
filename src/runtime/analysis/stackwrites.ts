// The walk over bodies that finds the writes of the stack pointer which may lower it. A function lowers it by its frame, keeps the new
// value in a local, and adds the same number at its end: adding to a value that was checked, or to the pointer itself, needs no check.
// A value that no arithmetic of the function made comes from elsewhere, as another stack does or an old value, and is left alone.

import { malformed, readIndex, readSigned, skipImmediates, skipInteger, U32_MOST, unsupported } from '../immediates.ts';
import type { Module } from '../module.ts';
import { IMMEDIATES, Immediate, Op, prefixed } from '../opcodes.ts';
import { Numbers } from './numbers.ts';
import type { Scan } from './scan.ts';

export interface StackWrites {
  /** Ascending offsets of the `global.set` to be checked. */
  readonly checkedAt: Uint32Array;
  /** For each: the local that holds the value as well, or `NO_LOCAL`. */
  readonly local: Uint32Array;
  /** Functions that lower the stack pointer and put it back. */
  readonly frames: number;
}

export const NO_LOCAL = 0xffff_ffff;
/** More than V8 allows. */
const LOCALS = 65_536;

/** What is known of the value on top of the operand stack. */
const Value = {
  /** From elsewhere: memory, a call, a parameter. */
  moved: 0,
  /** The stack pointer. */
  pointer: 1,
  /** As a local has it. */
  local: 2,
  /** A constant, over one of the two before. */
  constant: 3,
  /** Arithmetic made it. */
  computed: 4,
  /** The stack pointer less a constant. */
  lowered: 5,
  /** The stack pointer or a local, and a constant. */
  raised: 6,
} as const;

/** What is known of a local: bits. */
const COMPUTED = 1;
const AGAIN = 2;
/** What was computed was checked at once. */
const CHECKED = 4;
const FRAME = 8;

/** The locals of one function and its writes. */
class Body {
  readonly #flags = new Uint8Array(LOCALS);
  #touched: number[] = [];
  /** Triples: offset; local whose value was checked before, or -1; local that holds the value, or -1. */
  #sites: number[] = [];
  #frame = false;

  assign(local: number, value: number): void {
    if (value < Value.computed) return;
    const before = this.#flags[local]!;
    if (before === 0) this.#touched.push(local);
    this.#flags[local] = before | ((before & COMPUTED) !== 0 ? AGAIN : COMPUTED);
  }

  /** A write of the stack pointer: `from` is the local that the value is, or was raised from; `held` one that has the value. */
  write(at: number, value: number, from: number, held: number): void {
    const known = from < 0 ? 0 : this.#flags[from]!;
    const derived = value === Value.local || value === Value.raised;
    if (value < Value.local || (derived && (known & COMPUTED) === 0)) return;
    if (derived && (known & (CHECKED | AGAIN)) === CHECKED) {
      if (value === Value.raised && (known & FRAME) !== 0) this.#frame = true;
      this.#sites.push(at, from, held);
    } else {
      if (held >= 0) this.#flags[held]! |= value === Value.lowered ? CHECKED | FRAME : CHECKED;
      this.#sites.push(at, -1, held);
    }
  }

  /** Hands the writes to be checked over, and forgets them; whether the function lowers the pointer and puts it back. */
  end(checkedAt: Numbers, locals: Numbers): boolean {
    const sites = this.#sites;
    for (let i = 0; i < sites.length; i += 3) {
      const from = sites[i + 1]!;
      const held = sites[i + 2]!;
      if (from >= 0 && (this.#flags[from]! & AGAIN) === 0) continue;
      checkedAt.push(sites[i]!);
      locals.push(held < 0 ? NO_LOCAL : held);
    }
    const frame = this.#frame;
    for (const local of this.#touched) this.#flags[local] = 0;
    this.#touched = [];
    this.#sites = [];
    this.#frame = false;
    return frame;
  }
}

/** Whether functions lower `global` and put it back, as they do with a stack pointer. */
export const isLowered = (module: Module, read: Scan, global: number): boolean =>
  stackWrites(module, read, global, true).frames > 0;

/** The writes of `global` in all functions, or in those up to the first that lowers it and puts it back. */
export function stackWrites(
  { source }: Module,
  { codeAt, codeSize, globalSetAt }: Scan,
  global: number,
  first = false,
): StackWrites {
  const checkedAt = new Numbers();
  const local = new Numbers();
  const body = new Body();
  let frames = 0;
  let next = 0;
  for (let i = 0; i < codeAt.length && next < globalSetAt.length; i++) {
    const end = codeAt[i]! + codeSize[i]!;
    let writes = 0;
    for (; next < globalSetAt.length && globalSetAt[next]! < end; next++)
      if (readIndex(source, globalSetAt[next]! + 1) === global) writes++;
    if (writes === 0) continue;
    walk(source, codeAt[i]!, end, global, writes, body);
    const frame = body.end(checkedAt, local);
    if (frame) frames++;
    if (frame && first) break;
  }
  return { checkedAt: checkedAt.items, local: local.items, frames };
}

/** Looks at instructions up to the last of so many writes. */
function walk(source: Uint8Array, start: number, limit: number, global: number, writes: number, body: Body): void {
  let value: number = Value.moved;
  /** Under a constant, and the constant. */
  let base: number = Value.moved;
  let pending = 0;
  let from = -1;
  let held = -1;
  let p = start;
  for (let awaited = writes; awaited > 0; ) {
    if (p >= limit) malformed('unexpected end', limit);
    const at = p;
    let id = source[p++]!;
    let kind = IMMEDIATES[id]!;
    if (kind === Immediate.prefix) {
      const sub = readIndex(source, p);
      p = skipInteger(source, p, U32_MOST);
      id = prefixed(id, sub);
      kind = id < 0 ? Immediate.unknown : IMMEDIATES[id]!;
      if (kind === Immediate.unknown) unsupported(source, at, sub);
    }
    const immediates = p;
    if (kind === Immediate.memory && source[p]! < 0x40 && source[p + 1]! < 0x80) p += 2;
    else if (kind === Immediate.index || kind === Immediate.i32) {
      if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, U32_MOST);
    } else if (kind === Immediate.unknown) unsupported(source, at, -1);
    else if (kind !== Immediate.none) p = skipImmediates(kind, source, p, limit);
    switch (id) {
      case Op.localGet:
        from = held = readIndex(source, immediates);
        value = Value.local;
        continue;
      case Op.localTee:
        held = readIndex(source, immediates);
        body.assign(held, value);
        continue;
      case Op.localSet:
        body.assign(readIndex(source, immediates), value);
        break;
      case Op.globalGet:
        from = held = -1;
        value = readIndex(source, immediates) === global ? Value.pointer : Value.moved;
        continue;
      case Op.i32Const:
        if (value !== Value.pointer && value !== Value.local) break;
        base = value;
        value = Value.constant;
        pending = readSigned(source, immediates);
        held = -1;
        continue;
      case Op.i32Add:
      case Op.i32Sub:
        if (value !== Value.constant) value = Value.computed;
        else if (id === Op.i32Add ? pending >= 0 : pending <= 0) value = Value.raised;
        else value = base === Value.pointer ? Value.lowered : Value.computed;
        held = -1;
        continue;
      case Op.i32And:
        value = Value.computed;
        held = -1;
        continue;
      case Op.globalSet:
        if (readIndex(source, immediates) !== global) break;
        body.write(at, value, from, held);
        awaited--;
    }
    value = Value.moved;
    from = held = -1;
  }
}
