// A process: the process control block. One module instance over memories of its own, a table of capabilities, one thread
// so far. Everything it holds is freed on every path on which it can end.
import type { Capability } from '../caps/capability.ts';
import { type ProcessObject, processRoot } from '../caps/process.ts';
import { CapTable } from '../caps/table.ts';
import type { Alarm } from '../hal/cpu.ts';
import type { Directory } from '../hal/disk.ts';
import type { Program, Sealed } from '../runtime/program.ts';
import type { Result, Signal } from '../syscalls/caller.ts';
import { GuestMemory } from '../syscalls/memory.ts';
import { Execution, type Invocation, type Rest } from './execution.ts';
import { causeOf } from './fault.ts';
import type { Grants } from './grants.ts';
import { Holder } from './holder.ts';
import type { Kernel } from './kernel.ts';
import { toldOf } from './lacks.ts';
import { RESOURCE, WASM_PAGE } from './limits.ts';
import { Mappings } from './mappings.ts';
import { GuestOffspring } from './offspring.ts';
import type { PidNamespace } from './pid.ts';
import type { Gate } from './policy/gate.ts';
import type { Told } from './policy/refusals.ts';
import { Guard } from './protection.ts';
import type { ProcessParts } from './request.ts';
import type { ThreadInfo, ThreadState } from './scheduler/states.ts';
import { disposition } from './signal.ts';
import type { AddressSpace } from './space.ts';
import { type Cause, crashed, type ExitStatus, signalled, stopped } from './status.ts';
import { NO_STRINGS, type Strings } from './strings.ts';
import { seal, type Template } from './template.ts';
import { Thread } from './thread.ts';
import { spentBy, type Usage, usageOf } from './usage.ts';
import { resolve } from './vfs/namespace.ts';

export type ProcessState = ThreadState;

const NO_MEMORY = new GuestMemory();
const NO_TABLE = new CapTable(0);

export class Process extends Holder {
  /** By which its embedder knows it. */
  readonly pid: number;
  /** By which it and those of its namespace know it. */
  readonly number: number;
  readonly namespace: PidNamespace | undefined;
  readonly kernel: Kernel;
  readonly program: Program;
  args: Strings;
  environment: Strings;
  #memory: GuestMemory;
  #capabilities: CapTable;
  readonly grants: Grants;
  /** POSIX: its weight in the scheduler. */
  readonly nice: number;
  /** Monotonic time at which it is over: its own timeout, or before that an ancestor's. */
  readonly deadlineNs: number;
  readonly children = new Set<Process>();
  /** Resolves once the process has ended and holds nothing any more. */
  readonly done: Promise<ExitStatus>;
  /** What it leaves behind at its end ends as well. */
  first = false;
  readonly offspring = new GuestOffspring(this);
  parent: Process | undefined;
  /** What its policy makes of its calls; undefined where none has a say and nobody watches. Set once, before it runs. */
  gate: Gate | undefined;
  /** What it was refused for want of a capability, and more. */
  told: Told | undefined;
  readonly guard: Guard;
  readonly #execution: Execution;
  readonly #thread: Thread;
  /** What is left of the thread. */
  #remains: ThreadInfo | undefined;
  readonly #space: AddressSpace;
  readonly #template: Template | undefined;
  /** It runs nothing: see Task. */
  readonly #prepares: boolean;
  /** Its instance is linked to functions that it alone was given. */
  readonly #bound: boolean;
  readonly #onCharge: ProcessParts['onCharge'];
  /** What is mapped into its memory, once it asked for that. */
  mapped: Mappings | undefined;
  #ending: Cause | undefined;
  #status: ExitStatus | undefined;
  #alarm: Alarm | undefined;
  readonly #bornNs: number;
  readonly #resolve: (status: ExitStatus) => void;

  constructor(pid: number, kernel: Kernel, parts: ProcessParts) {
    super(parts);
    this.#onCharge = parts.onCharge;
    this.pid = pid;
    this.namespace = parts.namespace;
    this.number = parts.number ?? pid;
    this.kernel = kernel;
    this.program = parts.program;
    this.parent = parts.parent;
    this.args = parts.args;
    this.environment = parts.environment;
    this.#capabilities = parts.capabilities;
    this.grants = parts.grants;
    this.nice = parts.nice;
    this.#space = parts.space;
    this.#memory = parts.space.memory;
    this.#template = parts.template;
    const { promise, resolve: settle } = Promise.withResolvers<ExitStatus>();
    this.done = promise;
    this.#resolve = settle;
    this.#bornNs = kernel.hal.clock.monotonic();
    this.deadlineNs = Math.min(
      this.#bornNs + (parts.limits.timeoutNs ?? Number.POSITIVE_INFINITY),
      parts.parent?.deadlineNs ?? Number.POSITIVE_INFINITY,
    );
    const { cell, template } = parts;
    this.#thread = cell?.thread ?? new Thread(this, this.nice);
    cell?.thread.renew(this, this.nice);
    this.#prepares = parts.task === 'prepare';
    this.#bound = parts.template !== undefined && parts.capabilities.find('function') !== undefined;
    const origin = { template, cell };
    this.guard = new Guard(parts.program.layout, parts.protect, parts.space.memory, kernel.hal.entropy);
    this.#execution = new Execution(this, parts.space, parts.task, (cause) => this.#over(cause), origin);
    this.parent?.children.add(this);
  }

  /** Nothing is there any more once it has ended: what it ran in may be another's. */
  get memory(): GuestMemory {
    return this.#memory;
  }
  get capabilities(): CapTable {
    return this.#capabilities;
  }
  get mappings(): Mappings {
    this.mapped ??= this.#thread.mapped = new Mappings(this, this.#space, this.kernel.hal.mmu);
    return this.mapped;
  }
  /** To be asked of a process that has not ended. */
  get thread(): Thread {
    return this.#thread;
  }
  get threads(): readonly ThreadInfo[] {
    return [this.#remains ?? this.#thread];
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
    return this.#status === undefined ? this.#thread.state : 'terminated';
  }
  /** What the invoked export returned. */
  get results(): readonly unknown[] | undefined {
    return this.#execution.results;
  }

  start(): void {
    if (this.deadlineNs !== Number.POSITIVE_INFINITY) {
      this.#alarm = this.kernel.timers.at(this.deadlineNs, () => this.end(stopped('timeout')));
    }
    this.#execution.begin();
  }

  /** Ends the process for this cause, unless it is ending already. It is over when `done` resolves. */
  end(cause: Cause): void {
    if (this.#ending !== undefined) return;
    this.#ending = cause;
    if (this.#execution.resting) this.#over(cause);
    else this.#thread.unwind();
  }

  /** Calls an export of a reactor, after the calls before it. Rejects when the process ends first. */
  call(invocation: Invocation): Promise<readonly unknown[]> {
    return this.#execution.call(invocation);
  }

  /** How far it has come between calls, for others to begin there; or why that cannot be told. Undefined where it ended before. */
  async seal(): Promise<Sealed | string | undefined> {
    await this.#execution.rested();
    if (this.#ending !== undefined) return undefined;
    if (this.mapped?.used) return 'it has mapped memory, which is of this process alone';
    return this.#space.unguarded(() => seal(this, this.#execution.instance, this.#space.memories));
  }

  signal(signal: Signal, message: string | null = null): Result {
    const action = disposition(signal);
    if (action === 'stop') return 'NOTSUP';
    if (action === 'terminate') this.end(signalled(signal, message));
    return undefined;
  }

  protected charged(): void {
    this.#onCharge?.(this);
  }

  /** All rights on it, to be handed to others. */
  capability(): Capability<ProcessObject> {
    return processRoot(this);
  }

  /** An internal error while the kernel worked for this process: a bug of ours, which ends this process only. */
  crash(error: unknown): void {
    this.end(crashed(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  }

  /** memory.grow: the previous size in pages, or -1. */
  grow(index: number, pages: number): number {
    return this.gate?.grow(pages * WASM_PAGE) === false ? -1 : this.#space.grow(index, pages);
  }

  /** Whether the guest may do what would end the host at a protected page; where not, it ends. */
  mayTouch(index: number, address: number, length: number, writes: boolean): boolean {
    return this.#space.mappable?.index !== index || this.mappings.touch(address, length, writes);
  }

  /** table.grow: whether a table may have so many elements. */
  resizeTable(index: number, elements: number): boolean {
    return this.#space.resizeTable(index, elements);
  }

  resolve(path: string): { capability: Capability; directory: Directory; rest: string } | undefined {
    return resolve(this.capabilities, path);
  }

  /** The guest's stack is gone: nothing of it runs any more. */
  #over(cause: Cause): void {
    this.#ending ??= this.mapped?.explain(cause) ?? cause;
    this.#alarm?.cancel();
    this.#attempt(() => this.mapped?.close());
    this.#attempt(() => this.#capabilities.closeAll());
    this.#attempt(() => this.grants.drop());
    const { rest } = this.#execution;
    this.#execution.drop();
    this.guard.disarm();
    this.#thread.finish();
    this.account.release(RESOURCE.threads, 1);
    this.account.close();
    const usage = this.usage();
    this.#remains = { state: 'terminated', times: this.#thread.times };
    if (rest === undefined || !this.#recycle(rest)) this.#space.release();
    this.#memory = NO_MEMORY;
    this.#capabilities = NO_TABLE;
    this.args = NO_STRINGS;
    this.environment = NO_STRINGS;
    this.#status = { ...this.#ending, usage, ...toldOf(this) };
    const left = this.first ? this.#descendants() : [];
    this.kernel.ended(this);
    this.#resolve(this.#status);
    // What others make of it is nothing that its end depends on. Those that end with it have run for the last time.
    for (const one of [this, ...left]) one.gate?.close();
  }

  #descendants(): Process[] {
    return [...this.children].flatMap((one) => [one, ...one.#descendants()]);
  }

  /** Leaves what it ran in to the next process of its template; with its instance where that is as good as a new one. */
  #recycle({ instance, imports, entries, reset }: Rest): boolean {
    const template = this.#template;
    if (template?.preparable !== true || this.#bound || this.#ending?.reason !== 'exit' || this.gate?.silent === false)
      return false;
    const { recycler } = this.kernel;
    const isReady = this.#prepares || template.recyclable;
    const [space, capabilities, thread] = [this.#space, this.#capabilities, this.#thread];
    const copied = isReady ? 0 : space.copied;
    if (!recycler.accepts(template, copied) || !space.park(template.images)) return false;
    const { gate, limits } = this;
    recycler.keep({
      template,
      space,
      capabilities,
      thread,
      imports,
      ready: isReady ? { instance, entries, reset: reset ?? template.resetter(instance) } : undefined,
      copied,
      gate,
      memoryLimit: limits.memory,
      protect: this.guard.protect,
    });
    return true;
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

  usage(): Usage {
    if (this.#status !== undefined) return this.#status.usage;
    const wallMs = (this.kernel.hal.clock.monotonic() - this.#bornNs) / 1e6;
    return usageOf(spentBy(this.#thread, this.#space.peak), wallMs, this.childrenSpent);
  }
}
