// A loop that is left to call the kernel: V8 unrolls no loop that contains a call. Written around the loop's own body, which
// stays as it is but for its branches.

import { type Checks, type HintNext, writeCheck } from './checks.ts';
import { skipImmediates } from './immediates.ts';
import { Relabelling } from './labels.ts';
import { BlockType, Immediate, Op } from './opcodes.ts';
import type { Writer } from './writer.ts';

/** Blocks around the loop. */
const LABELS = 3;

export class LeftLoop {
  readonly #source: Uint8Array;
  readonly #out: Writer;
  readonly #checks: Checks;
  readonly #hint: HintNext;
  readonly #labels: Relabelling;

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

  /**
   * Begins a loop to be left, which is at `at`, and returns the offset of its body: `check, block $done, loop $again, block $out, loop $l`.
   * The check before it may not be one of those that leave: entered again, the loop has to get on even if the word is still set.
   */
  enter(at: number, end: number): number {
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
    return body;
  }

  /** Instead of a branch back: `[if,] poll, br_if $out, br $l [, end]`. */
  #back(label: number, conditional: boolean): void {
    const out = this.#out;
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
