// The parsed form of a module: everything but function bodies, which stay where they are in the source bytes.
// Ranges refer to the source; nothing here is copied or changed.

import type { ObjectType } from './sizes.ts';
import type { FunctionType, Limits, TableType, ValueType } from './types.ts';

export interface Range {
  readonly start: number;
  readonly end: number;
}

interface ImportBase {
  /** The two names with their lengths, as in the source. */
  readonly names: Range;
  /** The kind and what follows it. */
  readonly description: Range;
  readonly module: string;
  readonly name: string;
}

export type Import = ImportBase &
  (
    | { readonly kind: 'function'; readonly type: number }
    | { readonly kind: 'table'; readonly table: TableType }
    | { readonly kind: 'memory'; readonly limits: Limits }
    | { readonly kind: 'global'; readonly type: ValueType; readonly mutable: boolean }
    | { readonly kind: 'tag'; readonly type: number }
  );

export interface Export {
  readonly name: string;
  readonly nameRange: Range;
  readonly kind: number;
  readonly index: number;
}

/** A table of the module's own: `expression`, if any, initialises its elements. */
export interface OwnTable {
  readonly declaration: Range;
  readonly expression?: Range;
}

export interface OwnGlobal {
  readonly declaration: Range;
  readonly expression: Range;
}

export interface DataSegment extends Range {
  /** Of an active segment: where it goes. */
  readonly target?: { readonly memory: number; readonly offset: Range };
  /** The bytes, with their length. */
  readonly content: Range;
  readonly size: number;
}

export interface ElementSegment {
  /** Kind, table, offset and type: no function index is among them, because an offset has a numeric type. */
  readonly header: Range;
  readonly count: number;
  /** The items: function indices, or expressions. */
  readonly indices?: Uint32Array;
  readonly items: Range;
}

export interface CustomSection extends Range {
  readonly name: string;
  /** Where the content after the name begins. */
  readonly content: number;
}

export interface Module {
  readonly source: Uint8Array;
  /** The type section after its count. */
  readonly typeSection: Range;
  readonly typeGroups: number;
  readonly types: readonly (FunctionType | undefined)[];
  /** Types of GC objects, by type index. */
  readonly objects: ReadonlyMap<number, ObjectType>;
  readonly imports: readonly Import[];
  readonly importedFunctions: number;
  /** Type index of every function, imported ones first. */
  readonly functions: Uint32Array;
  /** Every table and memory, imported ones first. */
  readonly tables: readonly TableType[];
  readonly memories: readonly Limits[];
  readonly ownTables: readonly OwnTable[];
  readonly ownMemories: readonly Range[];
  readonly globals: readonly OwnGlobal[];
  readonly tagSection?: Range;
  /** Type index of every tag, imported ones first. */
  readonly tags: readonly number[];
  readonly exports: readonly Export[];
  readonly start?: number;
  /** The element section; its segments are read when they are written, because there may be millions. */
  readonly elementSection?: Range;
  readonly data: readonly DataSegment[];
  readonly dataCount: boolean;
  readonly code: Range & { readonly count: number };
  readonly customs: readonly CustomSection[];
}

export const Section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;
