// What a process uses against its bounds, and what comes of going beyond them: the part of it that holds an account.
import type { Capability } from '../caps/capability.ts';
import type { Counted } from '../caps/object.ts';
import { BLOCKED, type Result, type Signal } from '../syscalls/caller.ts';
import type { Account, Standing } from './account.ts';
import { type Limits, PIPE_BYTES, RESOURCE, RESOURCES, type Resource } from './limits.ts';
import { Pipe, pipeEnds } from './pipe.ts';
import type { ProcessParts } from './request.ts';
import { type Cause, type ExitStatus, stopped } from './status.ts';
import { NOTHING_SPENT, type Spent, sum } from './usage.ts';

export abstract class Holder {
  readonly limits: Limits;
  /** What it and those that descend from it use: see there. */
  readonly account: Account;
  readonly #onSoftLimit: ProcessParts['onSoftLimit'];
  #children: Spent = NOTHING_SPENT;

  constructor({ limits, account, onSoftLimit }: ProcessParts) {
    this.limits = limits;
    this.account = account;
    this.account.holder = this;
    this.#onSoftLimit = onSoftLimit;
  }

  abstract get ending(): Cause | undefined;
  abstract end(cause: Cause): void;
  /** It was charged for having the CPU. */
  protected abstract charged(): void;
  abstract signal(signal: Signal, message?: string | null): Result;

  /** A thread of it had the CPU for so long, in nanoseconds. */
  charge(ns: number): void {
    const { account } = this;
    // Whole ones, so that sums are exact.
    account.add(RESOURCE.cpuNs, Math.round(ns));
    this.charged();
    if (this.ending !== undefined) return;
    const spentNs = account.cpuSpentNs;
    if (spentNs !== undefined) this.end(stopped('cpu-limit', `its CPU time is used up: ${spentNs / 1e6} ms`));
  }

  /** CPU time that it may have until it must be looked at again. */
  get cpuLeftNs(): number {
    return this.ending === undefined ? this.account.cpuLeftNs : Number.POSITIVE_INFINITY;
  }

  /** It may write no more: POSIX's SIGXFSZ, which ends it. */
  overflow(what: Counted): 'FBIG' | typeof BLOCKED {
    this.signal('SIGXFSZ', `it may write no more ${what === 'output' ? 'output' : 'to files'}`);
    return this.ending === undefined ? 'FBIG' : BLOCKED;
  }

  /** As getrlimit: the bounds, and what it and those that descend from it use. */
  getLimits(): Record<Resource, Standing> {
    const { account } = this;
    return Object.fromEntries(RESOURCES.map((name) => [name, account.standing(RESOURCE[name])])) as Record<Resource, Standing>;
  }

  /** A new pipe, which counts against it until it is closed. */
  pipe(): readonly [Capability, Capability] | 'NFILE' {
    const freed = this.account.hold(PIPE_BYTES);
    return freed === undefined ? 'NFILE' : pipeEnds(new Pipe(PIPE_BYTES, freed));
  }

  /** What children used that were reaped, with theirs. */
  get childrenSpent(): Spent {
    return this.#children;
  }

  /** A child was reaped: what it used is its parent's children's from now on. */
  reaped({ usage }: ExitStatus): void {
    this.#children = sum(this.#children, sum(usage, usage.children));
  }

  /** Its account went beyond a soft bound. */
  exceeded(resource: Resource): void {
    if (this.ending !== undefined) return;
    if (resource === 'cpuNs') this.signal('SIGXCPU', 'it used more CPU time than its soft limit');
    else if (resource === 'written' || resource === 'output') this.signal('SIGXFSZ', 'it wrote more than its soft limit');
    else this.#onSoftLimit?.(resource);
  }
}
