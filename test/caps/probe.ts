// A guest that makes any system call that it is told to, in a kernel on simulated hardware, and what tests ask of it.
import type { Capability } from '../../src/caps/capability.ts';
import type { CapObject } from '../../src/caps/object.ts';
import { simHal } from '../../src/hal/sim/hal.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/kernel/limits.ts';
import type { Process } from '../../src/kernel/process.ts';
import type { SpawnRequest } from '../../src/kernel/request.ts';
import type { Program } from '../../src/runtime/program.ts';
import { signature } from '../../src/syscalls/dispatch.ts';
import { ERRNO } from '../../src/syscalls/errno.ts';
import { type CallName, TABLE } from '../../src/syscalls/table.ts';
import { program } from '../kernel/machine.ts';

const PAGES = 64;

/** It exports these calls, each under its own name, and `grow`, which is memory.grow. */
export async function prober(...names: readonly CallName[]): Promise<Program> {
  const types = names.map((name) => {
    const { params, results } = signature(TABLE[name]);
    const list = (word: string, types: readonly string[]) => (types.length === 0 ? '' : `(${word} ${types.join(' ')})`);
    return { name, type: `${list('param', params)} ${list('result', results)}`, count: params.length };
  });
  const imports = types.map(({ name, type }) => `(import "${TABLE[name].abi}" "${TABLE[name].name}" (func $${name} ${type}))`);
  const exports = types.map(({ name, type, count }) => {
    const passed = Array.from({ length: count }, (_, i) => `(local.get ${i})`).join(' ');
    return `(func (export "${name}") ${type} (call $${name} ${passed}))`;
  });
  const grow = '(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))';
  return program(`${imports.join('\n')} (memory (export "memory") ${PAGES}) ${grow} ${exports.join('\n')}`);
}

export interface Held {
  readonly descriptors?: readonly Capability[];
  readonly handles?: readonly Capability<CapObject>[];
  readonly parent?: Process;
  readonly limits?: Partial<Limits>;
}

export class Bench {
  readonly hal = simHal({ seed: 1 });
  readonly kernel = new Kernel(this.hal);

  spawn(program: Program, held: Held = {}): Process {
    return this.kernel.spawn(request(program, held));
  }

  /** Makes a call: the name of its errno, 0, or another value; `blocked` while it waits, and then `later` says what comes of it. */
  async call(process: Process, name: CallName, ...args: readonly (number | bigint)[]): Promise<number | string> {
    const made = this.begin(process, name, ...args);
    await this.hal.timeline.advance(1000);
    return made.result ?? 'blocked';
  }

  begin(process: Process, name: CallName, ...args: readonly (number | bigint)[]): { result: number | string | undefined } {
    const made: { result: number | string | undefined } = { result: undefined };
    process.call({ name, args }).then(
      ([value]) => {
        made.result = errnoName(value as number);
      },
      () => {
        made.result = 'ended';
      },
    );
    return made;
  }
}

export const request = (program: Program, { descriptors = [], handles = [], parent, limits }: Held): SpawnRequest => ({
  program,
  args: ['probe'],
  environment: new Map(),
  descriptors,
  handles,
  limits: { ...DEFAULT_LIMITS, ...limits },
  task: 'reactor',
  ...(parent !== undefined && { parent }),
});

const NAMES = new Map(Object.entries(ERRNO).map(([name, number]) => [number, name]));
const errnoName = (value: number): number | string => (value === 0 ? 0 : (NAMES.get(value) ?? value));

/** Writes one element of a list of buffers to 0, which names `length` bytes at `at`; gives the arguments for it. */
export function iovec(process: Process, at: number, length: number): readonly [list: number, count: number] {
  process.memory.setU32(0, at);
  process.memory.setU32(4, length);
  return [0, 1];
}
