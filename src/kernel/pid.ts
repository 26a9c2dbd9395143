// Process numbers: an index and a generation, so that the number of a process that is gone fails and never names another.
// Kernels of one machine have generations of their own, so that no two give out the same number.

/** Bits of the index: more processes than any host holds at once. */
const INDEX_BITS = 15;
/** Positive in 32 bits, so that any guest can hold it. */
const GENERATIONS = 2 ** (31 - INDEX_BITS);

/** Which generations are this kernel's: the first one, and the distance from one to the next. */
export interface PidShare {
  readonly first: number;
  readonly step: number;
}

const ALL: PidShare = { first: 0, step: 1 };

/** The first generation of those of `share` in which no number is that is at most as old as `pid`. */
export function generationAfter(pid: number, { first, step }: PidShare): PidShare {
  const used = Math.floor(pid / 2 ** INDEX_BITS);
  return { first: used < first ? first : wrapped(used + step, step), step };
}

const wrapped = (generation: number, step: number) => (generation < GENERATIONS ? generation : generation % step);

/** Numbers of a namespace: those of one process and its descendants, who know no others. They count from 1. */
export class PidNamespace {
  #next = 1;

  /** Undefined where every number was given out once. */
  enter(): number | undefined {
    return this.#next < 2 ** 31 ? this.#next++ : undefined;
  }
}

/** No index: the first is nobody's. */
const NONE = 0;

export class PidTable<T> {
  readonly #share: PidShare;
  readonly #entries: (T | undefined)[] = [undefined];
  readonly #generations: number[];
  /** Free indices, used again in the order they were freed: the first and the last, and of each the one freed after it. */
  #first = NONE;
  #last = NONE;
  readonly #after: number[] = [NONE];
  #size = 0;

  constructor(share: PidShare = ALL) {
    this.#share = share;
    this.#generations = [share.first];
  }

  get size(): number {
    return this.#size;
  }

  /** Undefined when every index is taken. */
  insert(make: (pid: number) => T): T | undefined {
    let index = this.#entries.length;
    if (index >= 2 ** INDEX_BITS) {
      if (this.#first === NONE) return undefined;
      index = this.#first;
      this.#first = this.#after[index]!;
    } else {
      this.#entries.push(undefined);
      this.#generations.push(this.#share.first);
      this.#after.push(NONE);
    }
    let made: T;
    try {
      made = make(this.#generations[index]! * 2 ** INDEX_BITS + index);
    } catch (error) {
      this.#free(index);
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

  /** False when there is none of that number. */
  remove(pid: number): boolean {
    if (this.get(pid) === undefined) return false;
    const index = pid % 2 ** INDEX_BITS;
    this.#entries[index] = undefined;
    this.#generations[index] = wrapped(this.#generations[index]! + this.#share.step, this.#share.step);
    this.#free(index);
    this.#size--;
    return true;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }

  #free(index: number): void {
    this.#after[index] = NONE;
    if (this.#first === NONE) this.#first = index;
    else this.#after[this.#last] = index;
    this.#last = index;
  }
}
