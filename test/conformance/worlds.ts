// The two ways in which the core suite runs each module: as it is, in V8; and rewritten by the loader, with a linker that does what
// the kernel's does, as far as the suite can see it. With SNAPSHOT=1 in the environment every rewritten instance that can be captured
// is, as soon as it has started, and a clone of it runs the script in its stead. With PROBE=plain
// every module is rewritten as if its pages may be protected; with PROBE=ask as one that maps pages itself.

import { PREEMPT } from '../../src/runtime/kernel-module.ts';
import { KERNEL_MODULE, type Layout, type LoadOptions, load } from '../../src/runtime/loader.ts';
import { parse } from '../../src/runtime/parse.ts';
import type { FunctionType } from '../../src/runtime/types.ts';
import { Clones } from './clones.ts';
import { expose } from './expose.ts';

export interface Instance {
  readonly exports: WebAssembly.Exports;
  /** Original type of an exported function. */
  typeOf(name: string): FunctionType | undefined;
  /** Makes it a new instance again; false where that cannot be, as it turns out. */
  readonly recycle?: () => boolean;
}

export interface World {
  readonly name: 'original' | 'rewritten';
  /** Compiles; throws where the module is refused. */
  compile(bytes: Uint8Array): Instantiable;
  register(name: string, instance: Instance): void;
}

export interface Instantiable {
  instantiate(): Instance;
}

const SPECTEST_NAME = 'spectest';
const PRINTERS: Readonly<Record<string, readonly string[]>> = {
  print: [],
  print_i32: ['i32'],
  print_i64: ['i64'],
  print_f32: ['f32'],
  print_f64: ['f64'],
  print_i32_f32: ['i32', 'f32'],
  print_f64_f64: ['f64', 'f64'],
};

/** The reference interpreter's `spectest` module, in text form. */
export const SPECTEST = `(module
${Object.entries(PRINTERS)
  .map(([name, params]) => `(func (export "${name}") (param ${params.join(' ')}))`)
  .join('\n')}
(global (export "global_i32") i32 (i32.const 666))
(global (export "global_i64") i64 (i64.const 666))
(global (export "global_f32") f32 (f32.const 666.6))
(global (export "global_f64") f64 (f64.const 666.6))
(table (export "table") 10 20 funcref)
(table (export "table64") i64 10 20 funcref)
(memory (export "memory") 1 2)
(memory (export "shared_memory") 1 2 shared))`;

function exportTypes(bytes: Uint8Array): ReadonlyMap<string, FunctionType> {
  const module = parse(bytes);
  const functions = module.exports.filter(({ kind }) => kind === 0);
  return new Map(functions.map(({ name, index }) => [name, module.types[module.functions[index]!]!]));
}

export class OriginalWorld implements World {
  readonly name = 'original';
  readonly #registry: Record<string, WebAssembly.Exports> = Object.create(null);

  constructor(spectest: Uint8Array) {
    this.register(SPECTEST_NAME, this.compile(spectest).instantiate());
  }

  compile(bytes: Uint8Array): Instantiable {
    const module = new WebAssembly.Module(bytes);
    let types: ReadonlyMap<string, FunctionType> | undefined;
    const typeOf = (name: string) => {
      types ??= exportTypes(bytes);
      return types.get(name);
    };
    return { instantiate: () => ({ exports: new WebAssembly.Instance(module, this.#registry).exports, typeOf }) };
  }

  register(name: string, instance: Instance): void {
    this.#registry[name] = instance.exports;
  }
}

/** Set for all of a run by EPOCH=1 in the environment: then every check calls the kernel. */
const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
new Int32Array(epoch.buffer)[0] = Number(process.env['EPOCH'] ?? 0);

/** Set for all of a run. */
const PROBE = process.env['PROBE'];
const probed: LoadOptions = PROBE === undefined ? {} : { probe: PROBE === 'ask' ? PROBE : true };

export const clones = process.env['SNAPSHOT'] === undefined ? undefined : new Clones();

type MemoryLayout = Layout['memories'][number];

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

export class RewrittenWorld implements World {
  readonly name = 'rewritten';
  readonly #registry: Record<string, Record<string, unknown>> = Object.create(null);
  readonly #foreign: string[] = [];
  /** What V8 does not tell of a memory. */
  readonly #memories = new WeakMap<object, MemoryLayout>();

  constructor(spectest: Uint8Array) {
    // Its functions are the only system calls of the suite: an instance of this world provides the rest.
    const { exports } = this.compile(spectest).instantiate();
    const printers = Object.keys(PRINTERS).map((name) => [name, () => 0]);
    this.#registry[SPECTEST_NAME] = { ...exports, ...Object.fromEntries(printers) };
  }

  compile(bytes: Uint8Array): Instantiable {
    const looked = clones && WebAssembly.validate(bytes as BufferSource) ? expose(bytes, parse(bytes)) : bytes;
    const loaded = load(looked, { foreign: this.#foreign, ...probed, ...(clones && { snapshot: true }) });
    const module = new WebAssembly.Module(loaded.bytes);
    return { instantiate: () => this.#link(module, loaded.layout) };
  }

  register(name: string, instance: Instance): void {
    this.#registry[name] = instance.exports;
    if (!this.#foreign.includes(name)) this.#foreign.push(name);
  }

  #link(module: WebAssembly.Module, layout: Layout): Instance {
    this.#checkFunctions(layout);
    const memories = layout.memories.map((memory) => this.#memory(memory));
    const kernel: Record<string, unknown> = {
      memory_grow: (index: number, delta: number) => grow(memories[index]!, layout.memories[index]!, delta >>> 0),
      touch: () => 1,
      table_size: () => 1,
      stack_overflow: () => {},
      allocate: () => 0,
      allocated: () => 2 ** 18,
      wait: (raw: number) => {
        if (raw !== PREEMPT) throw new Error('no call of the suite waits');
        return 0;
      },
      epoch,
    };
    memories.forEach((memory, index) => {
      kernel[`memory${index}`] = memory;
    });
    const imports = { ...this.#registry, [KERNEL_MODULE]: kernel };
    let instance = new WebAssembly.Instance(module, imports);
    if (layout.entry !== undefined) (instance.exports[layout.entry] as () => void)();
    let recycle: (() => boolean) | undefined;
    if (clones)
      ({ instance, recycle } = clones.replace(instance, layout, memories, () => new WebAssembly.Instance(module, imports)));
    // What others do to it between its own actions is not done again.
    const alone = [...layout.functions, ...layout.memories.map((memory) => memory.import)].every(
      (item) => item === undefined || !this.#foreign.includes(item.module),
    );
    const types = new Map(
      layout.exports.filter(({ kind }) => kind === 'function').map((item) => [item.name, item as FunctionType]),
    );
    return { exports: instance.exports, typeOf: (name) => types.get(name), ...(recycle && alone && { recycle }) };
  }

  #checkFunctions(layout: Layout): void {
    for (const { module, name, params, results, lowered } of layout.functions) {
      if (this.#foreign.includes(module)) continue;
      const known = module === SPECTEST_NAME ? PRINTERS[name] : undefined;
      if (!lowered || known === undefined || !sameList(params, known) || results.length > 0) {
        throw new WebAssembly.LinkError(`unknown or incompatible system call ${module}.${name}`);
      }
    }
  }

  #memory(wanted: MemoryLayout): WebAssembly.Memory {
    if (wanted.import) {
      const { module, name } = wanted.import;
      const memory = this.#registry[module]?.[name];
      const actual = memory instanceof WebAssembly.Memory ? this.#memories.get(memory) : undefined;
      if (actual === undefined) throw new WebAssembly.LinkError(`unknown memory ${module}.${name}`);
      const fits =
        pages(memory as WebAssembly.Memory) >= wanted.minimum &&
        (wanted.maximum === undefined || (actual.maximum !== undefined && actual.maximum <= wanted.maximum)) &&
        actual.shared === wanted.shared &&
        actual.address === wanted.address;
      if (!fits) throw new WebAssembly.LinkError(`incompatible memory ${module}.${name}`);
      return memory as WebAssembly.Memory;
    }
    const size = (count: number) => (wanted.address === 'i64' ? BigInt(count) : count) as number;
    const limit = wanted.address === 'i64' ? 2 ** 18 : 2 ** 16;
    const memory = new WebAssembly.Memory({
      initial: size(wanted.minimum),
      ...(wanted.maximum !== undefined && { maximum: size(Math.min(wanted.maximum, limit)) }),
      shared: wanted.shared,
      address: wanted.address,
    });
    this.#memories.set(memory, wanted);
    return memory;
  }
}

const PAGE = 65536;

function pages(memory: WebAssembly.Memory): number {
  return memory.buffer.byteLength / PAGE;
}

function grow(memory: WebAssembly.Memory, { address }: MemoryLayout, delta: number): number {
  try {
    return Number(memory.grow((address === 'i64' ? BigInt(delta) : delta) as number));
  } catch (error) {
    if (error instanceof RangeError) return -1;
    throw error;
  }
}
