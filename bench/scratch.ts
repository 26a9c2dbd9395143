// What a run of the bench makes and removes again: a directory on disk, one in memory, and native programs where a compiler is.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const NO_COMPILER = 'not run (no cc)';
const MEMORY = '/dev/shm';
const NS_PER_US = 1000;

export interface Scratch extends AsyncDisposable {
  readonly disk: string;
  /** A directory on a file system in memory; undefined where there is none. */
  readonly memory: string | undefined;
  /** The path of `bench/native/NAME.c`, compiled; undefined without a compiler. */
  native(name: string): string | undefined;
  /** A round of what `native/calls` is asked: nanoseconds a call. */
  nativeRound(what: string, count: number, ...args: readonly string[]): Promise<number | string>;
  /** Microseconds for each of so many lives of `native/nothing`, linked statically: posix_spawn and wait. */
  spawnRound(count: number): Promise<number | string>;
}

export function makeScratch(): Scratch {
  const disk = mkdtempSync(join(tmpdir(), 'superos-bench-'));
  const memory = writable(MEMORY) ? mkdtempSync(join(MEMORY, 'superos-bench-')) : undefined;
  const compiled = new Map<string, string | undefined>();
  const native = (name: string) => {
    if (!compiled.has(name)) compiled.set(name, compile(name, disk));
    return compiled.get(name);
  };
  let calls: NativeCalls | undefined;
  const nativeRound = async (what: string, count: number, ...args: readonly string[]) => {
    const program = native('calls');
    if (program === undefined) return NO_COMPILER;
    calls ??= new NativeCalls(program);
    return calls.round([what, String(count), ...args]);
  };
  return {
    disk,
    memory,
    native,
    nativeRound,
    async spawnRound(count) {
      const program = native('nothing');
      const each = program === undefined ? NO_COMPILER : await nativeRound('spawn', count, program);
      return typeof each === 'string' ? each : each / NS_PER_US;
    },
    async [Symbol.asyncDispose]() {
      await calls?.close();
      for (const made of [disk, memory]) if (made !== undefined) rmSync(made, { recursive: true });
    },
  };
}

/**
 * One native process for all rounds. To start one forks this process, and for a while each page that it writes to costs it a fault, so that
 * what comes next seems slower: 20 us for a recycled life instead of 11.
 */
class NativeCalls {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string) {
    this.#process = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async round(words: readonly string[]): Promise<number> {
    this.#process.stdin!.write(`${words.join('\t')}\n`);
    const { value } = await this.#lines.next();
    const each = Number(value);
    if (!(each >= 0)) throw new Error(`native/calls ${words.join(' ')}: ${value}`);
    return each;
  }

  async close(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.stdin!.end();
    await gone;
  }
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    // No such file system on this host.
    return false;
  }
}

function compile(name: string, into: string): string | undefined {
  const program = join(into, name);
  const source = join(import.meta.dirname, 'native', `${name}.c`);
  return spawnSync('cc', ['-O2', '-static', '-o', program, source]).status === 0 ? program : undefined;
}
