// What follows each opcode: one table for the whole instruction set that V8 14 accepts by default (Wasm 3.0,
// threads, relaxed SIMD, legacy exceptions). An opcode that is not in the table is refused, never skipped.

/** Kinds of immediates. */
export const Immediate = {
  unknown: 0,
  none: 1,
  /** One unsigned 32-bit index that no pass renumbers: local, global, label, type, tag, table, memory, segment. */
  index: 2,
  twoIndices: 3,
  function: 4,
  memory: 5,
  memoryLane: 6,
  block: 7,
  heapType: 8,
  i32: 9,
  i64: 10,
  f32: 11,
  f64: 12,
  v128: 13,
  byte: 14,
  branchTable: 15,
  valueTypes: 16,
  castBranch: 17,
  tryTable: 18,
  /** The byte is a prefix; the opcode proper follows as an unsigned integer. */
  prefix: 19,
} as const;

/** An opcode's place in the tables: the byte itself, or a prefix's base plus the number after it. */
export const GC = 0x100;
export const MISC = 0x200;
export const ATOMIC = 0x300;
export const SIMD = 0x400;
export const OPCODE_SPACE = 0x600;

export const Op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  call: 0x10,
  drop: 0x1a,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Store8: 0x3a,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eqz: 0x45,
  i32LtS: 0x48,
  i32LtU: 0x49,
  i32GtU: 0x4b,
  i32LeU: 0x4d,
  i64LtU: 0x54,
  i64GtU: 0x56,
  f64Ne: 0x62,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32And: 0x71,
  i32Xor: 0x73,
  i64LeU: 0x58,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64And: 0x83,
  i64Shl: 0x86,
  i64ShrU: 0x88,
  f64Add: 0xa0,
  i32WrapI64: 0xa7,
  i64ExtendI32S: 0xac,
  i64ExtendI32U: 0xad,
  f64ConvertI32U: 0xb8,
  f64ConvertI64U: 0xba,
  arrayLen: GC + 15,
  arrayFill: GC + 16,
  arrayCopy: GC + 17,
  arrayInitData: GC + 18,
  arrayInitElem: GC + 19,
  refNull: 0xd0,
  i32ReinterpretF32: 0xbc,
  i64ReinterpretF64: 0xbd,
  i32TruncSatF64S: MISC + 2,
  memoryInit: MISC + 8,
  dataDrop: MISC + 9,
  memoryCopy: MISC + 10,
  memoryFill: MISC + 11,
  tableInit: MISC + 12,
  tableCopy: MISC + 14,
  tableGrow: MISC + 15,
  tableSize: MISC + 16,
  tableFill: MISC + 17,
} as const;

export const BlockType = { empty: 0x40 } as const;

/** The prefix byte of each range above 0xff, and the reverse. */
export function prefixOf(opcode: number): number {
  if (opcode >= SIMD) return 0xfd;
  return opcode >= ATOMIC ? 0xfe : opcode >= MISC ? 0xfc : 0xfb;
}

/** The place of opcode `number` after `prefix`, or -1. */
export function prefixed(prefix: number, number: number): number {
  if (prefix === 0xfd) return number < 0x200 ? SIMD + number : -1;
  if (number > 0xff) return -1;
  return prefix === 0xfc ? MISC + number : prefix === 0xfb ? GC + number : prefix === 0xfe ? ATOMIC + number : -1;
}

export const IMMEDIATES: Uint8Array = new Uint8Array(OPCODE_SPACE);

function set(kind: number, base: number, ...ranges: (number | readonly [number, number])[]): void {
  for (const range of ranges) {
    const [first, last] = typeof range === 'number' ? [range, range] : range;
    IMMEDIATES.fill(kind, base + first, base + last + 1);
  }
}

set(Immediate.none, 0, 0x00, 0x01, 0x05, 0x0a, 0x0b, 0x0f, 0x19, 0x1a, 0x1b, [0x45, 0xc4], 0xd1, 0xd3, 0xd4);
set(Immediate.block, 0, [0x02, 0x04], 0x06);
set(Immediate.index, 0, [0x07, 0x09], 0x0c, 0x0d, 0x14, 0x15, 0x18, [0x20, 0x26], 0x3f, 0x40, 0xd5, 0xd6);
set(Immediate.branchTable, 0, 0x0e);
set(Immediate.function, 0, 0x10, 0x12, 0xd2);
set(Immediate.twoIndices, 0, 0x11, 0x13);
set(Immediate.valueTypes, 0, 0x1c);
set(Immediate.tryTable, 0, 0x1f);
set(Immediate.memory, 0, [0x28, 0x3e]);
set(Immediate.i32, 0, 0x41);
set(Immediate.i64, 0, 0x42);
set(Immediate.f32, 0, 0x43);
set(Immediate.f64, 0, 0x44);
set(Immediate.heapType, 0, 0xd0);
set(Immediate.prefix, 0, [0xfb, 0xfe]);

// struct.*, array.*, casts, conversions, i31
set(Immediate.index, GC, 0, 1, 6, 7, [11, 14], 16);
set(Immediate.twoIndices, GC, [2, 5], [8, 10], [17, 19]);
set(Immediate.none, GC, 15, [26, 30]);
set(Immediate.heapType, GC, [20, 23]);
set(Immediate.castBranch, GC, 24, 25);

// trunc_sat, bulk memory and tables
set(Immediate.none, MISC, [0, 7]);
set(Immediate.index, MISC, 9, 11, 13, [15, 17]);
set(Immediate.twoIndices, MISC, 8, 10, 12, 14);

set(Immediate.memory, ATOMIC, [0, 2], [16, 78]);
set(Immediate.byte, ATOMIC, 3);

set(Immediate.memory, SIMD, [0, 11], 92, 93);
set(Immediate.v128, SIMD, 12, 13);
set(Immediate.none, SIMD, [14, 20], [35, 83], [94, 153], [155, 161], 163, 164, [167, 174], 177, [181, 186]);
set(Immediate.none, SIMD, [188, 193], 195, 196, [199, 206], 209, [213, 225], [227, 237], [239, 255]);
set(Immediate.byte, SIMD, [21, 34]);
set(Immediate.memoryLane, SIMD, [84, 91]);
set(Immediate.none, SIMD, [0x100, 0x113]);
