// The one walk over instructions. It copies runs of bytes, renumbers functions, and hands the instructions that a pass
// asked for to that pass. It never decodes what nobody needs, keeps no stack, and refuses opcodes it does not know.

import { LoadError } from './errors.ts';
import type { Range } from './module.ts';
import { Immediate, OPCODE_SPACE, prefixed } from './opcodes.ts';
import { u32Size, type Writer } from './writer.ts';

/** An instruction of the source that a pass replaces. One object serves the whole walk. */
export interface Site {
  readonly source: Uint8Array;
  /** Index in the original module; -1 in a constant expression. */
  functionIndex: number;
  /** Offsets in `source`: of the instruction, of its immediates, and of what follows. */
  start: number;
  immediates: number;
  end: number;
}

/** Writes what stands in the place of `site` into `out`. */
export type Replacement = (site: Site, out: Writer) => void;

const REPLACED = 0x80;
// Bytes of the longest 32-bit integer.
const MOST_INTEGER = 5;
// Beyond every offset: V8 takes no module of this size.
const NO_MARK = 0x7fff_ffff;
const NO_MARKS: number[] = [];

function malformed(what: string, at: number): never {
  throw new LoadError('malformed', `malformed module: ${what} at offset ${at}`);
}

function unsupported(source: Uint8Array, at: number, sub: number): never {
  const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`;
  const name = sub < 0 ? hex(source[at]!) : `${hex(source[at]!)} ${hex(sub)}`;
  throw new LoadError('unsupported-opcode', `unsupported opcode ${name} at offset ${at}`);
}

/** Past an integer that starts at `p` and has at most `most` bytes. Reads beyond the array end it; callers check the limit. */
function skipInteger(source: Uint8Array, p: number, most: number): number {
  let q = p;
  while (source[q++]! > 0x7f) if (q - p >= most) malformed('integer too long', p);
  return q;
}

function readIndex(source: Uint8Array, p: number): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = source[p + i] ?? malformed('unexpected end', p);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value >>> 0;
  }
  return malformed('integer too long', p);
}

function skipMemory(source: Uint8Array, p: number): number {
  const flags = source[p]!;
  const q = skipInteger(source, p, 5);
  return skipInteger(source, flags & 0x40 ? skipInteger(source, q, 5) : q, 10);
}

// A type where a heap type, block type or value type may stand: two forms take a heap type after the first byte.
function skipType(source: Uint8Array, p: number): number {
  const byte = source[p]!;
  return byte === 0x63 || byte === 0x64 ? skipInteger(source, p + 1, 5) : skipInteger(source, p, 5);
}

/** Past the items of a vector at `p`, each at least one byte, which `skipItem` steps over. */
function skipVector(source: Uint8Array, p: number, limit: number, skipItem: (source: Uint8Array, p: number) => number): number {
  const count = readIndex(source, p);
  let q = skipInteger(source, p, 5);
  if (count > limit - q) malformed('count exceeds the bytes that follow', p);
  for (let left = count; left > 0; left--) q = skipItem(source, q);
  return q;
}

function skipIndex(source: Uint8Array, p: number): number {
  return skipInteger(source, p, 5);
}

function skipCatch(source: Uint8Array, p: number): number {
  const kind = source[p]!;
  return skipIndex(source, kind < 2 ? skipIndex(source, p + 1) : p + 1);
}

function skipImmediates(kind: number, source: Uint8Array, p: number, limit: number): number {
  switch (kind) {
    case Immediate.none:
      return p;
    case Immediate.index:
    case Immediate.function:
    case Immediate.i32:
      return skipInteger(source, p, 5);
    case Immediate.twoIndices:
      return skipIndex(source, skipIndex(source, p));
    case Immediate.memory:
      return skipMemory(source, p);
    case Immediate.memoryLane:
      return skipMemory(source, p) + 1;
    case Immediate.block:
      return skipType(source, p);
    case Immediate.heapType:
      return skipInteger(source, p, 5);
    case Immediate.i64:
      return skipInteger(source, p, 10);
    case Immediate.f32:
      return p + 4;
    case Immediate.f64:
      return p + 8;
    case Immediate.v128:
      return p + 16;
    case Immediate.byte:
      return p + 1;
    case Immediate.branchTable:
      return skipIndex(source, skipVector(source, p, limit, skipIndex));
    case Immediate.valueTypes:
      return skipVector(source, p, limit, skipType);
    case Immediate.castBranch: // flags, label, two heap types
      return skipIndex(source, skipIndex(source, skipIndex(source, p + 1)));
    case Immediate.tryTable:
      return skipVector(source, skipType(source, p), limit, skipCatch);
    default:
      return malformed('unknown kind of immediate', p);
  }
}

/** Past the instruction at `p`. */
export function skipInstruction(source: Uint8Array, p: number, limit: number, kinds: Uint8Array): number {
  const opcode = source[p] ?? malformed('unexpected end', p);
  let kind = kinds[opcode]! & ~REPLACED;
  let q = p + 1;
  if (kind === Immediate.prefix) {
    const sub = readIndex(source, q);
    const id = prefixed(opcode, sub);
    kind = id < 0 ? Immediate.unknown : kinds[id]! & ~REPLACED;
    if (kind === Immediate.unknown) unsupported(source, p, sub);
    q = skipIndex(source, q);
  }
  if (kind === Immediate.unknown) unsupported(source, p, -1);
  q = skipImmediates(kind, source, q, limit);
  return q <= limit ? q : malformed('unexpected end', p);
}

export interface WalkPlan {
  /** Kinds of immediates, from `IMMEDIATES`. */
  readonly kinds: Uint8Array;
  /** New index of every function of the original. */
  readonly functionMap: Uint32Array;
  readonly replacements: ReadonlyMap<number, Replacement>;
}

export class Walker {
  readonly #source: Uint8Array;
  readonly #out: Writer;
  readonly #map: Uint32Array;
  readonly #kinds: Uint8Array;
  readonly #replacements: readonly (Replacement | undefined)[];
  readonly #site: Site;

  constructor(source: Uint8Array, out: Writer, plan: WalkPlan) {
    this.#source = source;
    this.#out = out;
    this.#map = plan.functionMap;
    this.#kinds = Uint8Array.from(plan.kinds);
    const replacements = new Array<Replacement | undefined>(OPCODE_SPACE).fill(undefined);
    for (const [opcode, replacement] of plan.replacements) {
      replacements[opcode] = replacement;
      this.#kinds[opcode]! |= REPLACED;
    }
    this.#replacements = replacements;
    this.#site = { source, functionIndex: -1, start: 0, immediates: 0, end: 0 };
  }

  /** Rewrites a constant expression. */
  expression(range: Range): void {
    this.#site.functionIndex = -1;
    this.#walk(range.start, range.end, NO_MARKS);
  }

  /**
   * Rewrites the instructions in [start, end). Marks are ascending offsets of instructions in the source; each is replaced by that
   * instruction's offset in `out`, or by -1 where no instruction starts.
   */
  #walk(start: number, end: number, marks: number[]): void {
    const source = this.#source;
    const kinds = this.#kinds;
    const map = this.#map;
    const out = this.#out;
    let marked = 0;
    let nextMark = marks[0] ?? NO_MARK;
    let run = start;
    let p = start;
    while (p < end) {
      const at = p;
      while (at >= nextMark) {
        marks[marked++] = at === nextMark ? out.length + (at - run) : -1;
        nextMark = marks[marked] ?? NO_MARK;
      }
      let id = source[p++]!;
      let kind = kinds[id]!;
      if (kind === Immediate.prefix) {
        const sub = readIndex(source, p);
        p = skipInteger(source, p, 5);
        id = prefixed(id, sub);
        kind = id < 0 ? Immediate.unknown : kinds[id]!;
        if (kind === Immediate.unknown) unsupported(source, at, sub);
      }
      const immediates = p;
      switch (kind) {
        case Immediate.none:
          continue;
        case Immediate.index:
        case Immediate.i32:
          if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, 5);
          continue;
        case Immediate.memory:
          if (source[p]! < 0x40 && source[p + 1]! < 0x80) p += 2;
          else p = skipMemory(source, p);
          continue;
        case Immediate.function: {
          const old = readIndex(source, p);
          p = skipInteger(source, p, 5);
          if (old >= map.length) malformed('function index out of range', at);
          const index = map[old]!;
          if (index === old) continue;
          out.copy(source, run, immediates);
          out.u32(index);
          run = p;
          continue;
        }
        case Immediate.unknown:
          unsupported(source, at, -1);
          break;
        default:
          p = skipImmediates(kind & ~REPLACED, source, p, end);
          if ((kind & REPLACED) !== 0) {
            if (p > end) malformed('unexpected end', at);
            out.copy(source, run, at);
            run = p;
            this.#replace(id, at, immediates, p);
          }
      }
    }
    if (p !== end) malformed('unexpected end', end);
    out.copy(source, run, end);
    marks.fill(-1, marked);
  }

  #replace(id: number, start: number, immediates: number, end: number): void {
    const site = this.#site;
    site.start = start;
    site.immediates = immediates;
    site.end = end;
    this.#replacements[id]!(site, this.#out);
  }

  /**
   * Rewrites one body with its size. `marks` are relative to the start of the body (its local declarations), in and out.
   * Returns the offset after it.
   */
  body(p: number, limit: number, functionIndex: number, marks: number[] = NO_MARKS): number {
    const source = this.#source;
    const out = this.#out;
    const size = readIndex(source, p);
    const start = skipInteger(source, p, 5);
    const end = start + size;
    if (end > limit) malformed('function body exceeds the section', p);
    // Room for a size as long as the old one; moved where the new one is longer or shorter.
    const sizeAt = out.length;
    const room = u32Size(size);
    out.reserve(room + MOST_INTEGER);
    out.length += room;
    const bodyAt = out.length;
    const code = skipLocals(source, start, end);
    out.copy(source, start, code);
    for (let i = 0; i < marks.length; i++) marks[i]! += start;
    this.#site.functionIndex = functionIndex;
    this.#walk(code, end, marks);
    for (let i = 0; i < marks.length; i++) if (marks[i]! >= 0) marks[i]! -= bodyAt;
    const newSize = out.length - bodyAt;
    const needed = u32Size(newSize);
    if (needed !== room) {
      out.reserve(MOST_INTEGER);
      out.bytes.copyWithin(sizeAt + needed, bodyAt, out.length);
    }
    out.length = sizeAt;
    out.u32(newSize);
    out.length += newSize;
    return end;
  }
}

function skipLocals(source: Uint8Array, p: number, limit: number): number {
  const q = skipVector(source, p, limit, (bytes, at) => skipType(bytes, skipIndex(bytes, at)));
  return q <= limit ? q : malformed('unexpected end', p);
}

/** The index at `at`, as the immediate of an instruction. */
export function indexAt(site: Site, at = site.immediates): number {
  return readIndex(site.source, at);
}
