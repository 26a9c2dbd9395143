// A loop that is left to call the kernel: V8 unrolls no loop that contains a call. Written around the loop's own body, which
// stays as it is but for its branches.

import { type Checks, type HintNext, writeCheck } from './checks.ts';
import { skipImmediates } from './immediates.ts';
import { Relabelling } from './labels.ts';
import { BlockType, Immediate, Op } from './opcodes.ts';
import type { Writer } from './writer.ts';

/** Blocks around the loop. */
const LABELS = 3;
/** How often the body of a loop is written that is repeated: as often as V8 unrolls small loops. */
const COPIES = 4;

export class LeftLoop {
  readonly #source: Uint8Array;
  readonly #out: Writer;
  readonly #checks: Checks;
  readonly #hint: HintNext;
  readonly #labels: Relabelling;
  #body = 0;
  /** Of the body, before the one that has the check. */
  #copies = 0;
  #again = false;

  constructor(source: Uint8Array, out: Writer, checks: Checks, hint: HintNext) {
    this.#source = source;
    this.#out = out;
    this.#checks = checks;
    this.#hint = hint;
    this.#labels = new Relabelling(source, out, LABELS, (label, conditional) => this.#back(label, conditional));
  }

  /** As `Relabelling.instruction`. */
  instruction(id: number, run: number, p: number, end: number): number {
    return this.#labels.instruction(id, run, p, end);
  }

  /** After an instruction that ends at `p`: where the walk goes on, which after each body but the last is where that begins. */
  next(p: number): number {
    if (!this.#again) return p;
    this.#again = false;
    return this.#body;
  }

  /**
   * Begins a loop to be left, which is at `at`, and returns the offset of its body: `check, block $done, loop $again, block $out, loop $l`.
   * The check before it may not be one of those that leave: entered again, the loop has to get on even if the word is still set.
   */
  enter(at: number, end: number, repeat: boolean): number {
    const source = this.#source;
    const out = this.#out;
    const body = skipImmediates(Immediate.block, source, at + 1, end);
    const typed = (opcode: number) => out.u8(opcode).copy(source, at + 1, body);
    writeCheck(this.#checks, out, this.#hint);
    typed(Op.block);
    typed(Op.loop);
    out.u8(Op.block).u8(BlockType.empty);
    typed(Op.loop);
    this.#labels.begin();
    this.#body = body;
    this.#copies = repeat ? COPIES - 1 : 0;
    return body;
  }

  /** Instead of a branch back: `[if,] poll, br_if $out, br $l [, end]`; before another copy of the body: `[eqz, br_if $done]`. */
  #back(label: number, conditional: boolean): void {
    const out = this.#out;
    if (this.#copies > 0) {
      this.#copies--;
      this.#again = true;
      if (conditional) out.u8(Op.i32Eqz).u8(Op.brIf).u32(LABELS);
      return;
    }
    const own = conditional ? label + 1 : label;
    if (conditional) out.u8(Op.if).u8(BlockType.empty);
    this.#checks.poll(out);
    this.#hint(false);
    out.u8(Op.brIf).u32(own + 1);
    out.u8(Op.br).u32(own);
    if (conditional) out.u8(Op.end);
  }

  /** Ends a loop to be left after its own `end`: `br $done, end, call, br $again, end, end`. */
  leave(): void {
    const out = this.#out;
    out.u8(Op.br).u8(2).u8(Op.end);
    this.#checks.call(out);
    out.u8(Op.br).u8(0).u8(Op.end).u8(Op.end);
  }
}
