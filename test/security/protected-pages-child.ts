// Run in a Node of its own: every opcode that touches memory, in a process, at each kind of page that it may not touch so. Prints a line
// for each; where V8 does not turn the fault into a trap the host dies, and the line is missing.
import { type ChildProcess, Machine, type MemoryRegion } from '../../src/index.ts';
import { wat } from '../machine/guests.ts';
import { memoryOpcodes } from './memory-opcodes.ts';

const PAGE = 65_536;
const HANDLE = 2 ** 30;
const NONE = 0;
const READ = 1;
const WRITE = 2;
const IN_BOUNDS = 8192;
/** Instructions at an address of their own are the null page's affair. */
const OPCODES = memoryOpcodes(false).filter(({ text }) => text.includes('(local.get 0)'));

const call = async (child: ChildProcess, name: string, ...args: number[]): Promise<void> => {
  const [errno] = await child.call(name, ...args);
  if (errno !== 0) throw new Error(`${name}: errno ${errno}`);
};
const address = async (child: ChildProcess): Promise<number> => Buffer.from(await child.read(0, 4)).readUInt32LE();
const mapped = async (child: ChildProcess, access: number): Promise<number> => {
  await call(child, 'map', HANDLE, 0, access, 0);
  return address(child);
};
const added = async (child: ChildProcess): Promise<number> => {
  await call(child, 'alloc', PAGE, WRITE, 0);
  return address(child);
};

/** What makes such a page, and where an access touches it. */
const KINDS: Record<string, (child: ChildProcess, region: MemoryRegion) => Promise<number>> = {
  before: async (child) => (await mapped(child, WRITE)) - 8,
  behind: async (child) => (await mapped(child, WRITE)) + PAGE,
  across: async (child) => (await mapped(child, WRITE)) + PAGE - 1,
  readonly: async (child) => (await mapped(child, READ)) + 8192,
  revoked: async (child, region) => {
    const at = await mapped(child, WRITE);
    await region.revoke();
    return at + 8192;
  },
  protected: async (child) => {
    const at = await added(child);
    await call(child, 'protect', at, PAGE, NONE);
    return at + 8192;
  },
  unmapped: async (child) => {
    const at = await added(child);
    await call(child, 'unmap', at, PAGE);
    return at + 8192;
  },
};

await using machine = await Machine.boot({ cpus: 0 });
const kinds = process.argv.slice(2);
const scheduling = kinds.includes('raw') ? 'raw' : 'shared';
for (const { text, stores } of OPCODES) {
  const program = await machine.compile(
    await wat(`
      (import "superos" "mem_map" (func $map (param i32 i32 i32 i32) (result i32)))
      (import "superos" "mem_alloc" (func $alloc (param i32 i32 i32) (result i32)))
      (import "superos" "mem_unmap" (func $unmap (param i32 i32) (result i32)))
      (import "superos" "mem_protect" (func $protect (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data $d "abcd")
      (export "map" (func $map)) (export "alloc" (func $alloc)) (export "unmap" (func $unmap)) (export "protect" (func $protect))
      (func (export "f") (param i32 i32) ${text})`),
    'opcode',
    { raw: scheduling === 'raw' },
  );
  for (const kind of kinds) {
    const make = KINDS[kind];
    if (make === undefined) continue;
    await using region = machine.region(PAGE);
    const builder = machine.process(program).capabilities([region]).reactor();
    await using child = await (scheduling === 'raw' ? builder.scheduling('raw', { share: true }) : builder).spawn();
    await child.call('f', IN_BOUNDS, 8192);
    const at = await make(child, region);
    const ended = await child.call('f', at, 8192).catch(() => child.wait());
    const outcome = 'reason' in ended ? `${ended.reason}: ${ended.message?.split('\n')[0]}` : 'no trap';
    console.log(`${kind} ${stores ? 'store' : 'load'} ${outcome} ${text}`);
  }
}
