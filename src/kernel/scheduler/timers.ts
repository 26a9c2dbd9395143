// Everything that is due at a time: sleeps, deadlines of calls, timeouts of processes. One queue, and one alarm of the host for
// what is due first.
import type { Clock } from '../../hal/clock.ts';
import type { Alarm, Cpu } from '../../hal/cpu.ts';
import { PriorityQueue } from '../../hal/queue.ts';

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
  /** Cancelled ones stay until they come up, or until they are most of it. */
  readonly #queue = new PriorityQueue<Timer>((a, b) => a.dueNs < b.dueNs);
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
    this.#queue.push(timer);
    this.#arm();
    return timer;
  }

  /** One of the timers was cancelled. */
  cancelled(): void {
    this.#cancelled++;
    if (this.#cancelled * 2 > this.#queue.size) {
      this.#queue.filter(({ task }) => task !== undefined);
      this.#cancelled = 0;
    }
    this.#arm();
  }

  /** Sets the host's alarm to what is due first; none where nothing is, or the host would be kept awake. */
  #arm(): void {
    while (this.#queue.first !== undefined && this.#queue.first.task === undefined) {
      this.#queue.pop();
      this.#cancelled--;
    }
    const dueNs = this.#queue.first?.dueNs ?? Number.POSITIVE_INFINITY;
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
    for (let { first } = this.#queue; first !== undefined && first.dueNs <= nowNs; first = this.#queue.first) {
      this.#queue.pop();
      const { task } = first;
      first.task = undefined;
      if (task === undefined) this.#cancelled--;
      else task();
    }
    this.#arm();
  };
}
