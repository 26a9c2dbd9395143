// Processes with a thread of their own, and the threads that wait for them. What such a process runs is raw: it may never turn
// to its kernel, so its end is brought about from here, by ending the thread, where it does not come within a moment.

import type { Invocation } from '../../kernel/execution.ts';
import type { Limits } from '../../kernel/limits.ts';
import { generationAfter, type PidShare } from '../../kernel/pid.ts';
import { disposition } from '../../kernel/signal.ts';
import { type Cause, signalled, stopped } from '../../kernel/status.ts';
import { loadProgram, type Program, type Sealed } from '../../runtime/program.ts';
import type { Signal } from '../../syscalls/caller.ts';
import type { Attendant } from '../attendant.ts';
import type { ChildStreams, Live, Running } from '../cpu.ts';
import { SuperosError } from '../error.ts';
import type { Order } from '../order.ts';
import { DEDICATED_MAX } from '../pids.ts';
import type { KernelThread } from './host.ts';
import type { RemoteProcess } from './remote.ts';

/**
 * What threads run before they wait: one byte of output, and the end.
 *
 * (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
 * (memory (export "memory") 1) (data (i32.const 4) "\01")
 * (func (export "_start") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
 */
const PROGRAM =
  'AGFzbQEAAAABDAJgBH9/f38Bf2AAAAIjARZ3YXNpX3NuYXBzaG90X3ByZXZpZXcxCGZkX3dyaXRlAAADAgEBBQMBAAEHEwIGbWVtb3J5AgAGX3N0YXJ0AAEKDwENAEEBQQBBAUEIEAAaCwsHAQBBBAsBAQ==';

/** What a guest gets to end by itself. */
const GRACE_MS = 3;
/** What it gets to turn to its kernel, where something is taken away from it. */
const REVOKE_MS = 100;
/** The longest that one Node timer waits. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A thread with the share of process numbers that it gives out. */
interface Seat {
  readonly pids: PidShare;
  readonly thread: KernelThread;
}

export class DedicatedPool {
  readonly #start: (pids: PidShare, rehearsal: Program | undefined) => KernelThread;
  /** Of threads that do not run. */
  readonly #shares: PidShare[];
  readonly #seats = new Set<Seat>();
  #idle: Seat[] = [];
  /** How many are to wait. */
  #spare: number;
  #refilling = false;
  #rehearsal: Program | undefined;
  #closed = false;

  /** `shares`: one for each thread that there can be. */
  constructor(
    shares: readonly PidShare[],
    spare: number,
    start: (pids: PidShare, rehearsal: Program | undefined) => KernelThread,
  ) {
    this.#shares = [...shares];
    this.#spare = Math.min(spare, shares.length);
    this.#start = start;
  }

  /** Processes that have not ended. */
  get load(): number {
    return [...this.#seats].reduce((sum, { thread }) => sum + thread.load, 0);
  }
  /** Threads, idle ones included. */
  get size(): number {
    return this.#seats.size;
  }

  /** Resolves when as many threads wait as are to. Rejects with SuperosError where one cannot be started. */
  async fill(): Promise<void> {
    while (!this.#closed && this.#idle.length < this.#spare) {
      this.#rehearsal ??= await loadProgram(Buffer.from(PROGRAM, 'base64'), undefined, { raw: true });
      const seat = this.#open(this.#rehearsal);
      if (seat === undefined) return;
      await seat.thread.ready;
      if (this.#closed) return;
      this.#idle.push(seat);
    }
  }

  async spawn(order: Order, attendant: Attendant): Promise<Running> {
    const seat = this.#idle.pop() ?? this.#open();
    if (seat === undefined)
      throw new SuperosError('again', `there can be ${DEDICATED_MAX} processes with threads of their own at once`);
    let remote: RemoteProcess;
    try {
      remote = await seat.thread.spawn(order, attendant);
    } catch (error) {
      this.#giveBack(seat);
      throw error;
    }
    remote.done.then(() => this.#giveBack(seat));
    this.#refill();
    return new DedicatedProcess(remote, seat.thread);
  }

  async revokeRegions(ids: readonly number[]): Promise<void> {
    await Promise.all([...this.#seats].map(({ thread }) => revoked(thread, thread.revokeRegions(ids))));
  }

  forget(program: Program): void {
    for (const { thread } of this.#seats) thread.forget(program);
  }

  async close(forced: boolean): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#seats].map(({ thread }) => thread.close(forced)));
  }

  /** `rehearsal`: where nobody waits for it yet. */
  #open(rehearsal?: Program): Seat | undefined {
    const pids = this.#shares.shift();
    if (pids === undefined) return undefined;
    const seat: Seat = { pids, thread: this.#start(pids, rehearsal) };
    this.#seats.add(seat);
    seat.thread.gone.then(() => {
      this.#seats.delete(seat);
      this.#idle = this.#idle.filter((one) => one !== seat);
      this.#shares.push(generationAfter(seat.thread.greatestPid, pids));
      this.#refill();
    });
    return seat;
  }

  /** A thread whose process ended by itself is as good as a new one. */
  #giveBack(seat: Seat): void {
    if (this.#closed || seat.thread.over) return;
    if (this.#idle.length < 2 * this.#spare) this.#idle.push(seat);
    else void seat.thread.close(false);
  }

  /** In the background: who has just got a thread is served first. */
  #refill(): void {
    if (this.#refilling || this.#closed || this.#idle.length >= this.#spare) return;
    this.#refilling = true;
    setImmediate(() => {
      const done = () => {
        this.#refilling = false;
      };
      // Where no thread can be started now, who needs one is told.
      this.fill().then(done, done);
    }).unref();
  }
}

/** What is taken away is gone in any case: who holds that up by never turning to its kernel is ended. */
async function revoked<T>(thread: KernelThread, answer: Promise<T>): Promise<T> {
  const cause = signalled('SIGKILL', `a capability was revoked, and for ${REVOKE_MS} ms it did not turn to its kernel`);
  let answered = false;
  const abort = () => {
    if (!answered) void thread.abort(cause);
  };
  // Where this thread was busy itself, the answer may have come meanwhile: it is heard before.
  const timer = setTimeout(() => setImmediate(abort), REVOKE_MS);
  try {
    return await answer;
  } finally {
    answered = true;
    clearTimeout(timer);
  }
}

class DedicatedProcess implements Running {
  readonly #remote: RemoteProcess;
  readonly #thread: KernelThread;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(remote: RemoteProcess, thread: KernelThread) {
    this.#remote = remote;
    this.#thread = thread;
    this.#watchWall(remote.limits);
    this.#watchCpu(remote.limits);
    remote.done.then(() => {
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  get pid(): number {
    return this.#remote.pid;
  }
  get program(): RemoteProcess['program'] {
    return this.#remote.program;
  }
  get limits(): Limits {
    return this.#remote.limits;
  }
  get streams(): ChildStreams {
    return this.#remote.streams;
  }
  get done(): RemoteProcess['done'] {
    return this.#remote.done;
  }
  get status(): RemoteProcess['status'] {
    return this.#remote.status;
  }
  get results(): RemoteProcess['results'] {
    return this.#remote.results;
  }

  signal(signal: Signal): void {
    this.#remote.signal(signal);
    if (disposition(signal) === 'terminate') this.#endIn(GRACE_MS, signalled(signal));
  }

  call(invocation: Invocation): Promise<readonly unknown[]> {
    return this.#remote.call(invocation);
  }
  read(address: number, length: number): Promise<Uint8Array | undefined> {
    return this.#remote.read(address, length);
  }
  write(address: number, bytes: Uint8Array): Promise<boolean> {
    return this.#remote.write(address, bytes);
  }
  capabilities(): ReturnType<Running['capabilities']> {
    return this.#remote.capabilities();
  }
  revoke(what: string | number): Promise<boolean> {
    return revoked(this.#thread, this.#remote.revoke(what));
  }
  seal(): Promise<Sealed | string | undefined> {
    return this.#remote.seal();
  }
  live(): Live {
    return this.#remote.live();
  }

  #watchWall({ timeoutNs }: Limits): void {
    if (timeoutNs !== undefined) this.#endIn(timeoutNs / 1e6 + GRACE_MS, stopped('timeout'));
  }

  /** The kernel measures CPU time when it is turned to; here it is looked at when it could be used up. */
  #watchCpu({ cpuNs, soft }: Limits): void {
    const softNs = Math.min(soft?.cpuNs ?? cpuNs, cpuNs);
    if (softNs === Number.POSITIVE_INFINITY) return;
    const leftMs = softNs / 1e6 - this.live().usage.cpuMs;
    if (leftMs > 0) {
      this.#after(leftMs, () => this.#watchCpu(this.limits));
      return;
    }
    const cause: Cause =
      softNs < cpuNs
        ? signalled('SIGXCPU', 'it used more CPU time than its soft limit')
        : stopped('cpu-limit', `its CPU time is used up: ${cpuNs / 1e6} ms`);
    if (cause.signal === 'SIGXCPU') this.#remote.signal('SIGXCPU');
    this.#endIn(GRACE_MS, cause);
  }

  #endIn(milliseconds: number, cause: Cause): void {
    this.#after(milliseconds, () => void this.#thread.abort(cause));
  }

  #after(milliseconds: number, action: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (milliseconds > TIMER_MS_MAX) this.#after(milliseconds - TIMER_MS_MAX, action);
        else action();
      },
      Math.min(milliseconds, TIMER_MS_MAX),
    );
    this.#timers.add(timer);
  }
}
