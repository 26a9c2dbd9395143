// What ran since the kernel last let the host's event loop be served, and for how long: threads are charged once a batch.
import type { Clock } from '../../hal/clock.ts';
import { QUANTUM_NS } from '../limits.ts';
import { grown } from './runqueue.ts';
import { BATCH, ROW, type Slots } from './slots.ts';

/** A batch shorter than this is not worth a look at the CPU clock, which takes longer than a switch. */
const SETTLED_NS = QUANTUM_NS / 5;

/** Takes note of what a thread ran in a batch, and how much of it by the wall clock was not its own. */
export type Charge = (slot: number, ns: number, overNs: number) => void;

export class Batch {
  readonly #clock: Clock;
  readonly #charge: Charge;
  readonly #slots: Slots;
  #ran = new Int32Array(16);
  #count = 0;
  #startNs = 0;
  #threadTimeNs = 0;

  constructor(slots: Slots, clock: Clock, charge: Charge) {
    this.#slots = slots;
    this.#clock = clock;
    this.#charge = charge;
  }

  begin(now: number): void {
    this.#startNs = now;
  }

  /** Takes in a thread that had not run before in this batch. */
  add(slot: number): void {
    if (this.#count === this.#ran.length) this.#ran = grown(this.#ran, 2 * this.#count);
    this.#ran[this.#count++] = slot;
  }

  /** Charges one thread, whose slot will be another's. */
  close(slot: number): void {
    this.#charge(slot, this.#take(slot), 0);
  }

  /**
   * Charges all, and begins anew. Time was read off the wall clock at each switch; what the host gave to other programs meanwhile
   * is found out once, from this thread's CPU clock, and taken off each one's time in proportion.
   */
  settle(now: number): void {
    const wallNs = now - this.#startNs;
    let share = 1;
    if (wallNs >= SETTLED_NS) {
      const threadTimeNs = this.#clock.threadTime();
      // The thread did other things since it was last read: this is no less than what the batch took.
      const cpuNs = threadTimeNs - this.#threadTimeNs;
      this.#threadTimeNs = threadTimeNs;
      if (cpuNs < wallNs) share = cpuNs / wallNs;
    }
    for (let i = 0; i < this.#count; i++) {
      const slot = this.#ran[i]!;
      const ns = this.#take(slot);
      if (ns > 0) this.#charge(slot, ns * share, ns * (1 - share));
    }
    this.#count = 0;
    this.#startNs = now;
  }

  #take(slot: number): number {
    const at = (slot << ROW) + BATCH;
    const ns = this.#slots.cells[at]!;
    this.#slots.cells[at] = 0;
    return ns;
  }
}
