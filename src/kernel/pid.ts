// Process numbers: an index and a generation, so that the number of a process that is gone fails and never names another.

/** Bits of the index: more processes than any host holds at once. */
const INDEX_BITS = 15;
/** Positive in 32 bits, so that any guest can hold it. */
const GENERATIONS = 2 ** (31 - INDEX_BITS);

export class PidTable<T> {
  readonly #entries: (T | undefined)[] = [undefined];
  readonly #generations: number[] = [0];
  /** Free indices, used again in the order they were freed. */
  #free: number[] = [];
  #freeHead = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Undefined when every index is taken. */
  insert(make: (pid: number) => T): T | undefined {
    let index = this.#entries.length;
    if (index >= 2 ** INDEX_BITS) {
      const freed = this.#free[this.#freeHead++];
      if (freed === undefined) {
        this.#freeHead--;
        return undefined;
      }
      index = freed;
      this.#compact();
    } else {
      this.#entries.push(undefined);
      this.#generations.push(0);
    }
    let made: T;
    try {
      made = make(this.#generations[index]! * 2 ** INDEX_BITS + index);
    } catch (error) {
      this.#free.push(index);
      throw error;
    }
    this.#entries[index] = made;
    this.#size++;
    return made;
  }

  get(pid: number): T | undefined {
    const index = pid % 2 ** INDEX_BITS;
    const generation = Math.floor(pid / 2 ** INDEX_BITS);
    return this.#generations[index] === generation ? this.#entries[index] : undefined;
  }

  remove(pid: number): void {
    if (this.get(pid) === undefined) return;
    const index = pid % 2 ** INDEX_BITS;
    this.#entries[index] = undefined;
    this.#generations[index] = (this.#generations[index]! + 1) % GENERATIONS;
    this.#free.push(index);
    this.#size--;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }

  #compact(): void {
    if (this.#freeHead < 1024) return;
    this.#free = this.#free.slice(this.#freeHead);
    this.#freeHead = 0;
  }
}
