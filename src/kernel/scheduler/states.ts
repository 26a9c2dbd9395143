// The states of threads, and how long each was in which.
import { ROW, SINCE, type Slots, TIMES } from './slots.ts';

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

/** A thread as others see it. */
export interface ThreadInfo {
  readonly state: ThreadState;
  /** Nanoseconds in each state so far. */
  readonly times: StateTimes;
}

export class States {
  readonly #slots: Slots;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** A new thread's first state. */
  begin(slot: number, now: number): void {
    this.#slots.cells[(slot << ROW) + SINCE] = now;
  }

  /** Gives the nanoseconds that the state before lasted. */
  enter(slot: number, state: number, now: number): number {
    const { cells, state: states } = this.#slots;
    const row = slot << ROW;
    const lasted = now - cells[row + SINCE]!;
    const before = states[slot]!;
    if (before === CREATED) this.#slots.created[slot] = lasted;
    else cells[row + TIMES + before - 1]! += lasted;
    states[slot] = state;
    cells[row + SINCE] = now;
    return lasted;
  }

  /** Takes off the time that it seemed to run and the host gave to others. */
  correct(slot: number, overNs: number): void {
    this.#slots.cells[(slot << ROW) + TIMES + RUNNING - 1]! -= overNs;
  }

  state(slot: number): LiveState {
    return STATES[this.#slots.state[slot]!]!;
  }

  /** The present state up to `now` included. */
  time(slot: number, state: number, now: number): number {
    const { cells, created, state: states } = this.#slots;
    const row = slot << ROW;
    const before = state === CREATED ? created[slot]! : cells[row + TIMES + state - 1]!;
    return states[slot] === state ? before + now - cells[row + SINCE]! : before;
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
