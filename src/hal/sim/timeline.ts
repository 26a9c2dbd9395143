// Virtual time: a queue of events that is the only thing to move the clock. The same events in the same order give the same
// run; nothing of the host's time enters.
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
  // A binary heap: the event that is due first at 0.
  readonly #heap: Event[] = [];

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
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
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
      const first = this.#heap[0];
      if (first === undefined || first.atNs > untilNs) return false;
      this.#removeFirst();
      if (first.cancelled) continue;
      this.#nowNs = first.atNs;
      first.task();
      return true;
    }
  }

  #rise(index: number): void {
    const heap = this.#heap;
    for (let at = index; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!before(heap[at]!, heap[parent]!)) return;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const least = right < heap.length && before(heap[right]!, heap[left]!) ? right : left;
      if (!before(heap[least]!, heap[at]!)) return;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
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
