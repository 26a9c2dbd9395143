// How long code without loops and recursion can run: calls multiply, so that sixty small functions, each of which calls the next one
// twice, run for years. Where the code between two checks could add up to much, more are placed, at entries and after calls.

import type { CallGraph, Cycles } from './callgraph.ts';
import { Site } from './paths.ts';
import type { Scan } from './scan.ts';

export interface Checks {
  /** By own function: a check at its entry. */
  readonly entry: Uint8Array;
  /** By site: flags. */
  readonly site: Uint8Array;
}

export const BEFORE = 1;
export const AFTER = 2;

/** Bytes of code that a function and what it calls may run through before a check: some ten microseconds. */
const STRETCH_MAX = 1 << 16;
/** So much may add up inside one function that does have a check at its entry. */
const SUM_MAX = 64 * STRETCH_MAX;
/** And from the last check inside a function to its end, over all that it calls. */
const SINCE_MAX = 256 * STRETCH_MAX;
/** As much code may run when a deep recursion returns, for each of its calls. */
const RETURN_MAX = 2048;
/** In a function with more calls, even little for each adds up. */
const SITES_MAX = 1024;

/** Sums of numbers by their size, to the power of two. */
class Buckets {
  readonly #sums = new Float64Array(64);

  clear(): void {
    this.#sums.fill(0);
  }

  add(value: number): void {
    this.#sums[Math.ceil(Math.log2(value + 1))]! += value;
  }

  /** The most that a number may be, so that all those up to it add up to at most `total`. */
  bound(total: number): number {
    let sum = 0;
    for (let i = 0; i < 64; i++) {
      sum += this.#sums[i]!;
      if (sum > total) return 2 ** (i - 1) - 1;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Adds checks. In bytes of code, each counted as often as it may run: `unchecked` is the most that may run from a node's entry to its end
 * or its first check; `since` the most that may have run since the last check when it ends. Both are computed callees first. Calls along
 * edges that close a cycle are left out: a check at the callee's entry or before the call bounds the way in, and the way back has one of its
 * own where much follows.
 */
export function boundStretches(scan: Scan, graph: CallGraph, cycles: Cycles, { entry, site }: Checks): void {
  const { functions, nodes, callee, members, firstMember } = graph;
  const { firstSite, siteFlags, codeRun } = scan;
  const { order, closing, reopening } = cycles;
  const unchecked = new Float64Array(nodes);
  const since = new Float64Array(nodes);
  const buckets = new Buckets();
  const recursive = (at: number) => closing[at] !== 0 || reopening[callee[at]!] !== 0;

  const signature = (node: number) => {
    for (let m = firstMember[node - functions]!; m < firstMember[node - functions + 1]!; m++) {
      const member = members[m]!;
      if (entry[member] === 0) unchecked[node] = Math.max(unchecked[node]!, unchecked[member]!);
      since[node] = Math.max(since[node]!, since[member]!);
    }
  };
  const entered = (to: number) => (to < functions && entry[to] !== 0 ? 0 : unchecked[to]!);

  const own = (node: number) => {
    const first = firstSite[node]!;
    const end = firstSite[node + 1]!;
    let sum = codeRun[node]!;
    let most = 0;
    for (let at = first; at < end; at++) {
      if (recursive(at)) continue;
      sum += entered(callee[at]!);
      most = Math.max(most, since[callee[at]!]!);
    }
    if (sum > SUM_MAX) {
      buckets.clear();
      for (let at = first; at < end; at++) if (!recursive(at)) buckets.add(entered(callee[at]!));
      const bound = buckets.bound(SUM_MAX / 2);
      sum = codeRun[node]!;
      for (let at = first; at < end; at++) {
        if (recursive(at)) continue;
        const added = entered(callee[at]!);
        if (added <= bound) sum += added;
        else site[at]! |= (siteFlags[at]! & Site.tail) === 0 ? AFTER : BEFORE;
      }
    }
    unchecked[node] = sum;
    if (sum > STRETCH_MAX) entry[node] = 1;
    if (sum + most > SINCE_MAX) {
      most = 0;
      for (let at = first; at < end; at++) {
        if (recursive(at)) continue;
        const back = since[callee[at]!]!;
        if (back > SINCE_MAX / 4 && (siteFlags[at]! & Site.tail) === 0) site[at]! |= AFTER;
        else if ((siteFlags[at]! & Site.tail) === 0) most = Math.max(most, back);
      }
    }
    since[node] = sum + most;
  };

  for (const node of order) {
    if (node < functions) own(node);
    else signature(node);
  }
  for (let f = 0; f < functions; f++) {
    const first = firstSite[f]!;
    const end = firstSite[f + 1]!;
    for (let at = first; at < end; at++) {
      if (!recursive(at) || (siteFlags[at]! & Site.tail) !== 0) continue;
      if (since[callee[at]!]! > RETURN_MAX || end - first > SITES_MAX) site[at]! |= AFTER;
    }
  }
}
