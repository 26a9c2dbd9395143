// A shared library of one function, as the dynamic linker reads it: ELF-64, little-endian, without sections. In order: header,
// segments, symbols, their names, their hash table, the code; and what tells the linker of these, which it writes to.

/** Alignment of segments, for pages of up to 64 KiB. */
const ALIGN = 0x10000;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const SYMBOL_BYTES = 24;
const ENTRY_BYTES = 16;
const CODE_ALIGN = 16;

const ET_DYN = 3;
const PT = { load: 1, dynamic: 2, stack: 0x6474e551 };
const PF = { execute: 1, write: 2, read: 4 };
const DT = { end: 0, hash: 4, names: 5, symbols: 6, nameBytes: 10, symbolBytes: 11 };
const STB_GLOBAL_STT_FUNC = 0x12;

class Writer {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  u16(...values: readonly number[]): void {
    for (const value of values) {
      this.#view.setUint16(this.at, value, true);
      this.at += 2;
    }
  }
  u32(...values: readonly number[]): void {
    for (const value of values) {
      this.#view.setUint32(this.at, value, true);
      this.at += 4;
    }
  }
  u64(...values: readonly number[]): void {
    for (const value of values) {
      this.#view.setBigUint64(this.at, BigInt(value), true);
      this.at += 8;
    }
  }
  raw(bytes: ArrayLike<number>): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}

/** `machine`: ELF's number of the processor. `code` may lie anywhere, and needs nothing else. */
export function library(machine: number, name: string, code: Uint8Array): Uint8Array {
  const names = Buffer.from(`\0${name}\0`);
  const segments = 4;
  const symbolsAt = HEADER_BYTES + segments * SEGMENT_BYTES;
  const namesAt = symbolsAt + 2 * SYMBOL_BYTES;
  const hashAt = align(namesAt + names.length, 4);
  const codeAt = align(hashAt + 5 * 4, CODE_ALIGN);
  const dynamicAt = align(codeAt + code.length, ENTRY_BYTES);
  const entries = [
    [DT.hash, hashAt],
    [DT.names, namesAt],
    [DT.symbols, symbolsAt],
    [DT.nameBytes, names.length],
    [DT.symbolBytes, SYMBOL_BYTES],
    [DT.end, 0],
  ];
  const dynamicBytes = entries.length * ENTRY_BYTES;
  const out = new Writer(dynamicAt + dynamicBytes);

  out.raw([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  out.u16(ET_DYN, machine);
  out.u32(1);
  // No entry point; segments follow; no sections.
  out.u64(0, HEADER_BYTES, 0);
  out.u32(0);
  out.u16(HEADER_BYTES, SEGMENT_BYTES, segments, 0, 0, 0);

  const segment = (type: number, flags: number, at: number, address: number, bytes: number, alignment: number) => {
    out.u32(type, flags);
    out.u64(at, address, address, bytes, bytes, alignment);
  };
  segment(PT.load, PF.read | PF.execute, 0, 0, dynamicAt, ALIGN);
  segment(PT.load, PF.read | PF.write, dynamicAt, ALIGN + dynamicAt, dynamicBytes, ALIGN);
  segment(PT.dynamic, PF.read | PF.write, dynamicAt, ALIGN + dynamicAt, dynamicBytes, 8);
  // Without it an older linker makes all stacks executable, and a newer one refuses the library.
  segment(PT.stack, PF.read | PF.write, 0, 0, 0, ENTRY_BYTES);

  // The first symbol is none; the second's name, and that it is a function of section 1, which need not exist.
  out.at += SYMBOL_BYTES;
  out.u32(1);
  out.raw([STB_GLOBAL_STT_FUNC, 0]);
  out.u16(1);
  out.u64(codeAt, code.length);
  out.raw(names);

  // One bucket, which begins with symbol 1 and ends after it.
  out.at = hashAt;
  out.u32(1, 2, 1, 0, 0);
  out.at = codeAt;
  out.raw(code);
  out.at = dynamicAt;
  for (const entry of entries) out.u64(...entry);
  return out.bytes;
}

const align = (at: number, to: number): number => Math.ceil(at / to) * to;
