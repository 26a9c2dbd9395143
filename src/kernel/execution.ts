// The execution of a program in a process: its instance, and the calls into it, one after the other, on the process's thread.
// Guest code is entered here and nowhere else.
import { causeOf } from './fault.ts';
import { admitTables, imports } from './link.ts';
import type { Process } from './process.ts';
import type { Cell } from './recycler.ts';
import type { AddressSpace } from './space.ts';
import { type Cause, exited } from './status.ts';
import { RESEED, type Template } from './template.ts';

/** A call of an export. */
export interface Invocation {
  readonly name: string;
  readonly args: readonly (number | bigint)[];
}

/**
 * What is run: `_start`; or `_initialize` and one export; or `_initialize`, and then what is called from outside; or nothing: what the
 * process runs in is for another.
 */
export type Task = 'command' | 'reactor' | 'prepare' | Invocation;

/** A call from outside that has not been answered. */
interface Job {
  readonly invocation: Invocation;
  readonly resolve: (results: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/** An export, to be called on a stack of its own, which can be suspended. */
type Entry = (...args: (number | bigint)[]) => Promise<unknown>;
/** By name, those of one instance that were called. */
export type Entries = Map<string, Entry>;

/** Where a program begins. */
export interface Origin {
  readonly template: Template | undefined;
  /** What served others before. */
  readonly cell: Cell | undefined;
}

const NOWHERE: Origin = { template: undefined, cell: undefined };

/** What a process that has ended leaves. */
export interface Rest {
  readonly instance: WebAssembly.Instance;
  readonly imports: WebAssembly.Imports;
  readonly entries: Entries;
  /** Puts the globals of the instance back, where that was done before. */
  readonly reset: (() => void) | undefined;
}

export class Execution {
  readonly #process: Process;
  readonly #space: AddressSpace;
  readonly #task: Task;
  /** Called once no guest code is on the stack, nor will be. */
  readonly #over: (cause: Cause) => void;
  #origin: Origin;
  #imports: WebAssembly.Imports | undefined;
  #instance: WebAssembly.Instance | undefined;
  #entries: Entries;
  /** Of a reactor: calls not yet answered, the first under way unless it rests. */
  readonly #jobs: Job[] = [];
  #resting = false;
  /** Who waits until it rests, or is over. */
  readonly #waiting: (() => void)[] = [];
  #results: readonly unknown[] | undefined;

  constructor(process: Process, space: AddressSpace, task: Task, over: (cause: Cause) => void, origin: Origin) {
    this.#process = process;
    this.#space = space;
    this.#task = task;
    this.#over = over;
    this.#origin = origin;
    this.#imports = origin.cell?.imports;
    this.#instance = origin.cell?.ready?.instance;
    this.#entries = origin.cell?.ready?.entries ?? new Map();
  }

  /** A reactor between calls: no guest code is on its stack. */
  get resting(): boolean {
    return this.#resting;
  }

  /** Undefined before its first turn, and after its end. */
  get instance(): WebAssembly.Instance | undefined {
    return this.#instance;
  }

  /** What it leaves to the next process, which may begin in the same instance or link another to the same imports. */
  get rest(): Rest | undefined {
    const [instance, imports] = [this.#instance, this.#imports];
    if (instance === undefined || imports === undefined) return undefined;
    return { instance, imports, entries: this.#entries, reset: this.#origin.cell?.ready?.reset };
  }

  /** Resolves once no guest code is on its stack, nor is to be without another call. */
  rested(): Promise<void> {
    return this.#resting ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** What the invoked export returned. */
  get results(): readonly unknown[] | undefined {
    return this.#results;
  }

  begin(): void {
    this.#process.thread.begin(() => this.#run());
  }

  /** Calls an export of a reactor, after the calls before it. Rejects when the process ends first. */
  call(invocation: Invocation): Promise<readonly unknown[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>();
    if (this.#task !== 'reactor' || this.#process.ending !== undefined) reject(new Error('the process takes no calls'));
    else {
      this.#jobs.push({ invocation, resolve, reject });
      if (this.#resting) this.#next();
    }
    return promise;
  }

  /** Lets go of the instance, and of all who wait for an answer. Who has ended may be known for long. */
  drop(): void {
    this.#instance = undefined;
    this.#imports = undefined;
    this.#entries = new Map();
    this.#origin = NOWHERE;
    for (const { reject } of this.#jobs.splice(0)) reject(new Error('the process ended before it answered'));
    this.#tell();
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The thread's first turn: makes the instance and calls into it. */
  #run(): void {
    this.#guarded(async () => {
      const { layout } = this.#process.program;
      const { template, cell } = this.#origin;
      const { guard } = this.#process;
      this.#instance ??= this.#instantiate();
      if (cell?.ready !== undefined) cell.ready.reset();
      else if (template !== undefined) template.restore(this.#instance);
      if (this.#task === 'prepare') return;
      guard.arm(this.#instance);
      if (template?.reseeds) await this.#enter(RESEED);
      if (template === undefined && layout.entry !== undefined) await this.#enter(layout.entry);
      if (this.#task === 'command') {
        await this.#enter('_start');
        return;
      }
      if (template === undefined && layout.exports.some(({ name }) => name === '_initialize')) await this.#enter('_initialize');
      if (this.#task !== 'reactor') this.#results = listed(await this.#enter(this.#task.name, this.#task.args));
    });
  }

  #instantiate(): WebAssembly.Instance {
    const { thread, program } = this.#process;
    admitTables(program.layout, this.#process);
    this.#imports ??= imports(program.layout, thread, this.#space.memories);
    return new WebAssembly.Instance(program.module, this.#imports);
  }

  /** A reactor's thread takes the next call, or rests. */
  #next(): void {
    const { thread } = this.#process;
    const job = this.#jobs[0];
    const rested = this.#resting;
    this.#resting = job === undefined;
    // One that rested has not had the CPU since.
    if (!rested) thread.rest();
    if (job === undefined) {
      this.#tell();
      return;
    }
    thread.begin(() =>
      this.#guarded(async () => {
        const result = await this.#enter(job.invocation.name, job.invocation.args);
        this.#jobs.shift();
        job.resolve(listed(result));
      }),
    );
  }

  /** Runs a turn of guest code; then the process is over, or a reactor waits for the next call. */
  #guarded(turn: () => Promise<void>): void {
    const process = this.#process;
    if (process.ending !== undefined) {
      this.#over(process.ending);
      return;
    }
    turn().then(
      () => {
        if (this.#task === 'reactor' && process.ending === undefined) this.#next();
        else this.#over(process.guard.intact ? exited(0) : process.guard.violated());
      },
      (error: unknown) => this.#over(process.guard.explain(causeOf(error))),
    );
  }

  #enter(name: string, args: readonly (number | bigint)[] = []): Promise<unknown> {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = WebAssembly.promising(this.#instance?.exports[name] as WebAssembly.ExportedFunction);
      this.#entries.set(name, entry);
    }
    return entry(...args);
  }
}

/** What an export returned, as JavaScript has it. */
const listed = (result: unknown): readonly unknown[] => (result === undefined ? [] : Array.isArray(result) ? result : [result]);
