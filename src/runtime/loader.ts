// The loader: original bytes in, rewritten bytes and their layout out. V8 judges the original first; what the loader then does not
// understand is refused. It never runs guest code, and its output depends on nothing but the bytes and the options.

import { assemble } from './emit.ts';
import { LoadError } from './errors.ts';
import { KERNEL_MODULE } from './kernel-module.ts';
import type {
  ExportKind,
  ExportLayout,
  FunctionImport,
  GlobalImport,
  Layout,
  MemoryLayout,
  TableLayout,
  TagImport,
} from './layout.ts';
import type { Module } from './module.ts';
import { parse } from './parse.ts';
import { entry } from './passes/entry.ts';
import { memory } from './passes/memory.ts';
import { segments } from './passes/segments.ts';
import { tables } from './passes/tables.ts';
import { unwind } from './passes/unwind.ts';
import { type LoadOptions, type Pass, Plan } from './plan.ts';

export { LoadError } from './errors.ts';
export { KERNEL_MODULE } from './kernel-module.ts';
export type { Layout } from './layout.ts';
export type { LoadOptions } from './plan.ts';

/** Part of the code cache's key: to be changed whenever the output for any input changes. */
export const LOADER_VERSION = '2';

export interface Loaded {
  readonly bytes: Uint8Array;
  readonly layout: Layout;
}

/** `entry` comes last: it collects what the others want run first. */
const PASSES: readonly Pass[] = [memory, tables, segments, unwind, entry];

const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const COMPONENT_LAYER = 1;

function isComponent(source: Uint8Array): boolean {
  return MAGIC.every((byte, i) => source[i] === byte) && source[6] === COMPONENT_LAYER && source[7] === 0;
}

/** V8's own verdict on the original bytes. */
function validate(source: Uint8Array): void {
  // Unlike a module, a verdict keeps no copy of the bytes; only a module's error has a message.
  if (WebAssembly.validate(source as BufferSource)) return;
  try {
    new WebAssembly.Module(source as BufferSource);
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    throw new LoadError('invalid-module', error.message.replace(/^WebAssembly\.Module\(\): /, '').replaceAll(/[\r\n]+/g, ' '));
  }
  throw new LoadError('invalid-module', 'V8 finds the module invalid, but does not say why');
}

/** Types of exported functions with more parameters and results are left out: they would make the layout outgrow the module. */
const SIGNATURE_MAX = 64;
const EXPORT_KINDS: readonly ExportKind[] = ['function', 'table', 'memory', 'global', 'tag'];

function describe(module: Module, plan: Plan): Layout {
  const { imports, types, functions: functionTypes } = module;
  const map = plan.map;
  const functions: FunctionImport[] = [];
  const memoryImports: { module: string; name: string }[] = [];
  const tableImports: { module: string; name: string }[] = [];
  const globals: GlobalImport[] = [];
  const tags: TagImport[] = [];
  for (const item of imports) {
    const name = { module: item.module, name: item.name };
    if (item.kind === 'function') {
      const { params, results } = types[item.type]!;
      functions.push({ ...name, params, results, lowered: plan.lowered.has(functions.length) });
    } else if (item.kind === 'memory') memoryImports.push(name);
    else if (item.kind === 'table') tableImports.push(name);
    else if (item.kind === 'global') globals.push({ ...name, type: item.type, mutable: item.mutable });
    else tags.push({ ...name, params: types[item.type]!.params });
  }
  const memories = module.memories.map((limits, index): MemoryLayout => {
    const imported = memoryImports[index];
    return { ...(imported && { import: imported }), ...limits };
  });
  const tableLayouts = module.tables.map(({ element, limits }, index): TableLayout => {
    const imported = tableImports[index];
    const { shared: _, ...rest } = limits;
    return { ...(imported && { import: imported }), element, ...rest };
  });
  const exports = module.exports.map(({ name, kind, index }): ExportLayout => {
    const base = { name, kind: EXPORT_KINDS[kind]! };
    if (kind !== 0) return { ...base, index };
    const { params, results } = types[functionTypes[index]!]!;
    if (params.length + results.length > SIGNATURE_MAX) return { ...base, index: map[index]! };
    return { ...base, index: map[index]!, params, results };
  });
  return {
    functions,
    memories,
    tables: tableLayouts,
    globals,
    tags,
    exports,
    ...(plan.entry !== undefined && { entry: plan.entry }),
  };
}

export function load(original: Uint8Array, options: LoadOptions = {}): Loaded {
  // Shared bytes could change after V8 has judged them.
  const source = original.buffer instanceof SharedArrayBuffer ? new Uint8Array(original) : original;
  if (isComponent(source)) throw new LoadError('component', 'this is a WebAssembly component; only core modules can be run');
  validate(source);
  const module = parse(source);
  const reserved = module.imports.find((item) => item.module === KERNEL_MODULE);
  if (reserved) throw new LoadError('reserved-import', `the module imports from ${KERNEL_MODULE}, which is reserved`);
  const plan = new Plan(module, options);
  for (const pass of PASSES) pass.plan(plan);
  plan.seal();
  const bytes = assemble(plan);
  return { bytes, layout: describe(module, plan) };
}
