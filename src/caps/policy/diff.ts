// What one policy allows that another does not. Calls are compared by what becomes of them: of examples where arguments matter,
// and by their text where examples do not tell everything.
import { decide, judge, outlook, strictness, type Verdict } from './decide.ts';
import type { Condition, Facts, Policy, Rule, Vocabulary } from './policy.ts';
import { examples } from './witness.ts';

export type Outcome = Verdict | 'depends';

export interface Difference {
  readonly call: string;
  /** What becomes of the call whatever its arguments, or that they matter. */
  readonly a: Outcome;
  readonly b: Outcome;
  /** Something that only B lets through, and what each makes of it. Facts without a key: whatever they are. */
  readonly gained: Witness | undefined;
  readonly lost: Witness | undefined;
  /** It goes through, or does not, with both, but not in the same way. */
  readonly changed: Witness | undefined;
  /** No example was found, but the rules are written otherwise. */
  readonly text: boolean;
}

export interface Witness {
  readonly facts: Facts;
  readonly a: Verdict;
  readonly b: Verdict;
}

/** Of the calls that the two do not treat alike. */
export function diffCalls(a: Policy, b: Policy, vocabulary: Vocabulary): Difference[] {
  return vocabulary.calls.flatMap((call) => difference(a, b, call, vocabulary) ?? []);
}

function difference(a: Policy, b: Policy, call: string, vocabulary: Vocabulary): Difference | undefined {
  const of = [...rulesOf(a, call), ...rulesOf(b, call)];
  const { facts, complete } = examples(
    call,
    of.flatMap(({ conditions }) => conditions),
    vocabulary,
  );
  let gained: Witness | undefined;
  let lost: Witness | undefined;
  let changed: Witness | undefined;
  const [judgeA, judgeB] = [judge(a, call), judge(b, call)];
  for (const one of facts) {
    const witness: Witness = { facts: one, a: judgeA(one), b: judgeB(one) };
    const [before, after] = [permits(witness.a), permits(witness.b)];
    if (after && !before) gained ??= witness;
    else if (before && !after) lost ??= witness;
    else if (!alike(witness)) changed ??= witness;
  }
  const found = gained !== undefined || lost !== undefined || changed !== undefined;
  const text = !found && !complete && written(a, call) !== written(b, call);
  if (!found && !text) return undefined;
  return { call, a: outcome(a, call), b: outcome(b, call), gained, lost, changed, text };
}

/** Whether the call goes on, if somebody who is asked says yes. */
export const permits = ({ action }: Verdict): boolean => strictness(action) <= strictness({ do: 'notify' });

const alike = ({ a, b }: Witness): boolean =>
  a.action.do === b.action.do && (a.action.do !== 'errno' || b.action.do !== 'errno' || a.action.errno === b.action.errno);

export function outcome(policy: Policy, call: string): Outcome {
  const found = outlook(policy, call);
  return found === 'allow' ? decide(policy, call, {}) : found;
}

function rulesOf(policy: Policy, call: string): Rule[] {
  return policy.layers.flatMap(({ allowed = [], denied }) => [...allowed, ...denied]).filter(({ calls }) => calls.includes(call));
}

/** All that a policy says of a call, in an order that means nothing. */
function written(policy: Policy, call: string): string {
  const rule = ({ conditions, action }: Rule) => JSON.stringify([conditions.map(condition).sort(), action]);
  const about = (rules: readonly Rule[]) =>
    rules
      .filter(({ calls }) => calls.includes(call))
      .map(rule)
      .sort();
  return JSON.stringify(
    policy.layers.map((layer) => [layer.allowed && about(layer.allowed), about(layer.denied), layer.default]),
  );
}

const condition = ({ key, patterns }: Condition) => `${key} ${[...patterns].sort().join(' ')}`;
