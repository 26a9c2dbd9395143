// Random policies as documents, as texts in several ways of writing YAML, texts with mistakes, and what calls may be about.
import type { Facts, Key } from '../../../src/caps/policy/policy.ts';
import type { Random } from '../../../src/hal/sim/random.ts';
import { VOCABULARY } from '../../../src/syscalls/vocabulary.ts';
import type { Document, Entry, Process, Target } from './reference.ts';
import { amountOf, COVERS, UNITS } from './terms.ts';

export const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;
const some = <T>(random: Random, most: number, make: () => T): T[] => Array.from({ length: 1 + random.below(most) }, make);

const PATH_PATTERNS = [
  '/',
  '/**',
  '/data',
  '/data/**',
  '/data/*',
  '/data/?',
  '/data/[a-c]',
  '/data/[!a]*',
  '/**/x',
  '/*/x',
  '/{data,tmp}/**',
  '/da*a/**',
  '/a\\*b',
  '/data/**/b',
  '/tmp/{,x}y',
];
const PATHS = [
  '/',
  '/data',
  '/data/x',
  '/data/b',
  '/data/x/b',
  '/database',
  '/database/x',
  '/tmp/y',
  '/tmp/xy',
  '/a*b',
  '/aXb',
  '/x',
  '/data/\u{1f600}',
  '/data/private/b',
];
const HOST_PATTERNS = [
  '*',
  'example.org',
  '*.example.org',
  'EXAMPLE.org',
  '10.0.0.0/8',
  '10.1.0.0/16',
  '127.0.0.1',
  '[::1]',
  '::1',
  '2001:db8::/32',
  '::ffff:10.0.0.1',
  '0.0.0.0/0',
  '::/0',
];
const HOSTS = [
  'example.org',
  'a.example.org',
  'Example.ORG.',
  'notexample.org',
  '10.0.0.1',
  '[::1]',
  '::ffff:10.1.0.1',
  'localhost',
];
const ADDRESSES = [
  '10.0.0.1',
  '10.1.2.3',
  '127.0.0.1',
  '192.0.2.1',
  '::1',
  '2001:db8::5',
  '::ffff:10.1.0.1',
  '::ffff:127.0.0.1',
  '2001:db9::',
];
const PORT_PATTERNS = [0, 22, 443, '443', '8000-8100', '1-1023', '22,80', '*', 65535];
const SIZE_PATTERNS = ['> 64k', '<= 1m', '= 0', '>=1,<4k', '< 65536', '>0'];
const KEYS: readonly Key[] = ['path', 'host', 'port', 'size', 'signal', 'clock', 'kind', 'access'];
const ERRNOS = ['PERM', 'ACCES', 'NOSYS', 'NOENT'];
const POSIX = [...VOCABULARY.posix.keys()];
const GROUPS = [...VOCABULARY.groups.keys()].map((name) => `@${name}`);
/** Those that most rules are about, so that rules meet. */
const FEW = [
  'path_open',
  'path_rename',
  'fd_read',
  'fd_write',
  'net_connect',
  'clock_time_get',
  'random_get',
  'proc_raise',
  'proc_exit',
];

function pattern(random: Random, key: Key): string | number {
  const words = VOCABULARY.wordsOf(key);
  const list = {
    path: PATH_PATTERNS,
    host: HOST_PATTERNS,
    port: PORT_PATTERNS,
    size: SIZE_PATTERNS,
    signal: words,
    clock: words,
    kind: words,
    access: words,
  }[key];
  const one = pick<string | number>(random, list);
  return random.chance(0.2) ? `!${one}` : one;
}

const name = (random: Random) =>
  random.chance(0.6)
    ? pick(random, FEW)
    : random.chance(0.5)
      ? pick(random, GROUPS)
      : random.chance(0.5)
        ? pick(random, VOCABULARY.calls)
        : pick(random, POSIX);

const standsFor = (written: string): readonly string[] =>
  written.startsWith('@')
    ? VOCABULARY.groups.get(written.slice(1))!
    : VOCABULARY.calls.includes(written)
      ? [written]
      : VOCABULARY.posix.get(written)!;

export function entry(random: Random, side: 'allowed' | 'denied', actions: readonly string[]): string | Entry {
  const names = some(random, random.chance(0.2) ? 3 : 1, () => name(random));
  // A condition must be one that something of each name has, all keys on the same call.
  const keys = KEYS.filter(
    (key) =>
      random.chance(0.4) &&
      names.every((one) => standsFor(one).length === 0 || VOCABULARY.keysOf(standsFor(one)[0]!).includes(key)),
  );
  const conditional = keys.length > 0 && random.chance(0.6);
  const action = random.chance(0.5) ? pick(random, actions) : undefined;
  if (names.length === 1 && !conditional && action === undefined) return names[0]!;
  const when = Object.fromEntries(
    keys.map((key) => [key, random.chance(0.5) ? pattern(random, key) : some(random, 3, () => pattern(random, key))]),
  );
  return {
    ...(names.length === 1 ? { call: names[0]! } : { calls: names }),
    ...(conditional ? { when } : {}),
    ...(action === undefined
      ? {}
      : {
          action: side === 'denied' && action.startsWith('errno: ') && random.chance(0.3) ? { errno: action.slice(7) } : action,
        }),
  };
}

const GRANTS = [...COVERS.keys()];

const AMOUNTS = {
  size: ['64m', '1g', '100k', '4096', 65_536, '1.5m'],
  time: ['500ms', '2s', '1m', 250, '1h'],
  count: [0, 1, 7, 100, '50'],
} as const;

function limits(random: Random): NonNullable<Process['limits']> {
  const names = Object.keys(UNITS) as (keyof typeof UNITS)[];
  const chosen = names.filter(() => random.chance(0.3));
  return Object.fromEntries(
    (chosen.length === 0 ? names : chosen).map((name) => {
      const unit = UNITS[name];
      const [soft, hard] = [pick(random, AMOUNTS[unit]), pick(random, AMOUNTS[unit])].sort(
        (a, b) => amountOf(unit, a) - amountOf(unit, b),
      );
      return [name, name === 'timeout' || random.chance(0.6) ? hard! : { soft: soft!, hard: hard! }];
    }),
  );
}

const VARIABLES = ['PATH', 'HOME', 'LC_*', 'P*', '*', '[A-M]*', 'NO_SUCH', '?OME'];
const MOUNTS = ['/data', '/data/**', '/*', '/tmp', '/dev', '/{data,tmp}', '/nowhere'];

function namespaces(random: Random): NonNullable<Process['namespaces']> {
  const environment = {
    ...(random.chance(0.6)
      ? { pass: random.chance(0.4) ? pick(random, VARIABLES) : some(random, 3, () => pick(random, VARIABLES)) }
      : {}),
    ...(random.chance(0.6)
      ? { set: { LANG: pick(random, ['C', 'de_DE', 7, true]), [pick(random, ['A', 'HOME', 'HOSTNAME'])]: 'x' } }
      : {}),
  };
  return {
    ...(random.chance(0.5) ? { pid: random.chance(0.5) } : {}),
    ...(random.chance(0.5) ? { hostname: pick(random, ['box', 'a.b-c', '9']) } : {}),
    ...(random.chance(0.6) ? { environment } : {}),
    ...(random.chance(0.5) ? { mounts: random.chance(0.1) ? [] : some(random, 3, () => pick(random, MOUNTS)) } : {}),
  };
}

const HASHES = ['a', 'b', 'C'].map((digit) => digit.repeat(64));
const PROGRAMS = ['app.wasm', 'app*', '*', '{app,tool}.wasm', 'tool.?asm', 'none'];

const target = (random: Random): Target => {
  const program = { program: pick(random, PROGRAMS) };
  const sha256 = { sha256: pick(random, HASHES) };
  return random.chance(0.4) ? program : random.chance(0.5) ? sha256 : { ...program, ...sha256 };
};

/** A program that a policy may be for. */
export const program = (random: Random): { name: string; hash: string } => ({
  name: pick(random, ['app.wasm', 'app', 'tool.wasm', 'other.wasm']),
  hash: pick(random, HASHES).toLowerCase(),
});

export const refusals = ['errno', 'trap', 'kill', ...ERRNOS.map((errno) => `errno: ${errno}`)];

/** Well-formed. */
export function document(random: Random, extended?: string[]): Document {
  const process: Process = {};
  if (random.chance(0.5)) process.name = 'generated';
  if (extended !== undefined) process.extends = extended.length === 1 && random.chance(0.5) ? extended[0]! : extended;
  if (random.chance(0.7)) {
    if (random.chance(0.5)) process.default = pick(random, [...refusals, 'log', 'notify']);
    const permissions = ['allow', 'log', 'notify'].slice(0, process.default === 'log' ? 2 : 3);
    process.allowed_syscalls = random.chance(0.1) ? [] : some(random, 6, () => entry(random, 'allowed', permissions));
  }
  if (random.chance(0.6)) process.denied_syscalls = some(random, 4, () => entry(random, 'denied', refusals));
  if (random.chance(0.2)) process.capabilities = random.chance(0.1) ? [] : some(random, 5, () => pick(random, GRANTS));
  if (random.chance(0.2)) process.limits = limits(random);
  if (random.chance(0.2)) process.namespaces = namespaces(random);
  if (random.chance(0.2)) process.for = random.chance(0.5) ? target(random) : some(random, 3, () => target(random));
  return { ...(random.chance(0.5) ? { version: 1 } : {}), process };
}

export function facts(random: Random): Facts {
  const all: Required<Omit<Facts, 'beneath'>> = {
    paths: some(random, 2, () => pick(random, PATHS)),
    host: pick(random, HOSTS),
    addresses: some(random, 2, () => pick(random, ADDRESSES)),
    port: pick(random, [0, 22, 80, 443, 8050, 65535]),
    size: pick(random, [0, 1, 4095, 65536, 65537, 2 ** 20 + 1]),
    signal: pick(random, VOCABULARY.wordsOf('signal')),
    clock: pick(random, VOCABULARY.wordsOf('clock')),
    kind: pick(random, VOCABULARY.wordsOf('kind')),
    access: random.chance(0.5) ? 'read' : 'write',
  };
  return random.chance(0.7) ? all : Object.fromEntries(Object.entries(all).filter(() => random.chance(0.5)));
}

export const call = (random: Random): string => (random.chance(0.7) ? pick(random, FEW) : pick(random, VOCABULARY.calls));

/** One of the ways to write it. */
export function render(random: Random, value: unknown, indent = 0): string {
  if (typeof value !== 'object' || value === null || random.chance(0.15)) return scalar(random, value);
  const comment = () => (random.chance(0.1) ? ' # [x]: {y}' : '');
  const pad = ' '.repeat(indent);
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return value
      .map(
        (item) => `\n${pad}-${comment() === '' ? ' ' : '  '}${nested(random, item, indent + 2)}${isPlain(item) ? comment() : ''}`,
      )
      .join('');
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return '{}';
  return entries
    .map(([key, inner]) => `\n${pad}${key}: ${render(random, inner, indent + 2)}${isPlain(inner) ? comment() : ''}`)
    .join('');
}

/** In a list, what is not plain is written in flow style. */
const nested = (random: Random, item: unknown, indent: number) =>
  isPlain(item) ? render(random, item, indent) : JSON.stringify(item);
const isPlain = (value: unknown) => typeof value !== 'object' || value === null;

function scalar(random: Random, value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  if (/^[a-z_]+$/.test(value) && random.chance(0.6)) return value;
  return random.chance(0.5) ? JSON.stringify(value) : `'${value.replaceAll("'", "''")}'`;
}

const PIECES = [
  '\n',
  '  ',
  '\t',
  ':',
  ': ',
  '- ',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '!!str ',
  '---\n',
  '%',
  '|\n',
  '>\n',
  '? ',
  ',',
  '@',
  '\\',
  '\0',
  '\u{feff}',
  '\u{1f600}',
  '\r\n',
  '<<: ',
  '__proto__: ',
  'null',
  '1e999',
  '0x1',
  '~',
  '.nan',
  'allowed_syscalls',
  'denied_syscalls',
  'read',
  'kill',
  'notify',
  '!',
  '/**',
];

/** A text with some of it cut, doubled, moved, or replaced. */
export function mutate(random: Random, text: string): string {
  let result = text;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(result.length + 1);
    const length = random.below(random.chance(0.5) ? 3 : 20);
    const insert = [
      () => '',
      () => pick(random, PIECES),
      () => result.slice(at, at + length),
      () => String.fromCharCode(random.below(256)),
      () => pick(random, PIECES).repeat(random.below(100)),
    ];
    const keep = random.chance(0.5) ? length : 0;
    result = result.slice(0, at) + pick(random, insert)() + result.slice(at + keep);
  }
  return result;
}
