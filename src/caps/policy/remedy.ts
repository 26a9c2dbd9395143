// The change to a policy that would allow what it refused, in one line. It names a place in a file; it changes nothing.
import { outlook, strictness } from './decide.ts';
import type { Layer, Policy, Rule, Verdict } from './policy.ts';

/** What else refuses the call whatever its arguments, in the same layer or in others, is said as well: one change alone would not do. */
export function remedy(policy: Policy, call: string, verdict: Verdict): string {
  if (strictness(verdict.action) === 0) return `'${call}' is allowed`;
  const here = changes(policy, verdict.layer, call, verdict);
  const others = policy.layers.flatMap((layer) => (layer === verdict.layer ? [] : changes(policy, layer, call)));
  return [...here, ...others].join('; and ');
}

/** What to change in a layer, where `verdict` is what it says, or what it says of the call whatever its arguments. */
function changes(policy: Policy, layer: Layer, call: string, verdict = always(policy, layer, call)): string[] {
  if (verdict === undefined) return [];
  const { rule } = verdict;
  const denied = layer.denied.filter((one) => one !== rule);
  // What is not denied is allowed where the change says so.
  const more = denied.length === layer.denied.length ? [] : changes(policy, { ...layer, denied }, call);
  return [change(call, verdict), ...more];
}

function always(policy: Policy, layer: Layer, call: string): Verdict | undefined {
  const alone = outlook({ ...policy, layers: [layer] }, call);
  return typeof alone === 'object' && alone.action.do !== 'log' ? alone : undefined;
}

function change(call: string, { layer, rule, place, action }: Verdict): string {
  const at = `${place.file}:${place.line}`;
  if (rule === undefined) return `${at}: ${addition(layer, call)}`;
  if (layer.allowed?.includes(rule)) return `${at}: take 'action: ${action.do}' from '${rule.written}'`;
  const { conditions, written, calls } = rule;
  if (conditions.length > 0)
    return `${at}: let 'when' of '${written}' in denied_syscalls leave it out (${conditions.map(({ key, patterns }) => `${key}: ${patterns.join(', ')}`).join('; ')})`;
  if (calls.length === 1) return `${at}: take '${written}' out of denied_syscalls`;
  return `${at}: in place of '${written}' in denied_syscalls name its calls without '${call}'`;
}

function addition(layer: Layer, call: string): string {
  const conditional = layer.allowed?.find((rule: Rule) => rule.calls.includes(call));
  if (conditional === undefined) return `add '- ${call}' to allowed_syscalls`;
  return `let 'when' of '${conditional.written}' in line ${conditional.place.line} take it in, or add '- ${call}' to allowed_syscalls`;
}
