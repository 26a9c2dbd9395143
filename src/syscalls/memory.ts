// Guest memory: the only module that touches it. Nothing here trusts an address or a length: they are an allegation until
// `has` said yes, and a caller checks before it does anything else.

const EMPTY = new ArrayBuffer(0);

export class GuestMemory {
  /** All of the memory, for calls of the host that read or write it at once. Replaced when the memory grows. */
  bytes: Uint8Array = new Uint8Array(EMPTY);
  #view: DataView = new DataView(EMPTY);

  /** To be called after the memory was given and after each growth: the old views are of no use then. */
  attach(buffer: ArrayBuffer | SharedArrayBuffer): void {
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }

  detach(): void {
    this.attach(EMPTY);
  }

  /** Whether `length` bytes at `address` are there. Both are unsigned 32-bit numbers; their sum cannot overflow a double. */
  has(address: number, length: number): boolean {
    return address + length <= this.bytes.length;
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
