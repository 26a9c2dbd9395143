// Value types, limits and function types: their binary form and the text by which the layout names them.

import { LoadError } from './errors.ts';
import type { Reader } from './reader.ts';
import { arrayType, type ObjectType, structType } from './sizes.ts';
import type { Writer } from './writer.ts';

/** `i32`, `v128`, `funcref`, `(ref null 3)`, `(ref any)`, ... as in the text format. */
export type ValueType = string;

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface Limits {
  readonly minimum: number;
  readonly maximum?: number;
  readonly shared: boolean;
  readonly address: 'i32' | 'i64';
}

export interface TableType {
  readonly element: ValueType;
  readonly limits: Limits;
}

const NUMBER_TYPES: Readonly<Record<number, string>> = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
  120: 'i8',
  119: 'i16',
};

// Abstract heap types by their one-byte form.
const HEAP_TYPES: Readonly<Record<number, string>> = {
  116: 'noexn',
  115: 'nofunc',
  114: 'noextern',
  113: 'none',
  112: 'func',
  111: 'extern',
  110: 'any',
  109: 'eq',
  108: 'i31',
  107: 'struct',
  106: 'array',
  105: 'exn',
};

const SHORT_NAMES: Readonly<Record<string, string>> = {
  none: 'nullref',
  nofunc: 'nullfuncref',
  noextern: 'nullexternref',
  noexn: 'nullexnref',
};

function shortName(heap: string): string {
  return SHORT_NAMES[heap] ?? `${heap}ref`;
}

const REF = 0x64;
const REF_NULL = 0x63;

const BYTES = new Map<string, number>([
  ...Object.entries(NUMBER_TYPES).map(([byte, name]) => [name, Number(byte)] as const),
  ...Object.entries(HEAP_TYPES).map(([byte, name]) => [shortName(name), Number(byte)] as const),
]);
const HEAP_BYTES = new Map(Object.entries(HEAP_TYPES).map(([byte, name]) => [name, Number(byte)] as const));

function readHeapType(reader: Reader): string {
  const at = reader.position;
  const heap = reader.s33();
  if (heap >= 0) return String(heap);
  return HEAP_TYPES[heap + 128] ?? unsupportedType(heap, at);
}

function unsupportedType(code: number, at: number): never {
  throw new LoadError('unsupported', `unsupported type 0x${(code & 0xff).toString(16)} at offset ${at}`);
}

export function readValueType(reader: Reader): ValueType {
  const at = reader.position;
  const byte = reader.u8();
  if (byte === REF_NULL || byte === REF) {
    const heap = readHeapType(reader);
    if (byte === REF) return `(ref ${heap})`;
    return HEAP_BYTES.has(heap) ? shortName(heap) : `(ref null ${heap})`;
  }
  const number = NUMBER_TYPES[byte];
  if (number !== undefined) return number;
  const heap = HEAP_TYPES[byte];
  return heap === undefined ? unsupportedType(byte, at) : shortName(heap);
}

export function writeValueType(out: Writer, type: ValueType): void {
  const byte = BYTES.get(type);
  if (byte !== undefined) {
    out.u8(byte);
    return;
  }
  const nullable = type.startsWith('(ref null ');
  const heap = type.slice(nullable ? 10 : 5, -1);
  out.u8(nullable ? REF_NULL : REF);
  const abstract = HEAP_BYTES.get(heap);
  if (abstract === undefined) out.signed(Number(heap));
  else out.u8(abstract);
}

function readValueTypes(reader: Reader): ValueType[] {
  const types: ValueType[] = [];
  for (let left = reader.count(); left > 0; left--) types.push(readValueType(reader));
  return types;
}

function writeValueTypes(out: Writer, types: readonly ValueType[]): void {
  out.u32(types.length);
  for (const type of types) writeValueType(out, type);
}

const LIMITS_MAXIMUM = 0x01;
const LIMITS_SHARED = 0x02;
const LIMITS_64 = 0x04;

export function readLimits(reader: Reader): Limits {
  const at = reader.position;
  const flags = reader.u32();
  if (flags & ~(LIMITS_MAXIMUM | LIMITS_SHARED | LIMITS_64)) {
    throw new LoadError('unsupported', `unsupported limits 0x${flags.toString(16)} (custom page sizes?) at offset ${at}`);
  }
  const minimum = reader.u64();
  const rest = {
    minimum,
    shared: (flags & LIMITS_SHARED) !== 0,
    address: flags & LIMITS_64 ? ('i64' as const) : ('i32' as const),
  };
  return flags & LIMITS_MAXIMUM ? { ...rest, maximum: reader.u64() } : rest;
}

/** Limits of the memory that the kernel provides: no minimum, and a maximum only where sharing demands one. */
export function writeProvidedLimits(out: Writer, limits: Limits): void {
  const bounded = limits.shared && limits.maximum !== undefined;
  out.u8((bounded ? LIMITS_MAXIMUM : 0) | (limits.shared ? LIMITS_SHARED : 0) | (limits.address === 'i64' ? LIMITS_64 : 0));
  out.u8(0);
  if (bounded) writeU64(out, limits.maximum!);
}

function writeU64(out: Writer, value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    out.u8((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.u8(rest);
}

export function readTableType(reader: Reader): TableType {
  return { element: readValueType(reader), limits: readLimits(reader) };
}

export function readGlobalType(reader: Reader): { type: ValueType; mutable: boolean } {
  return { type: readValueType(reader), mutable: reader.u8() === 1 };
}

const FUNCTION = 0x60;
const STRUCT = 0x5f;
const ARRAY = 0x5e;
const SUB_FINAL = 0x4f;
const SUB = 0x50;
const RECURSIVE = 0x4e;

export function writeFunctionType(out: Writer, type: FunctionType): void {
  out.u8(FUNCTION);
  writeValueTypes(out, type.params);
  writeValueTypes(out, type.results);
}

function readField(reader: Reader): ValueType {
  const type = readValueType(reader);
  reader.u8();
  return type;
}

export interface Types {
  /** One entry for each type index. */
  readonly functions: (FunctionType | undefined)[];
  /** The others, by type index. */
  readonly objects: Map<number, ObjectType>;
}

function readSubType(reader: Reader, { functions, objects }: Types): void {
  const at = reader.position;
  let form = reader.u8();
  if (form === SUB || form === SUB_FINAL) {
    for (let left = reader.count(); left > 0; left--) reader.u32();
    form = reader.u8();
  }
  if (form === FUNCTION) {
    functions.push({ params: readValueTypes(reader), results: readValueTypes(reader) });
    return;
  }
  if (form === STRUCT) objects.set(functions.length, structType(readFields(reader)));
  else if (form === ARRAY) objects.set(functions.length, arrayType(readField(reader)));
  else unsupportedType(form, at);
  functions.push(undefined);
}

function readFields(reader: Reader): ValueType[] {
  const fields: ValueType[] = [];
  for (let left = reader.count(2); left > 0; left--) fields.push(readField(reader));
  return fields;
}

/** `groups` recursion groups, as in the type section after its count. */
export function readTypes(reader: Reader, groups: number): Types {
  const types: Types = { functions: [], objects: new Map() };
  for (let left = groups; left > 0; left--) {
    if (reader.peek() !== RECURSIVE) {
      readSubType(reader, types);
      continue;
    }
    reader.u8();
    for (let members = reader.count(); members > 0; members--) readSubType(reader, types);
  }
  return types;
}
