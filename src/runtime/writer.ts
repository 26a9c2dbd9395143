// A growing output buffer. Integers are written in their shortest LEB128 form.

import { encodeUtf8 } from '../hal/utf8.ts';

// Below this many bytes a loop beats TypedArray.set.
const SHORT_RUN = 48;

export class Writer {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 64) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `extra` more bytes. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, Math.ceil(this.bytes.length * 1.5)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  u8(byte: number): this {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = byte;
    return this;
  }

  u32(value: number): this {
    this.reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
    return this;
  }

  /** A signed integer of up to 53 bits. */
  signed(value: number): this {
    let rest = value;
    for (;;) {
      const low = ((rest % 128) + 128) % 128;
      rest = (rest - low) / 128;
      const last = low & 0x40 ? rest === -1 : rest === 0;
      this.u8(last ? low : low | 0x80);
      if (last) return this;
    }
  }

  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  copy(source: Uint8Array, start: number, end: number): this {
    const size = end - start;
    this.reserve(size);
    const { bytes } = this;
    if (size > SHORT_RUN) bytes.set(source.subarray(start, end), this.length);
    else for (let from = start, to = this.length; from < end; ) bytes[to++] = source[from++]!;
    this.length += size;
    return this;
  }

  name(text: string): this {
    return this.nameBytes(encodeUtf8(text));
  }

  nameBytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes);
  }

  /** The content of `other`, preceded by its length. */
  sized(other: Writer): this {
    return this.u32(other.length).copy(other.bytes, 0, other.length);
  }

  result(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

export function u32Size(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}
