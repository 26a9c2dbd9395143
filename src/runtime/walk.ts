// The one walk over instructions. It copies runs of bytes, renumbers functions, and hands the instructions that a pass
// asked for to that pass. Nothing else of a body is looked at or changed.

import { malformed, readIndex, skipImmediates, skipInteger, skipLocals, skipMemory, unsupported } from './immediates.ts';
import type { Range } from './module.ts';
import { IMMEDIATES, Immediate, OPCODE_SPACE, prefixed } from './opcodes.ts';
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
const U32_MOST = 5;
// Beyond every offset: V8 takes no module of this size.
const NO_MARK = 0x7fff_ffff;
const NO_MARKS: number[] = [];

export interface WalkPlan {
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
    this.#kinds = Uint8Array.from(IMMEDIATES);
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
        p = skipInteger(source, p, U32_MOST);
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
          if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, U32_MOST);
          continue;
        case Immediate.memory:
          if (source[p]! < 0x40 && source[p + 1]! < 0x80) p += 2;
          else p = skipMemory(source, p);
          continue;
        case Immediate.function: {
          const old = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
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
    const start = skipInteger(source, p, U32_MOST);
    const end = start + size;
    if (end > limit) malformed('function body exceeds the section', p);
    // Room for a size as long as the old one; moved where the new one is longer or shorter.
    const sizeAt = out.length;
    const room = u32Size(size);
    out.reserve(room + U32_MOST);
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
      out.reserve(U32_MOST);
      out.bytes.copyWithin(sizeAt + needed, bodyAt, out.length);
    }
    out.length = sizeAt;
    out.u32(newSize);
    out.length += newSize;
    return end;
  }
}

/** The index at `at`, as the immediate of an instruction. */
export function indexAt(site: Site, at = site.immediates): number {
  return readIndex(site.source, at);
}
