// Run in a Node of its own: every opcode that touches memory, rewritten by the loader, once in bounds and once at a protected page of
// the native driver. Prints a line for each; where V8 does not turn the fault into a trap the host dies, and the line is missing.
// The argument: `none` or `read`, what the page allows.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { engine } from '../../src/hal/node/engine.ts';
import { nodeMmu } from '../../src/hal/node/mmu/mmu.ts';
import { KERNEL_MODULE, load } from '../../src/runtime/loader.ts';
import { memoryOpcodes } from './memory-opcodes.ts';

const access = process.argv[2] as 'none' | 'read';
const shared = process.argv.includes('shared');
/** As on a host where a store of several bytes would not trap by itself. */
const probeStores = process.argv.includes('probed') || !engine.storesTrap;
const IN_BOUNDS = 8192;
const PAGE = 65_536;

const mmu = nodeMmu();
if (mmu.driver !== 'native') console.log('portable');
else for (const { text, stores } of memoryOpcodes(shared)) await run(text, stores);

async function run(text: string, stores: boolean): Promise<void> {
  const type = { minimum: 4, maximum: 4, shared, address: 'i32' as const };
  const source = await parse(`(module (memory 4 4 ${shared ? 'shared' : ''}) (data $d "abcd")
    (func (export "f") (param i32 i32) ${text}))`);
  const { bytes } = load(source, { probe: true, probeStores });
  const memory = mmu.allocate(type)!;
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const kernel = { memory0: memory, epoch, wait: () => 0, memory_grow: () => -1 };
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), { [KERNEL_MODULE]: kernel }).exports as {
    f: (address: number, length: number) => void;
  };
  f(IN_BOUNDS, 8192);
  if (!mmu.protect(memory, PAGE, PAGE + mmu.pageBytes, access)) throw new Error('the page cannot be protected');
  let outcome = 'no trap';
  try {
    f(PAGE + 8, 8192);
  } catch (error) {
    outcome = error instanceof WebAssembly.RuntimeError ? `trap: ${error.message}` : String(error);
  }
  console.log(`${stores ? 'store' : 'load'} ${outcome} ${text}`);
  mmu.protect(memory, PAGE, PAGE + mmu.pageBytes, 'write');
  mmu.release(memory, type);
}
