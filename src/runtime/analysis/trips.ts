// Loops that count to a constant in a few rounds. Everything is judged by the bytes of the loop itself, and by counting it through.

import { readIndex, readSigned, skipInstruction } from '../immediates.ts';
import { Op } from '../opcodes.ts';

const TRIPS_MAX = 64;
/** So that all rounds together take no longer than a check is late anyway. */
const BYTES_MAX = 160;

const COMPARISONS: Readonly<Record<number, (a: number, b: number) => boolean>> = {
  71: (a, b) => a !== b,
  72: (a, b) => a < b,
  73: (a, b) => a >>> 0 < b >>> 0,
  74: (a, b) => a > b,
  75: (a, b) => a >>> 0 > b >>> 0,
  76: (a, b) => a <= b,
  77: (a, b) => a >>> 0 <= b >>> 0,
  78: (a, b) => a >= b,
  79: (a, b) => a >>> 0 >= b >>> 0,
};

/**
 * Whether the loop at `loopAt`, whose `end` is at `end` and whose only branch back is the `br_if` before it, runs at most `TRIPS_MAX`
 * times. At `initAt` (0: nowhere) stands `i32.const c, local.set i` straight before the loop, so that `i` is c at every entry. The
 * loop must end in `local.get i, i32.const s, i32.add, local.tee i, [i32.const n, compare,] br_if 0`, with no other write of
 * `i` in it: then `i` takes the values c + s, c + 2s, ... at the comparison, whatever else happens in the body.
 */
export function fewTrips(source: Uint8Array, initAt: number, loopAt: number, end: number): boolean {
  if (initAt === 0 || end - loopAt > BYTES_MAX) return false;
  const counter = readIndex(source, skipInstruction(source, initAt, loopAt) + 1);
  const starts: number[] = [];
  let writes = 0;
  for (let p = skipInstruction(source, loopAt, end); p < end; p = skipInstruction(source, p, end)) {
    const opcode = source[p]!;
    if ((opcode === Op.localSet || opcode === Op.localTee) && readIndex(source, p + 1) === counter) writes++;
    starts.push(p);
  }
  const at = (fromLast: number) => starts[starts.length - fromLast] ?? loopAt;
  const compare = COMPARISONS[source[at(2)]!];
  const tee = compare ? 4 : 2;
  const shaped =
    writes === 1 &&
    source[at(tee)] === Op.localTee &&
    readIndex(source, at(tee) + 1) === counter &&
    source[at(tee + 1)] === Op.i32Add &&
    source[at(tee + 2)] === Op.i32Const &&
    source[at(tee + 3)] === Op.localGet &&
    readIndex(source, at(tee + 3) + 1) === counter &&
    (compare === undefined || source[at(3)] === Op.i32Const);
  if (!shaped) return false;
  const step = readSigned(source, at(tee + 2) + 1);
  const bound = compare ? readSigned(source, at(3) + 1) : 0;
  let value = readSigned(source, initAt + 1);
  for (let trips = 1; trips <= TRIPS_MAX; trips++) {
    value = (value + step) | 0;
    if (compare ? !compare(value, bound) : value === 0) return true;
  }
  return false;
}
