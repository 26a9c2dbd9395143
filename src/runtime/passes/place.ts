// Where an access to memory goes beside its address: the immediates of loads and stores.
import { readIndex, skipInteger, U32_MOST, U64_MOST } from '../immediates.ts';
import { emit } from '../plan.ts';
import type { Site } from '../walk.ts';
import type { Writer } from '../writer.ts';

const HAS_MEMORY = 0x40;

/** Where an access goes beside its address, as in its immediates. */
export interface Place {
  readonly memory: number;
  readonly offset: bigint;
}

/** Writes an access without a promise of alignment. */
export function writeAccess(out: Writer, opcode: number, { memory, offset }: Place): void {
  emit(out, opcode);
  if (memory === 0) out.u8(0);
  else out.u8(HAS_MEMORY).u32(memory);
  writeOffset(out, offset);
}

function writeOffset(out: Writer, offset: bigint): void {
  let rest = offset;
  for (; rest > 0x7fn; rest >>= 7n) out.u8(Number(rest & 0x7fn) | 0x80);
  out.u8(Number(rest));
}

export function placeOf({ source, immediates }: Site): Place {
  const flags = readIndex(source, immediates);
  let p = skipInteger(source, immediates, U32_MOST);
  const memory = flags & HAS_MEMORY ? readIndex(source, p) : 0;
  if (flags & HAS_MEMORY) p = skipInteger(source, p, U32_MOST);
  const end = skipInteger(source, p, U64_MOST);
  let offset = 0n;
  for (let i = end - 1; i >= p; i--) offset = (offset << 7n) | BigInt(source[i]! & 0x7f);
  return { memory, offset };
}
