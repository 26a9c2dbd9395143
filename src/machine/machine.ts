// The machine: kernels on this host's hardware, in place or on threads, with the programs and processes of one embedder. It
// decides where a process runs; what runs there, and how, is its CPU's affair.
import type { HostSignature, HostType } from '../caps/hostfunction.ts';
import type { Policy } from '../caps/policy/policy.ts';
import type { Mmu } from '../hal/mmu.ts';
import type { Program } from '../runtime/program.ts';
import { attendantOf } from './attendant.ts';
import { Auditing } from './auditing.ts';
import { ProcessBuilder, type ProcessOptions } from './builder.ts';
import { ChildProcess } from './child.ts';
import type { MachineCpu, Running } from './cpu.ts';
import { SuperosError } from './error.ts';
import {
  type HostArguments,
  type HostCall,
  type HostCallback,
  type HostFunction,
  HostFunctions,
  type HostResult,
} from './hostfunction.ts';
import { loadOptions, orderOf } from './ordering.ts';
import { pidShare } from './pids.ts';
import { PlaceCpu } from './place.ts';
import { Placement } from './placement.ts';
import type { PolicySource } from './policy.ts';
import { Pool, type PoolOptions } from './pool.ts';
import { type MemoryRegion, type RegionOptions, Regions } from './region.ts';
import { Roster } from './roster.ts';
import { hardware, type MachineOptions, settingsOf, startThreads } from './settings.ts';
import { PlaceLoader, type ProgramLoader, type ProgramSource } from './source.ts';
import type { Template, TemplateOptions } from './template.ts';
import type { Threads } from './thread/threads.ts';

/** Milliseconds that processes get to end by themselves when the machine is shut down. */
const ABORT_MS = 1000;
/** Milliseconds between turns of a timer that only keeps Node's event loop alive. */
const KEEPALIVE_MS = 2 ** 30;

interface Parts {
  readonly cpus: readonly MachineCpu[];
  readonly loader: ProgramLoader;
  /** Undefined where there can be none. */
  readonly threads: (() => Promise<Threads>) | undefined;
  readonly functions: HostFunctions;
  /** Of hardware that is not this host's. */
  readonly mmu: Mmu | undefined;
  readonly auditing: Auditing | undefined;
}

export class Machine implements AsyncDisposable {
  readonly #cpus: readonly MachineCpu[];
  readonly #placement: Placement;
  readonly #loader: ProgramLoader;
  readonly #startThreads: (() => Promise<Threads>) | undefined;
  #threads: Promise<Threads> | undefined;
  readonly #functions: HostFunctions;
  readonly #regions: Regions;
  readonly #auditing: Auditing | undefined;
  readonly #children = new Roster<ChildProcess>();
  readonly #starting = new Roster<Promise<unknown>>();
  readonly #pooled = new WeakSet<Template>();
  /** The host waits for it only while there are children; a timer for each would take a tenth of a short life. */
  #keepalive: NodeJS.Timeout | undefined;
  #closed = false;
  /** A process was ended, and did not end by itself. */
  #forced = false;

  private constructor({ cpus, loader, threads, functions, mmu, auditing }: Parts) {
    this.#regions = new Regions(mmu, (ids) => this.#revokeRegions(ids));
    this.#functions = functions;
    this.#cpus = cpus;
    this.#placement = new Placement(cpus);
    this.#loader = loader;
    this.#startThreads = threads;
    this.#auditing = auditing;
    if (auditing !== undefined) auditing.onFailure = () => this.#killAll();
  }

  /** Rejects with SuperosError. */
  static async boot(options: MachineOptions = {}): Promise<Machine> {
    const { cache, hal, spare } = options;
    const checked = settingsOf(options);
    const { cpus, quantumNs } = checked;
    const auditing = options.audit === undefined ? undefined : await Auditing.open(options.audit);
    const functions = new HostFunctions();
    const settings = { ...checked, functions, auditor: auditing };
    if (cpus === 0) {
      const machine = new Machine({
        cpus: [new PlaceCpu(hal ?? hardware(options, quantumNs), pidShare(0, 0), quantumNs, functions, auditing)],
        loader: new PlaceLoader(cache),
        threads: hal === undefined ? () => startThreads(settings) : undefined,
        functions,
        mmu: hal?.mmu,
        auditing,
      });
      if (spare !== undefined && spare > 0) await (await machine.#getThreads()).dedicated.fill();
      return machine;
    }
    const threads = await startThreads(settings);
    const machine = new Machine({
      cpus: threads.cpus,
      loader: threads.loader,
      threads: async () => threads,
      functions,
      mmu: undefined,
      auditing,
    });
    machine.#threads = Promise.resolve(threads);
    try {
      await Promise.all([...threads.cpus.map(({ ready }) => ready), spare === undefined ? undefined : threads.dedicated.fill()]);
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
    return machine;
  }

  /** Describes a process to be: nothing happens before `spawn` or `run`. */
  process(source: ProgramSource): ProcessBuilder {
    return new ProcessBuilder(this, source);
  }

  /** Loads a program once, to be spawned many times. `raw`: for processes that are not to be preempted. */
  compile(bytes: Uint8Array, name = 'program', { raw = false }: { readonly raw?: boolean } = {}): Promise<Program> {
    return this.#loader.load(bytes, loadOptions(raw), name);
  }

  /**
   * A function that guests may call, as the import `MODULE.FIELD`: those that are given it, among their capabilities. Arguments
   * and result are numbers, an i64 a bigint; `call` reads and writes the guest's memory. Where `callback` gives a promise the guest
   * waits for it. Where it throws or rejects, or gives what is no such number, the process ends. Throws SuperosError.
   */
  hostFunction<const P extends readonly HostType[], T extends HostType>(
    name: string,
    signature: { readonly params: P; readonly results: readonly [T] },
    callback: (call: HostCall, ...args: HostArguments<P>) => HostResult<T>,
  ): HostFunction;
  hostFunction<const P extends readonly HostType[]>(
    name: string,
    signature: { readonly params: P; readonly results: readonly [] },
    callback: (call: HostCall, ...args: HostArguments<P>) => void,
  ): HostFunction;
  hostFunction(name: string, signature: HostSignature, callback: HostCallback): HostFunction {
    return this.#functions.add(name, signature, callback);
  }

  /**
   * Memory of so many bytes (`16m`, a number) that processes map and the embedder has a view of: to be given as a capability. Throws
   * SuperosError, not-supported where the host shares none.
   */
  region(size: string | number, options: RegionOptions = {}): MemoryRegion {
    this.#open();
    return this.#regions.make(size, options);
  }

  /** Reads a policy once, to be used for many processes. Rejects with SuperosError; its cause has every mistake. */
  async policy(source: PolicySource): Promise<Policy> {
    return (await import('./policy.ts')).readPolicy(source);
  }

  /** Runs a program to a point, for processes to start from there: see TemplateOptions. Rejects with SuperosError. */
  async template(source: ProgramSource, options: TemplateOptions = {}): Promise<Template> {
    const [{ makeTemplate }, program] = await Promise.all([
      import('./template.ts'),
      this.#loader.load(source, { snapshot: true }),
    ]);
    return makeTemplate(this, program, options, (template) => this.#forget(template));
  }

  /** Keeps processes of a template ready to begin, and no more than so many at once: see PoolOptions. Throws SuperosError. */
  pool(template: Template, options: PoolOptions = {}): Pool {
    this.#open();
    if (this.#pooled.has(template)) throw new SuperosError('invalid-argument', 'the template has a pool already');
    const pool = new Pool(this, this.#cpus, template, options, () => this.#pooled.delete(template));
    this.#pooled.add(template);
    return pool;
  }

  get processes(): readonly ChildProcess[] {
    return [...this.#children];
  }

  /** Carries out what a ProcessBuilder describes. */
  spawn(options: ProcessOptions): Promise<ChildProcess> {
    const starting = this.#spawn(options);
    const started = this.#starting.add(starting);
    starting.then(started, started);
    return starting;
  }

  async #spawn(options: ProcessOptions): Promise<ChildProcess> {
    this.#open();
    const order = await orderOf(options, this.#loader, this.#functions, this.#regions);
    // It may have been shut down while the program was read.
    this.#open();
    options.abort?.throwIfAborted();
    const alone = options.scheduling === 'dedicated' || (options.scheduling === 'raw' && !options.share);
    const running = await (alone ? (await this.#getThreads()).dedicated : this.#placement.place(order)).spawn(
      order,
      attendantOf(options),
    );
    // What was read for this process alone.
    const { program } = order;
    if (program.sealed !== undefined && program !== options.source) running.done.then(() => this.#forget(program));
    return this.#adopt(running, options, order.granted);
  }

  /** Kills what still runs, and waits until it is gone and what it wrote is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    // Whoever waits for this goes on afterwards: the host must not end before, whatever else it still waits for.
    const keepalive = setInterval(() => undefined, KEEPALIVE_MS);
    try {
      await this.#close();
    } finally {
      clearInterval(keepalive);
      clearInterval(this.#keepalive);
    }
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#starting);
    const ended = Promise.all([...this.#children].map((child) => child[Symbol.asyncDispose]()));
    const timer = setTimeout(() => this.#abort(), ABORT_MS);
    await ended;
    clearTimeout(timer);
    await this.#regions.close();
    const threads = await this.#threads;
    await Promise.all([
      ...this.#cpus.map((cpu) => cpu.close(this.#forced)),
      threads?.dedicated.close(this.#forced),
      threads?.loader.close(),
    ]);
    this.#auditing?.close();
  }

  #open(): void {
    if (this.#closed) throw new SuperosError('closed', 'the machine has been shut down');
    if (this.#auditing?.failure !== undefined) throw this.#auditing.failure;
  }

  #forget(template: Program): void {
    for (const cpu of this.#cpus) cpu.forget(template);
    this.#threads?.then(({ dedicated }) => dedicated.forget(template));
  }

  /** In processes that are being started too. */
  async #revokeRegions(ids: readonly number[]): Promise<void> {
    await Promise.allSettled(this.#starting);
    const threads = await this.#threads;
    await Promise.all(
      [...this.#cpus, ...(threads === undefined ? [] : [threads.dedicated])].map((cpu) => cpu.revokeRegions(ids)),
    );
  }

  #killAll(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #abort(): void {
    for (const cpu of this.#cpus) if (cpu.load > 0) void cpu.abort();
  }

  #getThreads(): Promise<Threads> {
    this.#threads ??= this.#startThreads?.();
    if (this.#threads === undefined)
      throw new SuperosError(
        'not-supported',
        'a machine on hardware of its own has one thread: nothing there is raw or dedicated',
      );
    return this.#threads;
  }

  #adopt(running: Running, { abort, protect }: ProcessOptions, granted: readonly string[]): ChildProcess {
    const child = new ChildProcess(running, granted, protect);
    const gone = this.#children.add(child);
    this.#keepalive ??= setInterval(() => undefined, KEEPALIVE_MS);
    this.#keepalive.ref();
    const kill = () => child.kill('SIGKILL');
    if (abort?.aborted) kill();
    abort?.addEventListener('abort', kill, { once: true });
    running.done.then(({ reason }) => {
      if (reason !== 'exit' && reason !== 'trap') this.#forced = true;
      abort?.removeEventListener('abort', kill);
      gone();
      if (this.#children.empty) this.#keepalive?.unref();
    });
    return child;
  }
}
