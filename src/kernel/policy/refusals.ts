// What was refused to one process, by its policy or for want of a capability, and what its policy logs: calls alike are one entry with a
// count, so that a program that tries again and again fills nothing.
import type { Verdict } from '../../caps/policy/decide.ts';
import type { Action, Facts, Policy } from '../../caps/policy/policy.ts';
import { remedy } from '../../caps/policy/remedy.ts';
import type { Doer, Logged, Refusal } from './supervisor.ts';

/** Entries kept, and characters of what tells them apart, which a guest may have chosen; what else there is is not told of. */
const ENTRIES_MAX = 256;
const CHARACTERS_MAX = 2 ** 20;

class Tally<T extends { readonly count: number }> {
  readonly #byKey = new Map<string, T & { count: number }>();
  #characters = 0;

  get list(): readonly T[] {
    return [...this.#byKey.values()];
  }

  count(key: string, make: () => Omit<T, 'count'>): void {
    let entry = this.#byKey.get(key);
    if (entry === undefined) {
      if (this.#byKey.size >= ENTRIES_MAX || this.#characters + key.length > CHARACTERS_MAX) return;
      this.#characters += key.length;
      entry = { ...make(), count: 0 } as T & { count: number };
      this.#byKey.set(key, entry);
    }
    entry.count++;
  }
}

const LACKING: Action = { do: 'errno', errno: 'NOTCAPABLE' };

/** A call of a policy's line. `by`: whose it was, where that is another process than the one whose entries these are. */
const keyOf = (call: string, { place: { file, line, column } }: Verdict, by?: Doer): string =>
  `${call} ${file}:${line}:${column} ${by?.program ?? ''}`;

export class Refusals extends Tally<Refusal> {
  add(policy: Policy, call: string, facts: Facts, verdict: Verdict, by?: Doer): void {
    const { action, rule, place } = verdict;
    this.count(keyOf(call, verdict, by), () => ({
      call,
      facts,
      action,
      rule: rule?.written,
      place,
      remedy: remedy(policy, call, facts, verdict),
      ...by,
    }));
  }

  /** What no policy refused, but want of a capability. */
  addLack(call: string, facts: Facts, remedy: string, by?: Doer): void {
    this.count(`${call} ${remedy} ${by?.program ?? ''}`, () => ({
      call,
      facts,
      action: LACKING,
      rule: undefined,
      remedy,
      ...by,
    }));
  }
}

/** What went on, and was to be logged. */
export class LoggedCalls extends Tally<Logged> {
  add(call: string, facts: Facts, verdict: Verdict, by?: Doer): void {
    const { rule, place } = verdict;
    this.count(keyOf(call, verdict, by), () => ({ call, facts, rule: rule?.written, place, ...by }));
  }
}

/** What a process is told of at its end that no gate of its own keeps: for want of a capability, and of those that descend from it. */
export class Told {
  readonly refused = new Refusals();
  readonly logged = new LoggedCalls();
}
