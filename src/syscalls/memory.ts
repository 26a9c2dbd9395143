// Guest memory: the only module that touches it. Nothing here trusts an address or a length: they are an allegation until
// `has` or `hasWritable` said yes, and a caller checks before it does anything else. A touch of a protected page from here would
// end the host.
import type { Access, Protection } from '../hal/mmu.ts';

const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);

export class GuestMemory {
  /** All of the memory, for calls of the host that read or write it at once. Replaced when the memory grows. */
  bytes: Uint8Array = NOTHING;
  #view: DataView = NO_VIEW;
  /** What may not be read, or not be written: ascending, disjoint. */
  #protected: readonly Protection[] = [];
  /** Between these all may be read and written: all of the memory, or what comes before the first protection, or after it. */
  from = 0;
  to = 0;

  /** To be called after the memory was given and after each growth: the old views are of no use then. */
  attach(buffer: ArrayBuffer | SharedArrayBuffer): void {
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#open();
  }

  detach(): void {
    this.#protected = [];
    this.bytes = NOTHING;
    this.#view = NO_VIEW;
    this.#open();
  }

  /** To be called before pages are protected, and after they are so no more. */
  protect(from: number, to: number, access: Access): void {
    const outside = this.#protected.flatMap((one) => {
      if (one.to <= from || to <= one.from) return [one];
      const left = one.from < from ? [{ ...one, to: from }] : [];
      return one.to > to ? [...left, { ...one, from: to }] : left;
    });
    if (access !== 'write') outside.push({ from, to, access });
    this.#protected = outside.sort((a, b) => a.from - b.from);
    this.#open();
  }

  /** Whether `length` bytes at `address` can be read. Both are unsigned 32-bit numbers; their sum cannot overflow a double. */
  has(address: number, length: number): boolean {
    return (address >= this.from && address + length <= this.to) || this.allows(address, length, 'read');
  }

  /** Whether they can be written. */
  hasWritable(address: number, length: number): boolean {
    return (address >= this.from && address + length <= this.to) || this.allows(address, length, 'write');
  }

  /** The same for what is not all between `from` and `to`. */
  allows(address: number, length: number, wanted: Access): boolean {
    const end = address + length;
    if (end > this.bytes.length) return false;
    // Nothing of no bytes is protected.
    if (length === 0) return true;
    return !this.#protected.some(
      ({ from, to, access }) => address < to && from < end && (wanted === 'write' || access === 'none'),
    );
  }

  #open(): void {
    const [first, second] = this.#protected;
    const low = first?.from === 0;
    this.from = low ? first.to : 0;
    this.to = (low ? second?.from : first?.from) ?? this.bytes.length;
  }

  getU8(address: number): number {
    return this.#view.getUint8(address);
  }
  getU16(address: number): number {
    return this.#view.getUint16(address, true);
  }
  getU32(address: number): number {
    return this.#view.getUint32(address, true);
  }
  getU64(address: number): bigint {
    return this.#view.getBigUint64(address, true);
  }
  setU8(address: number, value: number): void {
    this.#view.setUint8(address, value);
  }
  setU16(address: number, value: number): void {
    this.#view.setUint16(address, value, true);
  }
  setU32(address: number, value: number): void {
    this.#view.setUint32(address, value, true);
  }
  setU64(address: number, value: bigint): void {
    this.#view.setBigUint64(address, value, true);
  }
  /** A whole number below 2^53. */
  setSize(address: number, value: number): void {
    this.#view.setUint32(address, value, true);
    this.#view.setUint32(address + 4, Math.floor(value / 2 ** 32), true);
  }
}
