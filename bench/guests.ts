// The guest that makes system calls in a loop, as a process of this project and as an instance of node:wasi, in this one process of Node.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WASI } from 'node:wasi';
import wabt from 'wabt';
import { type Grant, Machine } from '../src/index.ts';

const GUESTS = join(import.meta.dirname, '..', 'guests', 'bin');
const FIRST_DIRECTORY = 3;

export const guest = (name: string): Buffer => readFileSync(join(GUESTS, `${name}.wasm`));

/** The bytes of a module written as text. */
export const assemble = async (text: string): Promise<Uint8Array> => (await wabt()).parseWat('bench', text).toBinary({}).buffer;

/** An instance of guests/src/c/null.c. */
export interface Caller {
  /** Calls an export of it, which returns an errno, 0 unless a call failed. */
  call(name: string, ...args: readonly number[]): Promise<unknown> | undefined;
  /** Opens a file of a directory by its place among those given: its descriptor. */
  open(directory: number, path: string): Promise<number>;
  close(): Promise<void>;
}

/** `directories`: of the host, each given under the name `/N`. */
export async function superosCaller(directories: readonly string[]): Promise<Caller> {
  const machine = await Machine.boot({ cpus: 0 });
  const grants = directories.map((dir, i): Grant => ({ dir, at: `/${i}` }));
  const child = await machine
    .process(guest('null'))
    .stdio('null')
    .capabilities(['clock', 'dev', ...grants])
    .reactor()
    .spawn();
  return {
    call: (name, ...args) => child.call(name, ...args).then(([errno]) => check(name, errno)),
    async open(directory, path) {
      const [at] = await child.call('path');
      await child.write(Number(at), Buffer.from(path));
      const [fd] = await child.call('open', FIRST_DIRECTORY + directory, path.length);
      return opened(path, fd);
    },
    close: () => machine[Symbol.asyncDispose](),
  };
}

export function wasiCaller(directories: readonly string[]): Caller {
  const preopens = Object.fromEntries(directories.map((dir, i) => [`/${i}`, dir]));
  const wasi = new WASI({ version: 'preview1', preopens });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(guest('null')), wasi.getImportObject() as WebAssembly.Imports);
  wasi.finalizeBindings(instance);
  const exports = instance.exports as Record<string, (...args: readonly number[]) => number> & {
    readonly memory: WebAssembly.Memory;
  };
  return {
    call: (name, ...args) => check(name, exports[name]!(...args)),
    async open(directory, path) {
      new Uint8Array(exports.memory.buffer).set(Buffer.from(path), exports['path']!());
      return opened(path, exports['open']!(FIRST_DIRECTORY + directory, path.length));
    },
    close: async () => undefined,
  };
}

function check(name: string, errno: unknown): undefined {
  if (errno !== 0) throw new Error(`${name}: errno ${errno}`);
}

function opened(path: string, fd: unknown): number {
  if (typeof fd !== 'number' || fd < 0) throw new Error(`the guest cannot open ${path}`);
  return fd;
}
