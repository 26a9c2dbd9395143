// What the scheduler knows of its threads, as numbers side by side: a row of eight doubles a thread, which is a line of the cache.
// A switch touches two rows and allocates nothing.
import { grown } from './runqueue.ts';

// Places in a row. Times are in nanoseconds.
export const VTIME = 0;
/** What one nanosecond of running adds to virtual time. */
export const SCALE = 1;
/** How much too much virtual time shows; taken off when the thread next stops, since no queued one's may change. */
export const OVER = 2;
/** When the present state began. */
export const SINCE = 3;
/** Running time that has not been charged. */
export const BATCH = 4;
/** Time spent in each state but the first, in the order of STATES. */
export const TIMES = 5;
/** Doubles in a row, as the power of two. */
export const ROW = 3;

export class Slots {
  cells = new Float64Array(16 << ROW);
  /** By slot, as a place in STATES. */
  state = new Uint8Array(16);
  /** Time in the first state. */
  created = new Float64Array(16);

  /** Makes room for a slot, with zeros. */
  clear(slot: number): void {
    if (slot >= this.state.length) {
      const slots = 2 * slot;
      this.cells = grown(this.cells, slots << ROW);
      this.state = grown(this.state, slots);
      this.created = grown(this.created, slots);
    }
    this.cells.fill(0, slot << ROW, (slot + 1) << ROW);
    this.state[slot] = 0;
    this.created[slot] = 0;
  }

  /** The thread runs from now on; gives its virtual time. */
  start(slot: number, state: number, now: number): number {
    const { cells } = this;
    const row = slot << ROW;
    cells[row + TIMES + this.state[slot]! - 1]! += now - cells[row + SINCE]!;
    cells[row + SINCE] = now;
    this.state[slot] = state;
    return cells[row + VTIME]!;
  }

  /** It ran until now, and is in this state; gives what it had run in this batch before. */
  stop(slot: number, state: number, now: number): number {
    const { cells } = this;
    const row = slot << ROW;
    const ran = now - cells[row + SINCE]!;
    cells[row + SINCE] = now;
    cells[row + TIMES + this.state[slot]! - 1]! += ran;
    cells[row + VTIME]! += (ran - cells[row + OVER]!) * cells[row + SCALE]!;
    cells[row + OVER] = 0;
    this.state[slot] = state;
    const before = cells[row + BATCH]!;
    cells[row + BATCH] = before + ran;
    return before;
  }
}
