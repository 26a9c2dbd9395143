// A process: the process control block. One module instance over memories of its own, a table of capabilities, one thread
// so far. Everything it holds is freed on every path on which it can end.
import type { Capability, CapTable } from '../caps/table.ts';
import type { Clock } from '../hal/clock.ts';
import type { Alarm } from '../hal/cpu.ts';
import type { Directory } from '../hal/disk.ts';
import type { Entropy } from '../hal/entropy.ts';
import type { MemoryType } from '../hal/mmu.ts';
import type { Program } from '../runtime/program.ts';
import type { Result, Signal } from '../syscalls/caller.ts';
import { GuestMemory } from '../syscalls/memory.ts';
import { causeOf } from './fault.ts';
import type { Kernel } from './kernel.ts';
import { type Limits, WASM_PAGE } from './limits.ts';
import { imports } from './link.ts';
import { disposition } from './signal.ts';
import { type Cause, crashed, type ExitStatus, exited, signalled, stopped } from './status.ts';
import type { Strings } from './strings.ts';
import { Thread, type ThreadState } from './thread.ts';
import { resolve } from './vfs/namespace.ts';

export interface HeldMemory {
  readonly memory: WebAssembly.Memory;
  readonly type: MemoryType;
}

/** A call of an export. */
export interface Invocation {
  readonly name: string;
  readonly args: readonly (number | bigint)[];
}

/** What is run: `_start`; or `_initialize` and one export; or `_initialize`, and then what is called from outside. */
export type Task = 'command' | 'reactor' | Invocation;

/** A call from outside that has not been answered. */
interface Job {
  readonly invocation: Invocation;
  readonly resolve: (results: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/** Everything a process is made of; the kernel has checked it. */
export interface ProcessParts {
  readonly program: Program;
  readonly parent: Process | undefined;
  readonly args: Strings;
  readonly environment: Strings;
  readonly capabilities: CapTable;
  readonly clock: Clock | undefined;
  readonly entropy: Entropy | undefined;
  readonly limits: Limits;
  readonly nice: number;
  readonly memories: readonly HeldMemory[];
  readonly task: Task;
}

export type ProcessState = ThreadState;

export class Process {
  readonly pid: number;
  readonly kernel: Kernel;
  readonly program: Program;
  readonly args: Strings;
  readonly environment: Strings;
  readonly memory = new GuestMemory();
  readonly capabilities: CapTable;
  readonly clock: Clock | undefined;
  readonly entropy: Entropy | undefined;
  readonly limits: Limits;
  /** POSIX: its weight in the scheduler. */
  nice: number;
  readonly children = new Set<Process>();
  readonly thread: Thread;
  /** Resolves once the process has ended and holds nothing any more. */
  readonly done: Promise<ExitStatus>;
  parent: Process | undefined;

  readonly #task: Task;
  #instance: WebAssembly.Instance | undefined;
  /** Of a reactor: calls not yet answered, the first under way unless it rests. */
  readonly #jobs: Job[] = [];
  /** A reactor between calls: no guest code is on its stack. */
  #resting = false;
  #memories: readonly HeldMemory[];
  /** The memory that system calls work on. */
  readonly #main: number;
  #ending: Cause | undefined;
  #status: ExitStatus | undefined;
  #results: readonly unknown[] | undefined;
  #pages: number;
  #alarm: Alarm | undefined;
  readonly #bornNs: number;
  readonly #resolve: (status: ExitStatus) => void;

  constructor(pid: number, kernel: Kernel, parts: ProcessParts) {
    this.pid = pid;
    this.kernel = kernel;
    this.program = parts.program;
    this.parent = parts.parent;
    this.args = parts.args;
    this.environment = parts.environment;
    this.capabilities = parts.capabilities;
    this.clock = parts.clock;
    this.entropy = parts.entropy;
    this.limits = parts.limits;
    this.nice = parts.nice;
    this.#memories = parts.memories;
    this.#pages = parts.memories.reduce((sum, { type }) => sum + type.minimum, 0);
    this.#task = parts.task;
    const { exports } = parts.program.layout;
    this.#main = exports.find(({ kind, name }) => kind === 'memory' && name === 'memory')?.index ?? 0;
    const main = this.#memories[this.#main];
    if (main !== undefined) this.memory.attach(main.memory.buffer);
    const { promise, resolve: settle } = Promise.withResolvers<ExitStatus>();
    this.done = promise;
    this.#resolve = settle;
    this.#bornNs = kernel.hal.clock.monotonic();
    this.thread = new Thread(this);
    this.parent?.children.add(this);
  }

  /** Why it is to end, from the moment that is known. */
  get ending(): Cause | undefined {
    return this.#ending;
  }
  /** Undefined until it has ended. */
  get status(): ExitStatus | undefined {
    return this.#status;
  }
  get state(): ProcessState {
    return this.#status === undefined ? this.thread.state : 'terminated';
  }
  /** What the invoked export returned. */
  get results(): readonly unknown[] | undefined {
    return this.#results;
  }

  start(): void {
    const { timeoutNs } = this.limits;
    if (timeoutNs !== undefined) this.#alarm = this.kernel.hal.cpu.after(timeoutNs, () => this.end(stopped('timeout')));
    this.thread.begin(() => this.#run());
  }

  /** Ends the process for this cause, unless it is ending already. It is over when `done` resolves. */
  end(cause: Cause): void {
    if (this.#ending !== undefined) return;
    this.#ending = cause;
    if (this.#resting) this.#over(undefined);
    else this.thread.unwind();
  }

  /** Calls an export of a reactor, after the calls before it. Rejects when the process ends first. */
  call(invocation: Invocation): Promise<readonly unknown[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>();
    if (this.#task !== 'reactor' || this.#ending !== undefined) reject(new Error('the process takes no calls'));
    else {
      this.#jobs.push({ invocation, resolve, reject });
      if (this.#resting) this.#next();
    }
    return promise;
  }

  signal(signal: Signal): Result {
    const action = disposition(signal);
    if (action === 'stop') return 'NOTSUP';
    if (action === 'terminate') this.end(signalled(signal));
    return undefined;
  }

  /** An internal error while the kernel worked for this process: a bug of ours, which ends this process only. */
  crash(error: unknown): void {
    this.end(crashed(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  }

  /** memory.grow: the previous size in pages, or -1. */
  grow(index: number, pages: number): number {
    const held = this.#memories[index];
    if (held === undefined) return -1;
    if ((this.#pages + pages) * WASM_PAGE > this.limits.memory) return -1;
    const before = this.kernel.hal.mmu.grow(held.memory, held.type, pages);
    if (before < 0) return -1;
    this.#pages += pages;
    if (index === this.#main) this.memory.attach(held.memory.buffer);
    return before;
  }

  resolve(path: string): { capability: Capability; directory: Directory; rest: string } | undefined {
    return resolve(this.capabilities, path);
  }

  /** The thread's first turn: makes the instance and calls into it. */
  #run(): void {
    this.#guarded(async () => {
      const { module, layout } = this.program;
      const memories = this.#memories.map(({ memory }) => memory);
      this.#instance = new WebAssembly.Instance(module, imports(layout, this.thread, memories));
      if (layout.entry !== undefined) await this.#enter(layout.entry);
      if (this.#task === 'command') return void (await this.#enter('_start'));
      if (layout.exports.some(({ name }) => name === '_initialize')) await this.#enter('_initialize');
      if (this.#task !== 'reactor') this.#results = await this.#enter(this.#task.name, this.#task.args);
    });
  }

  /** A reactor's thread takes the next call, or rests. */
  #next(): void {
    const job = this.#jobs[0];
    this.#resting = job === undefined;
    this.thread.rest();
    if (job === undefined) return;
    this.thread.begin(() =>
      this.#guarded(async () => {
        const results = await this.#enter(job.invocation.name, job.invocation.args);
        this.#jobs.shift();
        job.resolve(results);
      }),
    );
  }

  /** Runs a turn of guest code; then the process is over, or a reactor waits for the next call. */
  #guarded(turn: () => Promise<void>): void {
    if (this.#ending !== undefined) {
      this.#over(undefined);
      return;
    }
    turn().then(
      () => (this.#task === 'reactor' && this.#ending === undefined ? this.#next() : this.#over(exited(0))),
      (error: unknown) => this.#over(this.#ending ?? causeOf(error)),
    );
  }

  /** Calls an export on a stack of its own, which can be suspended. */
  async #enter(name: string, args: readonly (number | bigint)[] = []): Promise<readonly unknown[]> {
    const result = await WebAssembly.promising(this.#instance?.exports[name] as WebAssembly.ExportedFunction)(...args);
    return result === undefined ? [] : Array.isArray(result) ? result : [result];
  }

  /** The guest's stack is gone: nothing of it runs any more. */
  #over(cause: Cause | undefined): void {
    this.#ending ??= cause ?? exited(0);
    this.#alarm?.cancel();
    this.#attempt(() => this.capabilities.closeAll());
    for (const { memory, type } of this.#memories) this.kernel.hal.mmu.release(memory, type);
    this.#memories = [];
    this.#instance = undefined;
    this.memory.detach();
    for (const { reject } of this.#jobs) reject(new Error('the process ended before it answered'));
    this.#jobs.length = 0;
    this.thread.finish();
    this.#status = { ...this.#ending, usage: this.usage() };
    this.kernel.ended(this);
    this.#resolve(this.#status);
  }

  /** An error in giving back what the process held is a bug of ours, and is told as one; the rest is given back all the same. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      const { reason, message } = causeOf(error);
      this.#ending = crashed(`${reason}: ${message}`);
    }
  }

  usage(): ExitStatus['usage'] {
    const { thread } = this;
    return {
      cpuMs: thread.cpuTime() / 1e6,
      wallMs: (this.kernel.hal.clock.monotonic() - this.#bornNs) / 1e6,
      memoryPeak: this.#pages * WASM_PAGE,
      systemCalls: thread.calls,
      bytesRead: thread.bytesRead,
      bytesWritten: thread.bytesWritten,
      switches: { voluntary: thread.voluntary, involuntary: thread.involuntary },
    };
  }
}
