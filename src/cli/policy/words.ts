// What policies decide, in words: the same ones in every table and message.
import { permits } from '../../caps/policy/diff.ts';
import type { Action, Condition, Layer, Place, Rule, Verdict } from '../../caps/policy/policy.ts';
import type { Cell, Colour } from '../table.ts';

export const where = ({ file, line }: Place): string => `${file}:${line}`;

/** `allow`, `errno PERM`, `kill`. */
export const actionWords = (action: Action): string => (action.do === 'errno' ? `errno ${action.errno}` : action.do);

export const colourOf = (verdict: Verdict): Colour =>
  permits(verdict) ? (verdict.action.do === 'allow' ? 'green' : 'yellow') : 'red';

export const verdictCell = (verdict: Verdict): Cell => ({ text: actionWords(verdict.action), colour: colourOf(verdict) });

/** What decided: an entry, or that there is none. */
export function ruleWords({ rule, layer, action }: Verdict): string {
  if (rule !== undefined) return entryWords(rule);
  if (layer.allowed === undefined) return 'not denied';
  return action.do === 'allow' ? 'always allowed' : 'not in allowed_syscalls';
}

export function entryWords({ written, conditions }: Rule): string {
  return conditions.length === 0 ? written : `${written} when ${conditions.map(conditionWords).join(' and ')}`;
}

const conditionWords = ({ key, patterns }: Condition): string => `${key}: ${patterns.join(' ')}`;

/** The entries of a layer that speak of a call, in the order in which they are asked. */
export function asked(layer: Layer, call: string, strictness: (action: Action) => number): Rule[] {
  const about = (rules: readonly Rule[], order: 1 | -1) =>
    rules.filter(({ calls }) => calls.includes(call)).sort((a, b) => order * (strictness(a.action) - strictness(b.action)));
  const rules = [...about(layer.denied, -1), ...about(layer.allowed ?? [], 1)];
  const last = rules.findIndex(({ conditions }) => conditions.length === 0);
  return last < 0 ? rules : rules.slice(0, last + 1);
}

/** A line of a file with a mark under what is meant. */
export function pointed({ text, column }: Place): string[] {
  // Tabs stay as wide as they are.
  const before = text.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return [`    ${text}`, `    ${before}^`];
}

/** As JSON has it. */
export const placeJson = ({ file, line, column }: Place): object => ({ file, line, column });

export const verdictJson = (verdict: Verdict): object => ({
  action: verdict.action.do,
  ...(verdict.action.do === 'errno' && { errno: verdict.action.errno }),
  allowed: permits(verdict),
  layer: verdict.layer.name,
  rule: verdict.rule?.written ?? null,
  conditions: verdict.rule?.conditions ?? [],
  place: placeJson(verdict.place),
});
