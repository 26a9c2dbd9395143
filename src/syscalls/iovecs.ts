// Scatter and gather lists, copied from the guest once and checked in the copy (SECURITY.md 22).
import type { GuestMemory } from './memory.ts';

/** POSIX IOV_MAX. */
const IOVECS_MAX = 1024;

export class Iovecs {
  count = 0;
  /** All elements together. */
  bytes = 0;
  readonly address: Uint32Array;
  readonly length: Uint32Array;

  constructor(capacity = IOVECS_MAX) {
    this.address = new Uint32Array(capacity);
    this.length = new Uint32Array(capacity);
  }

  /**
   * Reads `count` pairs (u32 address, u32 length) at `list`: an errno, or undefined when each lies in memory that can be read,
   * or `written`.
   */
  load(memory: GuestMemory, list: number, count: number, written: boolean): 'INVAL' | 'FAULT' | undefined {
    if (count > this.address.length) return 'INVAL';
    if (!memory.has(list, count * 8)) return 'FAULT';
    let total = 0;
    for (let i = 0; i < count; i++) {
      const address = memory.getU32(list + i * 8);
      const length = memory.getU32(list + i * 8 + 4);
      if (!(written ? memory.hasWritable(address, length) : memory.has(address, length))) return 'FAULT';
      this.address[i] = address;
      this.length[i] = length;
      total += length;
    }
    // The number of bytes moved is returned in 32 bits.
    if (total >= 2 ** 32) return 'INVAL';
    this.count = count;
    this.bytes = total;
    return undefined;
  }

  copy(): Iovecs {
    const copy = new Iovecs(this.count);
    copy.address.set(this.address.subarray(0, this.count));
    copy.length.set(this.length.subarray(0, this.count));
    copy.count = this.count;
    copy.bytes = this.bytes;
    return copy;
  }
}
