// Scatter and gather lists, copied from the guest once and checked in the copy (SECURITY.md 22).
import type { GuestMemory } from './memory.ts';

/** POSIX IOV_MAX. */
const IOVECS_MAX = 1024;

export class Iovecs {
  count = 0;
  /** All elements together. */
  bytes = 0;
  /** Of the first element, which is the only one of nearly all calls: those touch nothing else. */
  #start = 0;
  readonly #starts: Uint32Array;
  readonly #lengths: Uint32Array;

  constructor(capacity = IOVECS_MAX) {
    this.#starts = new Uint32Array(capacity);
    this.#lengths = new Uint32Array(capacity);
  }

  address(i: number): number {
    return i === 0 ? this.#start : this.#starts[i]!;
  }
  length(i: number): number {
    return this.count === 1 ? this.bytes : this.#lengths[i]!;
  }

  /**
   * Reads `count` pairs (u32 address, u32 length) at `list`: an errno, or undefined when each lies in memory that can be read,
   * or `written`.
   */
  load(memory: GuestMemory, list: number, count: number, written: boolean): 'INVAL' | 'FAULT' | undefined {
    if (count > this.#starts.length) return 'INVAL';
    if (!memory.has(list, count * 8)) return 'FAULT';
    let total = 0;
    for (let i = 0; i < count; i++) {
      const address = memory.getU32(list + i * 8);
      const length = memory.getU32(list + i * 8 + 4);
      if (!(written ? memory.hasWritable(address, length) : memory.has(address, length))) return 'FAULT';
      this.#starts[i] = address;
      this.#lengths[i] = length;
      total += length;
    }
    // The number of bytes moved is returned in 32 bits.
    if (total >= 2 ** 32) return 'INVAL';
    this.#start = this.#starts[0]!;
    this.count = count;
    this.bytes = total;
    return undefined;
  }

  /** Has one element, which has been checked. */
  hold(address: number, length: number): void {
    this.#start = address;
    this.count = 1;
    this.bytes = length;
  }

  copy(): Iovecs {
    const copy = new Iovecs(this.count);
    copy.#start = this.#start;
    copy.#starts.set(this.#starts.subarray(0, this.count));
    copy.#lengths.set(this.#lengths.subarray(0, this.count));
    copy.count = this.count;
    copy.bytes = this.bytes;
    return copy;
  }
}
