// A growing list of unsigned 32-bit numbers: what an analysis keeps of each loop and call, of which there may be millions.

export class Numbers {
  #items: Uint32Array;
  length = 0;

  constructor(capacity = 1024) {
    this.#items = new Uint32Array(capacity);
  }

  push(value: number): number {
    if (this.length === this.#items.length) {
      const grown = new Uint32Array(2 * this.length);
      grown.set(this.#items);
      this.#items = grown;
    }
    this.#items[this.length] = value;
    return this.length++;
  }

  /** What has been pushed: valid until the next push. */
  get items(): Uint32Array {
    return this.#items.subarray(0, this.length);
  }

  at(index: number): number {
    return this.#items[index]!;
  }

  set(index: number, value: number): void {
    this.#items[index] = value;
  }

  add(index: number, value: number): void {
    this.#items[index]! += value;
  }
}
