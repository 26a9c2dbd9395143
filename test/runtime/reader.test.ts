import { describe, expect, test } from 'vitest';
import { LoadError } from '../../src/runtime/errors.ts';
import { Reader } from '../../src/runtime/reader.ts';
import { u32Size, Writer } from '../../src/runtime/writer.ts';

function reader(...bytes: number[]): Reader {
  return new Reader(Uint8Array.from(bytes));
}

describe('reader', () => {
  test('unsigned integers, padded ones too', () => {
    expect(reader(0x00).u32()).toBe(0);
    expect(reader(0xe5, 0x8e, 0x26).u32()).toBe(624485);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).u32()).toBe(0xffff_ffff);
    expect(reader(0x83, 0x80, 0x80, 0x80, 0x00).u32()).toBe(3);
  });

  test.each([
    ['a sixth byte', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ['bits beyond 32', [0xff, 0xff, 0xff, 0xff, 0x10]],
    ['the end', [0x80]],
  ])('an unsigned integer with %s is refused', (_what, bytes) => {
    expect(() => reader(...bytes).u32()).toThrow(LoadError);
  });

  test('a 64-bit limit saturates at what a number holds', () => {
    expect(reader(0x80, 0x80, 0x04).u64()).toBe(65536);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01).u64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => reader(...new Array(10).fill(0x80), 0).u64()).toThrow(LoadError);
  });

  test('signed 33-bit integers', () => {
    expect(reader(0x70).s33()).toBe(-16);
    expect(reader(0x40).s33()).toBe(-64);
    expect(reader(0xc0, 0x00).s33()).toBe(64);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).s33()).toBe(0xffff_ffff);
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x80, 0x00).s33()).toThrow(LoadError);
  });

  test('a count may not exceed the bytes that follow', () => {
    expect(reader(2, 0, 0).count()).toBe(2);
    expect(() => reader(3, 0, 0).count()).toThrow(/count exceeds/);
    expect(() => reader(2, 0, 0).count(2)).toThrow(/count exceeds/);
    expect(() => reader(0xff, 0xff, 0xff, 0xff, 0x0f, 0).count()).toThrow(/count exceeds/);
  });

  test('a part cannot be left, nor be longer than the whole', () => {
    const whole = reader(1, 2, 3);
    const part = whole.sub(2);
    expect([part.u8(), part.u8(), whole.u8()]).toEqual([1, 2, 3]);
    expect(() => part.u8()).toThrow(LoadError);
    expect(() => reader(1).sub(2)).toThrow(LoadError);
  });
});

describe('writer', () => {
  test('what it writes, the reader reads', () => {
    for (const value of [0, 1, 127, 128, 16383, 16384, 2 ** 21, 2 ** 28 - 1, 2 ** 28, 2 ** 32 - 1]) {
      const out = new Writer(1).u32(value);
      expect(out.length).toBe(u32Size(value));
      expect(new Reader(out.result()).u32()).toBe(value);
    }
    for (const value of [0, 63, 64, -1, -64, -65, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1]) {
      expect(new Reader(new Writer(1).signed(value).result()).s33()).toBe(value);
    }
  });

  test('growth keeps what was written', () => {
    const out = new Writer(1);
    const long = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
    out.u8(1).copy(long, 0, 10).copy(long, 10, 1000).raw(long);
    expect([...out.result()]).toEqual([1, ...long, ...long]);
  });
});
