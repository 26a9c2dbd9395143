// A CPU of the machine: one kernel, wherever it runs, and its processes as their embedder reaches them. The machine places
// processes on CPUs and knows nothing else of where they are.

import type { Readable, Writable } from 'node:stream';
import type { Standing } from '../kernel/account.ts';
import type { Invocation } from '../kernel/execution.ts';
import type { HeldCapability } from '../kernel/grants.ts';
import type { Limits, Resource } from '../kernel/limits.ts';
import type { ProcessState } from '../kernel/process.ts';
import type { ThreadInfo } from '../kernel/scheduler/states.ts';
import type { ExitStatus } from '../kernel/status.ts';
import type { Usage } from '../kernel/usage.ts';
import type { WarmOrder } from '../kernel/warm.ts';
import type { Program, Sealed } from '../runtime/program.ts';
import type { Signal } from '../syscalls/caller.ts';
import type { Attendant } from './attendant.ts';
import type { Order } from './order.ts';

export interface MachineCpu {
  /** Processes here that have not ended, those that are being started included. */
  readonly load: number;
  /** Rejects with SuperosError, and then nothing of the process is left. */
  spawn(order: Order, attendant: Attendant): Promise<Running>;
  /** Ends its processes whatever they do, where there is a way to: raw ones that share it hear of nothing. */
  abort(): Promise<void>;
  /** So many instances of a template are to wait here for their process. */
  warm(program: Program, order: WarmOrder): void;
  /** Once it resolves none of these regions is in a process here. */
  revokeRegions(ids: readonly number[]): Promise<void>;
  /** No process will start from this program any more. */
  forget(program: Program): void;
  /** Gives back what it holds, once all of its processes have ended. `forced`: output that nobody reads is not waited for. */
  close(forced: boolean): Promise<void>;
}

/** The embedder's ends of the standard streams that are pipes; null for others. */
export interface ChildStreams {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
}

/** What is known of a process that can change while it lives. */
export interface Live {
  readonly ppid: number;
  readonly state: ProcessState;
  readonly threads: readonly ThreadInfo[];
  readonly usage: Usage;
  readonly limits: Readonly<Record<Resource, Standing>>;
}

export interface Running {
  readonly pid: number;
  readonly program: Program;
  readonly limits: Limits;
  readonly streams: ChildStreams;
  /** Resolves when the process has ended and holds nothing any more. Never rejects. */
  readonly done: Promise<ExitStatus>;
  /** Undefined until then. */
  readonly status: ExitStatus | undefined;
  /** What the invoked export returned, once it has. */
  readonly results: readonly unknown[] | undefined;
  signal(signal: Signal): void;
  /** Rejects with an Error when the process ends first, or takes no calls. */
  call(invocation: Invocation): Promise<readonly unknown[]>;
  /** Of the memory that system calls work on; undefined where it has no such bytes. */
  read(address: number, length: number): Promise<Uint8Array | undefined>;
  /** False where it has no such bytes. */
  write(address: number, bytes: Uint8Array): Promise<boolean>;
  /** What it holds; nothing once it has ended. */
  capabilities(): Promise<readonly HeldCapability[]>;
  /** Takes away a grant, by its text, or a capability, by its number. False where it has no such thing. */
  revoke(what: string | number): Promise<boolean>;
  /** How far a reactor has come once it rests; or why that cannot be told. Undefined where it ended before. */
  seal(): Promise<Sealed | string | undefined>;
  /** On a thread, as its kernel last told: not longer ago than a quantum, unless the guest is raw. */
  live(): Live;
}
