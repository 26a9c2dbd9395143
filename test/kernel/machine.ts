// A kernel on simulated hardware, for tests: programs from text, processes with pipes whose other ends the test holds.
import { Capability } from '../../src/caps/capability.ts';
import { clockRoot } from '../../src/caps/clock.ts';
import { entropyRoot } from '../../src/caps/entropy.ts';
import type { CapObject } from '../../src/caps/object.ts';
import { RIGHT } from '../../src/caps/rights.ts';
import { OpenStream } from '../../src/caps/stream.ts';
import type { Stream } from '../../src/hal/console.ts';
import { type SimHal, type SimOptions, simHal } from '../../src/hal/sim/hal.ts';
import type { Task } from '../../src/kernel/execution.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/kernel/limits.ts';
import type { Watch } from '../../src/kernel/policy/watch.ts';
import type { Process } from '../../src/kernel/process.ts';
import { loadProgram, type Program } from '../../src/runtime/program.ts';
import { wat } from '../machine/guests.ts';

export const program = async (fields: string): Promise<Program> => loadProgram(await wat(fields));

export interface Spawned {
  readonly process: Process;
  /** The test's ends of the process's standard streams. */
  readonly stdin: Capability;
  readonly stdout: Capability;
}

export interface SpawnOptions {
  readonly args?: readonly string[];
  readonly task?: Task;
  readonly limits?: Partial<Limits>;
  readonly descriptors?: readonly Capability[];
  /** Beside its clock and randomness. */
  readonly handles?: readonly Capability<CapObject>[];
  readonly parent?: Process;
  readonly watch?: Watch;
  readonly ownPids?: boolean;
}

export interface Simulated {
  readonly hal: SimHal;
  readonly kernel: Kernel;
  spawn(program: Program, options?: SpawnOptions): Spawned;
}

export function simulated(
  options: Partial<SimOptions> = {},
  change: (hal: SimHal) => SimHal = (hal) => hal,
  quantumNs?: number,
): Simulated {
  const hal = change(simHal({ seed: 1, ...options }));
  const kernel = new Kernel(hal, undefined, quantumNs);
  return {
    hal,
    kernel,
    spawn(program, { args = [], task = 'command', limits = {}, descriptors = [], handles = [], parent, watch, ownPids } = {}) {
      const [stdin, feed] = kernel.pipe();
      const [drain, stdout] = kernel.pipe();
      try {
        const process = kernel.spawn({
          program,
          args: ['program', ...args],
          environment: new Map(),
          descriptors: [stdin, stdout, stdout.derive(stdout.rights, 0), ...descriptors],
          handles: [clockRoot(hal.clock), entropyRoot(hal.entropy), ...handles],
          limits: { ...DEFAULT_LIMITS, ...limits },
          task,
          ...(parent !== undefined && { parent }),
          ...(watch !== undefined && { watch }),
          ...(ownPids !== undefined && { ownPids }),
        });
        return { process, stdin: feed, stdout: drain };
      } catch (error) {
        feed.drop();
        drain.drop();
        throw error;
      }
    },
  };
}

/** A descriptor whose other end is the test's own code. */
export const stream = (parts: Partial<Stream>): Capability =>
  new Capability(
    new OpenStream({
      type: 'pipe',
      read: () => 0,
      write: (_from, _at, length) => length,
      ready: () => undefined,
      close: () => undefined,
      ...parts,
    }),
    RIGHT.read | RIGHT.write | RIGHT.poll | RIGHT.setFlags,
  );

/** What a process wrote so far. */
export function drained({ object }: Capability): string {
  const bytes = new Uint8Array(65_536);
  const read = object.read(bytes, 0, bytes.length);
  return typeof read === 'number' ? new TextDecoder().decode(bytes.subarray(0, read)) : '';
}

/** Lets the machine run until `done` holds: also what goes on without any event, as threads do that only yield. */
export async function runUntil({ timeline }: SimHal, done: () => boolean): Promise<void> {
  while (!(await timeline.runUntil(done))) await new Promise((resolve) => setImmediate(resolve));
}
