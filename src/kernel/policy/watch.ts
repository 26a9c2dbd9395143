// How a process is watched: the policy that it is under, and who is asked and told. A child is watched as its parent is, or more.
import { narrow } from '../../caps/policy/narrow.ts';
import type { Layer, Policy } from '../../caps/policy/policy.ts';
import type { Supervisor } from './supervisor.ts';

/** How a process is watched; each part may be absent. */
export interface Watch {
  readonly policy?: Policy | undefined;
  /** False: what the policy refuses is told, and goes on all the same. */
  readonly enforce: boolean;
  readonly supervisor?: Supervisor | undefined;
}

/** Nobody is told or asked of single calls. */
export const isSilent = ({ supervisor }: Watch): boolean => supervisor?.ask === undefined && supervisor?.observe === undefined;

/** Whether paths of a process that is watched so matter: its directories are then opened without links. */
export const looksAtPaths = ({ policy, supervisor }: Watch): boolean =>
  supervisor?.observe !== undefined || (policy?.layers ?? []).some(namesPaths);

/** Whether a layer, which never changes, has a condition on paths. */
const namesPaths = (layer: Layer): boolean =>
  naming.getOrInsertComputed(layer, ({ allowed = [], denied }) =>
    [...allowed, ...denied].some(({ conditions }) => conditions.some(({ key }) => key === 'path')),
  );

const naming = new WeakMap<Layer, boolean>();

/** How a child is watched whose parent is watched so: it can only have less. */
export function within(parent: Watch | undefined, own: Watch | undefined): Watch | undefined {
  if (parent === undefined || own === undefined) return own ?? parent;
  const supervisor = own.supervisor ?? parent.supervisor;
  const both = parent.policy !== undefined && own.policy !== undefined;
  if (both && parent.enforce === own.enforce)
    return { policy: narrow(parent.policy, own.policy), enforce: own.enforce, supervisor };
  // A policy that is only told of is not enforced because another one is.
  const { policy, enforce } = own.policy === undefined || (both && parent.enforce) ? parent : own;
  return { policy, enforce, supervisor };
}
