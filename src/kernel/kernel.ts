// The kernel: makes processes, knows them, and buries them. It is single-threaded, owns its processes outright and takes no
// lock. What it knows of the host is its HAL.
import type { Auditor } from '../caps/audit.ts';
import type { Capability } from '../caps/capability.ts';
import type { CapObject } from '../caps/object.ts';
import { type PackError, type Transfer, transfer } from '../caps/parcel.ts';
import { CapTable } from '../caps/table.ts';
import type { Hal } from '../hal/hal.ts';
import type { Program } from '../runtime/program.ts';
import { Iovecs } from '../syscalls/iovecs.ts';
import { Account } from './account.ts';
import { SpawnError } from './error.ts';
import { dropAll, Grants } from './grants.ts';
import { HeapPolicy } from './heap.ts';
import { refusedFunctions } from './hostcall.ts';
import { FDS_MAX, QUANTUM_NS, RESOURCE } from './limits.ts';
import { refusal } from './link.ts';
import { PidNamespace, type PidShare, PidTable } from './pid.ts';
import { Pipe, pipeEnds } from './pipe.ts';
import { type Watch, within } from './policy/watch.ts';
import { Process } from './process.ts';
import type { Protect } from './protection.ts';
import { type Cell, Recycler } from './recycler.ts';
import { refusedMemory, refusedTask } from './refusal.ts';
import { auditOf, Descriptors, excess, fill, gateOf, memoryType, occupy, type SpawnRequest, stringsOf } from './request.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { Timers } from './scheduler/timers.ts';
import { AddressSpace } from './space.ts';
import { signalled, stopped } from './status.ts';
import { type Template, Templates } from './template.ts';
import { Warm } from './warm.ts';

/** Imports are linked to those that a process was given: they serve no other. */
const isFunction = ({ object }: Capability<CapObject>): boolean => object.kind === 'function';

/** What a process is made of before it is one. */
interface Making {
  readonly account: Account;
  readonly capabilities: CapTable;
  readonly space: AddressSpace;
  /** It is given functions of the embedder. */
  readonly calls: boolean;
  readonly watch: Watch | undefined;
  readonly protect: Protect;
  readonly template: Template | undefined;
  /** Whose these are, where they served others before. */
  readonly cell: Cell | undefined;
}

export class Kernel {
  readonly hal: Hal;
  readonly scheduler: Scheduler;
  readonly timers: Timers;
  /** One for all threads: it serves the call at hand, and no two are at hand at once. */
  readonly iovecs = new Iovecs();
  readonly heap: HeapPolicy;
  readonly recycler = new Recycler();
  readonly templates: Templates;
  readonly warm = new Warm(this);
  /** Told of what becomes of the capabilities of processes that are spawned from now on. */
  auditor: Auditor | undefined;
  readonly #processes: PidTable<Process>;

  /** `pids`: where there are other kernels whose numbers must differ. */
  constructor(hal: Hal, pids?: PidShare, quantumNs: number = QUANTUM_NS) {
    this.#processes = new PidTable(pids);
    this.hal = hal;
    this.heap = new HeapPolicy(hal.heap, hal.clock, hal.entropy);
    this.scheduler = new Scheduler({ ...hal, quantumNs });
    this.timers = new Timers(hal.clock, hal.cpu);
    this.templates = new Templates(hal.mmu);
  }

  get processes(): Iterable<Process> {
    return this.#processes;
  }

  process(pid: number): Process | undefined {
    return this.#processes.get(pid);
  }

  /** Makes a process and lets it run. Throws SpawnError, and then nothing of it is left. */
  spawn(request: SpawnRequest): Process {
    const { program, limits, parent } = request;
    const template = program.sealed && this.templates.of(program, program.sealed);
    const account = new Account(parent?.account, limits);
    const [fds, quota] = [Math.min(limits.fds, FDS_MAX), new Descriptors(account)];
    const watch = within(parent?.gate?.watch, request.watch);
    const calls = request.handles.some(isFunction);
    const reuses = template !== undefined && this.auditor === undefined && !calls;
    const protect = request.protect ?? parent?.guard.protect ?? {};
    const take = request.task === 'prepare' ? 'takeBare' : 'take';
    const cell = reuses ? this.recycler[take](template, watch, limits.memory, protect) : undefined;
    cell?.capabilities.renew(fds, quota);
    const capabilities = cell?.capabilities ?? new CapTable(fds, quota);
    const space = cell?.space ?? new AddressSpace(this.hal.mmu, account, program.layout);
    try {
      return this.#spawn(request, { account, capabilities, space, calls, watch, template, cell, protect });
    } catch (error) {
      capabilities.closeAll();
      dropAll(request.roots ?? []);
      space.release();
      for (const resource of [RESOURCE.threads, RESOURCE.processes]) account.release(resource, account.own(resource));
      throw error;
    }
  }

  #spawn(request: SpawnRequest, { account, capabilities, space, calls, watch, template, cell, protect }: Making): Process {
    const { program, limits, parent } = request;
    if (program.sealed !== undefined && template === undefined)
      throw new SpawnError('NOMEM', 'the host has no room for its template');
    if (!fill(capabilities, request)) {
      throw new SpawnError('MFILE', `${request.descriptors.length} descriptors are given, but the limit is ${limits.fds}`);
    }
    this.#makeRoom();
    for (const resource of ['processes', 'threads'] as const) {
      if (!account.charge(RESOURCE[resource], 1)) {
        throw new SpawnError('AGAIN', `the limit on ${resource} of this process, or of one above it, is reached`);
      }
    }
    const refused =
      (template === undefined ? refusal(program.layout) : undefined) ??
      refusedTask(program.layout, request.task) ??
      refusedMemory(program.layout, capabilities) ??
      (calls ? refusedFunctions(program.layout, capabilities) : undefined);
    if (refused !== undefined) throw new SpawnError('NOEXEC', refused);
    const [args, environment] = stringsOf(request);
    const types = program.layout.memories.map((layout, i) => memoryType(layout, limits, template?.pages[i]));
    const occupied = () => occupy(space, account, types, program, template, cell !== undefined, protect);
    let lacking = occupied();
    // What waits for others has room of the host's.
    if (lacking === 'host' && this.recycler.size > 0) {
      this.recycler.drop();
      lacking = occupied();
    }
    if (lacking === 'host') throw new SpawnError('NOMEM', `the host has no room for its memory`);
    const namespace = request.ownPids ? new PidNamespace() : parent?.namespace;
    const number = namespace?.enter();
    if (namespace !== undefined && number === undefined) throw new SpawnError('AGAIN', 'every number of its namespace was used');
    const process = this.#processes.insert(
      (pid) =>
        new Process(pid, this, {
          program,
          parent,
          args,
          environment,
          capabilities,
          grants: new Grants(capabilities, request.roots ?? []),
          limits,
          nice: request.nice ?? parent?.nice ?? 0,
          account,
          space,
          onSoftLimit: request.onSoftLimit,
          onCharge: request.onCharge,
          task: request.task,
          protect,
          template,
          cell,
          namespace,
          number,
        }),
    );
    if (process === undefined) throw new SpawnError('AGAIN', 'every process number is in use');
    process.first = request.first ?? false;
    cell?.gate?.renew(process);
    process.gate = cell === undefined ? gateOf(process, watch, this.auditor && auditOf(process, this.auditor)) : cell.gate;
    if (lacking === 'limit') process.end(stopped('memory-limit', excess(types, limits)));
    process.start();
    this.warm.spawned(request);
    return process;
  }

  /** No process will start from this program any more: gives back what was kept for them. */
  forget(program: Program): void {
    this.warm.forget(program);
    const template = this.templates.forget(program);
    if (template !== undefined) this.recycler.drop(template);
  }

  /** No process will start any more: gives the host back what was kept for them. */
  close(): void {
    this.recycler.drop();
    this.templates.close();
    this.hal.mmu.trim();
  }

  /** What the host holds is found out when there is a second process: that takes longer than a small program runs. */
  #makeRoom(): void {
    const held = this.#processes.size + this.recycler.size;
    if (held === 0 || held < this.hal.host.processesMax) return;
    this.recycler.drop();
    if (this.#processes.size >= this.hal.host.processesMax)
      throw new SpawnError('AGAIN', `this host holds ${this.hal.host.processesMax} processes at once`);
  }

  /**
   * Hands capabilities of one process to another: their numbers there; or why not, and then nothing has changed. SRCH: the other
   * has ended or is about to.
   */
  transfer(from: Process, numbers: readonly number[], to: Process, how: Transfer): number[] | PackError | 'MFILE' | 'SRCH' {
    return to.ending !== undefined ? 'SRCH' : transfer(from.capabilities, numbers, to.capabilities, how);
  }

  /**
   * A process has ended: its children get another parent. It stays a zombie until it is reaped. What the first of a tree leaves
   * behind ends with it. A child that its new parent may not wait for, as it holds no capability on it, is reaped at its end.
   */
  ended(process: Process): void {
    this.warm.changed(process.program);
    const { parent } = process;
    for (const child of process.children) {
      child.parent = parent;
      parent?.children.add(child);
      if (parent?.offspring.mayWait(child) !== true) child.done.then(() => this.reap(child));
      if (!process.first) continue;
      child.first = true;
      child.end(signalled('SIGKILL', 'the process that it descends from has ended'));
    }
    if (process.children.size > 0) process.children.clear();
  }

  /** Forgets a process that has ended. */
  reap(process: Process): void {
    if (process.status === undefined) return;
    if (!this.#processes.remove(process.pid)) return;
    process.parent?.children.delete(process);
    process.parent?.reaped(process.status);
    process.account.release(RESOURCE.processes, 1);
  }

  /** Both ends of a new pipe between a process and its embedder: what the process writes to it is its output. */
  pipe(): readonly [reader: Capability, writer: Capability] {
    return pipeEnds(new Pipe(), 'output');
  }
}
