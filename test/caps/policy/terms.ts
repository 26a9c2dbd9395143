// What a policy says beside its calls, worked out as plainly as can be from the documents: whom it is for, what it grants, its bounds
// and its surroundings. Of grants it knows some, and which of them covers which by a list.
import { type Amount, asRegExp, type Files, fitsPath } from './reference.ts';

/** Of each grant those that it covers, besides itself. */
export const COVERS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    clock: ['clock:coarse'],
    'clock:coarse': [],
    random: [],
    console: [],
    dev: [],
    threads: [],
    network: ['net:connect:*.example.org:443', 'net:connect:a.example.org:443', 'net:resolve:*'],
    'dir:./data:/data': ['dir:./data:/data:ro'],
    'dir:./data:/data:ro': [],
    'dir:./other:/data': [],
    'tmp:/tmp': ['tmp:/tmp:8m'],
    'tmp:/tmp:8m': [],
    'net:connect:*.example.org:443': ['net:connect:a.example.org:443'],
    'net:connect:a.example.org:443': [],
    'net:connect:10.0.0.0/8:1-1000': ['net:connect:10.1.0.0/16:80'],
    'net:connect:10.1.0.0/16:80': [],
    'net:resolve:*': [],
  }),
);

/** What grants show of files. */
const TREES: Readonly<Record<string, string>> = {
  console: '/dev',
  dev: '/dev',
  'dir:./data:/data': '/data',
  'dir:./data:/data:ro': '/data',
  'dir:./other:/data': '/data',
  'tmp:/tmp': '/tmp',
  'tmp:/tmp:8m': '/tmp',
};

export const UNITS = {
  memory: 'size',
  timeout: 'time',
  cpuTime: 'time',
  processes: 'count',
  threads: 'count',
  fds: 'count',
  pipes: 'size',
  output: 'size',
  written: 'size',
} as const;

const FACTORS: Readonly<Record<'size' | 'time' | 'count', Readonly<Record<string, number>>>> = {
  size: { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 },
  time: { '': 1, us: 0.001, ns: 1e-6, ms: 1, s: 1000, m: 60_000, h: 3_600_000 },
  count: { '': 1 },
};

/** Bytes, milliseconds, or a count. */
export function amountOf(unit: 'size' | 'time' | 'count', written: Amount): number {
  const [, digits, letters] = /^([\d.]+)\s*([a-z]*?)(?:i?b)?$/i.exec(String(written))!;
  const amount = Number(digits) * FACTORS[unit][letters!.toLowerCase()]!;
  return unit === 'size' ? Math.floor(amount) : amount;
}

export interface Terms {
  /** Sorted; undefined where one is named that the list above has not. */
  readonly grants: readonly string[] | undefined;
  readonly limits: Readonly<Record<string, { soft?: number; hard: number }>>;
  readonly pid: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

export function referenceTerms(files: Files, host: Readonly<Record<string, string | undefined>>): Terms {
  const all = files.map(([, { process }]) => process);
  const lists = all.map(({ capabilities }) => capabilities).filter((one) => one !== undefined);
  const namespaces = all.map((one) => one.namespaces ?? {});
  const patterns = (list: string | string[] | undefined) => [list ?? []].flat().map(String);

  const environments = namespaces.map(({ environment }) => environment).filter((one) => one !== undefined);
  const environment: Record<string, string> = {};
  const passes = (name: string) =>
    environments.every(({ pass }) => patterns(pass).some((pattern) => asRegExp(pattern).test(name)));
  if (environments.length > 0)
    for (const [name, value] of Object.entries(host)) if (value !== undefined && passes(name)) environment[name] = value;
  for (const { set } of environments) for (const [name, value] of Object.entries(set ?? {})) environment[name] = String(value);
  const hostname = namespaces.findLast((one) => one.hostname !== undefined)?.hostname;
  if (hostname !== undefined) environment['HOSTNAME'] = hostname;

  const mounts = namespaces.map((one) => one.mounts).filter((one) => one !== undefined);
  const sees = (grant: string) => {
    const tree = TREES[grant];
    return tree === undefined || mounts.every((list) => list.some((pattern) => fitsPath(pattern, tree)));
  };
  const given = lists.length === 0 ? ['clock', 'random'] : lists.reduce(both);
  return {
    grants: lists.flat().every((grant) => COVERS.has(grant)) ? [...new Set(given.filter(sees))].sort() : undefined,
    limits: leastOf(files),
    pid: namespaces.some(({ pid }) => pid === true),
    environment,
  };
}

/** What each of two lists gives. */
function both(a: readonly string[], b: readonly string[]): string[] {
  const covered = (grant: string, by: readonly string[]) => by.some((one) => one === grant || COVERS.get(one)?.includes(grant));
  return [...a.filter((grant) => covered(grant, b)), ...b.filter((grant) => covered(grant, a))];
}

function leastOf(files: Files): Terms['limits'] {
  const least: Record<string, { soft?: number; hard: number }> = {};
  for (const [name, unit] of Object.entries(UNITS)) {
    const bounds = files.map(([, { process }]) => process.limits?.[name]).filter((one) => one !== undefined);
    if (bounds.length === 0) continue;
    const hard = Math.min(...bounds.map((one) => amountOf(unit, typeof one === 'object' ? one.hard : one)));
    const soft = Math.min(
      ...bounds.map((one) => (typeof one === 'object' ? amountOf(unit, one.soft) : Number.POSITIVE_INFINITY)),
    );
    least[name] = soft < hard ? { soft, hard } : { hard };
  }
  return least;
}

/** The last file says whom the policy is for. */
export function isFor(files: Files, { name, hash }: { readonly name: string; readonly hash: string }): boolean {
  const targets = files.at(-1)![1].process.for;
  if (targets === undefined) return true;
  return [targets]
    .flat()
    .some(
      ({ program, sha256 }) =>
        (program === undefined || asRegExp(program).test(name)) && (sha256 === undefined || sha256.toLowerCase() === hash),
    );
}
