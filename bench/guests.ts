// The guest that makes system calls in a loop, as a process of this project and as an instance of node:wasi, in this one process of Node.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WASI } from 'node:wasi';
import wabt from 'wabt';
import { type Grant, Machine, type PolicySource } from '../src/index.ts';

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

/** Opens a file and closes it, so many times. */
interface Opener {
  openOften(directory: number, path: string, times: number): Promise<void>;
}

/** `directories`: of the host, each given under the name `/N`. */
export async function superosCaller(directories: readonly string[], policy?: PolicySource): Promise<Caller & Opener> {
  const machine = await Machine.boot({ cpus: 0 });
  const grants = directories.map((dir, i): Grant => ({ dir, at: `/${i}` }));
  const process = machine
    .process(guest('null'))
    .stdio('null')
    .capabilities(['clock', 'dev', ...grants])
    .reactor();
  const child = await (policy === undefined ? process : process.policy(policy)).spawn();
  const named = async (path: string) => {
    const [at] = await child.call('path');
    await child.write(Number(at), Buffer.from(path));
    return path.length;
  };
  return {
    call: (name, ...args) => child.call(name, ...args).then(([errno]) => check(name, errno)),
    async open(directory, path) {
      const [fd] = await child.call('open', FIRST_DIRECTORY + directory, await named(path));
      return opened(path, fd);
    },
    async openOften(directory, path, times) {
      const [errno] = await child.call('opens', times, FIRST_DIRECTORY + directory, await named(path));
      check('opens', errno);
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
