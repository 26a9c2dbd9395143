// A CPU on a thread of its own. When the thread dies, its processes are over, another takes its place, and what is spawned from
// then on runs there.

import { generationAfter, type PidShare } from '../../kernel/pid.ts';
import { signalled } from '../../kernel/status.ts';
import type { WarmOrder } from '../../kernel/warm.ts';
import type { Program } from '../../runtime/program.ts';
import type { Attendant } from '../attendant.ts';
import type { MachineCpu, Running } from '../cpu.ts';
import type { Order } from '../order.ts';
import type { KernelThread } from './host.ts';

export class ThreadCpu implements MachineCpu {
  readonly #start: (pids: PidShare) => KernelThread;
  #pids: PidShare;
  #thread: KernelThread;
  #closed = false;
  /** A thread that takes the place of another is told too. */
  readonly #warm = new Map<Program, WarmOrder>();

  constructor(pids: PidShare, start: (pids: PidShare) => KernelThread) {
    this.#start = start;
    this.#pids = pids;
    this.#thread = this.#run();
  }

  /** Resolves when it takes orders. Rejects with SuperosError. */
  get ready(): Promise<void> {
    return this.#thread.ready;
  }
  get load(): number {
    return this.#thread.load;
  }

  spawn(order: Order, attendant: Attendant): Promise<Running> {
    // One that could not even start is tried again when it is needed.
    if (this.#thread.over && !this.#closed) this.#thread = this.#run();
    return this.#thread.spawn(order, attendant);
  }

  warm(program: Program, order: WarmOrder): void {
    if (order.count === 0) this.#warm.delete(program);
    else this.#warm.set(program, order);
    this.#thread.warm(program, order);
  }

  revokeRegions(ids: readonly number[]): Promise<void> {
    return this.#thread.revokeRegions(ids);
  }

  forget(program: Program): void {
    this.#warm.delete(program);
    this.#thread.forget(program);
  }

  abort(): Promise<void> {
    this.#closed = true;
    return this.#thread.abort(signalled('SIGKILL'));
  }

  close(forced: boolean): Promise<void> {
    this.#closed = true;
    return this.#thread.close(forced);
  }

  #run(): KernelThread {
    const thread = this.#start(this.#pids);
    for (const [program, order] of this.#warm) thread.warm(program, order);
    thread.gone.then(() => {
      for (const { gauge } of this.#warm.values()) Atomics.store(new Int32Array(gauge), 0, 0);
      if (this.#closed || !thread.started) return;
      this.#pids = generationAfter(thread.greatestPid, this.#pids);
      this.#thread = this.#run();
    });
    return thread;
  }
}
