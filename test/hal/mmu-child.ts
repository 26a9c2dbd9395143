// Run in a Node of its own with --expose-gc: memories with images, protections and regions, grown, collected, detached and left
// behind when a thread or the process ends, in the order that the arguments name. Prints what is left of the host's mappings.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Image, MemoryType, Region } from '../../src/hal/mmu.ts';
import { type NodeMmu, nodeMmu } from '../../src/hal/node/mmu/mmu.ts';
import { HostThread, threadPort } from '../../src/hal/node/thread.ts';

const WASM_PAGE = 65_536;
const type: MemoryType = { minimum: 4, maximum: undefined, shared: false, address: 'i32' };
const counts = { mappings: () => lines('/proc/self/maps'), files: () => fs.readdirSync('/proc/self/fd').length };

function lines(file: string): number {
  return fs.readFileSync(file, 'latin1').split('\n').length;
}

type Step = 'load' | 'protect' | 'map' | 'grow' | 'reset' | 'unmap' | 'release';

function live(mmu: NodeMmu, steps: readonly Step[], image: Image, region: Region): WebAssembly.Memory {
  const memory = mmu.allocate(type)!;
  const { pageBytes } = mmu;
  const before = memory.buffer;
  const actions: Record<Step, () => unknown> = {
    load: () => mmu.load(memory, image),
    protect: () => mmu.protect(memory, 0, pageBytes, 'none'),
    map: () => mmu.map(memory, WASM_PAGE, region, 'read'),
    grow: () => mmu.grow(memory, type, 2),
    reset: () => mmu.reset(memory, image),
    unmap: () => mmu.unmap(memory, WASM_PAGE, region.bytes),
    release: () => mmu.release(memory, type),
  };
  for (const step of steps) actions[step]();
  if (steps.includes('grow') && before.byteLength !== 0) throw new Error('a buffer was not detached');
  const last = new Uint8Array(memory.buffer);
  last[last.length - 1] = 1;
  return memory;
}

function orders(steps: readonly Step[]): Step[][] {
  if (steps.length === 0) return [[]];
  return steps.flatMap((step, i) => orders(steps.toSpliced(i, 1)).map((rest) => [step, ...rest]));
}

const collect = () => {
  for (let i = 0; i < 3; i++) globalThis.gc!();
};

/** Each order of the steps that may follow a start, with collections in between. */
function everyOrder(mmu: NodeMmu, image: Image, region: Region): void {
  let kept: WebAssembly.Memory[] = [];
  for (const order of orders(['protect', 'map', 'grow', 'reset', 'unmap'])) {
    kept.push(live(mmu, ['load', ...order], image, region));
    const released = mmu.allocate(type)!;
    mmu.release(released, type);
    live(mmu, ['load', ...order, 'release'], image, region);
    if (kept.length % 20 === 0) {
      kept = kept.slice(15);
      collect();
    }
  }
}

const seal = (mmu: NodeMmu) => mmu.seal(new Uint8Array(3 * WASM_PAGE).fill(1))!;

async function main(what: string): Promise<void> {
  if (what === 'thread') {
    const before = () => [counts.mappings(), counts.files()];
    let first: number[] | undefined;
    for (let i = 0; i < 12; i++) {
      const ready = Promise.withResolvers<void>();
      const thread = new HostThread({
        entry: new URL(import.meta.url),
        name: 'mmu',
        data: {},
        events: { message: () => ready.resolve(), died: (why) => ready.reject(new Error(why)) },
      });
      thread.hold();
      await ready.promise;
      await thread.end();
      collect();
      // The first threads leave what Node and the C library keep for the next.
      if (i === 3) first = before();
    }
    const last = before();
    console.log(JSON.stringify({ mappings: last[0]! - first![0]!, files: last[1]! - first![1]! }));
    return;
  }
  const mmu = nodeMmu();
  if (mmu.driver !== 'native') throw new Error(mmu.reason);
  const image = seal(mmu);
  const region = mmu.region(mmu.pageBytes)!;
  if (what === 'exit') {
    everyOrder(mmu, image, region);
    const memory = live(mmu, ['load', 'protect', 'map'], image, region);
    process.on('exit', () => console.log(JSON.stringify({ mappings: 0, files: 0, bytes: memory.buffer.byteLength })));
    process.exit(0);
  }
  everyOrder(mmu, image, region);
  mmu.trim();
  collect();
  const first = [counts.mappings(), counts.files()] as const;
  for (let i = 0; i < 3; i++) {
    everyOrder(mmu, image, region);
    mmu.trim();
    collect();
  }
  // The image and the region go while they are mapped; what is mapped stays as it was.
  const [held, other] = [live(mmu, ['load', 'map'], image, region), seal(mmu)];
  image.release();
  region.view[0] = 9;
  region.release();
  collect();
  const bytes = new Uint8Array(held.buffer);
  if (bytes[5] !== 1 || bytes[WASM_PAGE] !== 9) throw new Error('what was mapped is gone');
  mmu.release(held, type);
  other.release();
  mmu.trim();
  collect();
  console.log(JSON.stringify({ mappings: counts.mappings() - first[0], files: counts.files() - first[1] }));
}

const argument = process.argv[2];
if (argument !== undefined && process.argv[1] === fileURLToPath(import.meta.url) && !isThread()) await main(argument);
else {
  // A thread leaves everything as it is: mapped, protected, held.
  const port = threadPort(() => {});
  const mmu = nodeMmu();
  const [image, region] = [seal(mmu), mmu.region(mmu.pageBytes)!];
  const kept = Array.from({ length: 20 }, (_, i) =>
    live(mmu, i % 2 ? ['load', 'protect', 'map'] : ['load', 'map', 'grow'], image, region),
  );
  port.send({ kept: kept.length });
}

function isThread(): boolean {
  return !process.getBuiltinModule('node:worker_threads').isMainThread;
}
