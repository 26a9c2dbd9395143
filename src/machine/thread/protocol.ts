// What a machine and a kernel on a thread say to each other. Messages arrive in order; bytes are sent as buffers that change
// hands. Both sides are ours: nothing here is checked again.

import type { AuditEvent } from '../../caps/audit.ts';
import type { Policy } from '../../caps/policy/policy.ts';
import type { TickLine } from '../../hal/node/tick.ts';
import type { Invocation } from '../../kernel/execution.ts';
import type { Resource } from '../../kernel/limits.ts';
import type { PidShare } from '../../kernel/pid.ts';
import type { Doer, Observation, Question } from '../../kernel/policy/supervisor.ts';
import type { ExitStatus } from '../../kernel/status.ts';
import type { WarmOrder } from '../../kernel/warm.ts';
import type { LoadOptions } from '../../runtime/plan.ts';
import type { Program } from '../../runtime/program.ts';
import type { Signal } from '../../syscalls/caller.ts';
import type { Attended } from '../attendant.ts';
import type { SuperosErrorCode } from '../error.ts';
import type { Order } from '../order.ts';
import type { FromCaller, ToCaller } from './hostcalls.ts';

/** What a kernel's thread is started with. */
export interface KernelStart {
  readonly role: 'kernel';
  readonly pids: PidShare;
  readonly tick: TickLine;
  readonly quantumNs: number;
  /** Processes that this host holds for this kernel. */
  readonly processesMax: number;
  /** Directories that no guest may reach. */
  readonly protect: readonly string[];
  /** Name servers to ask instead of the host's resolver. */
  readonly dns: readonly string[] | undefined;
  /** Where it tells of what becomes of capabilities, and of what is refused: how many events were heard. */
  readonly heard: SharedArrayBuffer | undefined;
  /** It has one process at a time, which may be raw and hears of nothing while it runs. */
  readonly alone: boolean;
  /** What it runs before it is ready: see rehearsal.ts. */
  readonly rehearsal: Program | undefined;
  /**
   * Two numbers (Float64): since when guests run, by the host's monotonic clock in nanoseconds, 0 while none does; and how many were
   * ready when the pages were last written.
   */
  readonly busy: SharedArrayBuffer;
}

/** What the loader's thread is started with. */
export interface LoaderStart {
  readonly role: 'loader';
  /** Where rewritten programs are kept. */
  readonly cache: string | undefined;
}

/** Bytes under way on one stream that the receiver has not taken yet: two pipes' worth. */
export const WINDOW_BYTES = 2 * 65_536;

/** A process as both sides call it, from before it has a pid: a number of the machine's. */
type Id = number;

export type ToKernel =
  /** Programs and policies are sent once to each kernel, then named; their numbers are of one kind. */
  | { readonly type: 'program'; readonly program: number; readonly value: Program }
  | { readonly type: 'policy'; readonly policy: number; readonly value: Policy }
  | { readonly type: 'forget'; readonly shared: number }
  | { readonly type: 'warm'; readonly program: number; readonly order: WarmOrder }
  | {
      readonly type: 'spawn';
      readonly id: Id;
      readonly program: number;
      readonly policy: number | undefined;
      readonly order: Omit<Order, 'program' | 'programs' | 'policies' | 'policy'>;
      /** Those among the grants. */
      readonly programs: readonly { readonly path: string; readonly program: number }[];
      readonly policies: readonly { readonly name: string; readonly policy: number }[];
      /** Where the kernel writes what changes: see page.ts. */
      readonly page: SharedArrayBuffer;
      readonly attended: Attended;
    }
  | { readonly type: 'signal'; readonly id: Id; readonly signal: Signal }
  | { readonly type: 'call'; readonly id: Id; readonly request: number; readonly invocation: Invocation }
  | { readonly type: 'seal'; readonly id: Id; readonly request: number }
  | { readonly type: 'peek'; readonly id: Id; readonly request: number; readonly address: number; readonly length: number }
  | { readonly type: 'poke'; readonly id: Id; readonly request: number; readonly address: number; readonly bytes: ArrayBuffer }
  /** What it holds. */
  | { readonly type: 'held'; readonly id: Id; readonly request: number }
  /** A grant by its text, or a capability by its number. */
  | { readonly type: 'revoke'; readonly id: Id; readonly request: number; readonly what: string | number }
  /** For the process's standard input: one piece at a time. */
  | { readonly type: 'data'; readonly id: Id; readonly bytes: ArrayBuffer }
  /** To a question: the call may go on, or not. */
  | { readonly type: 'verdict'; readonly id: Id; readonly request: number; readonly allowed: boolean }
  /** The embedder has taken so many bytes of an output. */
  | { readonly type: 'credit'; readonly id: Id; readonly fd: number; readonly bytes: number }
  /** The embedder's end of a stream is closed. */
  | { readonly type: 'shut'; readonly id: Id; readonly fd: number }
  /** Takes regions away, and tells when none is mapped any more. */
  | { readonly type: 'unmap'; readonly request: number; readonly regions: readonly number[] }
  | { readonly type: 'host'; readonly message: ToCaller }
  | { readonly type: 'close'; readonly forced: boolean };

export type FromKernel =
  | { readonly type: 'ready' }
  | { readonly type: 'spawned'; readonly id: Id; readonly pid: number }
  | { readonly type: 'refused'; readonly id: Id; readonly code: SuperosErrorCode; readonly message: string }
  | {
      readonly type: 'ended';
      readonly id: Id;
      readonly status: ExitStatus;
      readonly results: readonly unknown[] | undefined;
    }
  | { readonly type: 'answer'; readonly id: Id; readonly request: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: Id; readonly request: number; readonly message: string }
  /** Of the process's standard output or error. */
  | { readonly type: 'data'; readonly id: Id; readonly fd: number; readonly bytes: ArrayBuffer }
  /** There is room for another piece of standard input. */
  | { readonly type: 'taken'; readonly id: Id }
  /** The process's end of a stream is closed. */
  | { readonly type: 'shut'; readonly id: Id; readonly fd: number }
  | { readonly type: 'soft'; readonly id: Id; readonly resource: Resource }
  /** Of the calls of functions of the embedder: see hostcalls.ts. */
  | { readonly type: 'host'; readonly message: FromCaller }
  | { readonly type: 'ask'; readonly id: Id; readonly request: number; readonly question: Question }
  /** The answer is not waited for any longer. */
  | { readonly type: 'withdrawn'; readonly id: Id; readonly request: number }
  | { readonly type: 'observed'; readonly id: Id; readonly observations: readonly Observation[]; readonly by: Doer }
  | { readonly type: 'audit'; readonly event: AuditEvent }
  | { readonly type: 'unmapped'; readonly request: number }
  | { readonly type: 'closed' };

export interface ToLoader {
  readonly request: number;
  readonly name: string;
  readonly source: { readonly path: string } | { readonly bytes: Uint8Array<ArrayBuffer> };
  readonly options: LoadOptions;
}

export type FromLoader =
  | { readonly request: number; readonly program: Program }
  | { readonly request: number; readonly code: SuperosErrorCode; readonly message: string }
  | { readonly request: number; readonly bug: string };
