// What was refused to one process, by its policy or for want of a capability: calls alike are one entry with a count, so that a program that tries again and again fills
// nothing.
import type { Verdict } from '../../caps/policy/decide.ts';
import type { Action, Facts, Policy } from '../../caps/policy/policy.ts';
import { remedy } from '../../caps/policy/remedy.ts';
import type { Doer, Refusal } from './supervisor.ts';

/** Entries kept; what else is refused is not told of. */
const REFUSALS_MAX = 256;

const LACKING: Action = { do: 'errno', errno: 'NOTCAPABLE' };

export class Refusals {
  readonly #byKey = new Map<string, Refusal & { count: number }>();

  get list(): readonly Refusal[] {
    return [...this.#byKey.values()];
  }

  /** `by`: whose call it was, where that is another process than the one whose refusals these are. */
  add(policy: Policy, call: string, facts: Facts, verdict: Verdict, by?: Doer): void {
    const { action, rule, place } = verdict;
    this.#count(`${call} ${place.file}:${place.line}:${place.column} ${by?.program ?? ''}`, () => ({
      call,
      facts,
      action,
      rule: rule?.written,
      place,
      remedy: remedy(policy, call, verdict),
      ...by,
    }));
  }

  /** What no policy refused, but want of a capability. */
  addLack(call: string, facts: Facts, remedy: string, by?: Doer): void {
    this.#count(`${call} ${remedy} ${by?.program ?? ''}`, () => ({
      call,
      facts,
      action: LACKING,
      rule: undefined,
      remedy,
      ...by,
    }));
  }

  #count(key: string, make: () => Omit<Refusal, 'count'>): void {
    let refusal = this.#byKey.get(key);
    if (refusal === undefined) {
      if (this.#byKey.size >= REFUSALS_MAX) return;
      refusal = { ...make(), count: 0 };
      this.#byKey.set(key, refusal);
    }
    refusal.count++;
  }
}
