// The kernel: makes processes, knows them, and buries them. It is single-threaded, owns its processes outright and takes no
// lock. What it knows of the host is its HAL.
import { RIGHT, streamRights } from '../caps/rights.ts';
import { Capability, CapTable } from '../caps/table.ts';
import type { Hal } from '../hal/hal.ts';
import type { MemoryType } from '../hal/mmu.ts';
import type { Layout, MemoryLayout } from '../runtime/layout.ts';
import type { Program } from '../runtime/program.ts';
import { Iovecs } from '../syscalls/iovecs.ts';
import { SpawnError } from './error.ts';
import { ARGUMENT_BYTES_MAX, FDS_MAX, type Limits, PAGES_MAX, WASM_PAGE } from './limits.ts';
import { refusal } from './link.ts';
import { PidTable } from './pid.ts';
import { Pipe, PipeEnd } from './pipe.ts';
import { printable } from './printable.ts';
import { type HeldMemory, type Invocation, Process, type Task } from './process.ts';
import { Scheduler } from './scheduler.ts';
import { stopped } from './status.ts';
import { encodeStrings } from './strings.ts';

/** What a new process is to be and to have. */
export interface SpawnRequest {
  readonly program: Program;
  readonly parent?: Process;
  /** From argv[0] on. */
  readonly args: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** Its descriptors, from 0 on; they are the process's from now on, whatever happens. */
  readonly descriptors: readonly Capability[];
  readonly clock: boolean;
  readonly entropy: boolean;
  readonly limits: Limits;
  /** Its parent's by default, or 0. */
  readonly nice?: number;
  readonly task: Task;
}

export class Kernel {
  readonly hal: Hal;
  readonly scheduler: Scheduler;
  /** One for all threads: it serves the call at hand, and no two are at hand at once. */
  readonly iovecs = new Iovecs();
  readonly #processes = new PidTable<Process>();

  constructor(hal: Hal) {
    this.hal = hal;
    this.scheduler = new Scheduler(hal.clock, hal.cpu);
  }

  get processes(): Iterable<Process> {
    return this.#processes;
  }

  process(pid: number): Process | undefined {
    return this.#processes.get(pid);
  }

  /** Makes a process and lets it run. Throws SpawnError, and then nothing of it is left. */
  spawn(request: SpawnRequest): Process {
    const capabilities = new CapTable(Math.min(request.limits.fds, FDS_MAX));
    const memories: HeldMemory[] = [];
    try {
      return this.#spawn(request, capabilities, memories);
    } catch (error) {
      capabilities.closeAll();
      for (const { memory, type } of memories) this.hal.mmu.release(memory, type);
      throw error;
    }
  }

  #spawn(request: SpawnRequest, capabilities: CapTable, memories: HeldMemory[]): Process {
    const { program, limits } = request;
    for (const [i, capability] of request.descriptors.entries()) {
      if (capabilities.insert(capability) !== undefined) continue;
      for (const left of request.descriptors.slice(i)) left.object.release();
      throw new SpawnError('MFILE', `${request.descriptors.length} descriptors are given, but the limit is ${limits.fds}`);
    }
    // What the host holds is found out when there is a second process: that takes longer than a small program runs.
    if (this.#processes.size > 0 && this.#processes.size >= this.hal.host.processesMax) {
      throw new SpawnError('AGAIN', `this host holds ${this.hal.host.processesMax} processes at once`);
    }
    const refused = refusal(program.layout) ?? refusedTask(program.layout, request.task);
    if (refused !== undefined) throw new SpawnError('NOEXEC', refused);
    const variables = [...request.environment].map(([name, value]) => `${name}=${value}`);
    if ([...request.args, ...variables].some((text) => text.includes('\0'))) {
      throw new SpawnError('INVAL', 'an argument or a variable contains a NUL, which ends it for the program');
    }
    const args = encodeStrings(request.args);
    const environment = encodeStrings(variables);
    if (args.bytes + environment.bytes > ARGUMENT_BYTES_MAX) {
      throw new SpawnError(
        '2BIG',
        `arguments and environment take ${args.bytes + environment.bytes} bytes; the limit is ${ARGUMENT_BYTES_MAX}`,
      );
    }
    const types = program.layout.memories.map((layout) => memoryType(layout, limits));
    const declared = types.reduce((sum, { minimum }) => sum + minimum, 0) * WASM_PAGE;
    const fits = declared <= limits.memory;
    for (const type of fits ? types : []) {
      const memory = this.hal.mmu.allocate(type);
      if (memory === undefined) throw new SpawnError('NOMEM', `the host has no room for a memory of ${type.minimum} pages`);
      memories.push({ memory, type });
    }
    const process = this.#processes.insert(
      (pid) =>
        new Process(pid, this, {
          program,
          parent: request.parent,
          args,
          environment,
          capabilities,
          clock: request.clock ? this.hal.clock : undefined,
          entropy: request.entropy ? this.hal.entropy : undefined,
          limits,
          nice: request.nice ?? request.parent?.nice ?? 0,
          memories,
          task: request.task,
        }),
    );
    if (process === undefined) throw new SpawnError('AGAIN', 'every process number is in use');
    if (!fits) process.end(stopped('memory-limit', `its memory starts at ${declared} bytes; the limit is ${limits.memory}`));
    process.start();
    return process;
  }

  /** A process has ended: its children get another parent. It stays a zombie until it is reaped. */
  ended(process: Process): void {
    for (const child of process.children) {
      child.parent = process.parent;
      process.parent?.children.add(child);
    }
    process.children.clear();
  }

  /** Forgets a process that has ended. */
  reap(process: Process): void {
    if (process.status === undefined) return;
    process.parent?.children.delete(process);
    this.#processes.remove(process.pid);
  }

  /** Both ends of a new pipe. */
  pipe(): readonly [reader: Capability, writer: Capability] {
    const pipe = new Pipe();
    const rights = streamRights(false) | RIGHT.transfer;
    return [
      new Capability(new PipeEnd(pipe, 'read'), rights & ~RIGHT.write),
      new Capability(new PipeEnd(pipe, 'write'), rights & ~RIGHT.read),
    ];
  }
}

/** The declared maximum, or what the limit or the address type allows where that is less: V8 then holds the bound too. */
function memoryType({ minimum, maximum, shared, address }: MemoryLayout, limits: Limits): MemoryType {
  const reach = address === 'i32' ? PAGES_MAX : Number.POSITIVE_INFINITY;
  const allowed = Math.max(minimum, Math.min(Math.floor(limits.memory / WASM_PAGE), reach));
  return { minimum, maximum: Math.min(maximum ?? allowed, allowed), shared, address };
}

const NUMERIC = new Set<unknown>(['i32', 'i64', 'f32', 'f64']);

/** Why the program cannot be started the way that was asked for. */
function refusedTask(layout: Layout, task: Task): string | undefined {
  if (task === 'reactor') return undefined;
  if (task !== 'command') return refusedCall(layout, task);
  const start = exported(layout, '_start');
  if (start === undefined)
    return `has no _start: it is no command. Name an export to call with --invoke; it exports ${listed(layout)}`;
  const takes = (start.params?.length ?? 0) + (start.results?.length ?? 0);
  return takes === 0 ? undefined : '_start takes or returns values: it is no command';
}

/** Why an export cannot be called so. */
export function refusedCall(layout: Layout, { name, args }: Invocation): string | undefined {
  const found = exported(layout, name);
  if (found === undefined) return `exports no function ${printable(name)}; it exports ${listed(layout)}`;
  const params = found.params ?? [];
  if (![...params, ...(found.results ?? [])].every((type) => NUMERIC.has(type)))
    return `${printable(name)} takes or returns values that are no numbers`;
  return params.length === args.length
    ? undefined
    : `${printable(name)} takes ${params.length} arguments (${params.join(', ')}), not ${args.length}`;
}

const exported = (layout: Layout, wanted: string) =>
  layout.exports.find(({ kind, name }) => kind === 'function' && name === wanted);

/** The functions that can be called, for a person: the first few. */
function listed(layout: Layout): string {
  const names = layout.exports.filter(({ kind }) => kind === 'function').map(({ name }) => printable(name));
  return names.length === 0 ? 'no functions' : `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''}`;
}
