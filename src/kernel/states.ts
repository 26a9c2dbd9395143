// The states of threads, and how long each was in which: numbers side by side, by slot of the scheduler.
import { grown } from './runqueue.ts';

export const STATES = ['created', 'ready', 'running', 'blocked'] as const;
type LiveState = (typeof STATES)[number];
export type ThreadState = LiveState | 'terminated';
/** Nanoseconds spent in each state. */
export type StateTimes = Readonly<Record<LiveState, number>>;

// Places in STATES.
const CREATED = 0;
export const READY = 1;
export const RUNNING = 2;
export const BLOCKED = 3;

const WIDTH = 4;

export class States {
  #state = new Uint8Array(16);
  /** When the present state began. */
  #sinceNs = new Float64Array(16);
  /** A row for each slot. */
  #times = new Float64Array(16 * WIDTH);

  add(slot: number, now: number): void {
    if (slot >= this.#state.length) {
      const slots = 2 * slot;
      this.#state = grown(this.#state, slots);
      this.#sinceNs = grown(this.#sinceNs, slots);
      this.#times = grown(this.#times, slots * WIDTH);
    }
    this.#state[slot] = CREATED;
    this.#sinceNs[slot] = now;
    this.#times.fill(0, slot * WIDTH, (slot + 1) * WIDTH);
  }

  /** Gives the nanoseconds that the state before lasted. */
  enter(slot: number, state: number, now: number): number {
    const lasted = now - this.#sinceNs[slot]!;
    this.#times[slot * WIDTH + this.#state[slot]!]! += lasted;
    this.#state[slot] = state;
    this.#sinceNs[slot] = now;
    return lasted;
  }

  /** Takes off the time that it seemed to run and the host gave to others. */
  correct(slot: number, overNs: number): void {
    this.#times[slot * WIDTH + RUNNING]! -= overNs;
  }

  state(slot: number): LiveState {
    return STATES[this.#state[slot]!]!;
  }

  sinceNs(slot: number): number {
    return this.#sinceNs[slot]!;
  }

  /** The present state up to `now` included. */
  time(slot: number, state: number, now: number): number {
    const before = this.#times[slot * WIDTH + state]!;
    return this.#state[slot] === state ? before + now - this.#sinceNs[slot]! : before;
  }

  times(slot: number, now: number): StateTimes {
    return {
      created: this.time(slot, CREATED, now),
      ready: this.time(slot, READY, now),
      running: this.time(slot, RUNNING, now),
      blocked: this.time(slot, BLOCKED, now),
    };
  }
}
