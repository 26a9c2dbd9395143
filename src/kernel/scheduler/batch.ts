// What ran since the kernel last let the host's event loop be served, and for how long: threads are charged once a batch.
import type { Clock } from '../../hal/clock.ts';
import { QUANTUM_NS } from '../limits.ts';
import { grown } from './runqueue.ts';
import { BATCH, ROW, type Slots } from './slots.ts';

/** A batch shorter than this is not worth a look at the CPU clock, which takes longer than a switch. */
const SETTLED_NS = QUANTUM_NS / 5;

/** How far behind the CPU clock may be: Linux moves it on at its own ticks, 100 a second at least. */
const STALE_NS = 10_000_000;

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
  /** What the wall clock showed more than the CPU clock, and nobody's time was cut by. */
  #gapNs = 0;

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
    const part = wallNs < SETTLED_NS ? 0 : this.#overNs(wallNs) / wallNs;
    for (let i = 0; i < this.#count; i++) {
      const slot = this.#ran[i]!;
      const ns = this.#take(slot);
      if (ns > 0) this.#charge(slot, ns * (1 - part), ns * part);
    }
    this.#count = 0;
    this.#startNs = now;
  }

  /** How much of a batch the thread surely did not have: what the CPU clock may only not show yet is no reason to charge less. */
  #overNs(wallNs: number): number {
    const threadTimeNs = this.#clock.threadTime();
    // The thread did other things since it was last read: this is no less than what the batch took.
    const cpuNs = threadTimeNs - this.#threadTimeNs;
    this.#threadTimeNs = threadTimeNs;
    this.#gapNs = Math.max(0, this.#gapNs + wallNs - cpuNs);
    const overNs = Math.min(wallNs, Math.max(0, this.#gapNs - STALE_NS));
    this.#gapNs -= overNs;
    return overNs;
  }

  #take(slot: number): number {
    const at = (slot << ROW) + BATCH;
    const ns = this.#slots.cells[at]!;
    this.#slots.cells[at] = 0;
    return ns;
  }
}
