// The embedding API: all that is public.

export type { ExitStatus, Reason, Usage } from './kernel/status.ts';
export { ProcessBuilder, type RunResult, type Stdio } from './machine/builder.ts';
export { ChildProcess, type ProcessInfo } from './machine/child.ts';
export { SuperosError, type SuperosErrorCode } from './machine/error.ts';
export type { DirectoryGrant, Grant, TemporaryGrant } from './machine/grant.ts';
export type { Bound, LimitOptions } from './machine/limits.ts';
export { Machine, type MachineOptions } from './machine/machine.ts';
export type { ProgramSource } from './machine/source.ts';
export type { Program } from './runtime/program.ts';
export type { Signal } from './syscalls/caller.ts';
