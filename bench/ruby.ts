// The Ruby interpreter with its standard library, as a reactor: brought to where it takes expressions, and asked one.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { DiskCache } from '../src/hal/node/cache.ts';
import type { ChildProcess, Machine, Program } from '../src/index.ts';
import { loadProgram } from '../src/runtime/program.ts';

const RUBY = new URL('../node_modules/@ruby/4.0-wasm-wasi/dist/ruby+stdlib.wasm', import.meta.url);
/** `_=0` is the program that is run while Ruby starts: none to speak of. */
const ARGUMENTS = ['ruby.wasm', '-EUTF-8', '-e_=0'];
const encoder = new TextEncoder();

/** Loaded to be captured. */
export const rubyProgram = async (): Promise<Program> => loadProgram(await readFile(RUBY), new DiskCache(), { snapshot: true });

/** Calls Ruby as its bindings for hosts do (the canonical ABI): a text is its address and length. */
export async function initRuby(child: ChildProcess): Promise<void> {
  const list: number[] = [];
  for (const argument of ARGUMENTS) {
    const bytes = encoder.encode(`${argument}\0`);
    list.push(await put(child, bytes, 1), bytes.length);
  }
  const address = await put(child, new Uint8Array(Uint32Array.from(list).buffer), 4);
  await child.call('ruby-init: func(args: list<string>) -> ()', address, ARGUMENTS.length);
}

/** What a script says, in a process of its own. `ready`: the program is a template that was initialised. */
export async function ruby(machine: Machine, program: Program, script: string, ready: boolean): Promise<string> {
  const child = await machine.process(program).stdio('null', 'pipe', 'null').reactor().spawn();
  if (!ready) await initRuby(child);
  const code = encoder.encode(`${script}; $stdout.flush; exit!(0)`);
  const said = text(child.stdout!);
  // It ends before it answers.
  const evaluate = 'rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>';
  await child.call(evaluate, await put(child, code, 1), code.length).catch(() => undefined);
  const { reason, message } = await child.wait();
  if (reason !== 'exit') throw new Error(`ruby ended by ${reason}: ${message}`);
  return said;
}

async function put(child: ChildProcess, bytes: Uint8Array, alignment: number): Promise<number> {
  const [address] = await child.call('cabi_realloc', 0, 0, alignment, bytes.length);
  await child.write(Number(address), bytes);
  return Number(address);
}
