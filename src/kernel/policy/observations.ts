// What calls one process made, for who learns a policy from them.
import type { Facts } from '../../caps/policy/policy.ts';
import type { Observation } from './supervisor.ts';

/** Entries kept: beyond that calls of new kinds are counted without what they are about. */
const OBSERVATIONS_MAX = 65_536;

export class Observations {
  readonly #byKey = new Map<string, Observation & { count: number }>();

  get list(): readonly Observation[] {
    return [...this.#byKey.values()];
  }

  add(call: string, facts: Facts): void {
    const key = `${call} ${JSON.stringify(facts)}`;
    const seen = this.#byKey.get(key);
    if (seen !== undefined) seen.count++;
    else if (this.#byKey.size < OBSERVATIONS_MAX) this.#byKey.set(key, { call, facts, count: 1 });
    else if (Object.keys(facts).length > 0) this.add(call, {});
  }
}
