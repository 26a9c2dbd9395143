// What the passes want done to a module. A pass declares here what it adds and replaces; nothing is written before every pass
// has spoken, because the number of added imports decides the index of every function.

import type { Scan } from './analysis/scan.ts';
import { scan } from './analysis/scanner.ts';
import type { Checks, HintNext } from './checks.ts';
import type { SnapshotLayout, StackLayout } from './layout.ts';
import type { Module } from './module.ts';
import { ATOMIC, GC, MISC, Op, prefixOf, SIMD } from './opcodes.ts';
import type { FunctionType, ValueType } from './types.ts';
import type { Prologue, Replacement } from './walk.ts';
import type { Writer } from './writer.ts';

/** A function of the rewritten module; `index` is known when bodies are written, not before. */
export interface FunctionRef {
  index: number;
}

/** Writes instructions, the final `end` excepted. */
export type Body = (out: Writer, hint: HintNext) => void;

export interface AddedFunction {
  readonly ref: FunctionRef;
  readonly name: Uint8Array;
  readonly type: number;
  readonly locals: readonly ValueType[];
  readonly body: Body;
}

export interface AddedImport {
  readonly ref: FunctionRef;
  readonly name: string;
  readonly type: number;
}

export interface LoweredImport {
  readonly type: number;
  readonly stub: FunctionRef;
}

export interface LoadOptions {
  /** Import modules whose functions are not system calls: left alone. */
  readonly foreign?: readonly string[];
  /** Whether writes of the stack pointer are checked; by default where a stack that overflows would not trap by itself. */
  readonly stack?: boolean;
  /**
   * Whether pages of its memories may be protected; by default where the program leaves the first ones free, or maps pages itself,
   * which then asks the kernel, as with `ask`, instead of probing.
   */
  readonly probe?: boolean | 'ask';
  /** V8 does not turn a store of several bytes into a trap at such a page: see Engine. */
  readonly probeStores?: boolean;
  /** No checks for preemption, and bulk operations in one piece: for a process that has a thread of its own. */
  readonly raw?: boolean;
  /** The state of instances can be read and set, to make templates of them. */
  readonly snapshot?: boolean;
}

export interface Pass {
  readonly name: string;
  plan(plan: Plan): void;
}

export class Plan {
  readonly module: Module;
  readonly options: LoadOptions;
  readonly types: FunctionType[] = [];
  readonly imports: AddedImport[] = [];
  readonly functions: AddedFunction[] = [];
  readonly exports: { readonly name: string; readonly ref: FunctionRef }[] = [];
  /** Added functions that code makes references to. */
  readonly declared: FunctionRef[] = [];
  readonly replacements = new Map<number, Replacement>();
  /** What every function of the original begins with. */
  readonly prologues: Prologue[] = [];
  /** By number of the imported function. */
  readonly lowered = new Map<number, LoweredImport>();
  /** What has to run before anything else of the module, in order. */
  readonly initialisers: Body[] = [];
  /** Every memory is imported from the kernel. */
  provideMemories = false;
  /** Checks for preemption; with them the module imports the epoch, as its last memory. */
  checks: Checks | undefined;
  /** Mutable globals, zero at first, after all those of the original. */
  readonly globals: ValueType[] = [];
  /** Those of them, i32, that count for one process: zero again when an instance starts another. */
  readonly counters: number[] = [];
  snapshot: SnapshotLayout | string | undefined;
  recycle: true | string | undefined;
  /** What every function of the original gets after its own locals. */
  readonly locals: ValueType[] = [];
  /** Of a module that allocates on the engine's heap: bytes that its instantiation takes there. */
  heapBytes: number | undefined;
  /** Active data segments become passive; initialisers apply them. */
  passiveData = false;
  /** The start section is left out. */
  dropStart = false;
  entry: string | undefined;
  stack: StackLayout | undefined;
  /** Pages may be protected: every operation at which V8 would not trap follows one at which it does. */
  probed: { readonly free: number; readonly asks?: boolean } | undefined;
  /** Where it asks, instead of probing: whether a number of bytes at an address of a memory may be read, or written. */
  touch: FunctionRef | undefined;
  /** New index of every original function, once sealed. */
  map = new Uint32Array();
  #sealed = false;
  readonly #typeIndices = new Map<string, number>();
  /** Original function index to reference, for functions that passes call. */
  readonly #originals = new Map<number, FunctionRef>();

  #scan: Scan | undefined;

  constructor(module: Module, options: LoadOptions) {
    this.module = module;
    this.options = options;
  }

  /** What the reading walk finds out, once for all passes. */
  get scan(): Scan {
    this.#scan ??= scan(this.module);
    return this.#scan;
  }

  type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}:${results.join()}`;
    const known = this.#typeIndices.get(key);
    if (known !== undefined) return known;
    const index = this.module.types.length + this.types.length;
    this.types.push({ params, results });
    this.#typeIndices.set(key, index);
    return index;
  }

  /** A function that the kernel provides. */
  import(name: string, params: readonly ValueType[], results: readonly ValueType[]): FunctionRef {
    const known = this.imports.find((added) => added.name === name);
    if (known) return known.ref;
    const ref = { index: -1 };
    this.imports.push({ ref, name, type: this.type(params, results) });
    return ref;
  }

  function(name: Uint8Array, type: number, locals: readonly ValueType[], body: Body): FunctionRef {
    const ref = { index: this.#sealed ? this.#indexOf(this.functions.length) : -1 };
    this.functions.push({ ref, name, type, locals, body });
    return ref;
  }

  /** Index of a new global. */
  global(type: 'i32' | 'i64'): number {
    const { imports, globals } = this.module;
    const imported = imports.reduce((count, { kind }) => count + (kind === 'global' ? 1 : 0), 0);
    return imported + globals.length + this.globals.push(type) - 1;
  }

  /** One more local of every function of the original: its number among those added. */
  local(type: ValueType): number {
    return this.locals.push(type) - 1;
  }

  /** A function of the original module. */
  original(index: number): FunctionRef {
    const ref = this.#originals.get(index) ?? { index: -1 };
    this.#originals.set(index, ref);
    return ref;
  }

  replace(opcode: number, replacement: Replacement): void {
    if (this.replacements.has(opcode)) throw new Error(`opcode 0x${opcode.toString(16)} is replaced by two passes`);
    this.replacements.set(opcode, replacement);
  }

  /** Fixes every function index. Afterwards nothing may be added but functions, and types for them, while bodies are written. */
  seal(): void {
    const { importedFunctions, functions } = this.module;
    const map = new Uint32Array(functions.length);
    const added = this.imports.length;
    this.imports.forEach((entry, i) => {
      entry.ref.index = importedFunctions + i;
    });
    this.functions.forEach((entry, i) => {
      entry.ref.index = this.#indexOf(i);
    });
    for (let i = 0; i < functions.length; i++) {
      map[i] = i < importedFunctions ? (this.lowered.get(i)?.stub.index ?? i) : i + added;
    }
    for (const [index, ref] of this.#originals) ref.index = map[index]!;
    this.map = map;
    this.#sealed = true;
  }

  /** Of the added function with this number. */
  #indexOf(number: number): number {
    return this.module.functions.length + this.imports.length + number;
  }
}

/** Writes an instruction whose immediates are unsigned indices. */
export function emit(out: Writer, opcode: number, ...immediates: readonly number[]): void {
  if (opcode < GC) out.u8(opcode);
  else {
    const base = opcode >= SIMD ? SIMD : opcode >= ATOMIC ? ATOMIC : opcode >= MISC ? MISC : GC;
    out.u8(prefixOf(opcode)).u32(opcode - base);
  }
  for (const immediate of immediates) out.u32(immediate);
}

export function emitConst(out: Writer, type: 'i32' | 'i64', value: number): void {
  out.u8(type === 'i32' ? Op.i32Const : Op.i64Const).signed(type === 'i32' ? value | 0 : value);
}
