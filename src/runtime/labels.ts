// Branches in a loop around which blocks have been put: those that lead out of the loop count these blocks too, and those that lead back
// to the loop are written by whoever put them there. Everything else inside the loop stays as it is.

import { readIndex, skipImmediates, skipInteger, U32_MOST } from './immediates.ts';
import { GC, Immediate, Op } from './opcodes.ts';
import type { Writer } from './writer.ts';

const OPENING = new Set([0x02, 0x03, 0x04, 0x06]);
const TRY_TABLE = 0x1f;
const DELEGATE = 0x18;
const BR_TABLE = 0x0e;
/** br, br_if, br_on_null, br_on_non_null, rethrow: a label and nothing else. */
const PLAIN = new Set([Op.br, Op.brIf, 0xd5, 0xd6, 0x09]);
const CAST = new Set([GC + 24, GC + 25]);

/** The opcodes that `Relabelling.instruction` has to see. */
export const LABELLED: readonly number[] = [...OPENING, ...PLAIN, ...CAST, TRY_TABLE, DELEGATE, BR_TABLE, Op.end];

/** Writes what stands for a `br` or `br_if` back to the loop, whose label there is `label`. */
export type BranchBack = (label: number, conditional: boolean) => void;

export class Relabelling {
  readonly #source: Uint8Array;
  readonly #out: Writer;
  readonly #added: number;
  readonly #back: BranchBack;
  /** Frames open inside the loop. */
  #depth = 0;

  constructor(source: Uint8Array, out: Writer, added: number, back: BranchBack) {
    this.#source = source;
    this.#back = back;
    this.#out = out;
    this.#added = added;
  }

  /** The loop's body begins. */
  begin(): void {
    this.#depth = 0;
  }

  /** Writes the label at `p`, and returns the offset after it. */
  #label(p: number): number {
    const label = readIndex(this.#source, p);
    this.#out.u32(label > this.#depth ? label + this.#added : label);
    return skipInteger(this.#source, p, U32_MOST);
  }

  /**
   * Rewrites a labelled instruction whose immediates are at `p`. What the source has from `run` is not yet written; returns the same of
   * the state after. At the `end` of the loop itself, which is left to the caller, it returns -1.
   */
  instruction(id: number, run: number, p: number, end: number): number {
    const source = this.#source;
    const out = this.#out;
    if (OPENING.has(id)) {
      this.#depth++;
      return run;
    }
    if (id === Op.end) return --this.#depth < 0 ? -1 : run;
    // The label of `delegate` counts from outside its block.
    if (id === DELEGATE) this.#depth--;
    if (id === TRY_TABLE) {
      let q = skipImmediates(Immediate.block, source, p, end);
      let left = readIndex(source, q);
      q = skipInteger(source, q, U32_MOST);
      out.copy(source, run, q);
      for (; left > 0; left--) {
        const label = source[q]! < 2 ? skipInteger(source, q + 1, U32_MOST) : q + 1;
        out.copy(source, q, label);
        q = this.#label(label);
      }
      this.#depth++;
      return q;
    }
    if (id === BR_TABLE) {
      let q = skipInteger(source, p, U32_MOST);
      out.copy(source, run, q);
      for (let left = readIndex(source, p); left >= 0; left--) q = this.#label(q);
      return q;
    }
    const label = CAST.has(id) ? p + 1 : p;
    const target = readIndex(source, label);
    if (target < this.#depth) return run;
    if (target === this.#depth && (id === Op.br || id === Op.brIf)) {
      out.copy(source, run, p - 1);
      this.#back(target, id === Op.brIf);
      return skipInteger(source, p, U32_MOST);
    }
    out.copy(source, run, label);
    return this.#label(label);
  }
}
