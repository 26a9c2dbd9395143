// What a policy says of a call. Within a layer what is denied wins; over all layers the strictest wins, so that one more layer
// never allows more.
import { compile, foresee, type Side, type Test } from './condition.ts';
import type { Action, Facts, Layer, Policy, Rule, Verdict } from './policy.ts';

export type { Verdict } from './policy.ts';

export type Judge = (facts: Facts) => Verdict;

/** A process can always end. */
const FREE = 'proc_exit';

const STRICTNESS: Readonly<Record<Action['do'], number>> = { allow: 0, log: 1, notify: 2, errno: 3, trap: 4, kill: 5 };
const ALLOW: Action = { do: 'allow' };

export const strictness = (action: Action): number => STRICTNESS[action.do];

/** One layer about one call. */
interface Part {
  readonly judge: Judge;
  /** What it says whatever the facts; undefined where they matter. Where that is `allow`, the rule may be another. */
  readonly always: Verdict | undefined;
  /** The strictest that it may say. */
  readonly worst: number;
}

interface Candidate {
  readonly verdict: Verdict;
  /** Empty: it holds whatever the facts. */
  readonly tests: readonly Test[];
}

/** What `decide` would say of one call, with all the work done that does not depend on facts. */
export function judge(policy: Policy, call: string): Judge {
  const [first, ...more] = partsOf(policy, call).map((part) => part.judge);
  if (more.length === 0) return first!;
  return (facts) => {
    let strictest = first!(facts);
    for (const one of more) {
      const verdict = one(facts);
      if (strictness(verdict.action) > strictness(strictest.action)) strictest = verdict;
    }
    return strictest;
  };
}

export function decide(policy: Policy, call: string, facts: Facts): Verdict {
  return judge(policy, call)(facts);
}

/** What is decided whatever the arguments are: plainly allowed, or this verdict; or it depends. */
export function outlook(policy: Policy, call: string): 'allow' | Verdict | 'depends' {
  const parts = partsOf(policy, call);
  if (parts.every(({ worst }) => worst === STRICTNESS.allow)) return 'allow';
  const known = parts.flatMap(({ always }) => always ?? []);
  const [first, ...more] = known;
  if (first === undefined) return 'depends';
  let strictest = first;
  for (const one of more) if (strictness(one.action) > strictness(strictest.action)) strictest = one;
  const at = parts.findIndex(({ always }) => always === strictest);
  const rank = strictness(strictest.action);
  // Among equals the first layer speaks, so that one before it must stay below.
  const settled = parts.every(({ always, worst }, i) => always !== undefined || (i < at ? worst < rank : worst <= rank));
  return settled ? strictest : 'depends';
}

/**
 * Whether a call could go on, or be asked about, of whose host only the name is known yet: with some addresses that the name may
 * turn out to have. Where it could not, `decide` refuses it with any, and by the name alone.
 */
export function could(policy: Policy, call: string, facts: Facts): boolean {
  return call === FREE || policy.layers.every((layer) => couldPass(layer, call, facts));
}

function couldPass(layer: Layer, call: string, facts: Facts): boolean {
  const foreseen = (rules: readonly Rule[], side: Side, refusing: boolean) =>
    rules
      .filter(({ calls, action }) => calls.includes(call) && isRefusal(action) === refusing)
      .map(({ conditions }) => conditions.map((one) => foresee(one, side, facts)));
  if (foreseen(layer.denied, 'denied', true).some((all) => all.every((one) => one === 'holds'))) return false;
  if (layer.allowed === undefined || !isRefusal(layer.default)) return true;
  return foreseen(layer.allowed, 'allowed', false).some((all) => !all.includes('fails'));
}

const isRefusal = (action: Action): boolean => strictness(action) >= STRICTNESS.errno;

function partsOf(policy: Policy, call: string): Part[] {
  return policy.layers.map((layer) =>
    call === FREE ? fixed({ action: ALLOW, layer, rule: undefined, place: layer.place }) : part(layer, call),
  );
}

/** What was worked out of layers, which never change. */
const known = new WeakMap<Layer, Map<string, Part>>();

const part = (layer: Layer, call: string): Part =>
  known.getOrInsertComputed(layer, () => new Map()).getOrInsertComputed(call, () => workOut(layer, call));

const fixed = (verdict: Verdict): Part => ({ judge: () => verdict, always: verdict, worst: strictness(verdict.action) });

function workOut(layer: Layer, call: string): Part {
  const denied = candidates(layer, layer.denied, call, 'denied').sort((a, b) => rankOf(b) - rankOf(a));
  const allowed = candidates(layer, layer.allowed ?? [], call, 'allowed').sort((a, b) => rankOf(a) - rankOf(b));
  const rest: Verdict = {
    action: layer.allowed === undefined ? ALLOW : layer.default,
    layer,
    rule: undefined,
    place: layer.place,
  };
  const inOrder = [...denied, ...allowed, { verdict: rest, tests: [] }];
  const end = inOrder.findIndex(({ tests }) => tests.length === 0);
  const possible = inOrder.slice(0, end + 1);
  if (end === 0) return fixed(possible[0]!.verdict);
  const last = possible[end]!.verdict;
  const worst = Math.max(...possible.map(rankOf));
  const always = worst === STRICTNESS.allow ? last : undefined;
  // In plain loops, since it is asked at each call.
  const found: Judge = (facts) => {
    for (const { tests, verdict } of possible) if (hold(tests, facts)) return verdict;
    return last;
  };
  return { judge: found, always, worst };
}

function hold(tests: readonly Test[], facts: Facts): boolean {
  for (const test of tests) if (!test(facts)) return false;
  return true;
}

const rankOf = ({ verdict }: Candidate) => strictness(verdict.action);

function candidates(layer: Layer, rules: readonly Rule[], call: string, side: Side): Candidate[] {
  return rules
    .filter(({ calls }) => calls.includes(call))
    .map((rule) => ({
      verdict: { action: rule.action, layer, rule, place: rule.place },
      tests: rule.conditions.map((condition) => compile(condition, side)),
    }));
}
