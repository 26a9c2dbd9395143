// The scheduler: one thread runs at a time, and it is known which. A thread runs until it waits, yields or ends; after a
// quantum the host's event loop is served first.
import type { Clock } from '../hal/clock.ts';
import type { Cpu } from '../hal/cpu.ts';
import { QUANTUM_NS } from './limits.ts';
import type { Thread } from './thread.ts';

export class Scheduler {
  readonly #clock: Clock;
  readonly #cpu: Cpu;
  /** Ready threads, oldest first, from #head on. */
  #queue: (Thread | undefined)[] = [];
  #head = 0;
  #current: Thread | undefined;
  /** A run of the queue is under way or asked for. */
  #pumping = false;
  /** When the host's event loop was last known to have been served. */
  #servedNs: number;
  /** No guest has run since the host's event loop was served. */
  #idle = false;
  #marking = false;

  constructor(clock: Clock, cpu: Cpu) {
    this.#clock = clock;
    this.#cpu = cpu;
    this.#servedNs = clock.monotonic();
  }

  get current(): Thread | undefined {
    return this.#current;
  }

  /** Whether guests have had the host's thread for a quantum. */
  overdue(): boolean {
    return this.#clock.monotonic() - this.#servedNs >= QUANTUM_NS;
  }

  enqueue(thread: Thread): void {
    this.#queue.push(thread);
    if (this.#current === undefined) this.#wake();
  }

  /** The running thread gives the CPU up: it waits, yielded, or is gone. */
  leave(thread: Thread): void {
    if (this.#current !== thread) return;
    this.#current = undefined;
    if (this.#head < this.#queue.length) this.#wake();
    else if (!this.#marking) {
      this.#marking = true;
      this.#cpu.defer(this.#mark);
    }
  }

  readonly #mark = (): void => {
    this.#marking = false;
    this.#idle = this.#current === undefined && !this.#pumping;
  };

  /**
   * Asks for the next thread to be run: from a turn of its own, never under a guest's frames, since no guest can be
   * started or suspended above another.
   */
  #wake(): void {
    if (this.#pumping || this.#head === this.#queue.length) return;
    this.#pumping = true;
    if (this.#idle) this.#servedNs = this.#clock.monotonic();
    this.#idle = false;
    if (this.overdue()) this.#cpu.defer(this.#served);
    else Promise.resolve().then(this.#next);
  }

  readonly #served = (): void => {
    this.#servedNs = this.#clock.monotonic();
    this.#next();
  };

  readonly #next = (): void => {
    this.#pumping = false;
    while (this.#current === undefined && this.#head < this.#queue.length) {
      if (this.overdue()) {
        this.#wake();
        return;
      }
      const thread = this.#queue[this.#head]!;
      this.#queue[this.#head++] = undefined;
      if (this.#head === this.#queue.length || this.#head > 4096) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      this.#current = thread;
      if (!thread.dispatch()) this.#current = undefined;
    }
  };
}
