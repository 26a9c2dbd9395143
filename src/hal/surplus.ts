// How many of those that wait for their next use are too many: nobody asked for them through a whole period.

/** So many comings and goings decide. */
const PERIOD = 256;

export class Surplus {
  #moves = 0;
  /** The fewest that waited in this period. */
  #fewest = 0;

  /** So many wait now. */
  left(count: number): void {
    this.#fewest = Math.min(this.#fewest, count);
  }

  /** One came or is asked for, where so many wait: how many are to go, which is half of those that were not needed. */
  moved(count: number): number {
    if (++this.#moves < PERIOD) return 0;
    const surplus = Math.ceil(this.#fewest / 2);
    this.#moves = 0;
    this.#fewest = count - surplus;
    return surplus;
  }
}
