import { describe, expect, test } from 'vitest';
import { skipInstruction } from '../../src/runtime/immediates.ts';
import { ATOMIC, GC, IMMEDIATES, Immediate, MISC, prefixed, SIMD } from '../../src/runtime/opcodes.ts';
import { Writer } from '../../src/runtime/writer.ts';
import { wat } from './tools.ts';

/** V8's verdict on a function whose body is the given bytes and `end`. */
function verdict(body: readonly number[]): string {
  const code = [0, ...body, 0x0b];
  const bytes = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
    ...[0x03, 0x02, 0x01, 0x00],
    ...[0x0a, code.length + 2, 0x01, code.length, ...code],
  ]);
  try {
    new WebAssembly.Module(bytes);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const UNKNOWN_TO_V8 =
  /invalid opcode|invalid numeric opcode|Invalid opcode|invalid atomic opcode|invalid simd opcode|invalid gc opcode|enable with/i;
// struct.new_desc and struct.new_default_desc: V8 reads them, but the types they need are behind a flag.
const NEEDS_DESCRIPTORS = new Set([GC + 0x20, GC + 0x21]);
const IMMEDIATE_BYTES = [0, 0, 0, 0];

describe('the table of opcodes is V8 14 as it ships', () => {
  test('single bytes', () => {
    for (let opcode = 0; opcode < 0x100; opcode++) {
      if (IMMEDIATES[opcode] === Immediate.prefix) continue;
      const known = IMMEDIATES[opcode] !== Immediate.unknown;
      expect([opcode.toString(16), !UNKNOWN_TO_V8.test(verdict([opcode, ...IMMEDIATE_BYTES]))]).toEqual([
        opcode.toString(16),
        known,
      ]);
    }
  });

  test.each([
    ['GC', 0xfb, GC, 0x100],
    ['numeric and bulk', 0xfc, MISC, 0x100],
    ['SIMD', 0xfd, SIMD, 0x200],
    ['atomic', 0xfe, ATOMIC, 0x100],
  ])('%s', (_name, prefix, base, size) => {
    for (let number = 0; number < size; number++) {
      if (NEEDS_DESCRIPTORS.has(base + number)) continue;
      const known = IMMEDIATES[base + number] !== Immediate.unknown;
      const bytes = [prefix, ...new Writer().u32(number).result(), ...IMMEDIATE_BYTES];
      expect([number.toString(16), !UNKNOWN_TO_V8.test(verdict(bytes))]).toEqual([number.toString(16), known]);
    }
  });

  test('numbers beyond the table are unknown', () => {
    expect(prefixed(0xfd, 0x200)).toBe(-1);
    expect(prefixed(0xfc, 0x100)).toBe(-1);
    expect(prefixed(0xfb, 0xffff_ffff)).toBe(-1);
  });
});

describe('instructions end where the next begins', () => {
  // One of each kind of immediate.
  test.each([
    ['i32.const -2147483648'],
    ['i64.const -9223372036854775808'],
    ['f32.const 1.5'],
    ['f64.const 1.5'],
    ['v128.const i32x4 1 2 3 4'],
    ['(i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (v128.const i64x2 0 0) (v128.const i64x2 0 0))'],
    ['(v128.load32_lane offset=300 1 (i32.const 0) (v128.const i64x2 0 0))'],
    ['(i32.load $m2 offset=4294967295 (i32.const 0))'],
    ['(i64.load $m64 offset=0x123456789ab (i64.const 0))'],
    ['(i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 0) (i32.const 0))'],
    ['(ref.test (ref null 300) (ref.null any))'],
    ['(br_on_cast 0 anyref (ref i31) (ref.null any))'],
    ['(select (result (ref null $s)) (ref.null $s) (ref.null $s) (i32.const 0))'],
    ['(block (result (ref null $s)) (ref.null $s))'],
    ['(try_table (catch $t 0) (catch_all_ref 1) (catch_all 0))'],
    ['(br_table 0 1 200 0 (i32.const 0))'],
  ])('%s', async (instruction) => {
    const types = Array.from({ length: 301 }, (_, i) => `(type (struct (field (mut i32)) (field i${i % 2 ? 32 : 64})))`).join('');
    const nested = instruction.includes('200') ? `${'block '.repeat(201)}${instruction}${' end'.repeat(201)}` : instruction;
    const bytes = await wat(
      `(rec ${types}) (type $s (struct)) (tag $t) (memory $m 1) (memory $m2 1) (memory $m64 i64 1) (func ${nested} unreachable)`,
    );
    const { start, end } = bodyOf(bytes);
    let position = start;
    while (position < end) position = skipInstruction(bytes, position, bytes.length);
    expect(position).toBe(end);
  });
});

/** The instructions of the only function, which has no locals. */
function bodyOf(bytes: Uint8Array): { start: number; end: number } {
  let position = 8;
  for (;;) {
    const id = bytes[position]!;
    const [size, next] = integer(bytes, position + 1);
    if (id === 10) return { start: integer(bytes, next + 1)[1] + 1, end: next + size };
    position = next + size;
  }
}

function integer(bytes: Uint8Array, at: number): [number, number] {
  let value = 0;
  let position = at;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[position++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, position];
  }
}
