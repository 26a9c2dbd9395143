// A kernel on a thread of its own, from its inside: carries out what the machine asks for and tells what comes of it. An error
// that is not a guest's ends the thread, and the machine knows what to say.
import type { Capability } from '../../caps/capability.ts';
import type { Policy } from '../../caps/policy/policy.ts';
import type { Console } from '../../hal/console.ts';
import type { Devices } from '../../hal/hal.ts';
import { nodeConsole } from '../../hal/node/console.ts';
import { nodeDevices } from '../../hal/node/devices.ts';
import { nodeHal } from '../../hal/node/hal.ts';
import { Kernel } from '../../kernel/kernel.ts';
import type { Process } from '../../kernel/process.ts';
import type { Program } from '../../runtime/program.ts';
import type { Attendant, Attended } from '../attendant.ts';
import { SuperosError } from '../error.ts';
import { confinementOf } from '../governed.ts';
import { heldRegions } from '../held-regions.ts';
import { closeConsole, launch } from '../launch.ts';
import { SendingAuditor } from './audited.ts';
import { Inlet, inlet, Outlet, outlet, type Wire } from './ends.ts';
import { CallingSide } from './hostcalls.ts';
import { PageWriter } from './page.ts';
import type { FromKernel, KernelStart, ToKernel } from './protocol.ts';
import { WatchedCpu, WatchedTick } from './watched.ts';

const STDIN_FD = 0;

export type Send = (message: FromKernel, transfer?: readonly ArrayBuffer[]) => void;

interface Entry {
  process: Process | undefined;
  readonly page: PageWriter;
  readonly ends: Map<number, Inlet | Outlet>;
  /** Asked and not answered. */
  readonly questions: Map<number, (allowed: boolean) => void>;
}

export class ThreadKernel {
  readonly #kernel: Kernel;
  readonly #send: Send;
  readonly #calling: CallingSide;
  readonly #eager: boolean;
  readonly #programs = new Map<number, Program>();
  readonly #policies = new Map<number, Policy>();
  readonly #entries = new Map<number, Entry>();
  /** Had the CPU since their pages were last written. */
  readonly #charged = new Map<Process, Entry>();
  readonly #devices: Devices;
  #console: Console | undefined;

  constructor(start: KernelStart, send: Send) {
    this.#send = send;
    this.#calling = new CallingSide((message) => send({ type: 'host', message }));
    this.#eager = start.alone;
    const { processesMax, protect, dns, tick } = start;
    const devices = nodeDevices({ disk: { protect }, net: { servers: dns } });
    this.#devices = devices;
    const hal = { ...nodeHal({ tick, processesMax }), devices: async () => devices };
    const busy = new Float64Array(start.busy);
    this.#kernel = new Kernel(
      {
        ...hal,
        host: { processesMax: start.processesMax },
        cpu: new WatchedCpu(hal.cpu, () => this.#breathe(busy)),
        tick: new WatchedTick(hal.tick, busy),
      },
      start.pids,
      start.quantumNs,
    );
    if (start.heard !== undefined)
      this.#kernel.auditor = new SendingAuditor((event) => this.#send({ type: 'audit', event }), start.heard);
  }

  receive(message: ToKernel): void {
    switch (message.type) {
      case 'program':
        this.#programs.set(message.program, message.value);
        return;
      case 'policy':
        this.#policies.set(message.policy, message.value);
        return;
      case 'forget':
        this.#forget(message.shared);
        return;
      case 'warm':
        this.#kernel.warm.keep(this.#programs.get(message.program)!, message.order);
        return;
      case 'spawn':
        this.#spawn(message);
        return;
      case 'unmap':
        heldRegions(this.#kernel).revoke(message.regions);
        this.#send({ type: 'unmapped', request: message.request });
        return;
      case 'host':
        this.#calling.receive(message.message);
        return;
      case 'close':
        this.#close(message.forced);
        return;
      default: {
        const entry = this.#entries.get(message.id);
        // It has ended, which the machine had not heard yet.
        if (entry === undefined) return;
        this.#tell(entry, message);
      }
    }
  }

  #forget(number: number): void {
    const program = this.#programs.get(number);
    this.#programs.delete(number);
    this.#policies.delete(number);
    if (program !== undefined) this.#kernel.forget(program);
  }

  #spawn({ id, program, policy, policies, order, programs, page, attended }: Extract<ToKernel, { type: 'spawn' }>): void {
    const entry: Entry = { process: undefined, page: new PageWriter(page), ends: new Map(), questions: new Map() };
    const around = {
      console: () => this.#host,
      devices: this.#devices,
      pipe: (fd: number) => this.#end(entry, id, fd),
      invoke: (id: number) => this.#calling.invoke(id),
      attendant: this.#attendant(id, entry, attended),
      onCharge: (process: Process) => this.#charged.set(process, entry),
    };
    let process: Process;
    try {
      const loaded = programs.map(({ path, program: number }) => ({ path, program: this.#programs.get(number)! }));
      const named = {
        program: this.#programs.get(program)!,
        policy: policy === undefined ? undefined : this.#policies.get(policy)!,
        programs: loaded,
        policies: policies.map(({ name, policy: number }) => ({ name, confinement: confinementOf(this.#policies.get(number)!) })),
      };
      process = launch(this.#kernel, { ...order, ...named }, around);
    } catch (error) {
      if (!(error instanceof SuperosError)) throw error;
      this.#send({ type: 'refused', id, code: error.code, message: error.message });
      return;
    }
    entry.process = process;
    entry.page.write(process);
    this.#entries.set(id, entry);
    this.#send({ type: 'spawned', id, pid: process.pid });
    process.done.then((status) => {
      this.#kernel.reap(process);
      this.#entries.delete(id);
      this.#charged.delete(process);
      entry.page.write(process);
      this.#send({ type: 'ended', id, status, results: process.results });
    });
  }

  /** The embedder, at the other end of the line. */
  #attendant(id: number, { questions }: Entry, { softLimits, asks, observes }: Attended): Attendant {
    let next = 0;
    return {
      onSoftLimit: softLimits ? (resource) => this.#send({ type: 'soft', id, resource }) : undefined,
      ask: asks
        ? (question, withdrawn) => {
            const { promise, resolve } = Promise.withResolvers<boolean>();
            const request = next++;
            questions.set(request, resolve);
            this.#send({ type: 'ask', id, request, question });
            withdrawn.then(() => {
              if (questions.delete(request)) this.#send({ type: 'withdrawn', id, request });
            });
            return promise;
          }
        : undefined,
      observe: observes ? (observations, by) => this.#send({ type: 'observed', id, observations, by }) : undefined,
    };
  }

  #tell(
    entry: Entry,
    message: Exclude<ToKernel, { type: 'program' | 'policy' | 'forget' | 'warm' | 'spawn' | 'unmap' | 'host' | 'close' }>,
  ): void {
    const { id } = message;
    const process = entry.process!;
    switch (message.type) {
      case 'signal':
        process.signal(message.signal);
        return;
      case 'call':
        process.call(message.invocation).then(
          (value) => this.#send({ type: 'answer', id, request: message.request, value }),
          (error: Error) => this.#send({ type: 'failed', id, request: message.request, message: error.message }),
        );
        return;
      case 'seal':
        process.seal().then((value) => this.#send({ type: 'answer', id, request: message.request, value }));
        return;
      case 'peek': {
        const { request, address, length } = message;
        const value = process.memory.has(address, length) ? process.memory.bytes.slice(address, address + length) : undefined;
        this.#send({ type: 'answer', id, request, value }, value === undefined ? [] : [value.buffer as ArrayBuffer]);
        return;
      }
      case 'poke': {
        const { request, address, bytes } = message;
        const value = process.memory.hasWritable(address, bytes.byteLength);
        if (value) process.memory.bytes.set(new Uint8Array(bytes), address);
        this.#send({ type: 'answer', id, request, value });
        return;
      }
      case 'held':
        this.#send({ type: 'answer', id, request: message.request, value: process.grants.held() });
        return;
      case 'revoke':
        this.#send({ type: 'answer', id, request: message.request, value: process.grants.revoke(message.what) });
        return;
      case 'verdict':
        entry.questions.get(message.request)?.(message.allowed);
        entry.questions.delete(message.request);
        return;
      case 'data':
        (entry.ends.get(STDIN_FD) as Inlet).push(message.bytes);
        return;
      case 'credit':
        (entry.ends.get(message.fd) as Outlet).credit(message.bytes);
        return;
      case 'shut': {
        const end = entry.ends.get(message.fd);
        if (end instanceof Inlet) end.end();
        else end?.shut();
      }
    }
  }

  #end(entry: Entry, id: number, fd: number): Capability {
    const wire: Wire = {
      data: (bytes) => this.#send({ type: 'data', id, fd, bytes }, [bytes]),
      taken: () => this.#send({ type: 'taken', id }),
      shut: () => this.#send({ type: 'shut', id, fd }),
    };
    const end = fd === STDIN_FD ? new Inlet(wire) : new Outlet(wire, this.#eager);
    entry.ends.set(fd, end);
    return end instanceof Inlet ? inlet(end) : outlet(end);
  }

  get #host(): Console {
    this.#console ??= nodeConsole();
    return this.#console;
  }

  /** The host's event loop is served: what changed is written down. */
  #breathe(busy: Float64Array): void {
    busy[0] = 0;
    busy[1] = this.#kernel.scheduler.ready;
    for (const [process, { page }] of this.#charged) page.write(process);
    this.#charged.clear();
  }

  #close(forced: boolean): void {
    this.#kernel.close();
    const closed = this.#console === undefined ? Promise.resolve() : closeConsole(this.#console, forced);
    Promise.all([closed, this.#devices.net.close(forced)]).then(() => this.#send({ type: 'closed' }));
  }
}
