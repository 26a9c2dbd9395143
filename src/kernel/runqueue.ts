// The run queue: ready threads by virtual time, the least first; of equal ones the one that came first. A heap over typed
// arrays, each place with its keys: nothing is allocated when a thread comes or goes, and comparing follows no reference.

/** Children of a place: of four, all lie side by side, and the heap is half as deep as with two. */
const ARITY = 4;

export class RunQueue {
  #slots = new Int32Array(16);
  #vtimes = new Float64Array(16);
  #arrivals = new Float64Array(16);
  #size = 0;
  #pushed = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot that is due, or -1. */
  get first(): number {
    return this.#size === 0 ? -1 : this.#slots[0]!;
  }

  push(slot: number, vtime: number): void {
    const size = this.#size++;
    if (size === this.#slots.length) {
      this.#slots = grown(this.#slots, 2 * size);
      this.#vtimes = grown(this.#vtimes, 2 * size);
      this.#arrivals = grown(this.#arrivals, 2 * size);
    }
    const vtimes = this.#vtimes;
    let at = size;
    while (at > 0) {
      const parent = ((at - 1) / ARITY) | 0;
      // What comes is the last of its equals.
      if (vtimes[parent]! <= vtime) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, slot, vtime, this.#pushed++);
  }

  /** Takes the slot that is due. There must be one. */
  pop(): number {
    const slots = this.#slots;
    const vtimes = this.#vtimes;
    const arrivals = this.#arrivals;
    const first = slots[0]!;
    const size = --this.#size;
    const slot = slots[size]!;
    const vtime = vtimes[size]!;
    const arrival = arrivals[size]!;
    let at = 0;
    for (;;) {
      const child = ARITY * at + 1;
      if (child >= size) break;
      const end = Math.min(child + ARITY, size);
      let least = child;
      for (let other = child + 1; other < end; other++) {
        const difference = vtimes[other]! - vtimes[least]!;
        if (difference < 0 || (difference === 0 && arrivals[other]! < arrivals[least]!)) least = other;
      }
      const difference = vtimes[least]! - vtime;
      if (difference > 0 || (difference === 0 && arrivals[least]! > arrival)) break;
      this.#move(least, at);
      at = least;
    }
    this.#set(at, slot, vtime, arrival);
    return first;
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#slots[from]!, this.#vtimes[from]!, this.#arrivals[from]!);
  }

  #set(at: number, slot: number, vtime: number, arrival: number): void {
    this.#slots[at] = slot;
    this.#vtimes[at] = vtime;
    this.#arrivals[at] = arrival;
  }
}

/** A longer copy. */
export function grown<T extends Float64Array | Int32Array | Uint8Array>(array: T, length: number): T {
  const longer = new (array.constructor as new (length: number) => T)(length);
  longer.set(array);
  return longer;
}
