// Guest memory: the only module that touches it. Nothing here trusts an address or a length: they are an allegation until
// `has` said yes, and a caller checks before it does anything else.

const EMPTY = new ArrayBuffer(0);

/** Bytes `from` up to, not including, `to`. */
interface DeniedRange {
  readonly from: number;
  readonly to: number;
}

export class GuestMemory {
  /** All of the memory, for calls of the host that read or write it at once. Replaced when the memory grows. */
  bytes: Uint8Array = new Uint8Array(EMPTY);
  #view: DataView = new DataView(EMPTY);
  /** What must not be touched: a fault of the host's own code ends the host. Mostly nothing. */
  #denied: readonly DeniedRange[] | undefined;

  /** To be called after the memory was given and after each growth: the old views are of no use then. */
  attach(buffer: ArrayBuffer | SharedArrayBuffer): void {
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }

  detach(): void {
    this.attach(EMPTY);
    this.#denied = undefined;
  }

  /** No call may touch any of these from now on. */
  deny(ranges: readonly DeniedRange[]): void {
    this.#denied = ranges.length === 0 ? undefined : ranges;
  }

  /** Whether `length` bytes at `address` are there. Both are unsigned 32-bit numbers; their sum cannot overflow a double. */
  has(address: number, length: number): boolean {
    return address + length <= this.bytes.length && (this.#denied === undefined || this.#mayTouch(address, length));
  }

  #mayTouch(address: number, length: number): boolean {
    return length === 0 || !this.#denied!.some(({ from, to }) => address < to && from < address + length);
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
