// What a kernel is asked to start, wherever it runs: plain data that survives being sent to another thread. What it names of
// the host is opened by the kernel's own thread.
import type { Policy } from '../caps/policy/policy.ts';
import type { Task } from '../kernel/execution.ts';
import type { Limits } from '../kernel/limits.ts';
import type { Confinement } from '../kernel/policy/confinement.ts';
import type { Protect } from '../kernel/protection.ts';
import type { Program } from '../runtime/program.ts';
import type { Grant } from './grants.ts';
import type { FunctionOrder } from './hostfunction.ts';
import type { RegionOrder } from './region.ts';

/**
 * A standard stream: a pipe to the embedder, the machine's own console, or nothing (end of input; output thrown away). `stderr`, for
 * output: the console's standard error.
 */
export type Stdio = 'pipe' | 'inherit' | 'null' | 'stderr';

/** A program among the grants. */
export interface LoadedProgram {
  /** As the grant names it. */
  readonly path: string;
  readonly program: Program;
}

/** A policy among the grants. */
export interface LoadedPolicy {
  /** As the grant names it. */
  readonly name: string;
  readonly confinement: Confinement;
}

export interface Order {
  readonly program: Program;
  /** From argv[0] on. */
  readonly args: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  readonly grants: readonly Grant[];
  /** Those of the embedder among the grants. */
  readonly functions: readonly FunctionOrder[];
  readonly regions: readonly RegionOrder[];
  readonly programs: readonly LoadedProgram[];
  readonly policies: readonly LoadedPolicy[];
  readonly cwd: string | undefined;
  readonly stdio: readonly [Stdio, Stdio, Stdio];
  readonly limits: Limits;
  readonly nice: number;
  readonly protect: Protect;
  readonly task: Task;
  readonly policy: Policy | undefined;
  /** False: what the policy refuses is told, and goes on all the same. */
  readonly enforce: boolean;
}
