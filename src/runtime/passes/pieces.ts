// The body of a function that does a bulk operation in pieces. Bounds come first; what does not fit is left to the operation itself,
// which traps as the original does. No piece is ever half done when the kernel is called.

import { type HintNext, writeCheck } from '../checks.ts';
import { BlockType, Op } from '../opcodes.ts';
import { emit, emitConst, type Plan } from '../plan.ts';
import type { ValueType } from '../types.ts';
import type { Writer } from '../writer.ts';
import { writeProbes, writeTouch } from './probe.ts';

/** Up to so many bytes or elements an operation is done at once, without any check: it takes no longer than some calls. */
const SMALL = 1024;

export type Address = 'i32' | 'i64';

/** Writes the question whether bytes of a memory may be touched. */
type Touch = (memory: number, writes: boolean, address: () => void, length: () => void) => void;

export interface Place {
  readonly address: Address;
  /** Leaves its size in bytes or elements, as an i64. */
  readonly size: (out: Writer) => void;
  /** The local that holds the array. */
  readonly object?: number;
}

export interface Operation {
  readonly params: readonly ValueType[];
  readonly piece: number;
  readonly length: { readonly local: number; readonly address: Address };
  /** Locals of the offsets into places: the destination first. */
  readonly offsets: readonly { readonly local: number; readonly place: Place }[];
  /** Local of the offset into a segment, which moves along and has a bound that only the operation knows. */
  readonly segment?: number;
  /** The memories that the offsets are into: absent where they are into tables and arrays. */
  readonly memories?: readonly number[];
  /** Both offsets are into the same place, as far as is known: the pieces may overlap. */
  readonly overlaps: boolean;
}

/** Writes the body of a helper: pieces while more than one is left, then the operation itself on what is left. */
class Pieces {
  readonly #out: Writer;
  readonly #operation: Operation;
  readonly #write: () => void;
  readonly #check: () => void;
  readonly #touch: Touch | undefined;

  constructor(out: Writer, operation: Operation, write: () => void, check: () => void, touch: Touch | undefined) {
    this.#out = out;
    this.#operation = operation;
    this.#write = write;
    this.#check = check;
    this.#touch = touch;
  }

  /** Asks whether what comes next may be touched: `moved` bytes behind the offsets, so many. Since the last time pages may have gone. */
  #ask(moved: boolean, length: () => void): void {
    const out = this.#out;
    const { offsets, memories, length: whole } = this.#operation;
    const number = (local: number, address: Address) => {
      emit(out, Op.localGet, local);
      emit(out, address === 'i64' ? Op.f64ConvertI64U : Op.f64ConvertI32U);
    };
    if (this.#touch === undefined || memories === undefined) return;
    for (const [i, { local, place }] of offsets.entries()) {
      const from = () => {
        number(local, place.address);
        if (!moved) return;
        number(whole.local, whole.address);
        emit(out, Op.f64Add);
      };
      this.#touch(memories[i]!, i === 0, from, length);
    }
  }

  #askPiece(moved: boolean): void {
    this.#ask(moved, () => {
      emitConst(this.#out, 'i32', this.#operation.piece);
      emit(this.#out, Op.f64ConvertI32U);
    });
  }

  /** Leaves whether more than `most` are to be done. */
  moreThan(most: number): void {
    const { local, address } = this.#operation.length;
    emit(this.#out, Op.localGet, local);
    emitConst(this.#out, address, most);
    emit(this.#out, address === 'i64' ? Op.i64GtU : Op.i32GtU);
  }

  #getWide(local: number, address: Address): void {
    emit(this.#out, Op.localGet, local);
    if (address === 'i32') emit(this.#out, Op.i64ExtendI32U);
  }

  /** Leaves whether everything lies in bounds, the segment's excepted. */
  fits(): void {
    const out = this.#out;
    const { offsets, length, segment } = this.#operation;
    offsets.forEach(({ local, place }, i) => {
      // length <= size && offset <= size - length, in 64 bits without overflow
      this.#getWide(length.local, length.address);
      place.size(out);
      emit(out, Op.i64LeU);
      this.#getWide(local, place.address);
      place.size(out);
      this.#getWide(length.local, length.address);
      emit(out, Op.i64Sub);
      emit(out, Op.i64LeU);
      emit(out, Op.i32And);
      if (i > 0) emit(out, Op.i32And);
    });
    if (segment === undefined) return;
    // offset + length does not wrap; the last piece, which is done first, finds out the rest.
    emit(out, Op.localGet, length.local);
    emit(out, Op.localGet, segment);
    emitConst(out, 'i32', -1);
    emit(out, Op.i32Xor);
    emit(out, Op.i32LeU);
    emit(out, Op.i32And);
  }

  #moving(): { local: number; address: Address }[] {
    const { offsets, segment } = this.#operation;
    const moving = offsets.map(({ local, place }) => ({ local, address: place.address }));
    return segment === undefined ? moving : [...moving, { local: segment, address: 'i32' }];
  }

  #getParams(but: (local: number) => boolean): void {
    const out = this.#out;
    const { params, length, piece } = this.#operation;
    params.forEach((_, local) => {
      if (local === length.local) {
        emitConst(out, length.address, piece);
        return;
      }
      emit(out, Op.localGet, local);
      if (!but(local)) return;
      const address = this.#moving().find((one) => one.local === local)!.address;
      this.#getWideLength(address);
      emit(out, address === 'i64' ? Op.i64Add : Op.i32Add);
    });
  }

  /** The length in the type of an offset: it fits, because it is within the offset's place. */
  #getWideLength(address: Address): void {
    const { length } = this.#operation;
    emit(this.#out, Op.localGet, length.local);
    if (length.address === address) return;
    emit(this.#out, address === 'i64' ? Op.i64ExtendI32U : Op.i32WrapI64);
  }

  #shorten(): void {
    const { length, piece } = this.#operation;
    emit(this.#out, Op.localGet, length.local);
    emitConst(this.#out, length.address, piece);
    emit(this.#out, length.address === 'i64' ? Op.i64Sub : Op.i32Sub);
    emit(this.#out, Op.localSet, length.local);
  }

  #loop(body: () => void): void {
    const out = this.#out;
    out.u8(Op.loop).u8(BlockType.empty);
    body();
    this.#check();
    this.moreThan(this.#operation.piece);
    out.u8(Op.brIf).u8(0).u8(Op.end);
  }

  /** From the last piece to the first. */
  backward(): void {
    this.#loop(() => {
      this.#shorten();
      this.#askPiece(true);
      const moving = new Set(this.#moving().map(({ local }) => local));
      this.#getParams((local) => moving.has(local));
      this.#write();
    });
  }

  forward(): void {
    const out = this.#out;
    this.#loop(() => {
      this.#askPiece(false);
      this.#getParams(() => false);
      this.#write();
      for (const { local, address } of this.#moving()) {
        emit(out, Op.localGet, local);
        emitConst(out, address, this.#operation.piece);
        emit(out, address === 'i64' ? Op.i64Add : Op.i32Add);
        emit(out, Op.localSet, local);
      }
      this.#shorten();
    });
  }

  /** Leaves whether the destination begins at or before the source: then no piece overwrites what a later one reads. */
  descends(): void {
    const [destination, source] = this.#operation.offsets;
    emit(this.#out, Op.localGet, destination!.local);
    emit(this.#out, Op.localGet, source!.local);
    emit(this.#out, destination!.place.address === 'i64' ? Op.i64LeU : Op.i32LeU);
  }

  rest(): void {
    const { local, address } = this.#operation.length;
    this.#ask(false, () => {
      emit(this.#out, Op.localGet, local);
      emit(this.#out, address === 'i64' ? Op.f64ConvertI64U : Op.f64ConvertI32U);
    });
    this.#operation.params.forEach((_, local) => {
      emit(this.#out, Op.localGet, local);
    });
    this.#write();
  }
}

export function writeHelper(plan: Plan, operation: Operation, write: (out: Writer) => void, out: Writer, hint: HintNext): void {
  const { checks, touch } = plan;
  const ask: Touch | undefined = touch && ((memory, writes, ...range) => writeTouch(touch, out, hint, memory, writes, ...range));
  const check = () => writeCheck(checks!, out, hint);
  const pieces = new Pieces(out, operation, () => write(out), check, ask);
  // One that is not to be preempted does it at once.
  if (checks === undefined) {
    pieces.rest();
    return;
  }
  const begin = () => out.u8(Op.if).u8(BlockType.empty);
  const { memories } = operation;
  if (plan.probed !== undefined && touch === undefined && memories !== undefined) {
    // What does not fit traps before anything is touched.
    pieces.fits();
    begin();
    operation.offsets.forEach(({ local, place }, i) => {
      const { length, params } = operation;
      writeProbes(plan, out, memories[i]!, i === 0, [local, place.address], [length.local, length.address], params.length);
    });
    out.u8(Op.end);
  }
  pieces.moreThan(SMALL);
  begin();
  check();
  pieces.moreThan(operation.piece);
  begin();
  pieces.fits();
  begin();
  if (operation.overlaps) {
    pieces.descends();
    begin();
    pieces.forward();
    out.u8(Op.else);
    pieces.backward();
    out.u8(Op.end);
  } else pieces.backward();
  out.u8(Op.end).u8(Op.end).u8(Op.end);
  pieces.rest();
}
