// The reading walk over all bodies: which loops need a check, and which calls lie on paths without one. It changes nothing,
// uses no recursion, and takes time and memory in proportion to the code.

import { malformed, readIndex, readSigned, skipImmediates, skipInteger, skipLocals, unsupported } from '../immediates.ts';
import type { Module } from '../module.ts';
import { ATOMIC, BlockType, GC, IMMEDIATES, Immediate, Op, prefixed } from '../opcodes.ts';
import { Numbers } from './numbers.ts';
import { fewTrips } from './trips.ts';

/** How a loop is checked. */
export const LoopCheck = { none: 0, inside: 1, leave: 2 } as const;

/** Flags of a call site. */
export const Site = {
  /** Every path from the function's entry to the call passes a check. */
  covered: 1,
  tail: 2,
  /** The callee is a signature: any function of that type whose address is taken. */
  indirect: 4,
} as const;

export interface Scan {
  /** Ascending offsets of the `loop` instructions, and a `LoopCheck` for each. */
  readonly loopAt: Uint32Array;
  readonly loopCheck: Uint32Array;
  /** Calls of functions of the module, in the order of the code: offset, own function or type index, flags. */
  readonly siteAt: Uint32Array;
  readonly siteTarget: Uint32Array;
  readonly siteFlags: Uint32Array;
  /** For each own function and one more: its first site. */
  readonly firstSite: Uint32Array;
  /** For each own function: offset of its first instruction, and bytes of its instructions. */
  readonly codeAt: Uint32Array;
  readonly codeSize: Uint32Array;
  /** Ascending offsets of bulk operations, those with a small constant length left out. */
  readonly bulkAt: Uint32Array;
  /** By function index: `ref.func` names it in a body. */
  readonly referenced: Uint8Array;
}

/** A loop whose whole body takes no more bytes, with no more branches back, is left to call the kernel, unless it calls anyway. */
const LEAVE_BYTES_MAX = 256;
const LEAVE_BRANCHES_MAX = 4;
/** A bulk operation of a constant length up to this, in bytes or elements, is short enough to be left as it is. */
const BARE_MAX = 1024;
/** So many unchecked loops may lie in each other, because each lets the path between two checks run through it once more. */
const UNCHECKED_NESTING_MAX = 4;

// What the walk does at an opcode: the kinds of immediates for those that are skipped, and these.
const Do = {
  block: 32,
  loop: 33,
  if: 34,
  else: 35,
  try: 36,
  catch: 37,
  catchAll: 38,
  delegate: 39,
  tryTable: 40,
  end: 41,
  br: 42,
  brIf: 43,
  brTable: 44,
  brOn: 45,
  brOnCast: 46,
  leave: 47,
  leaveIndex: 48,
  call: 49,
  returnCall: 50,
  callIndirect: 51,
  returnCallIndirect: 52,
  callRef: 53,
  returnCallRef: 54,
  refFunc: 55,
  localSet: 56,
  i32Const: 57,
  /** Becomes a call when it is rewritten. */
  helped: 58,
  bulk: 59,
} as const;

const ACTIONS: Uint8Array = Uint8Array.from(IMMEDIATES);
const SPECIAL: readonly (readonly [number, number])[] = [
  [0x00, Do.leave],
  [0x02, Do.block],
  [0x03, Do.loop],
  [0x04, Do.if],
  [0x05, Do.else],
  [0x06, Do.try],
  [0x07, Do.catch],
  [0x08, Do.leaveIndex],
  [0x09, Do.leaveIndex],
  [0x0a, Do.leave],
  [0x0b, Do.end],
  [0x0c, Do.br],
  [0x0d, Do.brIf],
  [0x0e, Do.brTable],
  [0x0f, Do.leave],
  [0x10, Do.call],
  [0x11, Do.callIndirect],
  [0x12, Do.returnCall],
  [0x13, Do.returnCallIndirect],
  [0x14, Do.callRef],
  [0x15, Do.returnCallRef],
  [0x18, Do.delegate],
  [0x19, Do.catchAll],
  [0x1f, Do.tryTable],
  [0xd2, Do.refFunc],
  [0xd5, Do.brOn],
  [0xd6, Do.brOn],
  [Op.localSet, Do.localSet],
  [Op.i32Const, Do.i32Const],
  [Op.memoryGrow, Do.helped],
  [Op.tableGrow, Do.helped],
  [GC + 24, Do.brOnCast],
  [GC + 25, Do.brOnCast],
];
for (const [opcode, action] of SPECIAL) ACTIONS[opcode] = action;
for (const sub of [0, 1, 6, 7, 8, 9, 10]) ACTIONS[GC + sub] = Do.helped;
for (const opcode of [Op.memoryInit, Op.memoryCopy, Op.memoryFill, Op.tableInit, Op.tableCopy, Op.tableFill])
  ACTIONS[opcode] = Do.bulk;
for (const opcode of [Op.arrayFill, Op.arrayCopy, Op.arrayInitData, Op.arrayInitElem]) ACTIONS[opcode] = Do.bulk;
for (const sub of [0, 1, 2]) ACTIONS[ATOMIC + sub] = Do.helped;

// Kinds of control frames.
const BLOCK = 0;
const LOOP = 1;
const IF = 2;

// What is known of an open loop.
const CHECKED = 1;
const LAST_BRANCH = 2; // its only branch back so far is a `br_if` at its very end
const CALLS = 4;
const LOOPS = 8;
const PARAMS = 16;
const SURE_BRANCH = 32; // a branch back that a check comes before
const FIXED = 64; // a branch back that is no `br` or `br_if`

const UNREACHABLE = 0x7fff_ffff;
const U32_MOST = 5;

/**
 * `sure` is the one value that the walk carries: how many of the open frames, from the outermost, have passed a check on every path from
 * their start to here. A check that dominates a point lies behind the start of an outer frame if it lies behind that of an inner
 * one, so the sure frames are always a prefix. Where paths meet it is the least of theirs; in unreachable code it is infinite.
 */
class Scanner {
  readonly #module: Module;
  readonly #source: Uint8Array;
  readonly #loopAt = new Numbers();
  readonly #loopCheck = new Numbers();
  readonly #siteAt = new Numbers();
  readonly #siteTarget = new Numbers();
  readonly #siteFlags = new Numbers();
  /** By site: how many checked loops begin minus how many end before it. */
  readonly #siteDepth = new Numbers();
  readonly #bulkAt = new Numbers();
  readonly #referenced: Uint8Array;
  // Frames of the body at hand. Of every frame: kind, `sure` at its start, and the least `sure` of the branches to its label.
  #kind = new Uint8Array(256);
  #startSure = new Int32Array(256);
  #labelSure = new Int32Array(256);
  // Of loop frames: number, flags, frame of the loop around it, first site in it, how the counter is set, unchecked loops in each other,
  // branches back.
  #loop = new Int32Array(256);
  #state = new Uint8Array(256);
  #outer = new Int32Array(256);
  #firstSite = new Int32Array(256);
  #initAt = new Int32Array(256);
  #nesting = new Uint8Array(256);
  #branches = new Uint8Array(256);

  constructor(module: Module) {
    this.#module = module;
    this.#source = module.source;
    this.#referenced = new Uint8Array(module.functions.length);
  }

  run(): Scan {
    const { code } = this.#module;
    const firstSite = new Uint32Array(code.count + 1);
    const codeAt = new Uint32Array(code.count);
    const codeSize = new Uint32Array(code.count);
    const source = this.#source;
    let p = code.start;
    for (let i = 0; i < code.count; i++) {
      const size = readIndex(source, p);
      const start = skipInteger(source, p, U32_MOST);
      const end = start + size;
      if (end > code.end) malformed('function body exceeds the section', p);
      const at = skipLocals(source, start, end);
      codeAt[i] = at;
      codeSize[i] = end - at;
      firstSite[i] = this.#siteAt.length;
      this.#body(at, end);
      p = end;
    }
    firstSite[code.count] = this.#siteAt.length;
    this.#cover();
    return {
      loopAt: this.#loopAt.items,
      loopCheck: this.#loopCheck.items,
      siteAt: this.#siteAt.items,
      siteTarget: this.#siteTarget.items,
      siteFlags: this.#siteFlags.items,
      firstSite,
      codeAt,
      codeSize,
      bulkAt: this.#bulkAt.items,
      referenced: this.#referenced,
    };
  }

  /** Marks the sites in checked loops: their headers are on every path to them. */
  #cover(): void {
    const depths = this.#siteDepth.items;
    const flags = this.#siteFlags.items;
    let depth = 0;
    for (let i = 0; i < flags.length; i++) {
      depth = (depth + depths[i]!) | 0;
      if (depth > 0) flags[i]! |= Site.covered;
    }
  }

  #grow(): void {
    const size = 2 * this.#kind.length;
    const bytes = (old: Uint8Array) => {
      const grown = new Uint8Array(size);
      grown.set(old);
      return grown;
    };
    const words = (old: Int32Array) => {
      const grown = new Int32Array(size);
      grown.set(old);
      return grown;
    };
    this.#kind = bytes(this.#kind);
    this.#state = bytes(this.#state);
    this.#nesting = bytes(this.#nesting);
    this.#branches = bytes(this.#branches);
    this.#startSure = words(this.#startSure);
    this.#labelSure = words(this.#labelSure);
    this.#loop = words(this.#loop);
    this.#outer = words(this.#outer);
    this.#firstSite = words(this.#firstSite);
    this.#initAt = words(this.#initAt);
  }

  #push(height: number, kind: number, sure: number): number {
    if (height === this.#kind.length) this.#grow();
    this.#kind[height] = kind;
    this.#startSure[height] = sure;
    this.#labelSure[height] = UNREACHABLE;
    return height + 1;
  }

  /**
   * A branch to the frame `target`; gives `sure` of the path that does not take it. `plain`: a `br` or `br_if`; `last`: a `br_if` that
   * nothing follows in the loop.
   */
  #branch(target: number, sure: number, plain: boolean, last = false): number {
    if (target < 0) malformed('label out of range', 0);
    if (this.#kind[target] !== LOOP) {
      if (sure < this.#labelSure[target]!) this.#labelSure[target] = sure;
      return sure;
    }
    if (this.#branches[target]! < 255) this.#branches[target]!++;
    if (!plain) this.#state[target]! |= FIXED;
    if (sure > target) {
      if (sure !== UNREACHABLE) this.#state[target]! |= SURE_BRANCH;
      return sure;
    }
    if (last && (this.#state[target]! & CHECKED) === 0) {
      this.#state[target]! |= LAST_BRANCH;
      return sure;
    }
    this.#state[target]! |= CHECKED;
    // Its header comes before this point.
    return target + 1;
  }

  #site(at: number, target: number, flags: number, sure: number): void {
    this.#siteAt.push(at);
    this.#siteTarget.push(target);
    this.#siteFlags.push(sure > 0 ? flags | Site.covered : flags);
    if (this.#siteDepth.length < this.#siteAt.length) this.#siteDepth.push(0);
  }

  /** Whether the loop in frame `i` needs a check, and which; `end` is the offset of its `end`. */
  #decide(i: number, end: number): boolean {
    const loop = this.#loop[i]!;
    const outer = this.#outer[i]!;
    const at = this.#loopAt.at(loop);
    let state = this.#state[i]!;
    if (state & LAST_BRANCH) {
      const few =
        (state & (CHECKED | SURE_BRANCH | CALLS | LOOPS | PARAMS)) === 0 && fewTrips(this.#source, this.#initAt[i]!, at, end);
      if (!few) state |= CHECKED;
    }
    const sureOnly = (state & (CHECKED | SURE_BRANCH)) === SURE_BRANCH;
    if (sureOnly && this.#nesting[i] === UNCHECKED_NESTING_MAX) state |= CHECKED;
    if (outer >= 0) {
      const nesting = this.#nesting[i]! + (sureOnly && (state & CHECKED) === 0 ? 1 : 0);
      if (nesting > this.#nesting[outer]!) this.#nesting[outer] = nesting;
      this.#state[outer]! |= LOOPS | (state & CALLS);
    }
    if ((state & CHECKED) === 0) return false;
    const leaves =
      (state & (CALLS | LOOPS | PARAMS | FIXED)) === 0 && end - at <= LEAVE_BYTES_MAX && this.#branches[i]! <= LEAVE_BRANCHES_MAX;
    this.#loopCheck.set(loop, leaves ? LoopCheck.leave : LoopCheck.inside);
    const first = this.#firstSite[i]!;
    const sites = this.#siteAt.length;
    if (first < sites) {
      // The site after the last one has its place already.
      if (this.#siteDepth.length === sites) this.#siteDepth.push(0);
      this.#siteDepth.add(first, 1);
      this.#siteDepth.add(sites, -1);
    }
    return true;
  }

  #takesParams(p: number): boolean {
    const source = this.#source;
    const byte = source[p]!;
    // A one-byte negative number is an empty type or a value type.
    if ((byte & 0xc0) === 0x40) return false;
    const type = this.#module.types[readIndex(source, p)];
    return type === undefined || type.params.length > 0;
  }

  #body(start: number, end: number): void {
    const source = this.#source;
    const { importedFunctions } = this.#module;
    let height = this.#push(0, BLOCK, 0);
    let sure = 0;
    let inner = -1;
    let constAt = 0;
    let constEnd = 0;
    let setEnd = 0;
    let initAt = 0;
    let p = start;
    while (p < end) {
      const at = p;
      let id = source[p++]!;
      let action = ACTIONS[id]!;
      if (action === Immediate.prefix) {
        const sub = readIndex(source, p);
        p = skipInteger(source, p, U32_MOST);
        id = prefixed(id, sub);
        action = id < 0 ? Immediate.unknown : ACTIONS[id]!;
        if (action === Immediate.unknown) unsupported(source, at, sub);
      }
      switch (action) {
        case Immediate.none:
          continue;
        case Immediate.index:
        case Immediate.i32:
          if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, U32_MOST);
          continue;
        case Immediate.memory:
          if (source[p]! < 0x40 && source[p + 1]! < 0x80) p += 2;
          else p = skipImmediates(Immediate.memory, source, p, end);
          continue;
        case Do.localSet:
          if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, U32_MOST);
          if (constEnd === at) {
            initAt = constAt;
            setEnd = p;
          }
          continue;
        case Do.i32Const:
          if (source[p++]! > 0x7f) p = skipInteger(source, p - 1, U32_MOST);
          constAt = at;
          constEnd = p;
          continue;
        case Do.block:
        case Do.try:
          if (source[p] === BlockType.empty) p++;
          else p = skipImmediates(Immediate.block, source, p, end);
          height = this.#push(height, BLOCK, sure);
          continue;
        case Do.if:
          if (source[p] === BlockType.empty) p++;
          else p = skipImmediates(Immediate.block, source, p, end);
          height = this.#push(height, IF, sure);
          continue;
        case Do.loop:
          height = this.#push(height, LOOP, sure);
          this.#loop[height - 1] = this.#loopAt.push(at);
          this.#loopCheck.push(LoopCheck.none);
          this.#state[height - 1] = this.#takesParams(p) ? PARAMS : 0;
          this.#outer[height - 1] = inner;
          this.#firstSite[height - 1] = this.#siteAt.length;
          this.#initAt[height - 1] = setEnd === at ? initAt : 0;
          this.#nesting[height - 1] = 0;
          this.#branches[height - 1] = 0;
          inner = height - 1;
          p = skipImmediates(Immediate.block, source, p, end);
          continue;
        case Do.else:
        case Do.catch:
        case Do.catchAll: {
          if (action === Do.catch) p = skipInteger(source, p, U32_MOST);
          const frame = height - 1;
          if (sure < this.#labelSure[frame]!) this.#labelSure[frame] = sure;
          this.#kind[frame] = BLOCK;
          // An exception may come from any point of the body, all of which lie behind its start.
          sure = this.#startSure[frame]!;
          continue;
        }
        case Do.delegate:
        case Do.end: {
          if (action === Do.delegate) p = skipInteger(source, p, U32_MOST);
          const frame = --height;
          if (frame === 0) {
            if (p !== end) malformed('unexpected end', at);
            return;
          }
          if (this.#kind[frame] === LOOP) {
            inner = this.#outer[frame]!;
            // Control leaves a loop at its end only, and its header comes before.
            if (this.#decide(frame, at) && sure !== UNREACHABLE) sure = frame;
          } else {
            if (this.#kind[frame] === IF && this.#startSure[frame]! < sure) sure = this.#startSure[frame]!;
            if (this.#labelSure[frame]! < sure) sure = this.#labelSure[frame]!;
          }
          if (sure !== UNREACHABLE && sure > frame) sure = frame;
          continue;
        }
        case Do.tryTable: {
          const after = skipImmediates(Immediate.tryTable, source, p, end);
          let q = skipImmediates(Immediate.block, source, p, end);
          let left = readIndex(source, q);
          q = skipInteger(source, q, U32_MOST);
          for (; left > 0; left--) {
            const tagged = source[q++]! < 2;
            if (tagged) q = skipInteger(source, q, U32_MOST);
            sure = this.#branch(height - 1 - readIndex(source, q), sure, false);
            q = skipInteger(source, q, U32_MOST);
          }
          height = this.#push(height, BLOCK, sure);
          p = after;
          continue;
        }
        case Do.brIf: {
          let depth = source[p]!;
          if (depth < 0x80) p++;
          else {
            depth = readIndex(source, p);
            p = skipInteger(source, p, U32_MOST);
          }
          sure = this.#branch(height - 1 - depth, sure, true, depth === 0 && source[p] === Op.end);
          continue;
        }
        case Do.br:
          this.#branch(height - 1 - readIndex(source, p), sure, true);
          p = skipInteger(source, p, U32_MOST);
          sure = UNREACHABLE;
          continue;
        case Do.brOn:
          sure = this.#branch(height - 1 - readIndex(source, p), sure, false);
          p = skipInteger(source, p, U32_MOST);
          continue;
        case Do.brOnCast:
          sure = this.#branch(height - 1 - readIndex(source, p + 1), sure, false);
          p = skipImmediates(Immediate.castBranch, source, p, end);
          continue;
        case Do.brTable: {
          let left = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          for (; left >= 0; left--) {
            if (p >= end) malformed('unexpected end', at);
            this.#branch(height - 1 - readIndex(source, p), sure, false);
            p = skipInteger(source, p, U32_MOST);
          }
          sure = UNREACHABLE;
          continue;
        }
        case Do.leaveIndex:
          p = skipInteger(source, p, U32_MOST);
          sure = UNREACHABLE;
          continue;
        case Do.leave:
          sure = UNREACHABLE;
          continue;
        case Do.call:
        case Do.returnCall: {
          const callee = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          if (inner >= 0) this.#state[inner]! |= CALLS;
          if (callee >= importedFunctions)
            this.#site(at, callee - importedFunctions, action === Do.returnCall ? Site.tail : 0, sure);
          if (action === Do.returnCall) sure = UNREACHABLE;
          continue;
        }
        case Do.callIndirect:
        case Do.returnCallIndirect:
        case Do.callRef:
        case Do.returnCallRef: {
          const tail = action === Do.returnCallIndirect || action === Do.returnCallRef;
          const type = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          if (action === Do.callIndirect || action === Do.returnCallIndirect) p = skipInteger(source, p, U32_MOST);
          if (inner >= 0) this.#state[inner]! |= CALLS;
          this.#site(at, type, tail ? Site.indirect | Site.tail : Site.indirect, sure);
          if (tail) sure = UNREACHABLE;
          continue;
        }
        case Do.refFunc: {
          const named = readIndex(source, p);
          p = skipInteger(source, p, U32_MOST);
          if (named < this.#referenced.length) this.#referenced[named] = 1;
          continue;
        }
        case Do.helped:
          if (inner >= 0) this.#state[inner]! |= CALLS;
          p = skipImmediates(IMMEDIATES[id]!, source, p, end);
          continue;
        case Do.bulk:
          if (inner >= 0) this.#state[inner]! |= CALLS;
          if (constEnd !== at || readSigned(source, constAt + 1) >>> 0 > BARE_MAX) this.#bulkAt.push(at);
          p = skipImmediates(IMMEDIATES[id]!, source, p, end);
          continue;
        case Immediate.unknown:
          unsupported(source, at, -1);
          break;
        default:
          p = skipImmediates(action, source, p, end);
      }
    }
    malformed('unexpected end', end);
  }
}

export function scan(module: Module): Scan {
  return new Scanner(module).run();
}
