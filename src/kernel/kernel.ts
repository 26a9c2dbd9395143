// The kernel: makes processes, knows them, and buries them. It is single-threaded, owns its processes outright and takes no
// lock. What it knows of the host is its HAL.
import { Audit, type Auditor } from '../caps/audit.ts';
import type { Capability } from '../caps/capability.ts';
import type { CapObject } from '../caps/object.ts';
import { type PackError, type Transfer, transfer } from '../caps/parcel.ts';
import { CapTable, type Quota } from '../caps/table.ts';
import type { Hal } from '../hal/hal.ts';
import type { MemoryType } from '../hal/mmu.ts';
import type { MemoryLayout } from '../runtime/layout.ts';
import type { Program } from '../runtime/program.ts';
import { Iovecs } from '../syscalls/iovecs.ts';
import { Account } from './account.ts';
import { SpawnError } from './error.ts';
import { dropAll, Grants } from './grants.ts';
import { HeapPolicy } from './heap.ts';
import { refusedFunctions } from './hostcall.ts';
import { ARGUMENT_BYTES_MAX, FDS_MAX, type Limits, PAGES_MAX, QUANTUM_NS, RESOURCE, type Resource, WASM_PAGE } from './limits.ts';
import { refusal } from './link.ts';
import { PidNamespace, type PidShare, PidTable } from './pid.ts';
import { Pipe, pipeEnds } from './pipe.ts';
import { Gate, type Watch, within } from './policy/gate.ts';
import { Process, type Task } from './process.ts';
import { refusedMemory, refusedTask } from './refusal.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { Timers } from './scheduler/timers.ts';
import { AddressSpace } from './space.ts';
import { signalled, stopped } from './status.ts';
import { encodeStrings, type Strings } from './strings.ts';

/** What a new process is to be and to have. */
export interface SpawnRequest {
  readonly program: Program;
  readonly parent?: Process;
  /** From argv[0] on. */
  readonly args: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** Its descriptors, from 0 on; they are the process's from now on, whatever happens. */
  readonly descriptors: readonly Capability[];
  /** Its other capabilities, from the first handle on, such as a clock; the process's from now on as well. */
  readonly handles: readonly Capability<CapObject>[];
  /** What its capabilities were derived from, for who grants them: kept until it is over, or dropped where it cannot be made. */
  readonly roots?: readonly Capability<CapObject>[];
  readonly limits: Limits;
  /** Its parent's by default, or 0. */
  readonly nice?: number;
  readonly task: Task;
  /** The first of its tree: what it leaves behind ends with it, and is forgotten. */
  readonly first?: boolean;
  /** How it is watched; its parent's policy holds for it all the same. */
  readonly watch?: Watch;
  /** It and its descendants count their numbers from 1, and know no others. */
  readonly ownPids?: boolean;
  /** Told when the process and those that descend from it use more than a soft limit that has no signal. */
  readonly onSoftLimit?: (resource: Resource) => void;
  /** Told each time that the process was charged for having the CPU. */
  readonly onCharge?: (process: Process) => void;
}

export class Kernel {
  readonly hal: Hal;
  readonly scheduler: Scheduler;
  readonly timers: Timers;
  /** One for all threads: it serves the call at hand, and no two are at hand at once. */
  readonly iovecs = new Iovecs();
  readonly heap: HeapPolicy;
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
    const account = new Account(parent?.account, limits);
    const capabilities = new CapTable(Math.min(limits.fds, FDS_MAX), new Descriptors(account));
    const main = program.layout.exports.find(({ kind, name }) => kind === 'memory' && name === 'memory')?.index ?? 0;
    const space = new AddressSpace(this.hal.mmu, account, main);
    try {
      return this.#spawn(request, account, capabilities, space);
    } catch (error) {
      capabilities.closeAll();
      dropAll(request.roots ?? []);
      space.release();
      for (const resource of [RESOURCE.threads, RESOURCE.processes]) account.release(resource, account.own(resource));
      throw error;
    }
  }

  #spawn(request: SpawnRequest, account: Account, capabilities: CapTable, space: AddressSpace): Process {
    const { program, limits, parent } = request;
    if (!fill(capabilities, request)) {
      throw new SpawnError('MFILE', `${request.descriptors.length} descriptors are given, but the limit is ${limits.fds}`);
    }
    // What the host holds is found out when there is a second process: that takes longer than a small program runs.
    if (this.#processes.size > 0 && this.#processes.size >= this.hal.host.processesMax) {
      throw new SpawnError('AGAIN', `this host holds ${this.hal.host.processesMax} processes at once`);
    }
    for (const resource of ['processes', 'threads'] as const) {
      if (!account.charge(RESOURCE[resource], 1)) {
        throw new SpawnError('AGAIN', `the limit on ${resource} of this process, or of one above it, is reached`);
      }
    }
    const refused =
      refusal(program.layout) ??
      refusedTask(program.layout, request.task) ??
      refusedMemory(program.layout, capabilities) ??
      refusedFunctions(program.layout, capabilities);
    if (refused !== undefined) throw new SpawnError('NOEXEC', refused);
    const [args, environment] = strings(request);
    const types = program.layout.memories.map((layout) => memoryType(layout, limits));
    const lacking = space.map(
      types,
      program.layout.tables.map(({ minimum }) => minimum),
    );
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
          namespace,
          number,
        }),
    );
    if (process === undefined) throw new SpawnError('AGAIN', 'every process number is in use');
    process.first = request.first ?? false;
    process.gate = gate(process, request.watch, this.auditor && audit(process, this.auditor));
    if (lacking === 'limit') process.end(stopped('memory-limit', excess(types, limits)));
    process.start();
    return process;
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
   * behind ends with it.
   */
  ended(process: Process): void {
    const { parent } = process;
    for (const child of process.children) {
      child.parent = parent;
      parent?.children.add(child);
      if (!process.first) continue;
      child.first = true;
      child.end(signalled('SIGKILL', 'the process that it descends from has ended'));
      child.done.then(() => this.reap(child));
    }
    process.children.clear();
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

/** The descriptors of a process, as its account has them. */
class Descriptors implements Quota {
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  get room(): number {
    return this.#account.room(RESOURCE.fds);
  }
  take(): void {
    this.#account.add(RESOURCE.fds, 1);
  }
  give(): void {
    this.#account.release(RESOURCE.fds, 1);
  }
}

/** Gives a process what it is to hold; false where there is no room, and then what found none is dropped. */
function fill(table: CapTable, { descriptors, handles }: SpawnRequest): boolean {
  const left: Capability<CapObject>[] = [];
  for (const one of descriptors) if (left.length > 0 || table.insert(one) === undefined) left.push(one);
  for (const one of handles) if (left.length > 0 || table.insertHandle(one) === undefined) left.push(one);
  for (const one of left) one.drop();
  return left.length === 0;
}

function audit({ pid, program, capabilities }: Process, auditor: Auditor): Audit {
  const told = new Audit(auditor, pid, program.name);
  capabilities.audit = told;
  for (const one of [...capabilities.slots, ...capabilities.handles]) if (one !== undefined) told.capability('grant', one);
  return told;
}

/** The gate of a process that is watched, by itself or as a descendant. */
function gate(process: Process, own: Watch | undefined, audit: Audit | undefined): Gate | undefined {
  const watch = within(process.parent?.gate?.watch, own);
  return watch === undefined && audit === undefined ? undefined : new Gate(process, watch ?? { enforce: true }, audit);
}

/** Arguments and environment as the program gets them. */
function strings({ args, environment }: SpawnRequest): readonly [Strings, Strings] {
  const variables = [...environment].map(([name, value]) => `${name}=${value}`);
  if ([...args, ...variables].some((text) => text.includes('\0'))) {
    throw new SpawnError('INVAL', 'an argument or a variable contains a NUL, which ends it for the program');
  }
  const encoded = [encodeStrings(args), encodeStrings(variables)] as const;
  const bytes = encoded[0].bytes + encoded[1].bytes;
  if (bytes > ARGUMENT_BYTES_MAX)
    throw new SpawnError('2BIG', `arguments and environment take ${bytes} bytes; the limit is ${ARGUMENT_BYTES_MAX}`);
  return encoded;
}

function excess(types: readonly MemoryType[], { memory }: Limits): string {
  const bytes = types.reduce((sum, { minimum }) => sum + minimum, 0) * WASM_PAGE;
  return bytes > memory
    ? `its memory starts at ${bytes} bytes; the limit is ${memory}`
    : `its memory starts at ${bytes} bytes, which with its tables is more than it or a process above it may have`;
}

/** The declared maximum, or what the limit or the address type allows where that is less: V8 then holds the bound too. */
function memoryType({ minimum, maximum, shared, address }: MemoryLayout, limits: Limits): MemoryType {
  const reach = address === 'i32' ? PAGES_MAX : Number.POSITIVE_INFINITY;
  const allowed = Math.max(minimum, Math.min(Math.floor(limits.memory / WASM_PAGE), reach));
  return { minimum, maximum: Math.min(maximum ?? allowed, allowed), shared, address };
}
