// A cursor over the bytes of a module. Every read is bounded by `limit`; every LEB128 by the length the
// specification allows. It allocates nothing from a declared count: `count` refuses more items than bytes remain.

import { decodeUtf8 } from '../hal/utf8.ts';
import { LoadError } from './errors.ts';

export class Reader {
  readonly bytes: Uint8Array;
  readonly limit: number;
  position: number;

  constructor(bytes: Uint8Array, position = 0, limit = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.limit = limit;
  }

  get done(): boolean {
    return this.position >= this.limit;
  }

  fail(what: string, at = this.position): never {
    throw new LoadError('malformed', `malformed module: ${what} at offset ${at}`);
  }

  u8(): number {
    if (this.position >= this.limit) this.fail('unexpected end');
    return this.bytes[this.position++]!;
  }

  peek(): number {
    if (this.position >= this.limit) this.fail('unexpected end');
    return this.bytes[this.position]!;
  }

  u32(): number {
    const start = this.position;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x0f) this.fail('integer too large', start);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return this.fail('integer too long', start);
  }

  /** An unsigned 64-bit limit. Beyond what a number holds exactly it is that bound: no memory or table is so large. */
  u64(): number {
    const start = this.position;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return Math.min(value, Number.MAX_SAFE_INTEGER);
    }
    return this.fail('integer too long', start);
  }

  /** A heap or block type: a 33-bit signed integer. */
  s33(): number {
    const start = this.position;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value;
    }
    return this.fail('integer too long', start);
  }

  /** A vector's length; each item takes at least `itemSize` bytes. */
  count(itemSize = 1): number {
    const start = this.position;
    const count = this.u32();
    if (count * itemSize > this.limit - this.position) this.fail('count exceeds the bytes that follow', start);
    return count;
  }

  skip(length: number): number {
    const start = this.position;
    if (length > this.limit - start) this.fail('unexpected end');
    this.position = start + length;
    return start;
  }

  slice(length: number): Uint8Array {
    const start = this.skip(length);
    return this.bytes.subarray(start, start + length);
  }

  /** The bytes of a name, without its length. */
  nameBytes(): Uint8Array {
    return this.slice(this.u32());
  }

  name(): string {
    const at = this.position;
    return decodeUtf8(this.nameBytes()) ?? this.fail('a name is not UTF-8', at);
  }

  /** A cursor over the next `length` bytes, which this one skips. */
  sub(length: number): Reader {
    const start = this.skip(length);
    return new Reader(this.bytes, start, start + length);
  }
}
