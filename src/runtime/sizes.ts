// What GC objects take on V8's heap, in bytes: measured on V8 14 without pointer compression, as Node builds it.

import type { ValueType } from './types.ts';

/** A struct type, or an array type. */
export interface ObjectType {
  readonly kind: 'struct' | 'array';
  /** Of a whole struct; of one element of an array. */
  readonly bytes: number;
  /** How many operands `struct.new` takes. */
  readonly fields: number;
  /** Of an array. */
  readonly element?: ValueType;
}

/** To which every object is rounded up. */
export const WORD = 8;
const STRUCT_HEADER = 16;
const ARRAY_HEADER = 24;
/** The object and the header of its list of values. */
export const EXCEPTION_BYTES = 56;

const SIZES: Readonly<Record<string, number>> = { i8: 1, i16: 2, i32: 4, f32: 4, i64: 8, f64: 8, v128: 16 };

const aligned = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;

function sizeOf(type: ValueType): number {
  return SIZES[type] ?? WORD;
}

export function structType(fields: readonly ValueType[]): ObjectType {
  let bytes = STRUCT_HEADER;
  for (const field of fields) {
    const size = sizeOf(field);
    bytes = aligned(bytes, Math.min(size, WORD)) + size;
  }
  return { kind: 'struct', bytes: aligned(bytes, WORD), fields: fields.length };
}

export function arrayType(element: ValueType): ObjectType {
  return { kind: 'array', bytes: sizeOf(element), fields: 0, element };
}

export function arrayBytes(element: number, length: number): number {
  return aligned(ARRAY_HEADER + element * length, WORD);
}

/** An exception keeps two bytes of a number in each word. */
export function payloadBytes(params: readonly ValueType[]): number {
  return params.reduce((sum, param) => sum + (SIZES[param] === undefined ? WORD : (sizeOf(param) / 2) * WORD), 0);
}
