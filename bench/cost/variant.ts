// One program as one contender: its module, compiled once, and a run of it in a new instance.
import { createHash } from 'node:crypto';
import { KERNEL_MODULE, type Layout } from '../../src/runtime/loader.ts';
import { EXITED, Host } from './host.ts';
import type { Tick } from './tick.ts';

const PAGES_MAX = 65536;

/** The exports that a run calls, one after the other: the name, then numbers. It is given what each returned. */
export type Calls = (memory: WebAssembly.Memory) => Generator<readonly [string, ...number[]], void, number>;

export interface Task {
  readonly args: readonly string[];
  readonly input: Uint8Array;
  readonly calls: Calls;
}

export interface Run {
  /** CPU time of the thread. */
  readonly ms: number;
  /** Digest of the exit status and of all that was written: equal for all contenders. */
  readonly outcome: string;
}

/** A rewritten module, on a stack that the kernel can suspend, as processes have it. */
export class Rewritten {
  readonly #module: WebAssembly.Module;
  readonly #layout: Layout;
  readonly #tick: Tick;

  constructor(bytes: Uint8Array, layout: Layout, tick: Tick) {
    this.#module = new WebAssembly.Module(bytes as BufferSource);
    this.#layout = layout;
    this.#tick = tick;
  }

  async run({ args, input, calls }: Task): Promise<Run> {
    const layout = this.#layout;
    const host = new Host(args, input);
    const start = cpuMs();
    const memories = layout.memories.map(
      ({ minimum, maximum, shared }) => new WebAssembly.Memory({ initial: minimum, maximum: maximum ?? PAGES_MAX, shared }),
    );
    host.memory = memories[0]!;
    const kernel = {
      wait: new WebAssembly.Suspending((raw: number) => (host.code === undefined ? this.#tick.answer(raw) : Number.NaN)),
      memory_grow: (index: number, pages: number) => grow(memories[index]!, pages >>> 0),
      table_size: () => 1,
      stack_overflow: () => {},
      allocate: () => 0,
      epoch: this.#tick.epoch,
      ...Object.fromEntries(memories.map((memory, i) => [`memory${i}`, memory])),
    };
    const imports = { ...host.imports(layout, true), [KERNEL_MODULE]: kernel } as WebAssembly.Imports;
    const { exports } = new WebAssembly.Instance(this.#module, imports);
    const call = (name: string, numbers: readonly number[]) =>
      WebAssembly.promising(exports[name] as WebAssembly.ExportedFunction)(...numbers) as Promise<number>;
    try {
      if (layout.entry !== undefined) await call(layout.entry, []);
      const wanted = calls(host.memory);
      let next = wanted.next();
      while (!next.done) next = wanted.next(await call(next.value[0], next.value.slice(1) as number[]));
    } catch (error) {
      if (host.code === undefined) throw error;
    }
    return finished(start, host);
  }
}

/** The module as it came, called as Node's own WASI calls it. */
export class Original {
  readonly #module: WebAssembly.Module;
  readonly #layout: Layout;

  constructor(bytes: Uint8Array, layout: Layout) {
    this.#module = new WebAssembly.Module(bytes as BufferSource);
    this.#layout = layout;
  }

  async run({ args, input, calls }: Task): Promise<Run> {
    const host = new Host(args, input);
    const start = cpuMs();
    const { exports } = new WebAssembly.Instance(this.#module, host.imports(this.#layout, false) as WebAssembly.Imports);
    host.memory = exports['memory'] as WebAssembly.Memory;
    try {
      const wanted = calls(host.memory);
      let next = wanted.next();
      while (!next.done) {
        const [name, ...numbers] = next.value;
        next = wanted.next((exports[name] as (...numbers: number[]) => number)(...numbers));
      }
    } catch (error) {
      if (error !== EXITED) throw error;
    }
    return finished(start, host);
  }
}

/** CPU time of this thread. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function grow(memory: WebAssembly.Memory, pages: number): number {
  try {
    return memory.grow(pages);
  } catch (error) {
    if (error instanceof RangeError) return -1;
    throw error;
  }
}

function finished(start: number, host: Host): Run {
  const ms = cpuMs() - start;
  const digest = createHash('sha256').update(`${host.code ?? 0} `);
  for (const part of host.output) digest.update(part);
  return { ms, outcome: digest.digest('hex') };
}
