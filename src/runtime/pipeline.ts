// The pipeline: every pass says what it wants, then the module is written once, and what the kernel must know of it is collected.
// It judges nothing: the bytes are valid before they come here.

import { assemble } from './emit.ts';
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
import { type LoadOptions, type Pass, Plan } from './plan.ts';

export interface Loaded {
  readonly bytes: Uint8Array;
  readonly layout: Layout;
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
    preempt: plan.checks !== undefined,
    ...(plan.probed !== undefined && { probed: plan.probed }),
    ...(plan.stack !== undefined && { stack: plan.stack }),
    ...(plan.heapBytes !== undefined && { heapBytes: plan.heapBytes }),
    ...(plan.entry !== undefined && { entry: plan.entry }),
    ...(plan.snapshot !== undefined && { snapshot: plan.snapshot }),
    ...(plan.recycle !== undefined && { recycle: plan.recycle }),
  };
}

/** The order of passes is that of their initialisers. */
export function rewrite(module: Module, passes: readonly Pass[], options: LoadOptions = {}): Loaded {
  const plan = new Plan(module, options);
  for (const pass of passes) pass.plan(plan);
  plan.seal();
  return { bytes: assemble(plan), layout: describe(module, plan) };
}
