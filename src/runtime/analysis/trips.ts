// Loops that count to a constant and are soon over. Everything is judged by the bytes of the loop itself.

import { readIndex, readSigned, skipInstruction } from '../immediates.ts';
import { Op } from '../opcodes.ts';
import { ACTIONS, Do } from './actions.ts';

/** Bytes of code that all rounds together may run through: some hundred microseconds. */
const ROUNDS_BYTES_MAX = 1 << 18;
/** A counter that wraps around is counted through. */
const WRAPPING_ROUNDS_MAX = 64;
/** So that no loop is read for nothing. */
const BODY_BYTES_MAX = 4096;

const EQ = 0x46;
const NE = 0x47;
const GE_U = 0x4f;
/** Of a comparison of i32, the one that holds where it does not. */
const NEGATED: Readonly<Record<number, number>> = {
  70: 71,
  71: 70,
  72: 78,
  73: 79,
  74: 76,
  75: 77,
  76: 74,
  77: 75,
  78: 72,
  79: 73,
};

const holds: Readonly<Record<number, (a: number, b: number) => boolean>> = {
  70: (a, b) => a === b,
  71: (a, b) => a !== b,
  72: (a, b) => a < b,
  73: (a, b) => a < b,
  74: (a, b) => a > b,
  75: (a, b) => a > b,
  76: (a, b) => a <= b,
  77: (a, b) => a <= b,
  78: (a, b) => a >= b,
  79: (a, b) => a >= b,
};

/** A loop goes on while `counter` compares so with `bound`: after each round, or before it. */
interface Condition {
  readonly comparison: number;
  readonly bound: number;
  readonly before: boolean;
}

const isComparison = (opcode: number) => opcode >= EQ && opcode <= GE_U;
const isUnsigned = (opcode: number) => opcode > NE && (opcode & 1) === 1;
const OPENING: ReadonlySet<number> = new Set([Do.block, Do.loop, Do.if, Do.try, Do.tryTable]);
const CLOSING: ReadonlySet<number> = new Set([Do.end, Do.delegate]);

/**
 * Bytes of code in all rounds of the loop at `loopAt`, whose `end` is at `end` and whose only branch back is the last instruction in it but
 * for an `end`; 0 where they may be more than ROUNDS_BYTES_MAX. At `initAt` (0: nowhere) stands `i32.const c, local.set i` straight before
 * the loop, so that `i` is c at every entry. The only write of `i` in the loop comes just before the branch, which nothing else reaches, so `i`
 * takes the values c + s, c + 2s, ... there, whatever else happens in the body. It has one of the forms
 * - `... local.get i, i32.const s, i32.add, local.tee i, [i32.const n, compare,] br_if 0`
 * - `local.get i, i32.const n, compare, if, ... local.get i, i32.const s, i32.add, local.set i, br 1, end`, the `if` being open all the way
 * - `local.get i, i32.const n, compare, [i32.eqz,] br_if OUT, ... local.get i, i32.const s, i32.add, local.set i, br 0`
 */
export function countedBytes(source: Uint8Array, initAt: number, loopAt: number, end: number): number {
  if (initAt === 0 || end - loopAt > BODY_BYTES_MAX) return 0;
  const counter = readIndex(source, skipInstruction(source, initAt, loopAt) + 1);
  const starts: number[] = [];
  let writes = 0;
  let depth = 0;
  /** Where the first block in the loop is closed, or has a second arm. */
  let closed = 0;
  for (let p = skipInstruction(source, loopAt, end); p < end; p = skipInstruction(source, p, end)) {
    const opcode = source[p]!;
    if ((opcode === Op.localSet || opcode === Op.localTee) && readIndex(source, p + 1) === counter) writes++;
    const action = ACTIONS[opcode]!;
    if (OPENING.has(action)) depth++;
    else if (CLOSING.has(action)) depth--;
    if ((depth === 0 && CLOSING.has(action)) || (depth === 1 && action === Do.else)) closed ||= p;
    starts.push(p);
  }
  if (writes !== 1) return 0;
  const step = (last: number): number | undefined => {
    const [get, constant, add] = [starts[last - 3]!, starts[last - 2]!, starts[last - 1]!];
    const stepped =
      source[get] === Op.localGet &&
      readIndex(source, get + 1) === counter &&
      source[constant] === Op.i32Const &&
      source[add] === Op.i32Add &&
      readIndex(source, starts[last]! + 1) === counter;
    return stepped ? readSigned(source, constant + 1) : undefined;
  };
  const start = readSigned(source, initAt + 1);
  const bytes = (stepAt: number, condition: Condition | undefined): number => {
    const by = condition && stepAt >= 3 ? step(stepAt) : undefined;
    if (condition === undefined || by === undefined) return 0;
    const all = rounds(start, by, condition) * (end - loopAt);
    return all <= ROUNDS_BYTES_MAX ? all : 0;
  };

  const last = starts.length - 1;
  const closing = starts[last]!;
  if (source[closing] === Op.brIf) {
    const compared = isComparison(source[starts[last - 1] ?? loopAt]!);
    const stepAt = last - (compared ? 3 : 1);
    if (source[starts[stepAt] ?? loopAt] !== Op.localTee) return 0;
    if (!compared) return bytes(stepAt, { comparison: NE, bound: 0, before: false });
    const constant = starts[last - 2]!;
    if (source[constant] !== Op.i32Const) return 0;
    return bytes(stepAt, { comparison: source[starts[last - 1]!]!, bound: readSigned(source, constant + 1), before: false });
  }
  const within = source[closing] === Op.end;
  const stepAt = last - (within ? 2 : 1);
  if (source[starts[stepAt] ?? loopAt] !== Op.localSet || (within && closed !== closing)) return 0;
  return bytes(stepAt, head(source, starts, counter, within));
}

/** What the loop whose instructions begin at `starts` asks first; `within`: its branch back is in an `if`. */
function head(source: Uint8Array, starts: readonly number[], counter: number, within: boolean): Condition | undefined {
  const [get, constant, compare, next, after] = starts as [number, number, number, number, number];
  if (starts.length < 5 || source[get] !== Op.localGet || readIndex(source, get + 1) !== counter) return undefined;
  if (source[constant] !== Op.i32Const || !isComparison(source[compare]!)) return undefined;
  const bound = readSigned(source, constant + 1);
  const comparison = source[compare]!;
  if (within) return source[next] === Op.if ? { comparison, bound, before: true } : undefined;
  const negated = source[next] === Op.i32Eqz;
  const branch = negated ? after : next;
  if (source[branch] !== Op.brIf || readIndex(source, branch + 1) === 0) return undefined;
  return { comparison: negated ? comparison : NEGATED[comparison]!, bound, before: true };
}

/** How many rounds a counter from `start` by `step` gives; Infinity where that is not seen. */
function rounds(start: number, step: number, { comparison, bound, before }: Condition): number {
  const least = before ? 0 : 1;
  const unsigned = isUnsigned(comparison);
  const value = unsigned ? start >>> 0 : start;
  const limit = unsigned ? bound >>> 0 : bound;
  const goesOn = holds[comparison]!;
  // Until the counter is at the bound, and one step on: without wrapping a comparison changes once at the most, and there.
  const reaches = Math.max(least, Math.ceil((limit - value) / step));
  for (const round of [least, reaches, reaches + 1]) {
    const reached = value + round * step;
    const wraps = unsigned ? reached < 0 || reached >= 2 ** 32 : reached !== (reached | 0);
    if (!Number.isFinite(round) || wraps) break;
    if (!goesOn(reached, limit)) return round;
  }
  let counted = unsigned ? (start + least * step) >>> 0 : (start + least * step) | 0;
  for (let round = least; round <= WRAPPING_ROUNDS_MAX; round++) {
    if (!goesOn(counted, limit)) return round;
    counted = unsigned ? (counted + step) >>> 0 : (counted + step) | 0;
  }
  return Number.POSITIVE_INFINITY;
}
