// Memories taken, loaded, written, grown, protected, shared, reset and given back, for as long as one likes: mappings, descriptors
// and resident memory of the host must not grow. By hand:
//   node --expose-gc test/soak/memory.ts [CYCLES]
import fs from 'node:fs';
import type { MemoryType } from '../../src/hal/mmu.ts';
import { nodeMmu } from '../../src/hal/node/mmu/mmu.ts';

const cycles = Number(process.argv[2] ?? 200_000);
const REPORTS = 10;
const WASM_PAGE = 65_536;
const TYPES: readonly MemoryType[] = [
  { minimum: 2, maximum: undefined, shared: false, address: 'i32' },
  { minimum: 160, maximum: undefined, shared: false, address: 'i32' },
  { minimum: 16, maximum: 100, shared: false, address: 'i32' },
  { minimum: 4, maximum: undefined, shared: false, address: 'i64' },
  { minimum: 4, maximum: 8, shared: true, address: 'i32' },
];

const mmu = nodeMmu();
if (mmu.driver !== 'native') throw new Error(`memory is portable here: ${mmu.reason}`);
const { pageBytes } = mmu;
const region = mmu.region(pageBytes)!;
const sources = TYPES.map(({ minimum }) => new Uint8Array(minimum * WASM_PAGE - 100).map((_, at) => (at % 7000 < 100 ? 7 : 0)));
let images = sources.map((bytes) => mmu.seal(bytes)!);

function holds(memory: WebAssembly.Memory, source: Uint8Array | undefined): boolean {
  const bytes = new Uint8Array(memory.buffer);
  if (source === undefined) return Buffer.from(memory.buffer).indexOf(0xee) < 0;
  return Buffer.compare(bytes.subarray(0, source.length), source) === 0;
}

function cycle(i: number): void {
  const which = i % TYPES.length;
  const type = TYPES[which]!;
  const image = images[which]!;
  const known = i % 3 > 0;
  const memory = mmu.allocate(type, known ? image : undefined);
  if (memory === undefined) throw new Error('no room for a memory');
  if (i % 97 === 0 && !known && !holds(memory, undefined)) throw new Error('a memory has bytes of another');
  if (!mmu.load(memory, image)) throw new Error('an image cannot be loaded');
  if (i % 97 === 0 && !holds(memory, sources[which])) throw new Error('a memory is not what it was loaded with');
  for (let life = 0; life < 3; life++) {
    const bytes = new Uint8Array(memory.buffer);
    bytes[0] = 0xee;
    if (i % 7 === life && !type.shared) mmu.protect(memory, 0, pageBytes, 'none');
    if (i % 3 === life) mmu.map(memory, WASM_PAGE, region, 'read');
    for (let at = pageBytes; at < WASM_PAGE; at += pageBytes) bytes[at + (i % pageBytes)] = 0xee;
    if (i % 1009 === 0) bytes.fill(0xee, 2 * WASM_PAGE);
    if (i % 50 === 49 && life === 2) mmu.grow(memory, type, 1);
    else if (!type.shared) {
      if (!mmu.reset(memory, image)) throw new Error('a memory cannot be reset');
      if (i % 97 === 0 && !holds(memory, sources[which])) throw new Error('a memory is not as its image');
    }
  }
  mmu.release(memory, type);
}

function report(done: number): void {
  mmu.trim();
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const mappings = fs.readFileSync('/proc/self/maps', 'latin1').split('\n').length;
  const files = fs.readdirSync('/proc/self/fd').length;
  const residentMib = Math.round(process.memoryUsage().rss / 2 ** 20);
  process.stdout.write(`${done} cycles: ${mappings} mappings, ${files} descriptors, ${residentMib} MiB resident\n`);
}

for (let i = 1; i <= cycles; i++) {
  cycle(i);
  if (i % 1000 === 0) {
    for (const image of images) image.release();
    images = sources.map((bytes) => mmu.seal(bytes)!);
  }
  if (i % Math.ceil(cycles / REPORTS) === 0) report(i);
  // The garbage collector's finalisers run between turns.
  if (i % 5000 === 0) await new Promise((done) => setImmediate(done));
}
