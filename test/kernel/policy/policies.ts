// Policies without their text.
import type { Action, Condition, Layer, Policy, Rule } from '../../../src/caps/policy/policy.ts';

const place = (line: number) => ({ file: 'p.yaml', line, column: 1, text: '' });

type Entry = string | readonly [call: string, when: Readonly<Record<string, readonly string[]>>, action?: Action];

export interface Lists {
  readonly allowed?: readonly Entry[];
  readonly denied?: readonly Entry[];
  readonly rest?: Action;
}

export const PERM: Action = { do: 'errno', errno: 'PERM' };

export function policyOf(...lists: readonly Lists[]): Policy {
  const layers = lists.map(({ allowed, denied = [], rest = PERM }, i): Layer => {
    const rules = (entries: readonly Entry[], from: number, fallback: Action): Rule[] =>
      entries.map((entry, n) => {
        const [call, when, action] = typeof entry === 'string' ? [entry, {}, undefined] : entry;
        const conditions = Object.entries(when).map(([key, patterns]) => ({ key, patterns }) as Condition);
        return { calls: [call], conditions, action: action ?? fallback, place: place(from + n), written: call };
      });
    return {
      name: `layer ${i}`,
      file: 'p.yaml',
      shipped: undefined,
      allowed: allowed && rules(allowed, 100, { do: 'allow' }),
      denied: rules(denied, 200, PERM),
      default: rest,
      place: place(1),
      capabilities: undefined,
    };
  });
  return {
    name: 'test',
    layers,
    limits: {},
    namespaces: { pid: false, hostname: undefined, environment: { pass: [], set: {} }, mounts: [] },
    for: undefined,
  };
}
