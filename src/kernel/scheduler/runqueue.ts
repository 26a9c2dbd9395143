// The run queue: ready threads by virtual time, the least first; of equal ones the one that came first. Those that yielded stand
// in line, since each comes behind the one before; the others are in a heap. Nothing is allocated when a thread comes or goes.

/** Children of a place: of four, all lie side by side, and the heap is half as deep as with two. */
const ARITY = 4;

/** Places of waiting threads, each with its keys. */
class Places {
  slots = new Int32Array(16);
  vtimes = new Float64Array(16);
  arrivals = new Float64Array(16);

  set(at: number, slot: number, vtime: number, arrival: number): void {
    this.slots[at] = slot;
    this.vtimes[at] = vtime;
    this.arrivals[at] = arrival;
  }

  copy(from: number, to: number): void {
    this.set(to, this.slots[from]!, this.vtimes[from]!, this.arrivals[from]!);
  }

  grow(places: number): void {
    this.slots = grown(this.slots, places);
    this.vtimes = grown(this.vtimes, places);
    this.arrivals = grown(this.arrivals, places);
  }
}

/** Those that yielded: a ring, a power of two long. */
class Line {
  readonly places = new Places();
  #head = 0;
  count = 0;

  get first(): number {
    return this.#head;
  }

  get last(): number {
    return (this.#head + this.count - 1) & (this.places.slots.length - 1);
  }

  append(slot: number, vtime: number, arrival: number): void {
    if (this.count === this.places.slots.length) this.#double();
    this.places.set((this.#head + this.count++) & (this.places.slots.length - 1), slot, vtime, arrival);
  }

  shift(): number {
    const slot = this.places.slots[this.#head]!;
    this.#head = (this.#head + 1) & (this.places.slots.length - 1);
    this.count--;
    return slot;
  }

  /** What lay before the head goes behind the old end. */
  #double(): void {
    const { count, places } = this;
    places.grow(2 * count);
    for (let i = 0; i < this.#head; i++) places.copy(i, count + i);
  }
}

class Heap {
  readonly places = new Places();
  count = 0;

  push(slot: number, vtime: number, arrival: number): void {
    const { places } = this;
    let at = this.count++;
    if (at === places.slots.length) places.grow(2 * at);
    while (at > 0) {
      const parent = ((at - 1) / ARITY) | 0;
      // What comes is the last of its equals.
      if (places.vtimes[parent]! <= vtime) break;
      places.copy(parent, at);
      at = parent;
    }
    places.set(at, slot, vtime, arrival);
  }

  shift(): number {
    const { places } = this;
    const { slots, vtimes, arrivals } = places;
    const first = slots[0]!;
    const count = --this.count;
    const vtime = vtimes[count]!;
    const arrival = arrivals[count]!;
    let at = 0;
    for (;;) {
      const child = ARITY * at + 1;
      if (child >= count) break;
      const end = Math.min(child + ARITY, count);
      let least = child;
      for (let other = child + 1; other < end; other++) {
        const difference = vtimes[other]! - vtimes[least]!;
        if (difference < 0 || (difference === 0 && arrivals[other]! < arrivals[least]!)) least = other;
      }
      const difference = vtimes[least]! - vtime;
      if (difference > 0 || (difference === 0 && arrivals[least]! > arrival)) break;
      places.copy(least, at);
      at = least;
    }
    places.set(at, slots[count]!, vtime, arrival);
    return first;
  }
}

export class RunQueue {
  readonly #line = new Line();
  readonly #heap = new Heap();
  #pushed = 0;

  get size(): number {
    return this.#line.count + this.#heap.count;
  }

  /** The slot that is due, or -1. */
  get first(): number {
    if (this.#inLine()) return this.#line.places.slots[this.#line.first]!;
    return this.#heap.count === 0 ? -1 : this.#heap.places.slots[0]!;
  }

  push(slot: number, vtime: number): void {
    this.#heap.push(slot, vtime, this.#pushed++);
  }

  /** Puts it behind those that came this way, and behind whoever is due; gives the virtual time that it has then. */
  append(slot: number, vtime: number): number {
    const line = this.#line;
    const heap = this.#heap;
    const before =
      line.count > 0 ? line.places.vtimes[line.last]! : heap.count > 0 ? heap.places.vtimes[0]! : Number.NEGATIVE_INFINITY;
    const behind = Math.max(vtime, before);
    line.append(slot, behind, this.#pushed++);
    return behind;
  }

  /** Takes the slot that is due. There must be one. */
  pop(): number {
    return this.#inLine() ? this.#line.shift() : this.#heap.shift();
  }

  /** Whether the one that is due stands in line. */
  #inLine(): boolean {
    const line = this.#line;
    const heap = this.#heap;
    if (line.count === 0) return false;
    if (heap.count === 0) return true;
    const { places, first } = line;
    const difference = places.vtimes[first]! - heap.places.vtimes[0]!;
    return difference < 0 || (difference === 0 && places.arrivals[first]! < heap.places.arrivals[0]!);
  }
}

/** A longer copy. */
export function grown<T extends Float64Array | Int32Array | Uint8Array>(array: T, length: number): T {
  const longer = new (array.constructor as new (length: number) => T)(length);
  longer.set(array);
  return longer;
}
