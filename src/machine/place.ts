// The CPU in place: the kernel runs on the thread that booted the machine, and is called directly.
import type { Auditor } from '../caps/audit.ts';
import type { Capability } from '../caps/capability.ts';
import type { HostCaller } from '../caps/hostfunction.ts';
import type { Console } from '../hal/console.ts';
import type { Devices, Hal } from '../hal/hal.ts';
import { nodeConsole } from '../hal/node/console.ts';
import type { Invocation } from '../kernel/execution.ts';
import type { HeldCapability } from '../kernel/grants.ts';
import { Kernel } from '../kernel/kernel.ts';
import type { PidShare } from '../kernel/pid.ts';
import type { Process } from '../kernel/process.ts';
import type { WarmOrder } from '../kernel/warm.ts';
import type { Program, Sealed } from '../runtime/program.ts';
import type { Signal } from '../syscalls/caller.ts';
import type { Attendant } from './attendant.ts';
import type { ChildStreams, Live, MachineCpu, Running } from './cpu.ts';
import { takesDevices } from './grant.ts';
import { heldRegions } from './held-regions.ts';
import type { HostFunctions, HostReach } from './hostfunction.ts';
import { closeConsole, launch } from './launch.ts';
import type { Order } from './order.ts';
import { readable, writable } from './streams.ts';

const STDIN_FD = 0;
/** A machine that lasts gets its tick before a guest needs it; a command that is over sooner does without the thread. */
const TICK_AFTER_MS = 50;

export class PlaceCpu implements MachineCpu {
  readonly #kernel: Kernel;
  readonly #functions: HostFunctions;
  readonly #tickStart: NodeJS.Timeout;
  #console: Console | undefined;
  #devices: Devices | undefined;
  load = 0;

  constructor(hal: Hal, pids: PidShare, quantumNs: number, functions: HostFunctions, auditor: Auditor | undefined) {
    this.#functions = functions;
    this.#kernel = new Kernel(hal, pids, quantumNs);
    this.#kernel.auditor = auditor;
    this.#tickStart = setTimeout(() => hal.tick.start(), TICK_AFTER_MS).unref();
  }

  async spawn(order: Order, attendant: Attendant): Promise<Running> {
    const outer: (Capability | undefined)[] = [];
    const pipe = (fd: number): Capability => {
      const [reader, writer] = this.#kernel.pipe();
      const [inner, mine] = fd === STDIN_FD ? [reader, writer] : [writer, reader];
      outer[fd] = mine;
      return inner;
    };
    if (order.grants.some(takesDevices)) this.#devices ??= await this.#kernel.hal.devices();
    let process: Process;
    try {
      process = launch(this.#kernel, order, {
        console: () => this.#host,
        devices: this.#devices,
        pipe,
        invoke: (id) => (caller, args) => this.#functions.call(id, reachOf(caller), args),
        attendant,
      });
    } catch (error) {
      for (const end of outer) end?.drop();
      throw error;
    }
    this.load++;
    process.done.then(() => {
      this.load--;
      this.#kernel.reap(process);
    });
    const [stdin, stdout, stderr] = outer;
    return new PlacedProcess(process, {
      stdin: stdin === undefined ? null : writable(stdin),
      stdout: stdout === undefined ? null : readable(stdout),
      stderr: stderr === undefined ? null : readable(stderr),
    });
  }

  warm(program: Program, order: WarmOrder): void {
    this.#kernel.warm.keep(program, order);
  }

  async revokeRegions(ids: readonly number[]): Promise<void> {
    // Not while a guest is in the middle of a call.
    await undefined;
    heldRegions(this.#kernel).revoke(ids);
  }

  forget(program: Program): void {
    this.#kernel.forget(program);
  }

  /** There is no way: a process that runs on this thread keeps it. */
  async abort(): Promise<void> {}

  async close(forced: boolean): Promise<void> {
    clearTimeout(this.#tickStart);
    this.#kernel.hal.tick.close();
    this.#kernel.close();
    await this.#devices?.net.close(forced);
    if (this.#console !== undefined) await closeConsole(this.#console, forced);
  }

  get #host(): Console {
    this.#console ??= nodeConsole();
    return this.#console;
  }
}

/** Functions of the embedder see the process as they do from another thread. */
const reachOf = (caller: HostCaller): HostReach => ({
  pid: caller.pid,
  done: caller.done,
  read: async (address, length) => caller.read(address, length),
  write: async (address, bytes) => caller.write(address, bytes),
});

class PlacedProcess implements Running {
  readonly streams: ChildStreams;
  readonly #process: Process;

  constructor(process: Process, streams: ChildStreams) {
    this.#process = process;
    this.streams = streams;
  }

  get pid(): number {
    return this.#process.pid;
  }
  get program(): Process['program'] {
    return this.#process.program;
  }
  get limits(): Process['limits'] {
    return this.#process.limits;
  }
  get done(): Process['done'] {
    return this.#process.done;
  }
  get status(): Process['status'] {
    return this.#process.status;
  }
  get results(): Process['results'] {
    return this.#process.results;
  }

  signal(signal: Signal): void {
    this.#process.signal(signal);
  }

  call(invocation: Invocation): Promise<readonly unknown[]> {
    return this.#process.call(invocation);
  }

  async read(address: number, length: number): Promise<Uint8Array | undefined> {
    const { memory } = this.#process;
    return memory.has(address, length) ? memory.bytes.slice(address, address + length) : undefined;
  }

  async write(address: number, bytes: Uint8Array): Promise<boolean> {
    const { memory } = this.#process;
    if (!memory.hasWritable(address, bytes.length)) return false;
    memory.bytes.set(bytes, address);
    return true;
  }

  async capabilities(): Promise<readonly HeldCapability[]> {
    return this.#process.grants.held();
  }

  async revoke(what: string | number): Promise<boolean> {
    return this.#process.grants.revoke(what);
  }

  seal(): Promise<Sealed | string | undefined> {
    return this.#process.seal();
  }

  live(): Live {
    const { parent, state } = this.#process;
    const threads = this.#process.threads.map(({ state, times }) => ({ state, times }));
    return { ppid: parent?.pid ?? 0, state, threads, usage: this.#process.usage(), limits: this.#process.getLimits() };
  }
}
