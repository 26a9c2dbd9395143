// The scheduler: one thread runs at a time, and it is known which. Among ready threads the one with the least virtual time is
// next: its running time divided by its weight, so that shares follow the weights. A thread runs until it waits, yields, ends,
// or the tick finds that its quantum is over; once a quantum the host's event loop is served.
import type { Clock } from '../../hal/clock.ts';
import type { Cpu } from '../../hal/cpu.ts';
import type { Tick } from '../../hal/tick.ts';
import { NICE_MAX, NICE_MIN, QUANTUM_NS } from '../limits.ts';
import { Batch, type Charge } from './batch.ts';
import { RunQueue } from './runqueue.ts';
import { OVER, ROW, SCALE, SINCE, Slots, VTIME } from './slots.ts';
import { BLOCKED, READY, RUNNING, States, type StateTimes, type ThreadState } from './states.ts';

/** What is scheduled. */
export interface Runnable {
  /** It has not run yet: its first turn must be one of the host's own, with no guest's frames below. */
  readonly fresh: boolean;
  /** It has the CPU. Its state from then on: it may have given the CPU back at once, waiting again or for another turn. */
  dispatch(): 'running' | 'blocked' | 'ready';
  /** It had the CPU for so long, in nanoseconds, since it was last told; told once a quantum and at its end. */
  charge(ns: number): void;
}

/** A step of niceness takes or gives a fourth more (as Linux has it): ten make a ratio of 9.3. */
const NICE_STEP = 1.25;

/** What one nanosecond of running adds to virtual time. */
const scale = (nice: number): number => NICE_STEP ** Math.max(NICE_MIN, Math.min(NICE_MAX, nice));

/** A thread that comes back from waiting is set this part of a quantum ahead of those that ran meanwhile, and no further: sleeping saves nothing up. */
const WAKE_CREDIT = 0.5;
/** After this part of a quantum the host's event loop is served where a thread stops: ticks don't come to the nanosecond, and after the next one it would be late. */
const SERVED_PART = 0.75;
export interface SchedulerParts {
  readonly clock: Clock;
  readonly cpu: Cpu;
  readonly tick: Tick;
  readonly quantumNs?: number;
}

export class Scheduler {
  readonly #clock: Clock;
  readonly #cpu: Cpu;
  readonly #tick: Tick;
  readonly #quantumNs: number;

  // By slot, one for each thread that is not over.
  readonly #threads: (Runnable | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #slots = new Slots();
  readonly #states = new States(this.#slots);
  readonly #queue = new RunQueue();
  /** The slot that has the CPU, or -1. */
  #current = -1;
  /** No ready thread's virtual time is less, but for the credit of those that woke. */
  #floor = 0;
  readonly #batch: Batch;
  /** A turn of the queue is asked for. */
  #pumping = false;
  /** Such a turn is under way. */
  #turning = false;
  /** When the host's event loop was last known to have been served. */
  #servedNs: number;
  /** No guest has run since the host's event loop was served. */
  #idle = false;
  #marking = false;

  constructor({ clock, cpu, tick, quantumNs = QUANTUM_NS }: SchedulerParts) {
    this.#clock = clock;
    this.#cpu = cpu;
    this.#tick = tick;
    this.#quantumNs = quantumNs;
    this.#servedNs = clock.monotonic();
    this.#batch = new Batch(this.#slots, clock, this.#charge);
  }

  /** The thread that has the CPU. */
  get current(): Runnable | undefined {
    return this.#current < 0 ? undefined : this.#threads[this.#current];
  }

  /** Ready threads, beside the one that runs. */
  get ready(): number {
    return this.#queue.size;
  }

  /** Takes a new thread in, and gives its slot. */
  add(thread: Runnable, nice: number): number {
    const slot = this.#free.pop() ?? this.#threads.length;
    this.#threads[slot] = thread;
    this.#slots.clear(slot);
    this.#states.begin(slot, this.#clock.monotonic());
    this.#slots.cells[(slot << ROW) + VTIME] = this.#floor;
    this.#slots.cells[(slot << ROW) + SCALE] = scale(nice);
    return slot;
  }

  /** Its weight from now on. */
  renice(slot: number, nice: number): void {
    this.#slots.cells[(slot << ROW) + SCALE] = scale(nice);
  }

  state(slot: number): Exclude<ThreadState, 'terminated'> {
    return this.#states.state(slot);
  }

  times(slot: number): StateTimes {
    return this.#states.times(slot, this.#clock.monotonic());
  }

  /** CPU time in nanoseconds. */
  cpuTime(slot: number): number {
    return this.#states.time(slot, RUNNING, this.#clock.monotonic());
  }

  /** The thread waits no longer. It runs when its turn comes, never within this call. */
  wake(slot: number): void {
    const { cells } = this.#slots;
    const row = slot << ROW;
    const vtime = Math.max(cells[row + VTIME]!, this.#floor - WAKE_CREDIT * this.#quantumNs * cells[row + SCALE]!);
    cells[row + VTIME] = vtime;
    this.#states.enter(slot, READY, this.#clock.monotonic());
    this.#queue.push(slot, vtime);
    const current = this.#current;
    if (current < 0) this.#pump();
    else if (vtime < cells[(current << ROW) + VTIME]!) this.#tick.interrupt();
  }

  /** The running thread waits from now on. */
  block(slot: number): void {
    const now = this.#clock.monotonic();
    this.#stop(slot, BLOCKED, now);
    this.#run(now, false);
  }

  /** The running thread gives up the CPU, and stays ready; `back`: behind all others that did so. */
  yield(slot: number, back: boolean): void {
    const now = this.#clock.monotonic();
    this.#stop(slot, READY, now);
    const { cells } = this.#slots;
    const at = (slot << ROW) + VTIME;
    if (back) cells[at] = this.#queue.append(slot, cells[at]!);
    else this.#queue.push(slot, cells[at]!);
    this.#run(now, false);
  }

  /** The thread is over, and its slot another's from now on: the times it had. It must not be ready. */
  remove(slot: number): StateTimes {
    const now = this.#clock.monotonic();
    const running = this.#current === slot;
    if (running) this.#stop(slot, BLOCKED, now);
    this.#batch.close(slot);
    const times = this.#states.times(slot, now);
    this.#threads[slot] = undefined;
    this.#free.push(slot);
    if (running) this.#run(now, false);
    return times;
  }

  /** Whether the running thread is to give the CPU up: the host's event loop wants to be served, or another has waited for long enough. */
  spent(): boolean {
    const now = this.#clock.monotonic();
    if (this.#overdue(now)) return true;
    const current = this.#current;
    const first = this.#queue.first;
    if (first < 0) return false;
    const { cells } = this.#slots;
    const row = current << ROW;
    return cells[(first << ROW) + VTIME]! < cells[row + VTIME]! + (now - cells[row + SINCE]!) * cells[row + SCALE]!;
  }

  #overdue(now: number): boolean {
    return now - this.#servedNs >= this.#quantumNs * SERVED_PART;
  }

  /** The running thread has it no longer. */
  #stop(slot: number, state: number, now: number): void {
    if (this.#slots.stop(slot, state, now) === 0) this.#batch.add(slot);
    this.#current = -1;
  }

  /** Asks for a turn of the host's thread in which the queue is looked at: a guest is never started above another's frames. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const now = this.#clock.monotonic();
    if (this.#idle) {
      this.#servedNs = now;
      this.#batch.begin(now);
      this.#idle = false;
    }
    if (this.#overdue(now)) this.#serve(now);
    else Promise.resolve().then(this.#turn);
  }

  /** Lets the host serve what it has pending, and goes on. */
  #serve(now: number): void {
    // First: who is charged may end, and be woken for it.
    this.#pumping = true;
    this.#batch.settle(now);
    this.#cpu.defer(this.#served);
  }

  readonly #served = (): void => {
    this.#servedNs = this.#clock.monotonic();
    this.#batch.begin(this.#servedNs);
    this.#turn();
  };

  readonly #turn = (): void => {
    this.#pumping = false;
    this.#tick.arm();
    this.#run(this.#clock.monotonic(), true);
  };

  /** Gives the CPU to whose turn it is. In a turn of its own a thread may have its first. */
  #run(now: number, turn: boolean): void {
    if (turn) this.#turning = true;
    while (this.#current < 0 && !this.#pumping) {
      const slot = this.#queue.first;
      if (slot < 0) {
        this.#rest(now);
        break;
      }
      if (this.#overdue(now)) {
        this.#serve(now);
        break;
      }
      const thread = this.#threads[slot]!;
      if (thread.fresh && !turn) {
        // Where a turn is under way, below the guest that stops here, it goes on when that is off the stack.
        if (this.#turning) return;
        this.#pumping = true;
        Promise.resolve().then(this.#turn);
        break;
      }
      this.#queue.pop();
      if (this.#give(slot, now)) break;
      now = this.#clock.monotonic();
    }
    if (turn) this.#turning = false;
  }

  /** Gives the CPU to a thread that is ready. False where nobody has it afterwards: another turn of the queue is due. */
  #give(slot: number, now: number): boolean {
    const vtime = this.#slots.start(slot, RUNNING, now);
    if (vtime > this.#floor) this.#floor = vtime;
    this.#current = slot;
    const state = this.#threads[slot]!.dispatch();
    if (state === 'running') return this.#current >= 0;
    this.#stop(slot, state === 'ready' ? READY : BLOCKED, this.#clock.monotonic());
    if (state === 'ready') this.#queue.push(slot, this.#slots.cells[(slot << ROW) + VTIME]!);
    return false;
  }

  /** Nothing is ready. Once the host has been through its event loop, a thread that wakes has a whole quantum before it. */
  #rest(now: number): void {
    this.#batch.settle(now);
    if (this.#marking) return;
    this.#marking = true;
    this.#cpu.defer(this.#mark);
  }

  readonly #mark = (): void => {
    this.#marking = false;
    this.#idle = this.#current < 0 && !this.#pumping;
  };

  readonly #charge: Charge = (slot, ns, overNs) => {
    this.#states.correct(slot, overNs);
    this.#slots.cells[(slot << ROW) + OVER]! += overNs;
    // Where the CPU clock is coarse that may be nothing, which is news all the same: the thread has run.
    this.#threads[slot]!.charge(ns);
  };
}
