// One thread with a kernel, from the machine's side, for as long as it lives: a thread that dies takes its processes with it and
// is never started again.

import type { Auditor } from '../../caps/audit.ts';
import type { Policy } from '../../caps/policy/policy.ts';
import type { HostThread, ThreadEvents } from '../../hal/node/thread.ts';
import { type Cause, crashed, signalled } from '../../kernel/status.ts';
import type { WarmOrder } from '../../kernel/warm.ts';
import type { Program } from '../../runtime/program.ts';
import { type Attendant, attended } from '../attendant.ts';
import { SuperosError } from '../error.ts';
import type { HostFunctions } from '../hostfunction.ts';
import type { Order } from '../order.ts';
import { AnsweringSide } from './hostcalls.ts';
import { newPage } from './page.ts';
import type { FromKernel, ToKernel } from './protocol.ts';
import { type Line, RemoteProcess } from './remote.ts';

interface Spawning {
  readonly remote: RemoteProcess;
  readonly resolve: (remote: RemoteProcess) => void;
  readonly reject: (error: Error) => void;
}

export class KernelThread {
  /** Resolves when it takes orders; rejects where it never will. */
  readonly ready: Promise<void>;
  /** Resolves when it is over, however that came. */
  readonly gone: Promise<void>;
  /** The greatest process number that it has given out. */
  greatestPid = 0;
  readonly #thread: HostThread;
  readonly #busy: Float64Array;
  readonly #answering: AnsweringSide;
  readonly #auditor: Auditor | undefined;
  readonly #line: Line;
  readonly #spawning = new Map<number, Spawning>();
  readonly #processes = new Map<number, RemoteProcess>();
  #nextId = 0;
  /** Regions that processes here were given, with the last of these; those that are known to be taken away are left out. */
  readonly #regions = new Map<number, number>();
  /** Those that are being taken away. */
  readonly #unmapping = new Map<number, () => void>();
  #nextUnmapping = 0;
  /** What was sent, and is named from then on. */
  readonly #shared = new WeakMap<Program | Policy, number>();
  #nextShared = 0;
  readonly #forgotten = new FinalizationRegistry<number>((shared) => this.#send({ type: 'forget', shared }));
  #isReady = false;
  #aborting = false;
  /** Why it takes no orders any more. */
  #over: string | undefined;
  readonly #booted = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();

  /** `start` makes the thread, with what it is to tell this one. */
  constructor(
    start: (events: ThreadEvents) => HostThread,
    busy: Float64Array,
    alone: boolean,
    functions: HostFunctions,
    auditor: Auditor | undefined,
  ) {
    this.#busy = busy;
    this.#answering = new AnsweringSide(functions, (message) => this.#send({ type: 'host', message }));
    this.#auditor = auditor;
    this.#line = {
      alone,
      send: (message, transfer) => this.#send(message, transfer),
      busySinceNs: () => this.#busy[0]!,
      ready: () => this.#busy[1]!,
    };
    this.ready = this.#booted.promise;
    this.ready.catch(() => undefined);
    this.gone = this.#gone.promise;
    this.#thread = start({
      message: (message) => this.#receive(message as FromKernel),
      died: (why) => this.#lose(crashed(`its thread died: ${why}`), why),
    });
    this.#thread.hold();
    const release = () => this.#thread.release();
    this.ready.then(release, release);
  }

  /** Processes that have not ended, those that are being started included. */
  get load(): number {
    return this.#processes.size + this.#spawning.size;
  }
  /** It takes orders, or has taken some. */
  get started(): boolean {
    return this.#isReady;
  }
  get over(): boolean {
    return this.#aborting || this.#over !== undefined;
  }

  async spawn(order: Order, attendant: Attendant): Promise<RemoteProcess> {
    const { promise, resolve, reject } = Promise.withResolvers<RemoteProcess>();
    if (this.over) throw lost(this.#over ?? 'it is being ended');
    const { program: value, programs, policies, policy, ...rest } = order;
    const id = this.#nextId++;
    const page = newPage();
    // What cannot be sent throws, and then nothing is asked for.
    this.#send({
      type: 'spawn',
      id,
      program: this.#program(value),
      policy: policy && this.#policy(policy),
      order: rest,
      policies: policies.map(({ name, confinement }) => ({ name, policy: this.#policy(confinement.policy) })),
      programs: programs.map(({ path, program }) => ({ path, program: this.#program(program) })),
      page,
      attended: attended(attendant),
    });
    for (const { line } of order.regions) for (const region of line) this.#regions.set(region.id, id);
    // While the thread begins with it.
    const remote = new RemoteProcess(id, this.#line, page, order, attendant);
    this.#spawning.set(id, { remote, resolve, reject });
    this.#thread.hold();
    return promise;
  }

  warm(program: Program, order: WarmOrder): void {
    this.#send({ type: 'warm', program: this.#program(program), order });
  }

  /** Once it resolves none of these regions is in a process here that was given it before. Raw code that never turns to its kernel is waited for. */
  async revokeRegions(regions: readonly number[]): Promise<void> {
    const given = regions.filter((id) => this.#regions.has(id));
    const before = this.#nextId;
    if (this.#over !== undefined || given.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const request = this.#nextUnmapping++;
    this.#unmapping.set(request, resolve);
    this.#thread.hold();
    this.#send({ type: 'unmap', request, regions: given });
    await Promise.race([promise, this.gone]);
    if (this.#unmapping.delete(request)) this.#thread.release();
    for (const id of given) if ((this.#regions.get(id) ?? before) < before) this.#regions.delete(id);
  }

  /** No process will start from this program any more. */
  forget(program: Program): void {
    const shared = this.#shared.get(program);
    if (shared === undefined) return;
    this.#shared.delete(program);
    this.#send({ type: 'forget', shared });
  }

  /** Ends the thread at once, and its processes with it, for this cause. */
  async abort(cause: Cause): Promise<void> {
    this.#aborting = true;
    // What it has sent until then is heard first.
    await this.#thread.end();
    this.#lose(cause, 'it was ended');
  }

  /** Ends the thread, on which nothing runs any more, once what was written to the console is written. */
  async close(forced: boolean): Promise<void> {
    if (this.#over === undefined && this.#isReady) {
      this.#thread.hold();
      this.#send({ type: 'close', forced });
      await Promise.race([this.#closed.promise, this.gone]);
      this.#thread.release();
    }
    await this.#thread.end();
    this.#lose(signalled('SIGKILL'), 'the machine has been shut down');
  }

  #send(message: ToKernel, transfer?: readonly ArrayBuffer[]): void {
    if (this.#over === undefined) this.#thread.send(message, transfer);
  }

  #receive(message: FromKernel): void {
    if (this.#over !== undefined) return;
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#booted.resolve();
        return;
      case 'unmapped':
        this.#unmapping.get(message.request)!();
        return;
      case 'closed':
        this.#closed.resolve();
        return;
      case 'host':
        this.#answering.receive(message.message);
        return;
      case 'audit':
        this.#auditor?.record(message.event);
        return;
      case 'spawned': {
        const { remote, resolve } = this.#spawning.get(message.id)!;
        this.#spawning.delete(message.id);
        this.#processes.set(message.id, remote);
        this.greatestPid = Math.max(this.greatestPid, message.pid);
        remote.pid = message.pid;
        resolve(remote);
        return;
      }
      case 'refused': {
        const { reject } = this.#spawning.get(message.id)!;
        this.#spawning.delete(message.id);
        this.#thread.release();
        reject(new SuperosError(message.code, message.message));
        return;
      }
      default: {
        const remote = this.#processes.get(message.id);
        if (message.type === 'ended') {
          this.#processes.delete(message.id);
          this.#thread.release();
        }
        remote?.receive(message);
      }
    }
  }

  #lose(cause: Cause, why: string): void {
    if (this.#over !== undefined) return;
    this.#over = why;
    this.#booted.reject(lost(why));
    for (const { reject } of this.#spawning.values()) {
      this.#thread.release();
      reject(lost(why));
    }
    this.#spawning.clear();
    for (const remote of this.#processes.values()) {
      this.#thread.release();
      remote.lost(cause);
    }
    this.#processes.clear();
    this.#answering.lose();
    this.#gone.resolve();
  }

  #policy(policy: Policy): number {
    return this.#share(policy, (number) => ({ type: 'policy', policy: number, value: policy }));
  }

  #program(program: Program): number {
    return this.#share(program, (number) => ({ type: 'program', program: number, value: program }));
  }

  #share(value: Program | Policy, message: (number: number) => ToKernel): number {
    const known = this.#shared.get(value);
    if (known !== undefined) return known;
    const number = this.#nextShared++;
    // What cannot be sent throws.
    this.#send(message(number));
    this.#shared.set(value, number);
    this.#forgotten.register(value, number);
    return number;
  }
}

const lost = (why: string) => new SuperosError('ended', `the thread that was to run it is gone: ${why}`);
