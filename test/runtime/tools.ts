// Helpers of the runtime's tests: text to binary, and a linker that gives a rewritten module what the kernel would.

import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { KERNEL_MODULE, type Layout, type LoadOptions, load } from '../../src/runtime/loader.ts';

export function wat(text: string): Promise<Uint8Array> {
  return parse(`(module ${text})`);
}

export type Call = (...args: number[]) => number;

export interface Provided {
  readonly imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly memoryGrow?: Call;
  readonly tableSize?: Call;
  readonly wait?: Call;
  /** Told of bytes allocated on the engine's heap; gives how many more may be before it is told again. */
  readonly allocated?: Call;
  readonly stackOverflow?: Call;
  /** The result of a call, where that is no i32. */
  readonly value?: number | bigint;
  /** The epoch's word: 0 unless set. While it is not 0 every check calls `wait`. */
  readonly epoch?: number;
  readonly options?: LoadOptions;
}

export interface Running {
  readonly exports: WebAssembly.Exports;
  /** Calls an exported function. */
  readonly call: (name: string, ...args: unknown[]) => unknown;
  readonly memories: readonly WebAssembly.Memory[];
  readonly layout: Layout;
  readonly bytes: Uint8Array;
}

function unexpected(name: string): Call {
  return () => {
    throw new Error(`unexpected call of ${name}`);
  };
}

/** Loads and instantiates; does not call the entry. */
export function link(source: Uint8Array, provided: Provided = {}): Running {
  const { bytes, layout } = load(source, provided.options);
  const memories = layout.memories.map(({ minimum, maximum, shared, address }) => {
    const size = (pages: number) => (address === 'i64' ? BigInt(pages) : pages);
    return new WebAssembly.Memory({
      initial: size(minimum),
      ...(maximum !== undefined && { maximum: size(maximum) }),
      shared,
      address,
    });
  });
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  new Int32Array(epoch.buffer)[0] = provided.epoch ?? 0;
  const kernel: Record<string, unknown> = {
    memory_grow: provided.memoryGrow ?? unexpected('memory_grow'),
    table_size: provided.tableSize ?? unexpected('table_size'),
    wait: provided.wait ?? unexpected('wait'),
    stack_overflow: provided.stackOverflow ?? unexpected('stack_overflow'),
    epoch,
    allocated: provided.allocated ?? (() => 1 << 18),
    allocate: () => 0,
    value_i64: () => provided.value ?? 0n,
    value_f32: () => provided.value ?? 0,
    value_f64: () => provided.value ?? 0,
  };
  memories.forEach((memory, index) => {
    kernel[`memory${index}`] = memory;
  });
  const module = new WebAssembly.Module(bytes as BufferSource);
  const instance = new WebAssembly.Instance(module, { ...provided.imports, [KERNEL_MODULE]: kernel });
  const { exports } = instance;
  const call = (name: string, ...args: unknown[]) => (exports[name] as (...args: unknown[]) => unknown)(...args);
  return { exports, call, memories, layout, bytes };
}

/** As `link`, and calls the entry, if there is one. */
export function start(source: Uint8Array, provided: Provided = {}): Running {
  const running = link(source, provided);
  if (running.layout.entry !== undefined) running.call(running.layout.entry);
  return running;
}

/** The content of the custom section `name`; undefined where there is none. */
export function custom(bytes: Uint8Array, name: string): Uint8Array | undefined {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(bytes as BufferSource), name);
  return section && new Uint8Array(section);
}
