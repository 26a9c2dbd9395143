// Examples of what calls may be about, made from the patterns of policies: enough of them that two policies which decide all of
// them alike are alike, but for patterns of paths with wildcards inside. Pure; it never looks anything up.
import { type Address, formatAddress } from '../../hal/address.ts';
import { PORT_MAX, parseHost, parsePorts } from '../pattern.ts';
import type { Condition, Facts, Key, Vocabulary } from './policy.ts';

export interface Examples {
  readonly facts: readonly Facts[];
  /** Whether there is an example of each kind of thing that the patterns tell apart. */
  readonly complete: boolean;
}

/** More would take too long. */
const FACTS_MAX = 20_000;
/** Calls about two paths. */
const PAIRS: readonly string[] = ['path_rename', 'path_link'];
const PAIRS_MAX = 24;

/** Of a call under these conditions of several policies. */
export function examples(call: string, conditions: readonly Condition[], vocabulary: Vocabulary): Examples {
  let complete = true;
  const choices: (readonly Facts[])[] = [];
  for (const key of vocabulary.keysOf(call)) {
    const patterns = conditions
      .filter((one) => one.key === key)
      .flatMap((one) => one.patterns.map((text) => text.replace(/^!/, '')));
    if (patterns.length === 0) continue;
    const values = VALUES[key](patterns, vocabulary.wordsOf(key));
    const two = key === 'path' && PAIRS.includes(call);
    if (key === 'path') complete &&= patterns.every(isPlain) && !(two && values.length > PAIRS_MAX);
    choices.push(two ? pairs(values) : values);
  }
  const all = choices.reduce((product, { length }) => product * length, 1);
  const facts = Array.from({ length: Math.min(all, FACTS_MAX) }, (_, i) =>
    combination(choices, all <= FACTS_MAX ? i : (i * STRIDE) % all),
  );
  return { facts, complete: complete && all <= FACTS_MAX };
}

/** A prime: of too many combinations some from all over. */
const STRIDE = 2_654_435_761;

/** The combination with this number, of one choice each. */
function combination(choices: readonly (readonly Facts[])[], number: number): Facts {
  let rest = number;
  return choices.reduce<Facts>((facts, values) => {
    const chosen = values[rest % values.length];
    rest = Math.floor(rest / values.length);
    return Object.assign(facts, chosen);
  }, {});
}

type Values = (patterns: readonly string[], words: readonly string[]) => readonly Facts[];

const VALUES: Readonly<Record<Key, Values>> = {
  path: (patterns) => unique(patterns.flatMap(paths)).map((path) => ({ paths: [path] })),
  host: (patterns) => hosts(patterns),
  port: (patterns) =>
    around(
      patterns.flatMap((text) => parsePorts(text, 0).flat()),
      PORT_MAX,
    ).map((port) => ({ port })),
  size: (patterns) => around(patterns.flatMap(boundaries), Number.MAX_SAFE_INTEGER).map((size) => ({ size })),
  signal: (_, words) => words.map((signal) => ({ signal })),
  clock: (_, words) => words.map((clock) => ({ clock })),
  kind: (_, words) => words.map((kind) => ({ kind })),
  access: () => [{ access: 'read' }, { access: 'write' }],
};

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** What is told apart lies between these numbers. */
const around = (numbers: readonly number[], max: number): number[] =>
  unique([0, ...numbers.flatMap((n) => [n - 1, n, n + 1])]).filter((n) => n >= 0 && n <= max);

const UNITS = ['', 'k', 'm', 'g', 't'];
const boundaries = (text: string): number[] =>
  [...text.matchAll(/(\d+)\s*([kmgt]?)/gi)].map(
    ([, amount, unit = '']) => Number(amount) * 1024 ** UNITS.indexOf(unit.toLowerCase()),
  );

const pairs = (values: readonly Facts[]): Facts[] => {
  const some = values.slice(0, PAIRS_MAX);
  return some.flatMap((a) => some.map((b) => ({ paths: [...(a.paths ?? []), ...(b.paths ?? [])] })));
};

/** Of a name, a name and a tree below it, there is an example for every part. */
const isPlain = (pattern: string): boolean => !/[*?[{\\]/.test(pattern.replace(/\/\*\*?$/, ''));

/** Names that no policy is likely to have. */
const OTHER = 'other';

/** Paths that fit a pattern, and some beside it. */
function paths(pattern: string): string[] {
  let found = [''];
  for (const component of pattern.split('/').slice(1)) {
    const names = component === '**' ? ['', `/${OTHER}`, `/${OTHER}/${OTHER}`] : namesOf(component).map((name) => `/${name}`);
    found = found.flatMap((before) => names.map((name) => before + name)).slice(0, PATHS_MAX);
  }
  const inside = found.map((path) => path || '/');
  return [
    '/',
    ...inside,
    ...inside.flatMap((path) => [parentOf(path), join(parentOf(path), OTHER), join(path, OTHER), join(join(path, OTHER), OTHER)]),
  ];
}

const PATHS_MAX = 16;
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const join = (directory: string, name: string): string => `${directory === '/' ? '' : directory}/${name}`;

/** A name for each alternative of braces; of a class its first character. */
function namesOf(component: string): string[] {
  const braces = /(?<!\\)\{((?:\\.|[^}\\])*)\}/.exec(component);
  if (braces !== null)
    return braces[1]!
      .split(/(?<!\\),/)
      .flatMap((choice) => namesOf(component.replace(braces[0], () => choice)))
      .slice(0, PATHS_MAX);
  const name = component.replace(/\\(.)|\[([!^]?)\\?(.)[^\]]*\]|([*?])/gs, (_, escaped, not, first, wild) => {
    if (escaped !== undefined) return escaped;
    if (wild !== undefined) return wild === '*' ? OTHER : 'o';
    return not === '' ? first : '~';
  });
  return [name];
}

/** An address of each scope: `*` may not mean all of them. */
const SCOPES: readonly string[] = [
  '93.184.216.34',
  '2606:2800:220:1::1',
  '127.0.0.1',
  '::1',
  '10.0.0.1',
  'fd00::1',
  '169.254.169.254',
  '0.0.0.0',
  '192.0.2.1',
  '224.0.0.1',
];

/** Each name with each each address, each address alone. */
function hosts(patterns: readonly string[]): Facts[] {
  const names = [`${OTHER}.example`];
  const addresses = [...SCOPES];
  for (const text of unique(patterns)) {
    const pattern = parseHost(text);
    if (pattern.kind === 'name') names.push(pattern.name, `${OTHER}.${pattern.name}`);
    if (pattern.kind === 'below') names.push(pattern.name, `${OTHER}.${pattern.name}`, `${OTHER}.${OTHER}.${pattern.name}`);
    if (pattern.kind === 'net') addresses.push(...edges(pattern.address, pattern.prefix));
  }
  const alone = unique(addresses).map((one): Facts => ({ host: one, addresses: [one] }));
  const named = unique(names).flatMap((host) => unique(addresses).map((one): Facts => ({ host, addresses: [one] })));
  return [...named, ...alone];
}

/** The first and last address of a network, and those beside it. */
function edges({ bits, value }: Address, prefix: number): string[] {
  const last = value + (1n << BigInt(bits - prefix)) - 1n;
  const max = (1n << BigInt(bits)) - 1n;
  return [value - 1n, value, last, last + 1n]
    .filter((one) => one >= 0n && one <= max)
    .map((one) => formatAddress({ bits, value: one }));
}

/** Facts for a person: `path=/data/x port=443`. */
export function factsText({ paths, host, addresses, ...rest }: Facts): string {
  const named =
    host !== undefined && host !== addresses?.[0]
      ? `host=${host}${addresses === undefined ? '' : ` (${addresses.join(', ')})`}`
      : undefined;
  const place = named ?? (addresses === undefined ? undefined : `host=${addresses.join(',')}`);
  const others = Object.entries(rest).map(([key, value]) => `${key}=${value}`);
  return [...(paths ?? []).map((path) => `path=${path}`), ...(place === undefined ? [] : [place]), ...others].join(' ');
}
