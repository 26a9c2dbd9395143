// The change to a policy that would allow what it refused, in one line. It names a place in a file; it changes nothing.
import { outlook, strictness } from './decide.ts';
import type { Layer, Policy, Rule, Verdict } from './policy.ts';

/** Where other layers refuse the call too, whatever its arguments, what to change in them is said as well. */
export function remedy(policy: Policy, call: string, verdict: Verdict): string {
  if (strictness(verdict.action) === 0) return `'${call}' is allowed`;
  const others = policy.layers.flatMap((layer) => {
    if (layer === verdict.layer) return [];
    const alone = outlook({ ...policy, layers: [layer] }, call);
    return typeof alone === 'object' && alone.action.do !== 'log' ? [change(call, alone)] : [];
  });
  return [change(call, verdict), ...others].join('; and ');
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
