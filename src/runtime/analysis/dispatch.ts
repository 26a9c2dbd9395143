// Loops that dispatch: what a compiler makes of a function whose jumps it cannot nest, as Go's does. A table at the loop's start leads to
// segments, one after the other, by a local, and a jump sets the local and branches back. Read from the bytes of the loop's start alone.
//
// Such a loop is checked at its jumps, but not at those forward: a constant for the local and a branch back, with nothing between, where
// the table leads from the constant to a segment behind the one that the jump stands in. Between two branches back control only moves to
// later segments, apart from loops in a segment, which are judged by themselves, and each jump forward leads to a later one than it
// stands in. So without a checked jump each instruction runs at most once, and there are fewer jumps than segments.

import { readIndex, readSigned, skipInteger, U32_MOST } from '../immediates.ts';
import { BlockType, Op } from '../opcodes.ts';

const BR_TABLE = 0x0e;

export interface Dispatch {
  /** Blocks that begin in each other where the loop's body begins: segment i begins where the i-th of them from within ends. */
  readonly blocks: number;
  /** Offset behind the start of the innermost. */
  readonly after: number;
  /** The local that the table looks at. */
  readonly local: number;
  /** By value of the local, the last for all greater ones: a segment, or -1 outside the loop. */
  readonly targets: Int32Array;
}

/**
 * What the loop does whose body begins at `body`, if it begins with `block ... block, local.get, br_table`, each block without a type,
 * and the table does not lead back to the loop itself.
 */
export function readDispatch(source: Uint8Array, body: number, end: number): Dispatch | undefined {
  let after = body;
  while (source[after] === Op.block && source[after + 1] === BlockType.empty) after += 2;
  const blocks = (after - body) / 2;
  if (blocks === 0 || source[after] !== Op.localGet) return undefined;
  const table = skipInteger(source, after + 1, U32_MOST);
  if (source[table] !== BR_TABLE) return undefined;
  const count = readIndex(source, table + 1);
  let p = skipInteger(source, table + 1, U32_MOST);
  if (count >= end - p) return undefined;
  const targets = new Int32Array(count + 1);
  for (let i = 0; i <= count; i++) {
    const label = readIndex(source, p);
    if (label === blocks) return undefined;
    targets[i] = label < blocks ? label : -1;
    p = skipInteger(source, p, U32_MOST);
  }
  return { blocks, after, local: readIndex(source, after + 1), targets };
}

/** The segment that a branch back leads to straight after `i32.const, local.set` at `setAt`; -1 where that is not certain. */
export function targetSegment(source: Uint8Array, { local, targets }: Dispatch, setAt: number): number {
  const set = skipInteger(source, setAt + 1, U32_MOST);
  if (readIndex(source, set + 1) !== local) return -1;
  return targets[Math.min(readSigned(source, setAt + 1) >>> 0, targets.length - 1)]!;
}
