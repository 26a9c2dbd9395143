// Who watches over a process from outside its kernel: is asked where a policy says so, and told what was refused and seen.
import type { Action, Facts, Place } from '../../caps/policy/policy.ts';

/** The process that did something: its number for the embedder, and what it runs. */
export interface Doer {
  readonly pid: number;
  readonly program: string;
}

/** A call that waits for a decision. */
export interface Question extends Doer {
  readonly call: string;
  readonly facts: Facts;
  /** The entry that asks; undefined where that is the default. */
  readonly rule: string | undefined;
  readonly place: Place;
}

/**
 * Calls that a policy refused, or would have where it is not enforced, or that no capability allowed: those alike are counted. With
 * `pid` and `program` where a descendant of the process made them: the first one that did.
 */
export interface Refusal extends Partial<Doer> {
  readonly call: string;
  /** Of the first of them. */
  readonly facts: Facts;
  readonly action: Action;
  /** As the policy has it; undefined where no entry of it speaks of the call, or no policy refused it. */
  readonly rule: string | undefined;
  /** In a policy; absent where a capability is missing. */
  readonly place?: Place;
  /** The change, or the grant, that would allow it. */
  readonly remedy: string;
  readonly count: number;
}

/** Calls that went on, and that a policy logs: those alike are counted. `pid` and `program` as a refusal has them. */
export interface Logged extends Partial<Doer> {
  readonly call: string;
  /** Of the first of them. */
  readonly facts: Facts;
  /** As the policy has it; undefined where its default logs. */
  readonly rule: string | undefined;
  readonly place: Place;
  readonly count: number;
}

/** Calls alike that a process made. */
export interface Observation {
  readonly call: string;
  readonly facts: Facts;
  readonly count: number;
}

export type Observer = (observations: readonly Observation[], by: Doer) => void;

export interface Supervisor {
  /**
   * Whether the call may go on; absent where nobody answers, which is a no. A rejection is one too. `withdrawn` resolves where the
   * answer is not waited for any longer.
   */
  readonly ask?: ((question: Question, withdrawn: Promise<void>) => Promise<boolean>) | undefined;
  /** Told what calls a process made, or one that descends from it, before who waits for its end is. Must not throw. */
  readonly observe?: Observer | undefined;
}
