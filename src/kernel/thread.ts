// A thread: a stack of its own (JSPI) in a process, which system calls suspend and the scheduler resumes. A stack is never
// dropped: a thread that is to end is resumed, and traps.
import type { Alarm } from '../hal/cpu.ts';
import { PREEMPT } from '../runtime/kernel-module.ts';
import { BLOCKED, type Result } from '../syscalls/caller.ts';
import { ERRNO } from '../syscalls/errno.ts';
import { ProcessCaller } from './caller.ts';
import type { Mappings } from './mappings.ts';
import type { Process } from './process.ts';
import type { Runnable, Scheduler } from './scheduler/scheduler.ts';
import type { StateTimes, ThreadState } from './scheduler/states.ts';

/** What a stub in the guest takes for "unwind": see the loader's unwind pass. */
const UNWIND = Number.NaN;
/** What a stub takes for "ask the kernel". */
const ATTENTION = -1;

/** What a call that asked for attention waits for. */
interface Wait {
  readonly events: readonly Promise<void>[];
  readonly deadlineNs: number | undefined;
  /** Goes on with the call. */
  readonly retry: () => Result | number;
}

/** Instead of a wait: the thread stays ready, and its result is known. */
type Turn = 'yield' | 'preempted';

export class Thread extends ProcessCaller implements Runnable {
  voluntary = 0;
  involuntary = 0;
  /** Those of its process, once there are any. */
  mapped: Mappings | undefined;

  readonly #scheduler: Scheduler;
  #slot: number;
  /** What is left of it once it is over. */
  #ended: StateTimes | undefined;
  /** CPU time as it was last told. */
  #cpuNs = 0;
  /** The process is to end. */
  #unwinding = false;
  #wait: Wait | Turn | undefined;
  /** What the interrupted call will return. */
  #result = 0;
  #resume: ((result: number) => void) | undefined;
  /** The import that suspended it is no stub's: where it is to unwind, it has the stub ask first. */
  #asks = false;
  #start: (() => void) | undefined;
  #alarm: Alarm | undefined;
  /** Events that already wake this thread when they settle. */
  #watched: WeakSet<Promise<void>> | undefined;

  constructor(process: Process, nice: number) {
    super(process);
    this.#scheduler = process.kernel.scheduler;
    this.#slot = this.#scheduler.add(this, nice);
  }

  /** The same stack for another process, with nothing left of the one that it served. */
  renew(process: Process, nice: number): void {
    this.adopt(process);
    this.mapped = undefined;
    this.voluntary = 0;
    this.involuntary = 0;
    this.#ended = undefined;
    this.#cpuNs = 0;
    this.#unwinding = false;
    this.#wait = undefined;
    this.#result = 0;
    this.#resume = undefined;
    this.#asks = false;
    this.#start = undefined;
    this.#watched = undefined;
    this.#waker = { wake: this.#wake };
    this.#slot = this.#scheduler.add(this, nice);
  }

  get state(): ThreadState {
    return this.#ended === undefined ? this.#scheduler.state(this.#slot) : 'terminated';
  }
  get times(): StateTimes {
    return this.#ended ?? this.#scheduler.times(this.#slot);
  }
  cpuTime(): number {
    // What was charged too much is taken off later; a clock never goes back.
    this.#cpuNs = Math.max(this.#cpuNs, this.#ended?.running ?? this.#scheduler.cpuTime(this.#slot));
    return this.#cpuNs;
  }

  /** Its weight from now on: -20, the greatest, to 19. */
  renice(nice: number): void {
    if (this.#ended === undefined) this.#scheduler.renice(this.#slot, nice);
  }

  /** Makes the thread ready to run `start`, which must not throw and says when it is over by calling `rest` or `finish`. */
  begin(start: () => void): void {
    this.#start = start;
    this.#scheduler.wake(this.#slot);
  }

  /** The guest's code returned, and more may be begun. */
  rest(): void {
    this.#scheduler.block(this.#slot);
  }

  /** The guest's code returned or trapped, or never ran. */
  finish(): void {
    this.#waker.wake = undefined;
    this.#ended = this.#scheduler.remove(this.#slot);
  }

  /** Suspended in a call that goes on later. */
  get inCall(): boolean {
    return typeof this.#wait === 'object';
  }

  get fresh(): boolean {
    return this.#start !== undefined;
  }

  dispatch(): 'running' | 'blocked' | 'ready' {
    const start = this.#start;
    if (start !== undefined) {
      this.#start = undefined;
      start();
      return 'running';
    }
    const wait = this.#wait;
    this.#wait = undefined;
    if (!this.#unwinding && typeof wait === 'object') {
      const result = this.#guarded(wait.retry);
      if (result === BLOCKED && !this.#unwinding) return this.#watch();
      this.#result = typeof result === 'number' ? result : result === BLOCKED || result === undefined ? 0 : ERRNO[result];
    }
    this.mapped?.settle();
    const resume = this.#resume!;
    this.#resume = undefined;
    const unwound = this.#asks ? ATTENTION : UNWIND;
    this.#asks = false;
    resume(!this.#unwinding ? this.#result : unwound);
    return 'running';
  }

  charge(ns: number): void {
    this.process.charge(ns);
  }

  /** The suspending import: a stub whose call returned `raw`, a negative number, or a check that found the epoch word set. */
  attend(raw: number): number | Promise<number> {
    if (raw === PREEMPT) {
      this.process.kernel.hal.tick.acknowledge();
      if (!this.#unwinding) {
        if (!this.#scheduler.spent()) return 0;
        this.#result = 0;
        this.#wait = 'preempted';
      }
    }
    if (this.#unwinding) return UNWIND;
    if (this.#wait === undefined) return raw;
    return new Promise(this.#suspend);
  }

  /**
   * sched_yield, as a suspending import of its own: a call that always turns to the kernel need not be asked first whether it does.
   * Returns what the import returns; what the stub takes for attention where the process is to end, so that it asks, and unwinds.
   */
  relinquish(): number | Promise<number> {
    this.yields++;
    if (this.#unwinding) return ATTENTION;
    this.#result = 0;
    this.#asks = true;
    return new Promise(this.#stepBack);
  }

  readonly #stepBack = (resolve: (result: number) => void): void => {
    this.#resume = resolve;
    this.voluntary++;
    this.#scheduler.yield(this.#slot, true);
  };

  /** Its stack waits to be resumed. One that rests has none, and is only begun anew. */
  get #suspended(): boolean {
    return this.#resume !== undefined && this.state === 'blocked';
  }

  /** The process is to end: whatever this thread waits for, it unwinds. */
  unwind(): void {
    this.#unwinding = true;
    this.#cancelAlarm();
    const { state } = this;
    if (this.#suspended) this.#scheduler.wake(this.#slot);
    else if (state === 'running') this.process.kernel.hal.tick.interrupt();
  }

  block(events: readonly Promise<void>[], deadlineNs: number | undefined, retry: () => Result | number): typeof BLOCKED {
    this.#wait = { events, deadlineNs, retry };
    return BLOCKED;
  }

  yield(): typeof BLOCKED {
    this.#result = 0;
    this.#wait = 'yield';
    return BLOCKED;
  }

  breathe(result: number): number {
    this.process.kernel.hal.tick.acknowledge();
    if (this.#unwinding) return -1;
    if (!this.#scheduler.spent()) return result;
    this.#result = result;
    this.#wait = 'preempted';
    return -1;
  }

  #guarded(retry: () => Result | number): Result | number {
    try {
      return retry();
    } catch (error) {
      this.process.crash(error);
      return BLOCKED;
    }
  }

  /** The stack is about to be left: the thread waits, or takes its turn behind the others. */
  readonly #suspend = (resolve: (result: number) => void): void => {
    this.#resume = resolve;
    const turn = this.#wait;
    if (turn === 'preempted') this.involuntary++;
    else this.voluntary++;
    if (this.#watch() === 'blocked') this.#scheduler.block(this.#slot);
    else this.#scheduler.yield(this.#slot, turn === 'yield');
  };

  /** Sees to it that what the thread waits for wakes it; without anything of that kind it stays ready. */
  #watch(): 'blocked' | 'ready' {
    const wait = this.#wait;
    if (typeof wait !== 'object') return 'ready';
    const { events, deadlineNs } = wait;
    if (events.length === 0 && deadlineNs === undefined) return 'ready';
    const waker = this.#waker;
    for (const event of events) {
      this.#watched ??= new WeakSet();
      if (this.#watched.has(event)) continue;
      this.#watched.add(event);
      event.then(() => waker.wake?.());
    }
    if (deadlineNs !== undefined) this.#alarm = this.process.kernel.timers.at(deadlineNs, this.#wake);
    return 'blocked';
  }

  /** An event came, or the deadline, or it was an old one: the call looks again. */
  readonly #wake = (): void => {
    this.#cancelAlarm();
    if (this.#suspended) this.#scheduler.wake(this.#slot);
  };

  /** What events hold of this thread: one that others wait for too may come after its end, or never. */
  #waker: { wake: (() => void) | undefined } = { wake: this.#wake };

  #cancelAlarm(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }
}
