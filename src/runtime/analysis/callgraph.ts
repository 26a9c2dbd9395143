// Who may call whom, and which calls close a cycle. Nodes are the module's own functions, and one for each signature of indirect
// calls: every function of that signature whose address is taken may be called through it. No recursion, no quadratic step.

import { readIndex, skipInstruction } from '../immediates.ts';
import type { Module, Range } from '../module.ts';
import { readElement } from '../parse.ts';
import { Reader } from '../reader.ts';
import { Site } from './paths.ts';
import type { Scan } from './scan.ts';

export interface CallGraph {
  /** Own functions; nodes beyond them are signatures. */
  readonly functions: number;
  readonly nodes: number;
  /** Callee of each site: a node. */
  readonly callee: Uint32Array;
  /** Address-taken own functions by signature: those of node `functions + s` are `members[firstMember[s]..firstMember[s + 1])`. */
  readonly members: Uint32Array;
  readonly firstMember: Uint32Array;
}

export interface Cycles {
  /** Every node, after all that it calls, except along the edges that close a cycle. */
  readonly order: Uint32Array;
  /** By node: is a target of such an edge that no check covers. */
  readonly target: Uint8Array;
  /** By site: is such an edge. */
  readonly closing: Uint8Array;
  /** By node: a signature one of whose members closes a cycle. */
  readonly reopening: Uint8Array;
}

const OPCODE_REF_FUNC = 0xd2;

/** Marks the functions that a constant expression names. */
function markReferences(source: Uint8Array, { start, end }: Range, taken: Uint8Array): void {
  for (let p = start; p < end; p = skipInstruction(source, p, end)) {
    if (source[p] === OPCODE_REF_FUNC) taken[readIndex(source, p + 1)] = 1;
  }
}

function markElements({ source, elementSection }: Module, taken: Uint8Array): void {
  if (elementSection === undefined) return;
  const reader = new Reader(source, elementSection.start, elementSection.end);
  for (let left = reader.count(); left > 0; left--) {
    const { indices, items } = readElement(reader);
    if (indices === undefined) markReferences(source, items, taken);
    else for (let i = 0; i < indices.length; i++) taken[indices[i]!] = 1;
  }
}

/**
 * Numbers the signatures. All reference types count as one: a function may be called through a type that its own is a subtype of, and
 * subtypes differ in their references only.
 */
class Signatures {
  readonly #module: Module;
  readonly #byType: Int32Array;
  readonly #byText = new Map<string, number>();

  constructor(module: Module) {
    this.#module = module;
    this.#byType = new Int32Array(module.types.length).fill(-1);
  }

  get count(): number {
    return this.#byText.size;
  }

  of(type: number): number {
    const known = this.#byType[type]!;
    if (known >= 0) return known;
    const { params, results } = this.#module.types[type] ?? { params: ['?'], results: [] };
    const erased = (list: readonly string[]) => list.map((one) => (/^[ifv]\d+$/.test(one) ? one : 'ref')).join();
    const text = `${erased(params)}:${erased(results)}`;
    const number = this.#byText.get(text) ?? this.#byText.size;
    this.#byText.set(text, number);
    this.#byType[type] = number;
    return number;
  }
}

/** By function index: something of the module refers to it, so that a table or a global may hold it. */
export function addressTaken(module: Module, scan: Scan): Uint8Array {
  const { source } = module;
  const taken = scan.referenced.slice();
  markElements(module, taken);
  for (const { expression } of module.globals) markReferences(source, expression, taken);
  for (const { expression } of module.ownTables) if (expression) markReferences(source, expression, taken);
  return taken;
}

export function buildCallGraph(module: Module, scan: Scan): CallGraph {
  const { importedFunctions, functions: types } = module;
  const functions = types.length - importedFunctions;
  const taken = addressTaken(module, scan);

  const signatures = new Signatures(module);
  const { siteTarget, siteFlags } = scan;
  const callee = new Uint32Array(siteTarget.length);
  for (let site = 0; site < callee.length; site++) {
    const target = siteTarget[site]!;
    callee[site] = (siteFlags[site]! & Site.indirect) === 0 ? target : functions + signatures.of(target);
  }
  // Signatures that nothing is called through need no node.
  const called = signatures.count;
  const firstMember = new Uint32Array(called + 1);
  const signatureOf = new Int32Array(functions).fill(-1);
  for (let f = 0; f < functions; f++) {
    if (taken[importedFunctions + f] === 0) continue;
    const signature = signatures.of(types[importedFunctions + f]!);
    if (signature >= called) continue;
    signatureOf[f] = signature;
    firstMember[signature + 1]!++;
  }
  for (let s = 0; s < called; s++) firstMember[s + 1]! += firstMember[s]!;
  const members = new Uint32Array(firstMember[called]!);
  const next = firstMember.slice();
  for (let f = 0; f < functions; f++) if (signatureOf[f]! >= 0) members[next[signatureOf[f]!]!++] = f;
  return { functions, nodes: functions + called, callee, members, firstMember };
}

/** Where a program is entered: starting there, the search meets cycles where the program does. */
function roots({ start, exports, importedFunctions }: Module): number[] {
  const entered = exports.filter(({ kind }) => kind === 0).map(({ index }) => index);
  if (start !== undefined) entered.unshift(start);
  return entered.filter((index) => index >= importedFunctions).map((index) => index - importedFunctions);
}

const NEW = 0;
const OPEN = 1;
const DONE = 2;

/**
 * Depth-first search. Each cycle has an edge that leads back to a node still open; so without those edges, or with a check on
 * each of them, no cycle is left. Edges that a check covers are followed too, but need no second one.
 */
export function findCycles(module: Module, scan: Scan, graph: CallGraph): Cycles {
  const { functions, nodes, callee, members, firstMember } = graph;
  const { firstSite, siteFlags } = scan;
  const order = new Uint32Array(nodes);
  const target = new Uint8Array(nodes);
  const closing = new Uint8Array(callee.length);
  const reopening = new Uint8Array(nodes);
  const state = new Uint8Array(nodes);
  const path = new Uint32Array(nodes);
  const nextEdge = new Uint32Array(nodes);
  let done = 0;

  const search = (root: number) => {
    if (state[root] !== NEW) return;
    let depth = 0;
    const open = (node: number) => {
      state[node] = OPEN;
      nextEdge[node] = node < functions ? firstSite[node]! : firstMember[node - functions]!;
      path[depth++] = node;
    };
    open(root);
    while (depth > 0) {
      const node = path[depth - 1]!;
      const edge = nextEdge[node]!;
      const direct = node < functions;
      if (edge === (direct ? firstSite[node + 1]! : firstMember[node - functions + 1]!)) {
        state[node] = DONE;
        order[done++] = node;
        depth--;
        continue;
      }
      nextEdge[node] = edge + 1;
      const to = direct ? callee[edge]! : members[edge]!;
      if (state[to] === NEW) open(to);
      else if (state[to] === OPEN) {
        if (direct) closing[edge] = 1;
        else reopening[node] = 1;
        if (!direct || (siteFlags[edge]! & Site.covered) === 0) target[to] = 1;
      }
    }
  };
  for (const root of roots(module)) search(root);
  for (let node = 0; node < nodes; node++) search(node);
  return { order, target, closing, reopening };
}
