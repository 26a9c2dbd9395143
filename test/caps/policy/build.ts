// Policies made of rules directly, without the language.
import type { Action, Condition, Key, Layer, Place, Policy, Rule } from '../../../src/caps/policy/policy.ts';

export const place = (line: number): Place => ({ file: 'policy.yaml', line, column: 1, text: '' });

export const when = (conditions: Partial<Record<Key, string | string[]>>): Condition[] =>
  Object.entries(conditions).map(([key, patterns]) => ({ key: key as Key, patterns: [patterns].flat() }));

export const rule = (
  calls: string | string[],
  act: Action['do'] = 'allow',
  conditions: readonly Condition[] = [],
  line = 9,
): Rule => ({
  calls: [calls].flat(),
  conditions,
  action: act === 'errno' ? { do: act, errno: 'PERM' } : { do: act },
  place: place(line),
  written: [calls].flat().join(', '),
});

export const layer = (
  allowed: readonly Rule[] | undefined,
  denied: readonly Rule[] = [],
  rest: Action = { do: 'errno', errno: 'PERM' },
): Layer => ({
  name: 'test',
  file: 'policy.yaml',
  shipped: undefined,
  allowed,
  denied,
  default: rest,
  place: place(4),
  capabilities: undefined,
});

export const policy = (...layers: Layer[]): Policy => ({
  name: 'test',
  layers,
  limits: {},
  namespaces: { pid: false, hostname: undefined, environment: { pass: [], set: {} }, mounts: [] },
  for: undefined,
});
