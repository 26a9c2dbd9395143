// Virtual time: a queue of events that is the only thing to move the clock. The same events in the same order give the same
// run; nothing of the host's time enters.
import { PriorityQueue } from '../queue.ts';
import type { Random } from './random.ts';

interface Event {
  readonly atNs: number;
  /** Decides between events of one moment: the order they came in, or a draw. */
  readonly order: number;
  readonly task: () => void;
  cancelled: boolean;
}

/** Turns of the microtask queue between two events: more than a resumed process takes to reach its next wait. */
const MICROTASK_TURNS = 32;

export class Timeline {
  #nowNs = 0;
  #added = 0;
  readonly #shuffle: Random | undefined;
  readonly #events = new PriorityQueue<Event>(before);

  /** With `shuffle`, events of one moment happen in an order drawn from it. */
  constructor(shuffle?: Random) {
    this.#shuffle = shuffle;
  }

  get nowNs(): number {
    return this.#nowNs;
  }

  /** Runs `task` once `delayNs` have passed; call the result to prevent it. */
  add(delayNs: number, task: () => void): () => void {
    const order = this.#shuffle?.next() ?? this.#added++;
    const event = { atNs: this.#nowNs + Math.max(0, delayNs), order, task, cancelled: false };
    this.#events.push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Until nothing is left to happen. */
  async run(): Promise<void> {
    await this.runUntil(() => false);
  }

  /** Until `done` holds, asked before each event: true; or nothing is left to happen: whether it holds then. */
  async runUntil(done: () => boolean): Promise<boolean> {
    await settle();
    while (!done()) {
      if (!this.#step(Number.POSITIVE_INFINITY)) return done();
      await settle();
    }
    return true;
  }

  /** Lets `ns` pass, and all that is due within. */
  async advance(ns: number): Promise<void> {
    const until = this.#nowNs + ns;
    await settle();
    while (this.#step(until)) await settle();
    this.#nowNs = until;
  }

  #step(untilNs: number): boolean {
    for (;;) {
      const { first } = this.#events;
      if (first === undefined || first.atNs > untilNs) return false;
      this.#events.pop();
      if (first.cancelled) continue;
      this.#nowNs = first.atNs;
      first.task();
      return true;
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.atNs < b.atNs || (a.atNs === b.atNs && a.order < b.order);
}

/** Lets what an event set going happen: promises settle, and processes that wait on them run on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < MICROTASK_TURNS; turn++) await undefined;
}
