// The binary form of a snapshot. Bytes may come from anywhere: those that are no snapshot of the program named are refused, and
// nothing is allocated from a count that the bytes do not bear out.

import { LoadError } from './errors.ts';
import { Reader } from './reader.ts';
import { type Snapshot, SnapshotError } from './snapshot.ts';
import { Writer } from './writer.ts';

const MAGIC = [0x73, 0x6f, 0x73, 0x6e]; // sosn
/** To be changed whenever the same bytes would mean something else. */
const VERSION = 1;
/** Forms of a value. */
const SMALL = 0;
const WIDE = 1;
const HALF = 32n;
/** Whether a table has elements in the snapshot. */
const UNTOUCHED = 0;
const WRITTEN = 1;

export function encodeSnapshot({ program, values, tables }: Snapshot): Uint8Array {
  const out = new Writer(256).raw(Uint8Array.from(MAGIC)).u32(VERSION).name(program).u32(values.length);
  for (const value of values) {
    if (typeof value === 'number') out.u8(SMALL).u32(value);
    else
      out
        .u8(WIDE)
        .u32(Number(BigInt.asUintN(32, value)))
        .u32(Number(BigInt.asUintN(32, value >> HALF)));
  }
  out.u32(tables.length);
  for (const elements of tables) {
    out.u8(elements ? WRITTEN : UNTOUCHED);
    if (elements === undefined) continue;
    out.u32(elements.length);
    // Shortest for null and for small numbers.
    for (const element of elements) out.u32(element + 1);
  }
  return out.result().slice();
}

function readValue(reader: Reader): number | bigint {
  const form = reader.u8();
  if (form === SMALL) return reader.u32() | 0;
  if (form !== WIDE) reader.fail('unknown form of a value');
  const low = BigInt(reader.u32());
  return BigInt.asIntN(64, low | (BigInt(reader.u32()) << HALF));
}

function read(reader: Reader): Snapshot {
  for (const byte of MAGIC) if (reader.u8() !== byte) throw new SnapshotError('this is no snapshot');
  const version = reader.u32();
  if (version !== VERSION) throw new SnapshotError(`the snapshot has version ${version}; this is version ${VERSION}`);
  const program = reader.name();
  const values = Array.from({ length: reader.count(2) }, () => readValue(reader));
  const tables = Array.from({ length: reader.count() }, () => {
    const form = reader.u8();
    if (form === UNTOUCHED) return undefined;
    if (form !== WRITTEN) reader.fail('unknown form of a table');
    const elements = new Int32Array(reader.count());
    for (let at = 0; at < elements.length; at++) elements[at] = (reader.u32() | 0) - 1;
    return elements;
  });
  if (!reader.done) reader.fail('bytes left over');
  return { program, values, tables };
}

/** Throws SnapshotError unless the bytes are a snapshot of `program`. */
export function decodeSnapshot(bytes: Uint8Array, program: string): Snapshot {
  let snapshot: Snapshot;
  try {
    snapshot = read(new Reader(bytes));
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw new SnapshotError(error.message.replace('malformed module', 'the snapshot is damaged'));
  }
  if (snapshot.program !== program) throw new SnapshotError('the snapshot is of another program');
  return snapshot;
}
