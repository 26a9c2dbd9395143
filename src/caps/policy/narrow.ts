// One policy on top of another: of a parent and its child, of a file and those that it extends. What comes out allows at most
// what each of them allows.
import type { Granted, Limit, Namespaces, Policy } from './policy.ts';

/** Of each two, what came out: those who have it know each other by it. */
const known = new WeakMap<Policy, WeakMap<Policy, Policy>>();

/** The child's layers after the parent's, each once; of limits the least. What a policy is for is the child's to say. */
export const narrow = (parent: Policy, child: Policy): Policy =>
  known.getOrInsertComputed(parent, () => new WeakMap()).getOrInsertComputed(child, () => workOut(parent, child));

function workOut(parent: Policy, child: Policy): Policy {
  const more = child.layers.filter((layer) => !parent.layers.includes(layer));
  return {
    name: child.name,
    layers: [...parent.layers, ...more],
    limits: least(parent.limits, child.limits),
    namespaces: inner(parent.namespaces, child.namespaces),
    for: child.for,
  };
}

function least(parent: Policy['limits'], child: Policy['limits']): Policy['limits'] {
  const result: Record<string, Limit> = { ...parent };
  for (const [name, limit] of Object.entries(child)) {
    const before = parent[name];
    result[name] = before === undefined ? limit : lesser(before, limit);
  }
  return result;
}

function lesser(a: Limit, b: Limit): Limit {
  const { hard, place } = b.hard < a.hard ? b : a;
  const soft = Math.min(a.soft ?? Number.POSITIVE_INFINITY, b.soft ?? Number.POSITIVE_INFINITY);
  return { soft: soft < hard ? soft : undefined, hard, place };
}

function inner(parent: Namespaces, child: Namespaces): Namespaces {
  return {
    pid: parent.pid || child.pid,
    hostname: child.hostname ?? parent.hostname,
    environment: {
      pass: [...parent.environment.pass, ...child.environment.pass],
      set: { ...parent.environment.set, ...child.environment.set },
    },
    mounts: [...parent.mounts, ...child.mounts],
  };
}

/**
 * The capabilities that a policy grants; undefined where none of its layers says. Where several do, what each of them grants:
 * of two grants the one that the other covers.
 */
export function grantsOf(policy: Policy, covers: (wide: string, narrow: string) => boolean): readonly Granted[] | undefined {
  return policy.layers.reduce<readonly Granted[] | undefined>((outer, { capabilities }) => {
    if (outer === undefined || capabilities === undefined) return capabilities ?? outer;
    const inside = (list: readonly Granted[], of: readonly Granted[]) =>
      list.filter(({ text }) => of.some((wide) => covers(wide.text, text)));
    const kept = inside(capabilities, outer);
    return [...kept, ...inside(outer, capabilities).filter(({ text }) => !kept.some((one) => one.text === text))];
  }, undefined);
}
