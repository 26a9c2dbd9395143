// The second space of numbers of a process: capabilities that are no descriptors, under handles. A handle is 2^30 +
// generation * 2^16 + index: one that was closed never names another capability.
import type { Capability } from './capability.ts';
import type { CapObject } from './object.ts';

/** The least handle; descriptors are below. */
export const HANDLE_BASE = 2 ** 30;
const INDEX = 2 ** 16;
const GENERATIONS = 2 ** 14;
/** Handles of one process at once; at most INDEX. */
const HANDLES_MAX = 4096;

export class Handles {
  readonly #held: (Capability<CapObject> | undefined)[] = [];
  /** By index: the generation of what is there, or else comes there next. */
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** None, too, once every number has been used. */
  get room(): number {
    return Math.min(HANDLES_MAX - this.#size, this.#free.length + INDEX - this.#held.length);
  }

  /** Undefined where there is no room. */
  insert(capability: Capability<CapObject>): number | undefined {
    if (this.room < 1) return undefined;
    const index = this.#free.pop() ?? this.#held.length;
    this.#held[index] = capability;
    this.#generations[index] ??= 0;
    this.#size++;
    return HANDLE_BASE + this.#generations[index] * INDEX + index;
  }

  lookup(handle: number): Capability<CapObject> | undefined {
    const found = this.#held[handle % INDEX];
    return found?.place === handle ? found : undefined;
  }

  remove(handle: number): void {
    const index = handle % INDEX;
    this.#held[index] = undefined;
    this.#size--;
    const generation = ++this.#generations[index]!;
    if (generation < GENERATIONS) this.#free.push(index);
  }

  /** In the order of their indices. */
  get places(): readonly (Capability<CapObject> | undefined)[] {
    return this.#held;
  }

  *[Symbol.iterator](): Generator<Capability<CapObject>> {
    for (const one of this.#held) if (one !== undefined) yield one;
  }
}
