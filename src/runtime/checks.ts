// Checks for preemption: where they go in a module's code, and how one is written.

import { BlockType, Op } from './opcodes.ts';
import type { Writer } from './writer.ts';

/** Marks the branch written next: true where it is likely taken. */
export type HintNext = (likely: boolean) => void;

/** What is written at an offset in the source. */
export const Edit = {
  /** A check, before the instruction. */
  check: 1,
  /**
   * A check before the loop that begins here, and one at each branch back to it; where one of these fires, the loop is left, and entered
   * again after the call. The loop takes no parameters, and only `br` and `br_if` lead back to it.
   */
  leave: 2,
  /** With `leave`: the body is written several times, with a check after the last. The only branch back is the last instruction of the loop. Not in a function with hints of its own. */
  repeat: 4,
} as const;

export interface Edits {
  /** Ascending offsets of instructions of function bodies. */
  readonly offsets: Uint32Array;
  readonly edits: Uint8Array;
}

export interface Checks extends Edits {
  /** Writes the condition, an i32 that is nonzero where the kernel wants to be called. */
  readonly poll: (out: Writer) => void;
  readonly call: (out: Writer) => void;
}

/** Writes a check that calls where it stands. */
export function writeCheck(checks: Checks, out: Writer, hint: HintNext): void {
  checks.poll(out);
  hint(false);
  out.u8(Op.if).u8(BlockType.empty);
  checks.call(out);
  out.u8(Op.end);
}
