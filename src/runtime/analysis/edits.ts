// Where checks go: the outcome of the analyses, as one list in the order of the code.

import { Edit, type Edits } from '../checks.ts';
import { skipInstruction } from '../immediates.ts';
import type { Module } from '../module.ts';
import { buildCallGraph, type CallGraph, type Cycles, findCycles } from './callgraph.ts';
import { Numbers } from './numbers.ts';
import { LoopCheck, Site } from './paths.ts';
import type { Scan } from './scan.ts';
import { AFTER, BEFORE, boundStretches, type Checks } from './stretches.ts';

/** A cycle through a signature is cut where it is called through, so that its functions stay as they are for calls from checked loops. */
function cutCycles(scanned: Scan, { functions, callee }: CallGraph, { target, closing }: Cycles): Checks {
  const site = new Uint8Array(callee.length);
  for (let i = 0; i < site.length; i++) {
    if (closing[i] !== 0 && callee[i]! >= functions && (scanned.siteFlags[i]! & Site.covered) === 0) site[i] = BEFORE;
  }
  return { entry: target.subarray(0, functions), site };
}

/** Merges the checks of loops, jumps, entries and calls of one function after the other. */
function merge(module: Module, scanned: Scan, { entry, site }: Checks): Edits {
  const { source, code } = module;
  const { loopAt, loopCheck, jumpAt, jumpLoop, siteAt, firstSite, codeAt, codeSize } = scanned;
  const offsets = new Numbers();
  const edits = new Numbers();
  const add = (offset: number, edit: number) => {
    const last = offsets.length - 1;
    if (last >= 0 && offsets.at(last) === offset) edits.set(last, edits.at(last) | edit);
    else {
      offsets.push(offset);
      edits.push(edit);
    }
  };
  let loop = 0;
  let jump = 0;
  const addJumps = (limit: number) => {
    for (; jump < jumpAt.length && jumpAt[jump]! < limit; jump++)
      if (loopCheck[jumpLoop[jump]!] === LoopCheck.jumps) add(jumpAt[jump]!, Edit.check);
  };
  for (let f = 0; f < code.count; f++) {
    const start = codeAt[f]!;
    const end = start + codeSize[f]!;
    if (entry[f] !== 0) add(start, Edit.check);
    const addLoops = (limit: number) => {
      for (; loop < loopAt.length && loopAt[loop]! < limit; loop++) {
        const at = loopAt[loop]!;
        addJumps(at);
        if (loopCheck[loop] === LoopCheck.leave) add(at, Edit.leave);
        else if (loopCheck[loop] === LoopCheck.repeat) add(at, Edit.leave | Edit.repeat);
        else if (loopCheck[loop] === LoopCheck.inside) add(skipInstruction(source, at, end), Edit.check);
      }
      addJumps(limit);
    };
    for (let i = firstSite[f]!; i < firstSite[f + 1]!; i++) {
      if (site[i] === 0) continue;
      const at = siteAt[i]!;
      addLoops(at);
      if (site[i]! & BEFORE) add(at, Edit.check);
      if (site[i]! & AFTER) add(skipInstruction(source, at, end), Edit.check);
    }
    addLoops(end);
  }
  return { offsets: offsets.items, edits: Uint8Array.from(edits.items) };
}

/** Where the module needs checks, so that none of its code runs for long without one. */
export function placeChecks(module: Module, scanned: Scan): Edits {
  const graph = buildCallGraph(module, scanned);
  const cycles = findCycles(module, scanned, graph);
  const checks = cutCycles(scanned, graph, cycles);
  boundStretches(scanned, graph, cycles, checks);
  return merge(module, scanned, checks);
}
