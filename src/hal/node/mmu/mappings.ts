// How many of the host's mappings memories take, of those that its bound on processes leaves. V8 ends the host when there are none,
// so what can do without is refused before that.

/** Of one memory with its process's stack: what the host's bound on processes counts for each. */
export const PER_MEMORY = 5;
/** The image makes two mappings of one. */
export const PER_IMAGE = 1;
/** A protected page in the middle makes three of one. */
export const PER_SPAN = 2;
/** However few processes there may be. */
const LEAST = 512;

export class Mappings {
  readonly #processesMax: () => number;
  #max: number | undefined;
  #taken = 0;

  constructor(processesMax: () => number) {
    this.#processesMax = processesMax;
  }

  get taken(): number {
    return this.#taken;
  }

  leaves(count: number): boolean {
    this.#max ??= this.#processesMax() * PER_MEMORY + LEAST;
    return this.#taken + count <= this.#max;
  }

  /** Whether or not there are any left; a negative number gives them back. */
  add(count: number): void {
    this.#taken += count;
  }
}
