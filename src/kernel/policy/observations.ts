// What calls one process made, for who learns a policy from them.
import type { Facts } from '../../caps/policy/policy.ts';
import type { Observation } from './supervisor.ts';

/** Entries kept, and bytes of them: beyond that calls of new kinds are counted without what they are about. */
const OBSERVATIONS_MAX = 65_536;
const BYTES_MAX = 16 * 2 ** 20;

export class Observations {
  #bytes = 0;
  readonly #byKey = new Map<string, Observation & { count: number }>();

  get list(): readonly Observation[] {
    return [...this.#byKey.values()];
  }

  add(call: string, facts: Facts): void {
    const key = `${call} ${JSON.stringify(facts)}`;
    const seen = this.#byKey.get(key);
    if (seen !== undefined) seen.count++;
    else if (this.#keep(key, facts)) this.#byKey.set(key, { call, facts, count: 1 });
    else if (Object.keys(facts).length > 0) this.add(call, {});
  }

  #keep(key: string, facts: Facts): boolean {
    // Calls alone are few.
    if (Object.keys(facts).length === 0) return true;
    // The text of the facts is in the key as well: two bytes a character at most, twice.
    const bytes = 4 * key.length;
    if (this.#byKey.size >= OBSERVATIONS_MAX || this.#bytes + bytes > BYTES_MAX) return false;
    this.#bytes += bytes;
    return true;
  }
}
