// What is valid in a policy and yet hardly meant. It never says that something is wrong which works.
import { strictness } from '../../caps/policy/decide.ts';
import { outcome, permits } from '../../caps/policy/diff.ts';
import type { Layer, Place, Policy, Rule } from '../../caps/policy/policy.ts';
import { where } from './words.ts';

export interface Warning {
  readonly place: Place;
  readonly message: string;
}

/** What programs made with wasi-libc do before `main`, for which Linux has no calls; refused, they end there. */
export const START: readonly string[] = [
  'args_get',
  'args_sizes_get',
  'environ_get',
  'environ_sizes_get',
  'fd_prestat_get',
  'fd_prestat_dir_name',
];

export function warnings(policy: Policy): Warning[] {
  const found = policy.layers.flatMap((layer, i) =>
    layer.shipped === undefined ? ofLayer(policy.layers.slice(0, i + 1), layer) : [],
  );
  const start = ofStart(policy);
  return start === undefined ? found : [...found, start];
}

/** `layers`: it, and those that it stands on. What a layer above it takes away is what that is there for. */
function ofLayer(layers: readonly Layer[], layer: Layer): Warning[] {
  const allowed = layer.allowed ?? [];
  return [
    ...[...allowed, ...layer.denied].flatMap(ofNothing),
    ...allowed.flatMap((rule) => refused(layers, rule) ?? []),
    ...allowed.flatMap((rule) => needless(allowed, rule) ?? []),
  ];
}

function ofNothing({ calls, written, place }: Rule): Warning[] {
  return calls.length > 0
    ? []
    : [{ place, message: `'${written}' matches nothing: no process has such a call, whatever a policy says` }];
}

const always = ({ conditions }: Rule): boolean => conditions.length === 0;

/** Of an entry all of whose calls are denied, here or in another file. */
function refused(layers: readonly Layer[], { calls, written, place }: Rule): Warning | undefined {
  const denials = layers.flatMap(({ denied }) => denied).filter(always);
  const by = calls.map((call) => denials.find((rule) => rule.calls.includes(call)));
  const [first] = by;
  if (first === undefined || by.includes(undefined)) return undefined;
  return { place, message: `'${written}' allows nothing: it is denied by '${first.written}' (${where(first.place)})` };
}

/** Of an entry all of whose calls another one allows as much, whatever their arguments. */
function needless(allowed: readonly Rule[], rule: Rule): Warning | undefined {
  if (rule.calls.length === 0) return undefined;
  const at = allowed.indexOf(rule);
  const wider = (other: Rule, i: number) =>
    other !== rule &&
    always(other) &&
    rule.calls.every((call) => other.calls.includes(call)) &&
    strictness(other.action) <= strictness(rule.action) &&
    // Of two that say the same the later one is needless.
    (i < at || !always(rule) || other.calls.length > rule.calls.length || strictness(other.action) < strictness(rule.action));
  const by = allowed.find(wider);
  return (
    by && { place: rule.place, message: `'${rule.written}' changes nothing: '${by.written}' (${where(by.place)}) allows as much` }
  );
}

function ofStart(policy: Policy): Warning | undefined {
  const stopped = START.flatMap((call) => {
    const found = outcome(policy, call);
    return found === 'depends' || permits(found) ? [] : [{ call, ...found }];
  });
  const [first] = stopped;
  const own = policy.layers.at(-1)!;
  return (
    first && {
      place: first.layer.shipped === undefined ? first.place : own.place,
      message: `programs made with wasi-libc may end before their main: ${stopped.map(({ call }) => call).join(', ')} are refused${first.layer.shipped === undefined ? '' : ` (${where(first.place)})`}`,
    }
  );
}
