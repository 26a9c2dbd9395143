// Steps over instructions by the table of immediates: the only code that knows how each kind of immediate is laid out. It decodes
// nothing that nobody needs, keeps no stack, and refuses opcodes that are not in the table.

import { LoadError } from './errors.ts';
import { IMMEDIATES, Immediate, prefixed } from './opcodes.ts';

/** Bytes of the longest 32-bit and 64-bit integers. */
export const U32_MOST = 5;
export const U64_MOST = 10;

export function malformed(what: string, at: number): never {
  throw new LoadError('malformed', `malformed module: ${what} at offset ${at}`);
}

export function unsupported(source: Uint8Array, at: number, sub: number): never {
  const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`;
  const name = sub < 0 ? hex(source[at]!) : `${hex(source[at]!)} ${hex(sub)}`;
  throw new LoadError('unsupported-opcode', `unsupported opcode ${name} at offset ${at}`);
}

/** Past an integer that starts at `p` and has at most `most` bytes. Reads beyond the array end it; callers check the limit. */
export function skipInteger(source: Uint8Array, p: number, most: number): number {
  let q = p;
  while (source[q++]! > 0x7f) if (q - p >= most) malformed('integer too long', p);
  return q;
}

export function readIndex(source: Uint8Array, p: number): number {
  let value = 0;
  for (let i = 0; i < U32_MOST; i++) {
    const byte = source[p + i] ?? malformed('unexpected end', p);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value >>> 0;
  }
  return malformed('integer too long', p);
}

/** The 32-bit signed integer at `p`, of at most five bytes. */
export function readSigned(source: Uint8Array, p: number): number {
  let value = 0;
  let shift = 0;
  for (;;) {
    const byte = source[p + shift / 7]!;
    value |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte < 0x80 || shift === 35) return shift < 32 && byte & 0x40 ? value | (-1 << shift) : value;
  }
}

export function skipMemory(source: Uint8Array, p: number): number {
  const flags = source[p]!;
  const q = skipInteger(source, p, U32_MOST);
  return skipInteger(source, flags & 0x40 ? skipInteger(source, q, U32_MOST) : q, U64_MOST);
}

// A type where a heap type, block type or value type may stand: two forms take a heap type after the first byte.
function skipType(source: Uint8Array, p: number): number {
  const byte = source[p]!;
  return byte === 0x63 || byte === 0x64 ? skipInteger(source, p + 1, U32_MOST) : skipInteger(source, p, U32_MOST);
}

/** Past the items of a vector at `p`, each at least one byte, which `skipItem` steps over. */
function skipVector(source: Uint8Array, p: number, limit: number, skipItem: (source: Uint8Array, p: number) => number): number {
  const count = readIndex(source, p);
  let q = skipInteger(source, p, U32_MOST);
  if (count > limit - q) malformed('count exceeds the bytes that follow', p);
  for (let left = count; left > 0; left--) q = skipItem(source, q);
  return q;
}

function skipIndex(source: Uint8Array, p: number): number {
  return skipInteger(source, p, U32_MOST);
}

function skipCatch(source: Uint8Array, p: number): number {
  const kind = source[p]!;
  return skipIndex(source, kind < 2 ? skipIndex(source, p + 1) : p + 1);
}

export function skipImmediates(kind: number, source: Uint8Array, p: number, limit: number): number {
  switch (kind) {
    case Immediate.none:
      return p;
    case Immediate.index:
    case Immediate.function:
    case Immediate.i32:
      return skipInteger(source, p, U32_MOST);
    case Immediate.twoIndices:
      return skipIndex(source, skipIndex(source, p));
    case Immediate.memory:
      return skipMemory(source, p);
    case Immediate.memoryLane:
      return skipMemory(source, p) + 1;
    case Immediate.block:
      return skipType(source, p);
    case Immediate.heapType:
      return skipInteger(source, p, U32_MOST);
    case Immediate.i64:
      return skipInteger(source, p, U64_MOST);
    case Immediate.f32:
      return p + 4;
    case Immediate.f64:
      return p + 8;
    case Immediate.v128:
      return p + 16;
    case Immediate.byte:
      return p + 1;
    case Immediate.branchTable:
      return skipIndex(source, skipVector(source, p, limit, skipIndex));
    case Immediate.valueTypes:
      return skipVector(source, p, limit, skipType);
    case Immediate.castBranch: // flags, label, two heap types
      return skipIndex(source, skipIndex(source, skipIndex(source, p + 1)));
    case Immediate.tryTable:
      return skipVector(source, skipType(source, p), limit, skipCatch);
    default:
      return malformed('unknown kind of immediate', p);
  }
}

/** Past the instruction at `p`. */
export function skipInstruction(source: Uint8Array, p: number, limit: number): number {
  const opcode = source[p] ?? malformed('unexpected end', p);
  let kind = IMMEDIATES[opcode]!;
  let q = p + 1;
  if (kind === Immediate.prefix) {
    const sub = readIndex(source, q);
    const id = prefixed(opcode, sub);
    kind = id < 0 ? Immediate.unknown : IMMEDIATES[id]!;
    if (kind === Immediate.unknown) unsupported(source, p, sub);
    q = skipIndex(source, q);
  }
  if (kind === Immediate.unknown) unsupported(source, p, -1);
  q = skipImmediates(kind, source, q, limit);
  return q <= limit ? q : malformed('unexpected end', p);
}

/** How many locals `groups` declarations at `p` declare. */
export function countLocals(source: Uint8Array, p: number, groups: number): number {
  let count = 0;
  for (let left = groups, q = p; left > 0; left--) {
    count += readIndex(source, q);
    q = skipType(source, skipIndex(source, q));
  }
  return count;
}

/** Past the local declarations of a body at `p`. */
export function skipLocals(source: Uint8Array, p: number, limit: number): number {
  const q = skipVector(source, p, limit, (bytes, at) => skipType(bytes, skipIndex(bytes, at)));
  return q <= limit ? q : malformed('unexpected end', p);
}
