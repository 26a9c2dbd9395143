// What a policy says of a process beside its calls: what it may be granted, its bounds, its surroundings. A policy only ever
// takes away from what the embedder says.

import { absolute } from '../caps/path.ts';
import { nameGlob, pathGlob } from '../caps/policy/glob.ts';
import { grantsOf } from '../caps/policy/narrow.ts';
import type { Granted, Place, Policy } from '../caps/policy/policy.ts';
import { type Limits, RESOURCES } from '../kernel/limits.ts';
import type { Confinement } from '../kernel/policy/confinement.ts';
import type { Program } from '../runtime/program.ts';
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
  readonly grants: readonly Grant[];
}

/** What a policy comes to, worked out once for all processes under it. */
interface Terms {
  /** The directory that relative paths in it were taken from. */
  readonly cwd: string;
  /** Undefined where it does not say. */
  readonly grants: readonly Grant[] | undefined;
  readonly limits: Partial<Limits>;
  /** Variables that it sets. */
  readonly sets: readonly (readonly [string, string])[];
  /** Whether a variable of the host's is passed on; undefined where none is. */
  readonly passes: ((name: string) => boolean) | undefined;
  /** Whether a tree of this name is seen; undefined where all are. */
  readonly sees: ((at: string) => boolean) | undefined;
}

const known = new WeakMap<Policy, Terms>();

function termsOf(policy: Policy): Terms {
  let terms = known.get(policy);
  const cwd = process.cwd();
  if (terms?.cwd !== cwd) {
    const { environment, mounts, hostname } = policy.namespaces;
    const names = environment.pass.map((patterns) => patterns.map((pattern) => nameGlob(pattern)));
    const trees = mounts.map((patterns) => patterns.map((pattern) => pathGlob(pattern)));
    terms = {
      cwd,
      grants: grantedBy(policy)?.map(({ text }) => parseGrant(text)),
      limits: parseLimits(limits(policy)),
      sets: Object.entries({ ...environment.set, ...(hostname !== undefined && { HOSTNAME: hostname }) }),
      passes: names.length === 0 ? undefined : (name) => names.every((list) => list.some((fits) => fits(name))),
      sees: trees.length === 0 ? undefined : (at) => trees.every((list) => list.some((fits) => fits(absolute('/', at)))),
    };
    known.set(policy, terms);
  }
  return terms;
}

/** `enforce`: without it the policy is only told what it would refuse, and takes nothing away. */
export function governed(policy: Policy, said: Said, enforce: boolean): Governed {
  const terms = termsOf(policy);
  if (!enforce) {
    const grants = said.grants ?? [...new Set([...STANDARD, ...(terms.grants ?? [])])];
    return { ...said, grants, environment: environment(terms, said.environment) };
  }
  return {
    grants: seen(terms, granted(policy, terms, said.grants)),
    environment: environment(terms, said.environment),
    limits: least(said.limits, terms.limits),
  };
}

/** The grants that a policy lists, with their places; undefined where it lists none. */
export const grantedBy = (policy: Policy): readonly Granted[] | undefined =>
  grantsOf(policy, (wide, narrow) => covers(parseGrant(wide), parseGrant(narrow)));

/** Whom a policy is for, in words; undefined where it is for all. */
export const targetWords = (policy: Policy): string | undefined =>
  policy.for?.map(({ program, sha256 }) => [program, sha256 && `sha256 ${sha256}`].filter(Boolean).join(' with ')).join(', ');

export const isFor = (policy: Policy, { name, hash }: Program): boolean =>
  policy.for === undefined ||
  policy.for.some(
    ({ program, sha256 }) => (program === undefined || nameGlob(program)(name)) && (sha256 === undefined || sha256 === hash),
  );

/** What a policy means for a child that a guest starts under it. */
export function confinementOf(policy: Policy): Confinement {
  return {
    policy,
    fits: (program) => isFor(policy, program),
    gives: (name, path) => {
      const { grants, sees } = termsOf(policy);
      if (name === undefined) return grants === undefined && sees === undefined;
      const grant = parseGrant(name);
      const isDevices = path === '/dev' || path?.startsWith('/dev/') === true;
      const tree = isDevices ? '/dev' : grant === 'filesystem' ? process.cwd() : nameOf(grant);
      const seen = tree === undefined || path === undefined || (sees?.(tree) ?? true);
      return seen && (grants === undefined || grants.some((wide) => covers(wide, grant)));
    },
    limits: (given) => ({ ...given, ...least(given, termsOf(policy).limits) }),
    environment: (given) => withSet(termsOf(policy), given),
  };
}

/** Those of `grants` that the policy lets a process have. */
export function permitted(policy: Policy, grants: readonly Grant[]): readonly Grant[] {
  const { grants: list } = termsOf(policy);
  return list === undefined ? grants : grants.filter((one) => list.some((wide) => covers(wide, one)));
}

function granted(policy: Policy, { grants: list }: Terms, said: readonly Grant[] | undefined): readonly Grant[] {
  if (said === undefined) return list ?? STANDARD;
  const [refused] = list === undefined ? [] : said.filter((one) => !list.some((wide) => covers(wide, one)));
  if (refused === undefined) return said;
  const layer = policy.layers.findLast(({ capabilities }) => capabilities !== undefined)!;
  // What it lists of the same is given without being named.
  const listed = list!.filter((one) => covers(refused, one)).map(formatGrant);
  const less = listed.length === 0 ? '' : `leave it out, since the policy gives ${listed.join(', ')}, or `;
  throw new SuperosError(
    'invalid-argument',
    `the policy does not let a process have ${formatGrant(refused)}; ${less}add it to the capabilities at ${where(layer.capabilities?.[0]?.place ?? layer.place)}`,
  );
}

const where = ({ file, line }: Place) => `${file}:${line}`;

/** Of what is granted all but the directories that the policy's lists of mounts do not name; /dev is one of them. */
function seen({ sees }: Terms, grants: readonly Grant[]): readonly Grant[] {
  if (sees === undefined) return grants;
  return grants.flatMap((one) => {
    const parts = partsOf(one);
    const left = parts.filter((part) => {
      const name = nameOf(part);
      return name === undefined || sees(name);
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
function environment(terms: Terms, said: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const { passes } = terms;
  // Reading the host's environment takes a system call a variable.
  if (passes === undefined) return withSet(terms, said);
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined && passes(name)) variables.set(name, value);
  for (const [name, value] of said) variables.set(name, value);
  return withSet(terms, variables);
}

const withSet = ({ sets }: Terms, given: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  sets.length === 0 ? given : new Map([...given, ...sets]);

const limits = ({ limits }: Policy): LimitOptions =>
  Object.fromEntries(Object.entries(limits).map(([name, { soft, hard }]) => [name, soft === undefined ? hard : { soft, hard }]));

/** Of each bound the lesser. */
function least(a: Partial<Limits>, b: Partial<Limits>): Partial<Limits> {
  if (Object.keys(a).length === 0) return b;
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
