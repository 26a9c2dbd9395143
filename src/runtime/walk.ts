// The one walk over instructions. It copies runs of bytes, renumbers functions, and hands the instructions that a pass
// asked for to that pass. Nothing else of a body is looked at or changed.

import { type Checks, Edit, type HintNext, writeCheck } from './checks.ts';
import { type Hint, hintOf, isLikely, offsetOf } from './hints.ts';
import {
  countLocals,
  malformed,
  readIndex,
  skipImmediates,
  skipInteger,
  skipLocals,
  skipMemory,
  U32_MOST,
  unsupported,
} from './immediates.ts';
import { LABELLED } from './labels.ts';
import { LeftLoop } from './leave.ts';
import type { Range } from './module.ts';
import { IMMEDIATES, Immediate, OPCODE_SPACE, prefixed } from './opcodes.ts';
import { u32Size, type Writer } from './writer.ts';

/** An instruction of the source that a pass replaces. One object serves the whole walk. */
export interface Site {
  readonly source: Uint8Array;
  /** Index in the original module; -1 in a constant expression. */
  functionIndex: number;
  /** Of the locals that the function gets in addition, the first one's index. */
  firstLocal: number;
  /** Offsets in `source`: of the instruction, of its immediates, and of what follows. */
  start: number;
  immediates: number;
  end: number;
}

/** Writes what stands in the place of `site` into `out`. */
export type Replacement = (site: Site, out: Writer, hint: HintNext) => void;

/** Writes instructions that come before all others of the original's function `functionIndex`. */
export type Prologue = (functionIndex: number, out: Writer, hint: HintNext) => void;

const REPLACED = 0x80;
const LABEL = 0x40;
// Beyond every offset: V8 takes no module of this size.
const NO_MARK = 0x7fff_ffff;
const NO_MARKS: number[] = [];
const NO_CHECKS: Checks = { offsets: new Uint32Array(), edits: new Uint8Array(), poll: () => {}, call: () => {} };
const NO_HINTS: readonly Hint[] = [];

/** Locals that every function gets after its own. */
export interface AddedLocals {
  /** As many groups, in binary form. */
  readonly declared: Uint8Array;
  readonly groups: number;
  /** Number of parameters of a function of the original. */
  readonly params: (functionIndex: number) => number;
}

export interface WalkPlan {
  /** New index of every function of the original. */
  readonly functionMap: Uint32Array;
  readonly replacements: ReadonlyMap<number, Replacement>;
  readonly prologues: readonly Prologue[];
  readonly checks?: Checks | undefined;
  readonly locals?: AddedLocals | undefined;
}

export class Walker {
  readonly #source: Uint8Array;
  readonly #out: Writer;
  readonly #map: Uint32Array;
  readonly #kinds: Uint8Array;
  /** Kinds inside a loop to be left. */
  readonly #labelKinds: Uint8Array;
  readonly #leaving: LeftLoop;
  readonly #checks: Checks;
  readonly #locals: AddedLocals | undefined;
  #nextEdit = 0;
  readonly #replacements: readonly (Replacement | undefined)[];
  readonly #prologues: readonly Prologue[];
  readonly #site: Site;
  /** Of the body being written: where it begins in the output, and the hints for its branches. */
  #bodyAt = 0;
  #hints: Hint[] = [];
  readonly #hint: HintNext = (likely) => {
    this.#hints.push(hintOf(this.#out.length - this.#bodyAt, likely));
  };

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
    this.#prologues = plan.prologues;
    this.#labelKinds = this.#kinds.slice();
    for (const opcode of LABELLED) this.#labelKinds[opcode]! |= LABEL;
    this.#checks = plan.checks ?? NO_CHECKS;
    this.#leaving = new LeftLoop(source, out, this.#checks, this.#hint);
    this.#locals = plan.locals;
    this.#site = { source, functionIndex: -1, firstLocal: 0, start: 0, immediates: 0, end: 0 };
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
    const map = this.#map;
    const out = this.#out;
    const { offsets, edits } = this.#checks;
    let kinds = this.#kinds;
    let edit = this.#nextEdit;
    let marked = 0;
    let stop = Math.min(marks[0] ?? NO_MARK, offsets[edit] ?? NO_MARK);
    let run = start;
    let p = start;
    while (p < end) {
      const at = p;
      if (at >= stop) {
        let leaves = 0;
        if (at === offsets[edit]) {
          out.copy(source, run, at);
          run = at;
          leaves = edits[edit++]! & (Edit.leave | Edit.repeat);
          if (leaves === 0) writeCheck(this.#checks, out, this.#hint);
        }
        for (; at >= (marks[marked] ?? NO_MARK); marked++) marks[marked] = at === marks[marked] ? out.length + (at - run) : -1;
        stop = Math.min(marks[marked] ?? NO_MARK, offsets[edit] ?? NO_MARK);
        if (leaves !== 0) {
          p = run = this.#leaving.enter(at, end, (leaves & Edit.repeat) !== 0 && marks.length === 0);
          kinds = this.#labelKinds;
          continue;
        }
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
          p = skipImmediates(kind & ~(REPLACED | LABEL), source, p, end);
          if ((kind & LABEL) !== 0) {
            const unwritten = this.#leaving.instruction(id, run, immediates, end);
            if (unwritten >= 0) {
              p = this.#leaving.next(p);
              run = Math.min(unwritten, p);
            } else {
              out.copy(source, run, p);
              run = p;
              this.#leaving.leave();
              kinds = this.#kinds;
            }
          } else if ((kind & REPLACED) !== 0) {
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
    this.#nextEdit = edit;
  }

  #replace(id: number, start: number, immediates: number, end: number): void {
    const site = this.#site;
    site.start = start;
    site.immediates = immediates;
    site.end = end;
    this.#replacements[id]!(site, this.#out, this.#hint);
  }

  /**
   * Rewrites one body with its size, which stands at `p`, and returns the offset after it. `known` are the hints that the original
   * has for it; `takeHints` then gives those of the rewritten body.
   */
  body(p: number, limit: number, functionIndex: number, known: readonly Hint[] = NO_HINTS): number {
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
    this.#bodyAt = out.length;
    const code = skipLocals(source, start, end);
    if (this.#locals === undefined) out.copy(source, start, code);
    else this.#declare(this.#locals, functionIndex, start, code);
    this.#site.functionIndex = functionIndex;
    for (const prologue of this.#prologues) prologue(functionIndex, out, this.#hint);
    this.#hintedWalk(start, code, end, known);
    this.#setSize(sizeAt, room);
    return end;
  }

  /** Writes the declarations in [start, code), and the added ones after them. */
  #declare({ declared, groups, params }: AddedLocals, functionIndex: number, start: number, code: number): void {
    const source = this.#source;
    const count = readIndex(source, start);
    const own = skipInteger(source, start, U32_MOST);
    this.#out
      .u32(count + groups)
      .copy(source, own, code)
      .raw(declared);
    this.#site.firstLocal = params(functionIndex) + countLocals(source, own, count);
  }

  /** The hints of the body written last, ascending. */
  takeHints(): readonly Hint[] {
    return this.#hints.length === 0 ? NO_HINTS : this.#hints.splice(0);
  }

  #hintedWalk(start: number, code: number, end: number, known: readonly Hint[]): void {
    if (known.length === 0) {
      this.#walk(code, end, NO_MARKS);
      return;
    }
    const marks = known.map((hint) => start + offsetOf(hint));
    this.#walk(code, end, marks);
    known.forEach((hint, i) => {
      if (marks[i]! >= 0) this.#hints.push(hintOf(marks[i]! - this.#bodyAt, isLikely(hint)));
    });
    this.#hints.sort((a, b) => a - b);
  }

  /** Writes the size of the body that ends here at `sizeAt`, where there are `room` bytes for it. */
  #setSize(sizeAt: number, room: number): void {
    const out = this.#out;
    const size = out.length - this.#bodyAt;
    const needed = u32Size(size);
    if (needed !== room) {
      out.reserve(U32_MOST);
      out.bytes.copyWithin(sizeAt + needed, this.#bodyAt, out.length);
    }
    out.length = sizeAt;
    out.u32(size);
    out.length += size;
  }
}

/** Writes the replaced instruction as it was. Not for one that names a function. */
export function copyOriginal(site: Site, out: Writer): void {
  out.copy(site.source, site.start, site.end);
}

/** The index at `at`, as the immediate of an instruction. */
export function indexAt(site: Site, at = site.immediates): number {
  return readIndex(site.source, at);
}
