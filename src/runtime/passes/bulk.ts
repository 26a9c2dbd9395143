// bulk: operations on many bytes or elements are done in pieces, with a check between two of them. Bounds come first, so that one that
// does not fit traps as the original does, with nothing written; no piece is ever half done when the kernel is called.

import { encodeUtf8 } from '../../hal/utf8.ts';
import { LoadError } from '../errors.ts';
import { readIndex, skipInteger } from '../immediates.ts';
import { Op, prefixed } from '../opcodes.ts';
import { emit, emitConst, type FunctionRef, type Pass, type Plan } from '../plan.ts';
import type { ValueType } from '../types.ts';
import { copyOriginal } from '../walk.ts';
import type { Writer } from '../writer.ts';
import { type Address, type Operation, type Place, writeHelper } from './pieces.ts';
import { checksOf } from './preempt.ts';

/** Bytes of memory in a piece: the first touch of a megabyte takes about half a millisecond. */
export const PIECE_BYTES = 1 << 20;
/** Elements of tables and arrays in a piece. */
const PIECE_ELEMENTS = 1 << 14;
/** A program with more kinds of them is an attack on the size of what the loader writes. */
const HELPERS_MAX = 10_000;

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

const MEMORY: ReadonlySet<number> = new Set([Op.memoryInit, Op.memoryCopy, Op.memoryFill]);

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
      const params = [address, 'i32', address];
      return { params, piece: memory, length: { local: 2, address }, offsets, overlaps: false, memories: [a] };
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
      const memories = opcode === Op.memoryCopy ? { memories: [a, b] } : undefined;
      return { params, piece, length: { local: 2, address }, offsets, overlaps: a === b, ...memories };
    }
    case Op.memoryInit:
    case Op.tableInit: {
      const place = opcode === Op.memoryInit ? memoryPlace(plan, b) : tablePlace(plan, b);
      const params = [place.address, 'i32', 'i32'];
      const piece = opcode === Op.memoryInit ? memory : PIECE_ELEMENTS;
      const length = { local: 2, address: 'i32' as const };
      const memories = opcode === Op.memoryInit ? { memories: [b] } : undefined;
      return { params, piece, length, offsets: [{ local: 0, place }], segment: 1, overlaps: false, ...memories };
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

const INDEX_RANGE = 2 ** 21;

/** The helpers of a module: one for each operation and its indices. */
class Helpers {
  readonly #plan: Plan;
  readonly #made = new Map<number, FunctionRef>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  add(opcode: number, a: number, b: number): FunctionRef {
    const key = (opcode * INDEX_RANGE + a) * INDEX_RANGE + b;
    const known = this.#made.get(key);
    if (known) return known;
    if (this.#made.size === HELPERS_MAX)
      throw new LoadError('too-large', `the module has more than ${HELPERS_MAX} kinds of bulk operations`);
    const plan = this.#plan;
    if (!plan.options.raw) checksOf(plan);
    const operation = describe(plan, opcode, a, b);
    const indices = hasTwo(opcode) ? [a, b] : [a];
    const write = (out: Writer) => emit(out, opcode, ...indices);
    const name = encodeUtf8(`superos.${NAMES[opcode]} ${indices.join(' ')}`);
    const locals: ValueType[] = plan.probed && plan.touch === undefined && operation.memories ? ['i64'] : [];
    const ref = plan.function(name, plan.type(operation.params, []), locals, (out, hint) =>
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

const helpers = (plan: Plan): Helpers => helpersOf.getOrInsertComputed(plan, () => new Helpers(plan));

/** What stands for `memory.init` of `size` bytes in code of the loader's own; undefined where the instruction itself does. */
export function memoryInit(plan: Plan, segment: number, memory: number, size: number): FunctionRef | undefined {
  return plan.options.raw || size <= PIECE_BYTES ? undefined : helpers(plan).add(Op.memoryInit, segment, memory);
}

export const bulk: Pass = {
  name: 'bulk',
  plan(plan) {
    if (plan.options.raw && plan.touch === undefined) return;
    const { bulkAt } = plan.scan;
    if (bulkAt.length === 0 && plan.probed === undefined) return;
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
        if (site.start === bulkAt[next]) next++;
        else if (plan.probed === undefined || !MEMORY.has(opcode)) return copyOriginal(site, out);
        const { a, b } = decode(source, site.start);
        emit(out, Op.call, made.add(opcode, a, b).index);
      });
    }
  },
};
