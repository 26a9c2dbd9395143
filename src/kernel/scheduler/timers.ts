// Everything that is due at a time: sleeps, deadlines of calls, timeouts of processes. One heap, and one alarm of the host for
// what is due first.
import type { Clock } from '../../hal/clock.ts';
import type { Alarm, Cpu } from '../../hal/cpu.ts';

class Timer implements Alarm {
  readonly dueNs: number;
  /** Undefined once it fired or was cancelled. */
  task: (() => void) | undefined;
  readonly #timers: Timers;

  constructor(timers: Timers, dueNs: number, task: () => void) {
    this.#timers = timers;
    this.dueNs = dueNs;
    this.task = task;
  }

  cancel(): void {
    if (this.task === undefined) return;
    this.task = undefined;
    this.#timers.cancelled();
  }
}

export class Timers {
  readonly #clock: Clock;
  readonly #cpu: Cpu;
  /** A binary heap, the one due first at 0. Cancelled ones stay until they come up, or until they are most of it. */
  #heap: Timer[] = [];
  #cancelled = 0;
  #alarm: Alarm | undefined;
  #alarmNs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, cpu: Cpu) {
    this.#clock = clock;
    this.#cpu = cpu;
  }

  /** Runs `task` once the monotonic clock reaches `dueNs`, never earlier. */
  at(dueNs: number, task: () => void): Alarm {
    const timer = new Timer(this, dueNs, task);
    this.#push(timer);
    this.#arm();
    return timer;
  }

  /** One of the timers was cancelled. */
  cancelled(): void {
    this.#cancelled++;
    if (this.#cancelled * 2 > this.#heap.length) {
      const live = this.#heap.filter(({ task }) => task !== undefined);
      this.#heap = [];
      this.#cancelled = 0;
      for (const timer of live) this.#push(timer);
    }
    this.#arm();
  }

  /** Sets the host's alarm to what is due first; none where nothing is, or the host would be kept awake. */
  #arm(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.task === undefined) {
      this.#pop();
      this.#cancelled--;
    }
    const dueNs = this.#heap[0]?.dueNs ?? Number.POSITIVE_INFINITY;
    if (dueNs === this.#alarmNs) return;
    this.#alarm?.cancel();
    this.#alarmNs = dueNs;
    this.#alarm =
      dueNs === Number.POSITIVE_INFINITY ? undefined : this.#cpu.after(Math.max(0, dueNs - this.#clock.monotonic()), this.#fire);
  }

  readonly #fire = (): void => {
    this.#alarm = undefined;
    this.#alarmNs = Number.POSITIVE_INFINITY;
    const nowNs = this.#clock.monotonic();
    while (this.#heap.length > 0 && this.#heap[0]!.dueNs <= nowNs) {
      const { task } = this.#heap[0]!;
      this.#heap[0]!.task = undefined;
      this.#pop();
      if (task === undefined) this.#cancelled--;
      else task();
    }
    this.#arm();
  };

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.dueNs <= timer.dueNs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.dueNs < heap[child]!.dueNs) child++;
      if (heap[child]!.dueNs >= last.dueNs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
