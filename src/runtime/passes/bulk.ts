// bulk: operations on many bytes or elements are done in pieces, with a check between two of them. Bounds come first, so that one that
// does not fit traps as the original does, with nothing written; no piece is ever half done when the kernel is called.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { LoadError } from '../errors.ts';
import { readIndex, skipInteger } from '../immediates.ts';
import { BlockType, Op, prefixed } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import type { ValueType } from '../types.ts';
import { copyOriginal, type HintNext, writeCheck } from '../walk.ts';
import type { Writer } from '../writer.ts';
import { checksOf } from './preempt.ts';

/** Bytes of memory in a piece: the first touch of a megabyte takes about half a millisecond. */
export const PIECE_BYTES = 1 << 20;
/** Elements of tables and arrays in a piece. */
const PIECE_ELEMENTS = 1 << 14;
/** Up to so many bytes or elements an operation is done at once, without any check: it takes no longer than some calls. */
const SMALL = 1024;
/** A program with more kinds of them is an attack on the size of what the loader writes. */
const HELPERS_MAX = 10_000;

type Address = 'i32' | 'i64';

interface Place {
  readonly address: Address;
  /** Leaves its size in bytes or elements, as an i64. */
  readonly size: (out: Writer) => void;
  /** The local that holds the array. */
  readonly object?: number;
}

interface Operation {
  readonly params: readonly ValueType[];
  readonly piece: number;
  readonly length: { readonly local: number; readonly address: Address };
  /** Locals of the offsets into places: the destination first. */
  readonly offsets: readonly { readonly local: number; readonly place: Place }[];
  /** Local of the offset into a segment, which moves along and has a bound that only the operation knows. */
  readonly segment?: number;
  /** Both offsets are into the same place, as far as is known: the pieces may overlap. */
  readonly overlaps: boolean;
}

const NAMES: Readonly<Record<number, string>> = {
  [Op.memoryInit]: 'memory.init',
  [Op.memoryCopy]: 'memory.copy',
  [Op.memoryFill]: 'memory.fill',
  [Op.tableInit]: 'table.init',
  [Op.tableCopy]: 'table.copy',
  [Op.tableFill]: 'table.fill',
  [Op.arrayFill]: 'array.fill',
  [Op.arrayCopy]: 'array.copy',
  [Op.arrayInitData]: 'array.init_data',
  [Op.arrayInitElem]: 'array.init_elem',
};

const PAGE_SHIFT = 16;

function memoryPlace(plan: Plan, memory: number): Place {
  const { address } = plan.module.memories[memory]!;
  return {
    address,
    size: (out) => {
      emit(out, Op.memorySize, memory);
      if (address === 'i32') emit(out, Op.i64ExtendI32U);
      emitConst(out, 'i64', PAGE_SHIFT);
      emit(out, Op.i64Shl);
    },
  };
}

function tablePlace(plan: Plan, table: number): Place {
  const { address } = plan.module.tables[table]!.limits;
  return {
    address,
    size: (out) => {
      emit(out, Op.tableSize, table);
      if (address === 'i32') emit(out, Op.i64ExtendI32U);
    },
  };
}

function arrayPlace(local: number): Place {
  return {
    address: 'i32',
    size: (out) => {
      emit(out, Op.localGet, local);
      emit(out, Op.arrayLen);
      emit(out, Op.i64ExtendI32U);
    },
  };
}

function both(a: Address, b: Address): Address {
  return a === 'i64' && b === 'i64' ? 'i64' : 'i32';
}

function describe(plan: Plan, opcode: number, a: number, b: number): Operation {
  const array = (type: number): ValueType => `(ref null ${type})`;
  const memory = PIECE_BYTES;
  switch (opcode) {
    case Op.memoryFill: {
      const place = memoryPlace(plan, a);
      const { address } = place;
      const offsets = [{ local: 0, place }];
      return { params: [address, 'i32', address], piece: memory, length: { local: 2, address }, offsets, overlaps: false };
    }
    case Op.tableFill: {
      const place = tablePlace(plan, a);
      const { address } = place;
      const params = [address, plan.module.tables[a]!.element, address];
      return { params, piece: PIECE_ELEMENTS, length: { local: 2, address }, offsets: [{ local: 0, place }], overlaps: false };
    }
    case Op.memoryCopy:
    case Op.tableCopy: {
      const placeOf = opcode === Op.memoryCopy ? memoryPlace : tablePlace;
      const places = [placeOf(plan, a), placeOf(plan, b)] as const;
      const address = both(places[0].address, places[1].address);
      const params = [places[0].address, places[1].address, address];
      const offsets = places.map((place, local) => ({ local, place }));
      const piece = opcode === Op.memoryCopy ? memory : PIECE_ELEMENTS;
      return { params, piece, length: { local: 2, address }, offsets, overlaps: a === b };
    }
    case Op.memoryInit:
    case Op.tableInit: {
      const place = opcode === Op.memoryInit ? memoryPlace(plan, b) : tablePlace(plan, b);
      const params = [place.address, 'i32', 'i32'];
      const piece = opcode === Op.memoryInit ? memory : PIECE_ELEMENTS;
      const length = { local: 2, address: 'i32' as const };
      return { params, piece, length, offsets: [{ local: 0, place }], segment: 1, overlaps: false };
    }
    case Op.arrayFill: {
      const stored = plan.module.objects.get(a)?.element ?? 'i32';
      const params = [array(a), 'i32', stored === 'i8' || stored === 'i16' ? 'i32' : stored, 'i32'];
      const offsets = [{ local: 1, place: arrayPlace(0) }];
      return { params, piece: PIECE_ELEMENTS, length: { local: 3, address: 'i32' }, offsets, overlaps: false };
    }
    case Op.arrayCopy: {
      const offsets = [
        { local: 1, place: arrayPlace(0) },
        { local: 3, place: arrayPlace(2) },
      ];
      const params = [array(a), 'i32', array(b), 'i32', 'i32'];
      return { params, piece: PIECE_ELEMENTS, length: { local: 4, address: 'i32' }, offsets, overlaps: true };
    }
    default: {
      const offsets = [{ local: 1, place: arrayPlace(0) }];
      const params = [array(a), 'i32', 'i32', 'i32'];
      return { params, piece: PIECE_ELEMENTS, length: { local: 3, address: 'i32' }, offsets, segment: 2, overlaps: false };
    }
  }
}

/** Writes the body of a helper: pieces while more than one is left, then the operation itself on what is left. */
class Pieces {
  readonly #out: Writer;
  readonly #operation: Operation;
  readonly #write: () => void;
  readonly #check: () => void;

  constructor(out: Writer, operation: Operation, write: () => void, check: () => void) {
    this.#out = out;
    this.#operation = operation;
    this.#write = write;
    this.#check = check;
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
      const moving = new Set(this.#moving().map(({ local }) => local));
      this.#getParams((local) => moving.has(local));
      this.#write();
    });
  }

  forward(): void {
    const out = this.#out;
    this.#loop(() => {
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
    this.#operation.params.forEach((_, local) => {
      emit(this.#out, Op.localGet, local);
    });
    this.#write();
  }
}

function writeHelper(plan: Plan, operation: Operation, write: (out: Writer) => void, out: Writer, hint: HintNext): void {
  const checks = plan.checks!;
  const check = () => writeCheck(checks, out, hint);
  const pieces = new Pieces(out, operation, () => write(out), check);
  const begin = () => out.u8(Op.if).u8(BlockType.empty);
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

const INDEX_RANGE = 2 ** 21;

/** The helpers of a module: one for each operation and its indices. */
class Helpers {
  readonly #plan: Plan;
  readonly #made = new Map<number, FunctionRef>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  get(opcode: number, a: number, b: number): FunctionRef {
    return this.#made.get((opcode * INDEX_RANGE + a) * INDEX_RANGE + b)!;
  }

  add(opcode: number, a: number, b: number): FunctionRef {
    const key = (opcode * INDEX_RANGE + a) * INDEX_RANGE + b;
    const known = this.#made.get(key);
    if (known) return known;
    if (this.#made.size === HELPERS_MAX)
      throw new LoadError('too-large', `the module has more than ${HELPERS_MAX} kinds of bulk operations`);
    const plan = this.#plan;
    checksOf(plan);
    const operation = describe(plan, opcode, a, b);
    const indices = hasTwo(opcode) ? [a, b] : [a];
    const write = (out: Writer) => emit(out, opcode, ...indices);
    const name = encodeUtf8(`superos.${NAMES[opcode]} ${indices.join(' ')}`);
    const ref = plan.function(name, plan.type(operation.params, []), [], (out, hint) =>
      writeHelper(plan, operation, write, out, hint),
    );
    this.#made.set(key, ref);
    return ref;
  }
}

function hasTwo(opcode: number): boolean {
  return opcode !== Op.memoryFill && opcode !== Op.tableFill && opcode !== Op.arrayFill;
}

const PREFIX_MOST = 5;

interface Decoded {
  readonly opcode: number;
  readonly a: number;
  readonly b: number;
}

function decode(source: Uint8Array, at: number): Decoded {
  const opcode = prefixed(source[at]!, readIndex(source, at + 1));
  const p = skipInteger(source, at + 1, PREFIX_MOST);
  const a = readIndex(source, p);
  return { opcode, a, b: hasTwo(opcode) ? readIndex(source, skipInteger(source, p, PREFIX_MOST)) : 0 };
}

/** By plan, so that segments and code share them. */
const helpersOf = new WeakMap<Plan, Helpers>();

function helpers(plan: Plan): Helpers {
  const known = helpersOf.get(plan) ?? new Helpers(plan);
  helpersOf.set(plan, known);
  return known;
}

/** What stands for `memory.init` of `size` bytes in code of the loader's own; undefined where the instruction itself does. */
export function memoryInit(plan: Plan, segment: number, memory: number, size: number): FunctionRef | undefined {
  return plan.options.raw || size <= PIECE_BYTES ? undefined : helpers(plan).add(Op.memoryInit, segment, memory);
}

export const bulk: Pass = {
  name: 'bulk',
  plan(plan) {
    if (plan.options.raw) return;
    const { bulkAt } = plan.scan;
    if (bulkAt.length === 0) return;
    const { source } = plan.module;
    const made = helpers(plan);
    for (const at of bulkAt) {
      const { opcode, a, b } = decode(source, at);
      made.add(opcode, a, b);
    }
    // Sites come in the order of the code.
    let next = 0;
    for (const opcode of Object.keys(NAMES).map(Number)) {
      plan.replace(opcode, (site, out) => {
        if (site.start !== bulkAt[next]) {
          copyOriginal(site, out);
          return;
        }
        next++;
        const { a, b } = decode(source, site.start);
        emit(out, Op.call, made.get(opcode, a, b).index);
      });
    }
  },
};
