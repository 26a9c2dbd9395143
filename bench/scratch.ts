// What a run of the bench makes and removes again: a directory on disk, one in memory, and native programs where a compiler is.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const NO_COMPILER = 'not run (no cc)';
const MEMORY = '/dev/shm';
const NS_PER_US = 1000;

export interface Scratch extends AsyncDisposable {
  readonly disk: string;
  /** A directory on a file system in memory; undefined where there is none. */
  readonly memory: string | undefined;
  /** The path of `bench/native/NAME.c`, compiled; undefined without a compiler. */
  native(name: string): string | undefined;
  /** A round of `native/calls WHAT COUNT ARGUMENTS...`: nanoseconds a call. */
  nativeRound(what: string, count: number, ...args: readonly string[]): number | string;
  /** Microseconds for each of so many lives of `native/nothing`, linked statically: posix_spawn and wait. */
  spawnRound(count: number): number | string;
}

export function makeScratch(): Scratch {
  const disk = mkdtempSync(join(tmpdir(), 'superos-bench-'));
  const memory = writable(MEMORY) ? mkdtempSync(join(MEMORY, 'superos-bench-')) : undefined;
  const compiled = new Map<string, string | undefined>();
  const native = (name: string) => {
    if (!compiled.has(name)) compiled.set(name, compile(name, disk));
    return compiled.get(name);
  };
  const nativeRound = (what: string, count: number, ...args: readonly string[]) => {
    const program = native('calls');
    if (program === undefined) return NO_COMPILER;
    const { status, stdout, stderr } = spawnSync(program, [what, String(count), ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`native/calls ${what}: status ${status}: ${stderr}`);
    return Number(stdout);
  };
  return {
    disk,
    memory,
    native,
    nativeRound,
    spawnRound(count) {
      const program = native('nothing');
      const each = program === undefined ? NO_COMPILER : nativeRound('spawn', count, program);
      return typeof each === 'string' ? each : each / NS_PER_US;
    },
    async [Symbol.asyncDispose]() {
      for (const made of [disk, memory]) if (made !== undefined) rmSync(made, { recursive: true });
    },
  };
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
