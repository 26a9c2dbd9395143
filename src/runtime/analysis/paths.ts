// The paths through a body, as far as checks go: which loops need one, and which calls come after one.

import { malformed } from '../immediates.ts';
import { BlockType, Op } from '../opcodes.ts';
import { type Dispatch, targetSegment } from './dispatch.ts';
import { Numbers } from './numbers.ts';
import { countedBytes } from './trips.ts';

/** How a loop is checked; `jumps`: at those branches back that are kept for it; `repeat`: as `leave`, after several rounds. */
export const LoopCheck = { none: 0, inside: 1, leave: 2, jumps: 3, repeat: 4 } as const;

/** Flags of a call site. */
export const Site = {
  /** Every path from the function's entry to the call passes a check. */
  covered: 1,
  tail: 2,
  /** The callee is a signature: any function of that type whose address is taken. */
  indirect: 4,
} as const;

/** A loop whose whole body takes no more bytes, with no more branches back, is left to call the kernel, unless it calls anyway. */
const LEAVE_BYTES_MAX = 256;
const LEAVE_BRANCHES_MAX = 4;
/** One whose whole body takes no more bytes, and which goes back at its very end alone, has its body repeated before it is checked. */
const REPEAT_BYTES_MAX = 32;
/** Of one module: what is written several times may each time be written as much more. */
const REPEATED_BYTES_MAX = 1 << 18;
/** So many unchecked loops may lie in each other, because each lets the path between two checks run through it once more. */
const UNCHECKED_NESTING_MAX = 4;

// Kinds of control frames.
export const BLOCK = 0;
export const LOOP = 1;
export const IF = 2;
const SEGMENT = 3; // a block before the table of a loop that dispatches

// What is known of an open loop.
const CHECKED = 1;
const LAST_BRANCH = 2; // its only branch back so far is at its very end
const CALLS = 4;
const LOOPS = 8;
const PARAMS = 16;
const SURE_BRANCH = 32; // a branch back that a check comes before
const FIXED = 64; // a branch back that is no `br` or `br_if`
const DISPATCHES = 128;

export const UNREACHABLE = 0x7fff_ffff;
/**
 * `sure` is the one value that the walk carries: how many of the open frames, from the outermost, have passed a check on every path from
 * their start to here. A check that dominates a point lies behind the start of an outer frame if it lies behind that of an inner
 * one, so the sure frames are always a prefix. Where paths meet it is the least of theirs; in unreachable code it is infinite.
 */
export class Paths {
  readonly #source: Uint8Array;
  readonly loopAt = new Numbers();
  readonly loopCheck = new Numbers();
  /** Branches back to be checked where they stand, if their loop turns out to be checked so: offset, and number of the loop. */
  readonly jumpAt = new Numbers();
  readonly jumpLoop = new Numbers();
  readonly siteAt = new Numbers();
  readonly siteTarget = new Numbers();
  readonly siteFlags = new Numbers();
  /** By site: how many checked loops begin minus how many end before it. */
  readonly #siteDepth = new Numbers();
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
  #repeated = 0;
  /** Bytes of code that may run in the loops so far that count to a constant. */
  counted = 0;
  // Of loop frames that dispatch: their start, while they are open, and the segment at hand.
  readonly #dispatch = new Map<number, Dispatch>();
  #segment = new Int32Array(256);

  constructor(source: Uint8Array) {
    this.#source = source;
  }

  /** Marks the sites in checked loops: their headers are on every path to them. */
  cover(): void {
    const depths = this.#siteDepth.items;
    const flags = this.siteFlags.items;
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
    this.#segment = words(this.#segment);
  }

  push(height: number, kind: number, sure: number): number {
    if (height === this.#kind.length) this.#grow();
    this.#kind[height] = kind;
    this.#startSure[height] = sure;
    this.#labelSure[height] = UNREACHABLE;
    return height + 1;
  }

  /**
   * A branch to the frame `target`; gives `sure` of the path that does not take it. `plain`: a `br` or `br_if`; `last`: nothing but an
   * `end` follows in the loop.
   */
  branch(target: number, sure: number, plain: boolean, last = false): number {
    if (target < 0) malformed('label out of range', 0);
    if (this.#kind[target] !== LOOP) {
      if (sure < this.#labelSure[target]!) this.#labelSure[target] = sure;
      return sure;
    }
    if (this.#branches[target]! < 255) this.#branches[target]!++;
    if (!plain) this.#state[target]! |= FIXED;
    if (sure !== UNREACHABLE && this.#state[target]! & DISPATCHES) {
      // Only jumps can be left unchecked: where something else leads back, this is a loop like others.
      this.#state[target]! |= CHECKED;
      return target + 1;
    }
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

  /** A `br` to the frame `target`, at `at`; `last` as for `branch`. `setAt`: what sets a local to a constant straight before it, or 0. */
  jump(target: number, sure: number, at: number, setAt: number, last: boolean): void {
    if (target < 0 || this.#kind[target] !== LOOP || (this.#state[target]! & DISPATCHES) === 0) {
      this.branch(target, sure, true, last);
      return;
    }
    if (this.#branches[target]! < 255) this.#branches[target]!++;
    if (sure === UNREACHABLE) return;
    const forward = setAt !== 0 && targetSegment(this.#source, this.#dispatch.get(target)!, setAt) > this.#segment[target]!;
    if (forward) return;
    this.jumpAt.push(at);
    this.jumpLoop.push(this.#loop[target]!);
  }

  site(at: number, target: number, flags: number, sure: number): void {
    this.siteAt.push(at);
    this.siteTarget.push(target);
    this.siteFlags.push(sure > 0 ? flags | Site.covered : flags);
    if (this.#siteDepth.length < this.siteAt.length) this.#siteDepth.push(0);
  }

  /** Whether the loop in frame `i` needs a check, and which; `end` is the offset of its `end`. */
  #decide(i: number, end: number): boolean {
    const loop = this.#loop[i]!;
    const outer = this.#outer[i]!;
    const at = this.loopAt.at(loop);
    let state = this.#state[i]!;
    if (state & LAST_BRANCH) {
      const plain = (state & (CHECKED | SURE_BRANCH | CALLS | LOOPS | PARAMS)) === 0;
      const counted = plain ? countedBytes(this.#source, this.#initAt[i]!, at, end) : 0;
      if (counted === 0) state |= CHECKED;
      this.counted += counted;
    }
    const sureOnly = (state & (CHECKED | SURE_BRANCH)) === SURE_BRANCH;
    if (sureOnly && this.#nesting[i] === UNCHECKED_NESTING_MAX) state |= CHECKED;
    if (outer >= 0) {
      const nesting = this.#nesting[i]! + (sureOnly && (state & CHECKED) === 0 ? 1 : 0);
      if (nesting > this.#nesting[outer]!) this.#nesting[outer] = nesting;
      this.#state[outer]! |= LOOPS | (state & CALLS);
    }
    if ((state & CHECKED) === 0) {
      // Not every turn of such a loop passes a check, so it counts as none for the calls and loops in it and around it.
      if (state & DISPATCHES) this.loopCheck.set(loop, LoopCheck.jumps);
      return false;
    }
    const leaves =
      (state & (CALLS | LOOPS | PARAMS | FIXED)) === 0 && end - at <= LEAVE_BYTES_MAX && this.#branches[i]! <= LEAVE_BRANCHES_MAX;
    this.loopCheck.set(loop, !leaves ? LoopCheck.inside : this.#repeats(i, at, end) ? LoopCheck.repeat : LoopCheck.leave);
    const first = this.#firstSite[i]!;
    const sites = this.siteAt.length;
    if (first < sites) {
      // The site after the last one has its place already.
      if (this.#siteDepth.length === sites) this.#siteDepth.push(0);
      this.#siteDepth.add(first, 1);
      this.#siteDepth.add(sites, -1);
    }
    return true;
  }

  /**
   * Whether the loop in frame `i`, which starts at `at` and ends at `end`, is small, has no result and no check of another loop in it, and its
   * only branch back is its last instruction.
   */
  #repeats(i: number, at: number, end: number): boolean {
    const source = this.#source;
    if ((this.#state[i]! & (LAST_BRANCH | SURE_BRANCH)) !== LAST_BRANCH || this.#branches[i] !== 1 || end - at > REPEAT_BYTES_MAX)
      return false;
    if (this.jumpAt.length > 0 && this.jumpAt.at(this.jumpAt.length - 1) > at) return false;
    const last = source[end - 2];
    if (source[at + 1] !== BlockType.empty || source[end - 1] !== 0 || (last !== Op.br && last !== Op.brIf)) return false;
    this.#repeated += end - at;
    return this.#repeated <= REPEATED_BYTES_MAX;
  }

  /** Opens a loop inside the loop frame `outer` (-1: none). `initAt`: what sets a local to a constant straight before it, or 0. */
  loop(height: number, at: number, sure: number, outer: number, initAt: number, params: boolean): number {
    const after = this.push(height, LOOP, sure);
    this.#loop[height] = this.loopAt.push(at);
    this.loopCheck.push(LoopCheck.none);
    this.#state[height] = params ? PARAMS : 0;
    this.#outer[height] = outer;
    this.#firstSite[height] = this.siteAt.length;
    this.#initAt[height] = initAt;
    this.#nesting[height] = 0;
    this.#branches[height] = 0;
    return after;
  }

  /** Makes the loop just opened one that dispatches, and opens the blocks that it begins with. */
  dispatch(height: number, sure: number, dispatch: Dispatch): number {
    const loop = height - 1;
    this.#state[loop]! |= DISPATCHES;
    this.#dispatch.set(loop, dispatch);
    this.#segment[loop] = -1;
    let after = height;
    for (let left = dispatch.blocks; left > 0; left--) {
      after = this.push(after, SEGMENT, sure);
      this.#outer[after - 1] = loop;
    }
    return after;
  }

  /** The loop in `frame`, if there is one, contains a call. */
  calls(frame: number): void {
    if (frame >= 0) this.#state[frame]! |= CALLS;
  }

  isLoop(frame: number): boolean {
    return this.#kind[frame] === LOOP;
  }

  outer(frame: number): number {
    return this.#outer[frame]!;
  }

  /** Ends an arm of `frame` and begins the next one, whose `sure` it gives. */
  arm(frame: number, sure: number): number {
    if (sure < this.#labelSure[frame]!) this.#labelSure[frame] = sure;
    this.#kind[frame] = BLOCK;
    // An exception may come from any point of the body, all of which lie behind its start.
    return this.#startSure[frame]!;
  }

  /** Closes `frame`, whose `end` is at `at`, and gives `sure` after it. */
  close(frame: number, at: number, sure: number): number {
    let after = sure;
    if (this.#kind[frame] === LOOP) {
      if (this.#state[frame]! & DISPATCHES) this.#dispatch.delete(frame);
      // Control leaves a loop at its end only, and its header comes before.
      if (this.#decide(frame, at) && after !== UNREACHABLE) after = frame;
    } else {
      if (this.#kind[frame] === SEGMENT) this.#segment[this.#outer[frame]!]!++;
      if (this.#kind[frame] === IF && this.#startSure[frame]! < after) after = this.#startSure[frame]!;
      if (this.#labelSure[frame]! < after) after = this.#labelSure[frame]!;
    }
    return after !== UNREACHABLE && after > frame ? frame : after;
  }
}
