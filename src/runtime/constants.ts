// What the constant expressions of a module allocate when it is instantiated, where no code of it could ask for room: the lengths of
// their arrays are constants, too.

import { readIndex, skipInstruction, skipInteger } from './immediates.ts';
import type { Module, Range } from './module.ts';
import { GC, Op, prefixed } from './opcodes.ts';
import { readElement } from './parse.ts';
import { Reader } from './reader.ts';
import { arrayBytes } from './sizes.ts';

/** Where a length is not known. No array is so long. */
const LENGTH_UNKNOWN = 2 ** 32 - 1;

/** An i32 that is known, or anything else. */
type Value = number | undefined;

class Evaluator {
  readonly #module: Module;
  readonly #globals: Value[];
  bytes = 0;

  constructor(module: Module) {
    this.#module = module;
    this.#globals = module.imports.filter(({ kind }) => kind === 'global').map(() => undefined);
  }

  /** The next global of the module's own is what this expression gives. */
  global(range: Range): void {
    this.#globals.push(this.expressions(range));
  }

  /** Evaluates all expressions in the range; gives the value of the last. */
  expressions({ start, end }: Range): Value {
    const { source } = this.#module;
    let stack: Value[] = [];
    let last: Value;
    for (let at = start; at < end; at = skipInstruction(source, at, end)) {
      if (source[at] === Op.end) {
        last = stack.at(-1);
        stack = [];
      } else this.#step(stack, at);
    }
    return last;
  }

  #step(stack: Value[], at: number): void {
    const { source, objects } = this.#module;
    const byte = source[at]!;
    switch (byte) {
      case Op.i32Const:
        stack.push(readSigned(source, at + 1));
        return;
      case Op.globalGet:
        stack.push(this.#globals[readIndex(source, at + 1)]);
        return;
      case Op.i32Add:
      case Op.i32Sub:
      case Op.i32Mul: {
        const [right, left] = [stack.pop(), stack.pop()];
        const known = left !== undefined && right !== undefined;
        const result = byte === Op.i32Add ? left! + right! : byte === Op.i32Sub ? left! - right! : Math.imul(left!, right!);
        stack.push(known ? result | 0 : undefined);
        return;
      }
      case Op.i64Add:
      case Op.i64Sub:
      case Op.i64Mul:
        stack.pop();
        return;
    }
    if (byte !== 0xfb) {
      stack.push(undefined);
      return;
    }
    const opcode = prefixed(byte, readIndex(source, at + 1));
    const operands = skipInteger(source, at + 1, 5);
    const type = opcode <= GC + 8 ? objects.get(readIndex(source, operands)) : undefined;
    switch (opcode) {
      case GC + 0: // struct.new
        stack.length -= type!.fields;
        this.bytes += type!.bytes;
        break;
      case GC + 1:
        this.bytes += type!.bytes;
        break;
      case GC + 6: // array.new
      case GC + 7: {
        const length = stack.pop();
        if (opcode === GC + 6) stack.pop();
        this.bytes += arrayBytes(type!.bytes, length === undefined ? LENGTH_UNKNOWN : length >>> 0);
        break;
      }
      case GC + 8: {
        const length = readIndex(source, skipInteger(source, operands, 5));
        stack.length -= length;
        this.bytes += arrayBytes(type!.bytes, length);
        break;
      }
      default: // ref.i31 and conversions
        stack.pop();
    }
    stack.push(undefined);
  }
}

function readSigned(source: Uint8Array, p: number): number {
  let value = 0;
  for (let shift = 0, q = p; ; shift += 7) {
    const byte = source[q++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return shift < 25 && byte & 0x40 ? value | (-1 << (shift + 7)) : value;
  }
}

export function constantBytes(module: Module): number {
  const { source, globals, ownTables, elementSection } = module;
  const evaluator = new Evaluator(module);
  for (const { expression } of globals) evaluator.global(expression);
  for (const { expression } of ownTables) if (expression) evaluator.expressions(expression);
  if (elementSection) {
    const reader = new Reader(source, elementSection.start, elementSection.end);
    for (let left = reader.count(); left > 0; left--) {
      const { indices, items } = readElement(reader);
      if (indices === undefined) evaluator.expressions(items);
    }
  }
  return evaluator.bytes;
}
