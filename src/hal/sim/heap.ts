// A simulated heap: what is in use, and what dies when, is the test's to say.
import type { Heap } from '../heap.ts';

export class SimHeap implements Heap {
  readonly bound: number;
  /** Bytes that live, and garbage not yet collected. */
  live = 0;
  garbage = 0;
  collections = 0;
  readonly #watched = new Map<object, () => void>();
  #told: (() => void)[] = [];

  constructor(bound: number) {
    this.bound = bound;
  }

  used(): number {
    return this.live + this.garbage;
  }

  watch(object: object, gone: () => void): void {
    this.#watched.set(object, gone);
  }

  settle(told: () => void): void {
    this.garbage = 0;
    this.collections++;
    this.#told.push(told);
  }

  /** The event loop turns: deaths are told. */
  turn(dead: Iterable<object> = []): void {
    for (const object of dead) {
      this.#watched.get(object)?.();
      this.#watched.delete(object);
    }
    const told = this.#told;
    this.#told = [];
    for (const tell of told) tell();
  }
}
