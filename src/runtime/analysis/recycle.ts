// Whether an instance can be captured at all, and whether it can serve one process after another: decided from the code alone, and no
// where that is not certain. Why what is left is exact: docs/RATIONALE.md, Templates.

import type { Module } from '../module.ts';
import { Reader } from '../reader.ts';
import { hierarchy } from '../references.ts';
import { readGlobalType, type ValueType } from '../types.ts';
import type { State } from './state.ts';

/** Bounds on what is added to a module; each is far beyond what compilers write. */
const FUNCTIONS_MAX = 200_000;
const SLOTS_MAX = 100_000;
const TABLES_MAX = 1000;

export interface GlobalType {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly imported: boolean;
}

/** Every global, imported ones first. */
export function globalTypes({ imports, globals, source }: Module): GlobalType[] {
  const imported = imports.flatMap((item) =>
    item.kind === 'global' ? [{ type: item.type, mutable: item.mutable, imported: true }] : [],
  );
  const own = globals.map(({ declaration: { start, end } }) => ({
    ...readGlobalType(new Reader(source, start, end)),
    imported: false,
  }));
  return [...imported, ...own];
}

/** Why no instance of the module can be captured. */
export function refusal(module: Module, globals: readonly GlobalType[], state: State, functions: number): string | undefined {
  const shared = globals.findIndex(({ imported, mutable }) => imported && mutable);
  if (shared >= 0) return `global ${shared} is imported and mutable, so that it is not the program's alone`;
  const object = globals.findIndex(({ mutable }, index) => !mutable && state.objectGlobals[index] !== 0);
  if (object >= 0) return `global ${object} holds an object of the engine's heap`;
  if (module.tables.length > module.ownTables.length) return "table 0 is imported, so that it is not the program's alone";
  const table = state.objectTables.findIndex((holds, index) => holds !== 0 && state.writtenTables[index] === 0);
  if (table >= 0) return `table ${table} holds an object of the engine's heap`;
  if (state.objectSegment !== undefined) return `element segment ${state.objectSegment} holds an object of the engine's heap`;
  if (functions > FUNCTIONS_MAX) return `references to ${functions} functions are taken, more than ${FUNCTIONS_MAX}`;
  const slots = globals.filter(({ mutable }) => mutable).length;
  if (slots > SLOTS_MAX) return `it has ${slots} mutable globals, more than ${SLOTS_MAX}`;
  const tables = state.writtenTables.reduce((sum, written) => sum + written, 0);
  return tables > TABLES_MAX ? `code writes ${tables} tables, more than ${TABLES_MAX}` : undefined;
}

/** Why one instance cannot serve one process after another, of a module that can be captured. */
export function unrecyclable(module: Module, globals: readonly GlobalType[], state: State): string | undefined {
  const table = state.writtenTables.indexOf(1);
  if (table >= 0) return `code writes or grows table ${table}`;
  if (state.droppedData.length > 0) return `code drops data segment ${state.droppedData[0]}`;
  if (state.droppedElements.length > 0) return `code drops element segment ${state.droppedElements[0]}`;
  const object = state.objectGlobals.indexOf(1);
  if (object >= 0) return `global ${object} may hold an object of the engine's heap`;
  // What stands behind a reference from outside nobody knows.
  const outside = globals.findIndex(({ type, imported }) => imported && (hierarchy(module, type) ?? 'func') !== 'func');
  if (outside >= 0) return `global ${outside} is imported, a reference`;
  const reference = globals.findIndex(
    ({ type }, index) => state.setGlobals[index] !== 0 && hierarchy(module, type) !== undefined,
  );
  if (reference >= 0) return `code sets global ${reference}, a reference`;
  const shared = module.memories.findIndex((memory) => memory.shared);
  return shared >= 0 ? `memory ${shared} is shared` : undefined;
}
