// What a policy says of a process beside its calls: what it may be granted, its bounds, its surroundings. A policy only ever
// takes away from what the embedder says.

import { absolute } from '../caps/path.ts';
import { nameGlob, pathGlob } from '../caps/policy/glob.ts';
import { grantsOf } from '../caps/policy/narrow.ts';
import type { Place, Policy } from '../caps/policy/policy.ts';
import { type Limits, RESOURCES } from '../kernel/limits.ts';
import { SuperosError } from './error.ts';
import { covers, formatGrant, parseGrant } from './grammar.ts';
import { type Grant, STANDARD } from './grants.ts';
import { type LimitOptions, parseLimits } from './limits.ts';

/** What the embedder says of a process, as far as a policy has a say. */
export interface Said {
  /** Undefined: what there is when nothing is said. */
  readonly grants: readonly Grant[] | undefined;
  readonly environment: ReadonlyMap<string, string>;
  readonly limits: Partial<Limits>;
}

/** What it is to have; throws SuperosError where it may not have what was said. */
export interface Governed extends Said {
  readonly policy: Policy | undefined;
  readonly grants: readonly Grant[];
}

/** `enforce`: without it the policy is only told what it would refuse, and takes nothing away. */
export function governed(policy: Policy, said: Said, enforce: boolean): Governed {
  if (!enforce) {
    const grants = said.grants ?? [...new Set([...STANDARD, ...(listed(policy) ?? [])])];
    return { ...said, policy, grants, environment: environment(policy, said.environment) };
  }
  return {
    policy,
    grants: seen(policy, granted(policy, said.grants)),
    environment: environment(policy, said.environment),
    limits: least(said.limits, parseLimits(limits(policy))),
  };
}

/** Those of `grants` that the policy lets a process have. */
export function permitted(policy: Policy, grants: readonly Grant[]): readonly Grant[] {
  const list = listed(policy);
  return list === undefined ? grants : grants.filter((one) => list.some((wide) => covers(wide, one)));
}

const listed = (policy: Policy): readonly Grant[] | undefined =>
  grantsOf(policy, (wide, narrow) => covers(parseGrant(wide), parseGrant(narrow)))?.map(({ text }) => parseGrant(text));

function granted(policy: Policy, said: readonly Grant[] | undefined): readonly Grant[] {
  const list = listed(policy);
  if (said === undefined) return list ?? STANDARD;
  const [refused] = list === undefined ? [] : said.filter((one) => !list.some((wide) => covers(wide, one)));
  if (refused === undefined) return said;
  const layer = policy.layers.findLast(({ capabilities }) => capabilities !== undefined)!;
  throw new SuperosError(
    'invalid-argument',
    `the policy does not let a process have ${formatGrant(refused)}; add it to the capabilities at ${where(layer.capabilities?.[0]?.place ?? layer.place)}`,
  );
}

const where = ({ file, line }: Place) => `${file}:${line}`;

/** Of what is granted all but the directories that the policy's lists of mounts do not name; /dev is one of them. */
function seen({ namespaces }: Policy, grants: readonly Grant[]): readonly Grant[] {
  const lists = namespaces.mounts.map((patterns) => patterns.map((pattern) => pathGlob(pattern)));
  const isSeen = (at: string) => lists.every((list) => list.some((fits) => fits(absolute('/', at))));
  return grants.flatMap((one) => {
    const parts = partsOf(one);
    const left = parts.filter((part) => {
      const name = nameOf(part);
      return name === undefined || isSeen(name);
    });
    return left.length === parts.length ? one : left;
  });
}

/** The directories that a grant consists of, each by itself. */
const partsOf = (grant: Grant): readonly Grant[] => (grant === 'filesystem' ? [{ dir: process.cwd() }, 'dev'] : [grant]);

/** What a grant shows of files: the name of its tree in the process. */
function nameOf(grant: Grant): string | undefined {
  if (grant === 'dev' || grant === 'console') return '/dev';
  if (typeof grant !== 'object') return undefined;
  if ('dir' in grant) return grant.at ?? grant.dir;
  return 'tmp' in grant ? grant.tmp : undefined;
}

/** The host's variables that the policy passes on, those that were said, and those that the policy sets, which win. */
function environment({ namespaces }: Policy, said: ReadonlyMap<string, string>): Map<string, string> {
  const { environment, hostname } = namespaces;
  const lists = environment.pass.map((patterns) => patterns.map((pattern) => nameGlob(pattern)));
  const passed = (name: string) => lists.length > 0 && lists.every((list) => list.some((fits) => fits(name)));
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined && passed(name)) variables.set(name, value);
  for (const [name, value] of said) variables.set(name, value);
  for (const [name, value] of Object.entries(environment.set)) variables.set(name, value);
  if (hostname !== undefined) variables.set('HOSTNAME', hostname);
  return variables;
}

const limits = ({ limits }: Policy): LimitOptions =>
  Object.fromEntries(Object.entries(limits).map(([name, { soft, hard }]) => [name, soft === undefined ? hard : { soft, hard }]));

/** Of each bound the lesser. */
function least(a: Partial<Limits>, b: Partial<Limits>): Partial<Limits> {
  const both = { ...a, ...b };
  const soft: Partial<Record<(typeof RESOURCES)[number], number>> = { ...a.soft, ...b.soft };
  for (const resource of RESOURCES) {
    const hard = Math.min(a[resource] ?? Number.POSITIVE_INFINITY, b[resource] ?? Number.POSITIVE_INFINITY);
    if (both[resource] !== undefined) both[resource] = hard;
    const bound = Math.min(a.soft?.[resource] ?? hard, b.soft?.[resource] ?? hard, hard);
    if (soft[resource] !== undefined) soft[resource] = bound;
  }
  const timeoutNs = Math.min(a.timeoutNs ?? Number.POSITIVE_INFINITY, b.timeoutNs ?? Number.POSITIVE_INFINITY);
  return { ...both, soft, ...(timeoutNs === Number.POSITIVE_INFINITY ? {} : { timeoutNs }) };
}
