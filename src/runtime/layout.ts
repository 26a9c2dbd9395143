// What the kernel must know of a rewritten module to link it: plain data that survives JSON, kept in the code cache.
// Counts are in pages of 64 KiB or in elements; indices are those of the rewritten module.

import type { ValueType } from './types.ts';

export interface ImportName {
  readonly module: string;
  readonly name: string;
}

/** An imported function, in import order, with its original type. */
export interface FunctionImport extends ImportName {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  /**
   * True: the import takes each i64 parameter as two i32 (low, high) and returns an i32, whose negative values the stub hands
   * to `wait`; a result that is no i32 is then asked for by `value_TYPE`. False: a type that the kernel does not serve, or a
   * foreign module.
   */
  readonly lowered: boolean;
}

export interface MemoryLayout {
  readonly import?: ImportName;
  readonly minimum: number;
  readonly maximum?: number;
  readonly shared: boolean;
  readonly address: 'i32' | 'i64';
}

export interface TableLayout {
  readonly import?: ImportName;
  readonly element: ValueType;
  readonly minimum: number;
  readonly maximum?: number;
  readonly address: 'i32' | 'i64';
}

export interface GlobalImport extends ImportName {
  readonly type: ValueType;
  readonly mutable: boolean;
}

export interface TagImport extends ImportName {
  readonly params: readonly ValueType[];
}

export type ExportKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

export interface ExportLayout {
  readonly name: string;
  readonly kind: ExportKind;
  readonly index: number;
  /** Of functions only; absent where the type is too long for anybody to call it. */
  readonly params?: readonly ValueType[];
  readonly results?: readonly ValueType[];
}

/** What a slot holds: a number, by its bits; a reference of a hierarchy; or which segments were dropped, a bit each. */
export type SlotKind = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'func' | 'any' | 'extern' | 'exn' | 'dropped';

/** State of an instance beside its memories and tables: a mutable global. */
export interface SlotLayout {
  readonly kind: SlotKind;
  readonly index: number;
}

/** A table that code writes; the others are as the instantiation left them. */
export interface SnapshotTable {
  readonly index: number;
  readonly kind: 'func' | 'any' | 'extern' | 'exn';
}

/**
 * How the state of an instance is read and set, by exported functions whose names are `prefix`, a dot, and: `set<n>` for the values of
 * chunk n; `accessor`, which gives the others by their places in `accessors`: `get<n>`; for table t `size<t>`, `element<t>`, `place<t>`,
 * `grow<t>`; `function`, which gives a function by its number.
 */
export interface SnapshotLayout {
  readonly prefix: string;
  readonly accessors: readonly string[];
  readonly slots: readonly SlotLayout[];
  /** Slots of each chunk, in order. */
  readonly chunks: readonly number[];
  readonly tables: readonly SnapshotTable[];
  /** How many functions a reference may point at. */
  readonly functions: number;
}

/** Where the stack lies in the first memory: it grows from `high` down to `low`. Addresses in bytes. */
export interface StackLayout {
  /** Index of the stack pointer among the globals. */
  readonly global: number;
  /** What told that it is the stack pointer. */
  readonly by: 'name' | 'export' | 'shape';
  readonly high: number;
  readonly low: number;
  /** False: the stack may end above `low`, at data that is zero at first and is nowhere in the module. */
  readonly exact: boolean;
  /** The stack pointer may not be lower. */
  readonly limit: number;
  /** Writes of the stack pointer are checked. Where they are not, a stack that overflows leaves memory at address 0, and traps. */
  readonly checked: boolean;
  /** The export that lowers the stack pointer by its parameter, and returns it. */
  readonly lower: string;
  /** Address of 16 bytes of the kernel's, at the stack's lower end. */
  readonly canary?: number;
}

export interface Layout {
  readonly functions: readonly FunctionImport[];
  /** Every memory, imported or defined: the rewritten module imports all of them from the kernel as `memory<index>`. */
  readonly memories: readonly MemoryLayout[];
  readonly tables: readonly TableLayout[];
  readonly globals: readonly GlobalImport[];
  readonly tags: readonly TagImport[];
  readonly exports: readonly ExportLayout[];
  /** The module has checks for preemption, and imports the epoch. */
  readonly preempt: boolean;
  /**
   * Pages of its memories may be protected; and bytes from address 0 on that nothing of the program is in, a multiple of 4096.
   * `asks`: it maps pages itself, and asks the kernel by the import `touch` instead of probing. */
  readonly probed?: { readonly free: number; readonly asks?: boolean };
  /** Of a module whose stack was found. */
  readonly stack?: StackLayout;
  /** Of a module that allocates GC objects or exceptions: bytes that its instantiation takes on the engine's heap. */
  readonly heapBytes?: number;
  /**
   * The export that applies the data segments and calls the start function, to be called before any other. Element segments are
   * applied by the instantiation itself: a RuntimeError from there is a trap of the guest.
   */
  readonly entry?: string;
  /** Of a module loaded for it; a string says why no instance can be captured. */
  readonly snapshot?: SnapshotLayout | string;
  /** Whether an instance is a new one again once its memories and mutable globals are put back; a string says why not. */
  readonly recycle?: true | string;
}
