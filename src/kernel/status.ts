// How a process ended, and what it used.
import type { Signal } from '../syscalls/caller.ts';
import type { Logged, Refusal } from './policy/supervisor.ts';
import type { Usage } from './usage.ts';

export type Reason = 'exit' | 'trap' | 'signal' | 'timeout' | 'cpu-limit' | 'memory-limit' | 'policy' | 'crash';

export interface ExitStatus {
  /** What the guest exited with, an unsigned 32-bit number; null when it did not exit by itself. */
  readonly code: number | null;
  /** The signal that ended it, by default action or for a limit. */
  readonly signal: Signal | null;
  readonly reason: Reason;
  /** For a trap or a crash: what happened, with a WebAssembly backtrace; for a limit: which. */
  readonly message: string | null;
  /** What its policy refused, or what no capability allowed, if anything. */
  readonly refused?: readonly Refusal[];
  /** What its policy logs, if anything. */
  readonly logged?: readonly Logged[];
  readonly usage: Usage;
}

/** Why a process is to end; the usage is added when it has. */
export type Cause = Omit<ExitStatus, 'usage'>;

export const exited = (code: number): Cause => ({ code, signal: null, reason: 'exit', message: null });
export const signalled = (signal: Signal, message: string | null = null): Cause => ({
  code: null,
  signal,
  reason: 'signal',
  message,
});
export const stopped = (reason: 'timeout' | 'cpu-limit' | 'memory-limit', message: string | null = null): Cause => ({
  code: null,
  signal: 'SIGKILL',
  reason,
  message,
});
/** A policy ends it: as seccomp does, by SIGSYS. */
export const denied = (message: string): Cause => ({ code: null, signal: 'SIGSYS', reason: 'policy', message });
export const trapped = (message: string): Cause => ({ code: null, signal: null, reason: 'trap', message });
export const crashed = (message: string): Cause => ({ code: null, signal: null, reason: 'crash', message });
