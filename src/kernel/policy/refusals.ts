// What a policy refused to one process: calls alike are one entry with a count, so that a program that tries again and again fills
// nothing.
import type { Verdict } from '../../caps/policy/decide.ts';
import type { Facts, Policy } from '../../caps/policy/policy.ts';
import { remedy } from '../../caps/policy/remedy.ts';
import type { Doer, Refusal } from './supervisor.ts';

/** Entries kept; what else is refused is not told of. */
const REFUSALS_MAX = 256;

export class Refusals {
  readonly #byKey = new Map<string, Refusal & { count: number }>();

  get list(): readonly Refusal[] {
    return [...this.#byKey.values()];
  }

  /** `by`: whose call it was, where that is another process than the one whose refusals these are. */
  add(policy: Policy, call: string, facts: Facts, verdict: Verdict, by?: Doer): void {
    const { action, rule, place } = verdict;
    const key = `${call} ${place.file}:${place.line}:${place.column} ${by?.program ?? ''}`;
    let refusal = this.#byKey.get(key);
    if (refusal === undefined) {
      if (this.#byKey.size >= REFUSALS_MAX) return;
      refusal = { call, facts, action, rule: rule?.written, place, remedy: remedy(policy, call, verdict), count: 0, ...by };
      this.#byKey.set(key, refusal);
    }
    refusal.count++;
  }
}
