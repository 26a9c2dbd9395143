// What can be told of a module without running it: what it uses of WebAssembly, where its stack is, and which functions its indirect
// calls can reach, by signature, since V8 checks that at each such call. It judges nothing.

import { addressTaken } from './analysis/callgraph.ts';
import { Site } from './analysis/paths.ts';
import { scan } from './analysis/scanner.ts';
import { findStack, type Stack } from './analysis/stackpointer.ts';
import { readIndex, skipInstruction } from './immediates.ts';
import type { Module } from './module.ts';
import { prefixed } from './opcodes.ts';
import { parse } from './parse.ts';

export interface IndirectSignature {
  /** As in the text format: `(i32 i32) -> (i32)`. */
  readonly type: string;
  /** Indirect calls with it. */
  readonly calls: number;
  /** Functions that have it and whose address is taken: what such a call can reach. */
  readonly functions: number;
}

export interface ModuleReport {
  readonly functions: number;
  readonly features: readonly string[];
  readonly indirect: readonly IndirectSignature[];
  /** Or why it is not known. */
  readonly stack: Stack | string;
}

/** By opcodes, first and last. */
const FEATURES: readonly (readonly [name: string, first: number, last: number])[] = [
  ['legacy exceptions', 0x06, 0x07],
  ['exceptions', 0x0a, 0x0a],
  ['exceptions', 0x1f, 0x1f],
  ['tail calls', 0x12, 0x13],
  ['typed references', 0x14, 0x15],
  ['sign extension', 0xc0, 0xc4],
  ['reference types', 0xd0, 0xd2],
  ['GC', prefixed(0xfb, 0), prefixed(0xfb, 30)],
  ['saturating conversions', prefixed(0xfc, 0), prefixed(0xfc, 7)],
  ['bulk memory', prefixed(0xfc, 8), prefixed(0xfc, 14)],
  ['atomics', prefixed(0xfe, 0), prefixed(0xfe, 0x4e)],
  ['SIMD', prefixed(0xfd, 0), prefixed(0xfd, 0xff)],
  ['relaxed SIMD', prefixed(0xfd, 0x100), prefixed(0xfd, 0x1ff)],
];
const FIRST_PREFIX = 0xfb;

function featuresOf(module: Module, codeAt: Uint32Array, codeSize: Uint32Array): string[] {
  const { source, memories, tables, objects } = module;
  const seen = new Set<number>();
  codeAt.forEach((start, i) => {
    const end = start + codeSize[i]!;
    for (let p = start; p < end; p = skipInstruction(source, p, end)) {
      const byte = source[p]!;
      seen.add(byte < FIRST_PREFIX ? byte : prefixed(byte, readIndex(source, p + 1)));
    }
  });
  const found = new Set(
    FEATURES.filter(([, first, last]) => [...seen].some((op) => op >= first && op <= last)).map(([name]) => name),
  );
  if (objects.size > 0) found.add('GC');
  if (memories.some(({ shared }) => shared)) found.add('shared memory');
  if (memories.some(({ address }) => address === 'i64') || tables.some(({ limits }) => limits.address === 'i64'))
    found.add('memory64');
  if (memories.length > 1) found.add('several memories');
  if (module.types.some((type) => (type?.results.length ?? 0) > 1)) found.add('several results');
  return [...found].sort();
}

function indirectOf(module: Module, taken: Uint8Array, siteTarget: Uint32Array, siteFlags: Uint32Array): IndirectSignature[] {
  const found = new Map<string, { calls: number; functions: number }>();
  const at = (index: number) => {
    const type = module.types[index];
    const text = type === undefined ? `type ${index}` : `(${type.params.join(' ')}) -> (${type.results.join(' ')})`;
    const known = found.get(text) ?? { calls: 0, functions: 0 };
    found.set(text, known);
    return known;
  };
  siteFlags.forEach((flags, i) => {
    if ((flags & Site.indirect) !== 0) at(siteTarget[i]!).calls++;
  });
  module.functions.forEach((type, i) => {
    if (taken[i]) at(type).functions++;
  });
  return [...found]
    .map(([type, counts]) => ({ type, ...counts }))
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.functions - a.functions || b.calls - a.calls || (a.type < b.type ? -1 : 1));
}

/** Of bytes that the loader accepts. */
export function inspectModule(source: Uint8Array): ModuleReport {
  const module = parse(source);
  const read = scan(module);
  const found = findStack(module, read);
  return {
    functions: module.functions.length - module.importedFunctions,
    features: featuresOf(module, read.codeAt, read.codeSize),
    indirect: indirectOf(module, addressTaken(module, read), read.siteTarget, read.siteFlags),
    stack: typeof found === 'string' ? found : found.stack,
  };
}
