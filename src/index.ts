// The embedding API: all that is public.

export type { AuditEvent, Auditor } from './caps/audit.ts';
export type { HostType } from './caps/hostfunction.ts';
export type { Action, Facts, Place, Policy } from './caps/policy/policy.ts';
export type { Standing } from './kernel/account.ts';
export type { HeldCapability } from './kernel/grants.ts';
export type { Doer, Logged, Observation, Observer, Refusal } from './kernel/policy/supervisor.ts';
export type { ProcessProtection, Protect } from './kernel/protection.ts';
export type { StateTimes, ThreadInfo, ThreadState } from './kernel/scheduler/states.ts';
export type { ExitStatus, Reason } from './kernel/status.ts';
export type { Spent, Usage } from './kernel/usage.ts';
export type { Question } from './machine/attendant.ts';
export { ProcessBuilder, type RunResult, type Scheduling } from './machine/builder.ts';
export { ChildProcess, type ProcessInfo } from './machine/child.ts';
export { SuperosError, type SuperosErrorCode } from './machine/error.ts';
export { checkGrant, covers, formatGrant, type GrantMistake, parseGrant } from './machine/grammar.ts';
export type {
  DirectoryGrant,
  FunctionGrant,
  Grant,
  NetworkGrant,
  PlainGrant,
  PolicyGrant,
  ProgramGrant,
  RegionGrant,
  ResolveGrant,
  TemporaryGrant,
} from './machine/grants.ts';
export type { HostArguments, HostCall, HostFunction, HostResult } from './machine/hostfunction.ts';
export type { Bound, LimitName, LimitOptions, ProcessLimits } from './machine/limits.ts';
export { Machine } from './machine/machine.ts';
export type { Stdio } from './machine/order.ts';
export type { NotifyHandler, PolicyMode, PolicyOptions, PolicySource } from './machine/policy.ts';
export { Pool, type PoolOptions, type PoolStats } from './machine/pool.ts';
export { MemoryRegion, type RegionOptions, type RegionRight } from './machine/region.ts';
export type { MachineOptions } from './machine/settings.ts';
export type { ProgramSource } from './machine/source.ts';
export type { Template, TemplateOptions } from './machine/template.ts';
export type { Program } from './runtime/program.ts';
export type { Signal } from './syscalls/caller.ts';
