// The change to a policy that would allow what it refused, in one line. It names a place in a file; it changes nothing.
import { PatternError } from '../pattern.ts';
import { compile } from './condition.ts';
import { decide, strictness } from './decide.ts';
import type { Condition, Facts, Layer, Policy, Rule, Verdict } from './policy.ts';

/** What else refuses the call, in the same layer or in others, is said as well: one change alone would not do. Throws nothing. */
export function remedy(policy: Policy, call: string, facts: Facts, verdict: Verdict): string {
  if (strictness(verdict.action) === 0) return `'${call}' is allowed`;
  const here = changes(policy, verdict.layer, call, facts, verdict);
  const others = policy.layers.flatMap((layer) => (layer === verdict.layer ? [] : changes(policy, layer, call, facts)));
  return [...here, ...others].join('; and ');
}

/** What to change in a layer, where `verdict` is what it says. */
function changes(
  policy: Policy,
  layer: Layer,
  call: string,
  facts: Facts,
  verdict = refusal(policy, layer, call, facts),
): string[] {
  if (verdict === undefined) return [];
  const { rule } = verdict;
  const denied = layer.denied.filter((one) => one !== rule);
  // What is not denied is allowed where the change says so.
  const more = denied.length === layer.denied.length ? [] : changes(policy, { ...layer, denied }, call, facts);
  return [change(call, facts, verdict), ...more];
}

function refusal(policy: Policy, layer: Layer, call: string, facts: Facts): Verdict | undefined {
  const alone = decide({ ...policy, layers: [layer] }, call, facts);
  return strictness(alone.action) > strictness({ do: 'log' }) ? alone : undefined;
}

function change(call: string, facts: Facts, { layer, rule, place, action }: Verdict): string {
  const at = layer.shipped === undefined ? `${place.file}:${place.line}` : `in a copy of ${layer.shipped}, line ${place.line}`;
  if (rule === undefined) return `${at}: ${addition(layer, call, facts)}`;
  if (layer.allowed?.includes(rule)) return `${at}: take 'action: ${action.do}' from '${rule.written}'`;
  const { conditions, written, calls } = rule;
  if (conditions.length > 0) return `${at}: in the 'when' of '${written}' in denied_syscalls ${exception(conditions, facts)}`;
  if (calls.length === 1) return `${at}: take '${written}' out of denied_syscalls`;
  return `${at}: in place of '${written}' in denied_syscalls name its calls without '${call}'`;
}

function addition(layer: Layer, call: string, facts: Facts): string {
  const whole = `add '- ${call}' to allowed_syscalls`;
  const conditional = layer.allowed?.filter(({ calls }) => calls.includes(call)) ?? [];
  for (const rule of conditional) {
    const added = admission(rule, facts);
    if (added !== undefined) return `in the 'when' of '${rule.written}' in line ${rule.place.line} ${added}; or ${whole}`;
  }
  const [first] = conditional;
  return first === undefined ? whole : `let 'when' of '${first.written}' in line ${first.place.line} take it in, or ${whole}`;
}

/** What to add to the conditions of an entry that allows, so that it is about the call; undefined where that is not enough. */
function admission({ conditions }: Rule, facts: Facts): string | undefined {
  const added: string[] = [];
  for (const one of conditions) {
    if (compile(one, 'allowed')(facts)) continue;
    // Where all patterns leave something out, one that does not would leave out the rest.
    if (one.patterns.every((text) => text.startsWith('!'))) return undefined;
    const more = enough(one, patternsOf(one, facts), (condition) => compile(condition, 'allowed')(facts));
    if (more === undefined) return undefined;
    added.push(`add ${listed(more)} to ${one.key}`);
  }
  return added.length === 0 ? undefined : added.join(', and ');
}

/** What to add to one of the conditions of an entry that denies, so that it is not about the call. */
function exception(conditions: readonly Condition[], facts: Facts): string {
  for (const one of conditions) {
    const all = patternsOf(one, facts).map((text) => `!${text}`);
    const more = enough(one, all, (condition) => !compile(condition, 'denied')(facts));
    if (more !== undefined) return `add ${listed(more)} to ${one.key}`;
  }
  return `leave it out (${conditions.map(({ key, patterns }) => `${key}: ${patterns.join(', ')}`).join('; ')})`;
}

/** Of these patterns those that it takes for the condition to do; undefined where all of them do not. */
function enough(
  condition: Condition,
  all: readonly string[],
  does: (condition: Condition) => boolean,
): readonly string[] | undefined {
  const doing = (more: readonly string[]) => {
    try {
      return does({ ...condition, patterns: [...condition.patterns, ...more] });
    } catch (error) {
      // What a call is about is not always what a pattern can say.
      if (error instanceof PatternError) return false;
      throw error;
    }
  };
  if (all.length === 0 || !doing(all)) return undefined;
  return all.reduce((needed, one) => {
    const rest = needed.filter((other) => other !== one);
    return rest.length > 0 && doing(rest) ? rest : needed;
  }, all);
}

const listed = (patterns: readonly string[]): string => patterns.map((text) => `'${text.replaceAll("'", "''")}'`).join(' and ');

/** Patterns that fit what the call is about, and little else, where what that is can be written. */
function patternsOf({ key }: Condition, facts: Facts): readonly string[] {
  switch (key) {
    case 'path': {
      const paths = [...new Set(facts.paths)].map((path) => path.replace(/[*?[\]{}\\]/g, '\\$&'));
      if (paths.some((path) => /\p{Cc}/u.test(path))) return [];
      return facts.beneath === true ? paths.flatMap((path) => [path, `${path === '/' ? '' : path}/**`]) : paths;
    }
    case 'host':
      return facts.host === undefined ? (facts.addresses ?? []) : [facts.host];
    case 'size':
      return facts.size === undefined ? [] : [`= ${facts.size}`];
    default: {
      const value = facts[key];
      // A signal or clock that is none has a name that no policy can have.
      return value === undefined || value === NONE ? [] : [String(value)];
    }
  }
}

const NONE = 'none';
