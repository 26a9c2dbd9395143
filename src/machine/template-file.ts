// The file form of a template: the program's original bytes, and how far it was run. It holds no compiled code: what is run from it
// is read, rewritten and compiled as any other program. Bytes may come from anywhere; nothing in them is believed before the hash over
// all of them is checked, and nothing is allocated for a count that they do not bear out.
//
// Bytes: magic (8), version (4, little-endian), SHA-256 of all the rest, magic and version included (32). Then, each number in LEB128,
// each name preceded by its length: the loader's version; the program's name; the SHA-256 of its original bytes in hexadecimal; how
// often each call read something; lengths of the original bytes and of the snapshot, and both; and the memories: each its pages of
// 64 KiB, and its runs of data, each how many bytes after the last one it begins, how many it has, and these.
import { dataRuns } from '../hal/image.ts';
import { LoadError } from '../runtime/errors.ts';
import type { Layout } from '../runtime/layout.ts';
import type { Program, Sealed } from '../runtime/program.ts';
import { Reader } from '../runtime/reader.ts';
import { fits, type Snapshot, SnapshotError } from '../runtime/snapshot.ts';
import { decodeSnapshot, encodeSnapshot } from '../runtime/snapshot-file.ts';
import { LOADER_VERSION } from '../runtime/version.ts';
import { Writer } from '../runtime/writer.ts';
import { SuperosError } from './error.ts';

/** A program that stands still at a point, and by which calls it read something until then. */
export interface TemplateProgram extends Program {
  readonly sealed: Sealed;
  readonly reads: Readonly<Record<string, number>>;
}

/** No text and no module begins so, and a transfer as text breaks it. */
const MAGIC = [0x00, 0x73, 0x6f, 0x74, 0x70, 0x6c, 0x0d, 0x0a];
/** To be changed whenever the same bytes would mean something else. */
const VERSION = 1;
const VERSION_AT = MAGIC.length;
const HASH_AT = VERSION_AT + 4;
const BODY_AT = HASH_AT + 32;
const WASM_PAGE = 65_536;
/** What a run takes at most beside its bytes, and all else that has no length of its own. */
const SLACK_BYTES = 4096;

export const isTemplateFile = (bytes: Uint8Array): boolean => MAGIC.every((byte, at) => bytes[at] === byte);

/** Loading node:crypto takes longer than a small program runs. */
const sha256 = () => process.getBuiltinModule('node:crypto').createHash('sha256');

const checksum = (file: Uint8Array): Uint8Array =>
  sha256().update(file.subarray(0, HASH_AT)).update(file.subarray(BODY_AT)).digest();

/** `original`: the bytes that the program was loaded from. */
export function encodeTemplate({ name, sealed, reads }: TemplateProgram, original: Uint8Array): Uint8Array {
  const hash = sha256().update(original).digest('hex');
  const memories = sealed.memories.map((bytes) => ({ pages: bytes.length / WASM_PAGE, bytes, runs: [...dataRuns(bytes)] }));
  const data = memories.flatMap(({ runs }) => runs).reduce((sum, { from, to }) => sum + to - from + 10, 0);
  const snapshot = encodeSnapshot({ ...sealed.state, program: hash });
  const out = new Writer(original.length + snapshot.length + data + SLACK_BYTES).raw(Uint8Array.from(MAGIC));
  out.raw(new Uint8Array(BODY_AT - VERSION_AT));
  out.name(LOADER_VERSION).name(name).name(hash);
  out.u32(Object.keys(reads).length);
  for (const [call, count] of Object.entries(reads)) out.name(call).u32(count);
  out.u32(original.length).u32(snapshot.length).raw(original).raw(snapshot);
  out.u32(memories.length);
  for (const { pages, bytes, runs } of memories) {
    out.u32(pages).u32(runs.length);
    let last = 0;
    for (const { from, to } of runs) {
      out
        .u32(from - last)
        .u32(to - from)
        .copy(bytes, from, to);
      last = to;
    }
  }
  const file = out.result();
  new DataView(file.buffer).setUint32(VERSION_AT, VERSION, true);
  file.set(checksum(file), HASH_AT);
  return file;
}

/** `load` makes the program of its name and its original bytes, with what a snapshot needs. Rejects with SuperosError: not-runnable. */
export async function decodeTemplate(
  file: Uint8Array,
  fileName: string,
  load: (name: string, original: Uint8Array) => Promise<Program>,
): Promise<TemplateProgram> {
  const refuse = (why: string): never => {
    throw new SuperosError('not-runnable', `${fileName}: ${why}`);
  };
  if (!isTemplateFile(file)) refuse('this is no template');
  if (file.length < BODY_AT) refuse('the template is cut short');
  const version = new DataView(file.buffer, file.byteOffset).getUint32(VERSION_AT, true);
  if (version !== VERSION) refuse(`the template has version ${version} of its format; this is version ${VERSION}`);
  const hash = checksum(file);
  if (!hash.every((byte, at) => byte === file[HASH_AT + at])) refuse('the template is damaged: its hash is another');
  try {
    return await read(new Reader(file, BODY_AT), refuse, load);
  } catch (error) {
    if (error instanceof LoadError || error instanceof SnapshotError || error instanceof RangeError)
      return refuse(`the template is malformed: ${error.message.replace(/^malformed module: /, '')}`);
    throw error;
  }
}

async function read(
  reader: Reader,
  refuse: (why: string) => never,
  load: (name: string, original: Uint8Array) => Promise<Program>,
): Promise<TemplateProgram> {
  const loader = reader.name();
  if (loader !== LOADER_VERSION)
    refuse(
      `the template was built by another version of SuperOS (its loader is ${loader}, this one ${LOADER_VERSION}): build it anew with superos template build`,
    );
  const name = reader.name();
  const hash = reader.name();
  const reads = Object.fromEntries(Array.from({ length: reader.count(2) }, () => [reader.name(), reader.u32()]));
  const lengths = [reader.u32(), reader.u32()] as const;
  const original = reader.slice(lengths[0]);
  if (sha256().update(original).digest('hex') !== hash) refuse('the template is malformed: its program is another');
  const state = decodeSnapshot(reader.slice(lengths[1]), hash);
  const program = await load(name, original);
  if (!fits(program.layout, state)) refuse('the template is malformed: its state is not of its program');
  const memories = readMemories(reader, program.layout, refuse);
  if (!reader.done) reader.fail('bytes left over');
  return { ...program, sealed: { state: named(state, program), memories }, reads };
}

/** As `capture` names it. */
const named = (state: Snapshot, { hash, name }: Program): Snapshot => ({ ...state, program: hash ?? name });

function readMemories(reader: Reader, { memories }: Layout, refuse: (why: string) => never): Uint8Array[] {
  const count = reader.count(2);
  if (count !== memories.length) refuse('the template is malformed: it has other memories than its program');
  return memories.map(({ minimum, maximum }) => {
    const pages = reader.u32();
    if (pages < minimum || pages > (maximum ?? pages)) refuse('the template is malformed: a memory has no such size');
    // Threads share it. Pages that nobody writes take no room.
    const bytes = new Uint8Array(new SharedArrayBuffer(pages * WASM_PAGE));
    let at = 0;
    for (let left = reader.count(2); left > 0; left--) {
      at += reader.u32();
      const run = reader.slice(reader.u32());
      if (run.length === 0 || at + run.length > bytes.length) reader.fail('data outside its memory');
      bytes.set(run, at);
      at += run.length;
    }
    return bytes;
  });
}
