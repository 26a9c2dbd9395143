// The least policy that lets a program do again what it was seen to do: an entry for each call, with the conditions that its
// uses have in common. It is made from what happened alone, and allows nothing of its own but what directories have in common.
import { compile } from './condition.ts';
import { commentText, type Entry, entryLines, scalar } from './entry.ts';
import type { Facts, Key, Vocabulary } from './policy.ts';

/** Calls alike that a process made. */
export interface Observation {
  readonly call: string;
  readonly facts: Facts;
  readonly count: number;
}

export interface LearnOptions {
  /** Of the policy. */
  readonly name: string;
  /** What ran, for the first line. */
  readonly origin: string;
  readonly vocabulary: Vocabulary;
  /** Grants that were used, in the grammar of grants. */
  readonly capabilities?: readonly { readonly text: string; readonly comment?: string }[];
  /** Bytes. */
  readonly memoryPeak?: number;
}

/** The text of a policy. */
export function learn(observations: readonly Observation[], options: LearnOptions): string {
  const { name, origin, vocabulary, capabilities, memoryPeak } = options;
  const entries = learnEntries(observations, vocabulary);
  const lines = [
    `# Learned from a run of ${commentText(origin)}: the least that lets the same run pass.`,
    '# Another run may need more, which superos policy learn --merge adds.',
    'version: 1',
    'process:',
    `  name: ${scalar(name)}`,
    ...list(
      'allowed_syscalls',
      entries.flatMap((entry) => entryLines(entry, 4)),
    ),
  ];
  if (capabilities !== undefined) {
    const grants = capabilities.map(
      ({ text, comment }) => `    - ${scalar(text)}${comment === undefined ? '' : ` # ${commentText(comment)}`}`,
    );
    lines.push(
      '  # Given by this policy: without --dir or --cap for them, and nothing wider with.',
      ...list('capabilities', grants),
    );
  }
  if (memoryPeak !== undefined)
    lines.push('  # limits:', `  #   memory: ${roundedUp(memoryPeak)} # ${memoryPeak} bytes at its most`);
  return `${lines.join('\n')}\n`;
}

const list = (key: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [`  ${key}: []`] : [`  ${key}:`, ...lines];

/** Those alike are one, with their number. */
export function together(observations: readonly Observation[]): Observation[] {
  const byKey = Map.groupBy(observations, ({ call, facts }) => `${call} ${JSON.stringify(facts)}`);
  return [...byKey.values()].map((alike) => ({ ...alike[0]!, count: alike.reduce((sum, { count }) => sum + count, 0) }));
}

/** A process can always end: nothing has to allow it. */
const FREE = 'proc_exit';
/** What conditions are made of. Sizes and kinds of objects differ from one run to the next, by what is at the other end. */
const KEYS: readonly Key[] = ['access', 'host', 'clock', 'signal', 'port', 'path'];

/** The entries that allow what was seen, none of which could be left out. */
export function learnEntries(observations: readonly Observation[], vocabulary: Vocabulary): Entry[] {
  const byCall = Map.groupBy(
    observations.filter(({ call }) => call !== FREE),
    ({ call }) => call,
  );
  const order = (call: string) => vocabulary.calls.indexOf(call);
  return [...byCall]
    .sort(([a], [b]) => order(a) - order(b))
    .flatMap(([call, seen]) => needed(seen, entriesFor(call, seen, vocabulary)));
}

function entriesFor(call: string, seen: readonly Observation[], { keysOf, wordsOf }: Vocabulary): Entry[] {
  // Nothing can be asked of what is not known of each, or has no word.
  const sayable = (key: Key, found: readonly string[]) =>
    found.length > 0 && (wordsOf(key).length === 0 || found.every((word) => wordsOf(key).includes(word)));
  const known = KEYS.filter((key) => keysOf(call).includes(key) && seen.every(({ facts }) => sayable(key, values(facts, key))));
  const groups = grouped(seen, known);
  if (groups.length <= ENTRIES_MAX) return groups.map((group) => entryFor(call, group, known));
  const fewer = known.filter((key) => key !== 'host');
  return grouped(seen, fewer).map((group) => entryFor(call, group, fewer));
}

/** Entries of one call; with more hosts than that it may be any. */
const ENTRIES_MAX = 64;

/** Of the last key one entry has several values; in all others its uses agree, or it would allow what was not seen. */
const grouped = (seen: readonly Observation[], known: readonly Key[]): Observation[][] => [
  ...Map.groupBy(seen, ({ facts }) => JSON.stringify(known.slice(0, -1).map((key) => values(facts, key)))).values(),
];

function entryFor(call: string, group: readonly Observation[], known: readonly Key[]): Entry {
  const { facts } = group[0]!;
  const listed = known.at(-1);
  const all = (key: Key) => [...new Set(group.flatMap((one) => values(one.facts, key)))].sort();
  return {
    call,
    when: known.map((key) => ({ key, patterns: patternsOf(key, key === listed ? all(key) : values(facts, key)) })),
    comment: comment(group, known.includes('path') ? all('path') : []),
  };
}

/** Without those that the others make needless. */
function needed(seen: readonly Observation[], entries: readonly Entry[]): Entry[] {
  if (entries.length === 1) return [...entries];
  const passes = entries.map(({ when }) => {
    const tests = when.map((condition) => compile(condition, 'allowed'));
    return seen.map(({ facts }) => tests.every((test) => test(facts)));
  });
  const times = seen.map((_, i) => passes.filter((row) => row[i]).length);
  return entries.filter((_, e) => {
    const row = passes[e]!;
    if (row.some((passed, i) => passed && times[i] === 1)) return true;
    for (const [i, passed] of row.entries()) if (passed) times[i]!--;
    return false;
  });
}

function values(facts: Facts, key: Key): readonly string[] {
  // With a slash at its end: all that lies beneath, too.
  if (key === 'path') return facts.paths?.map((path) => (facts.beneath === true ? `${path}/` : path)) ?? [];
  if (key === 'host') return facts.host === undefined ? (facts.addresses ?? []) : [facts.host];
  const value = facts[key];
  return value === undefined ? [] : [String(value)];
}

/** Paths that are listed one by one. */
const PATHS_MAX = 8;
/** As many in one directory stand for all that is in it. */
const SIBLINGS_MIN = 3;

/** Ports that are listed one by one. */
const PORTS_MAX = 64;

function patternsOf(key: Key, found: readonly string[]): readonly string[] {
  if (key === 'port') return found.length <= PORTS_MAX ? found : [span(found.map(Number))];
  if (key !== 'path') return found;
  return found.length <= PATHS_MAX ? found.map(escaped) : pathPatterns(found);
}

const span = (ports: readonly number[]): string => `${Math.min(...ports)}-${Math.max(...ports)}`;

function pathPatterns(found: readonly string[]): readonly string[] {
  const [moved, plain] = [found.filter(isTree), found.filter((path) => !isTree(path))];
  const byDirectory = [...Map.groupBy(plain, (path) => (path === '/' ? '' : directoryOf(path)))];
  const patterns = byDirectory.flatMap(([directory, paths]) =>
    paths.length < SIBLINGS_MIN ? paths.map(escaped) : [below(directory, '*')],
  );
  patterns.push(...moved.map(escaped));
  return patterns.length <= PATHS_MAX ? patterns : trees(found);
}

/** The deepest directories, all as deep, that hold the paths and are few; what lies above them is listed. */
function trees(paths: readonly string[]): readonly string[] {
  const depthOf = (path: string) => directoryOf(path).split('/').filter(Boolean).length;
  for (let depth = Math.max(...paths.map(depthOf)); depth > 0; depth--) {
    const roots = new Set(
      paths
        .filter((path) => depthOf(path) >= depth)
        .map((path) =>
          path
            .split('/')
            .slice(0, depth + 1)
            .join('/'),
        ),
    );
    const above = paths.filter((path) => depthOf(path) < depth && !roots.has(path));
    if (roots.size + above.length <= PATHS_MAX) return [...above.map(escaped), ...[...roots].map((root) => below(root, '**'))];
  }
  return ['/**'];
}

const directoryOf = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';

const isTree = (path: string) => path !== '/' && path.endsWith('/');

/** Characters that a pattern may have. */
const PATTERN_MAX = 4096;

const quoted = (path: string) => path.replace(/[*?[\]{}\\]/g, '\\$&');

/** Of a path that is too long for a pattern, all in a directory that is not. */
function escaped(path: string): string {
  if (isTree(path)) return below(path.slice(0, -1), '**');
  const pattern = quoted(path);
  return pattern.length <= PATTERN_MAX ? pattern : below(directoryOf(path), '**');
}

function below(directory: string, what: '*' | '**'): string {
  const pattern = `${directory === '/' ? '' : quoted(directory)}/${what}`;
  return pattern.length <= PATTERN_MAX ? pattern : below(directoryOf(directory), '**');
}

const EXAMPLES_MAX = 3;

function comment(seen: readonly Observation[], paths: readonly string[]): string {
  const count = seen.reduce((sum, one) => sum + one.count, 0);
  const times = count === 1 ? 'once' : `${count} times`;
  if (paths.length <= PATHS_MAX) return times;
  return `${times}; ${paths.slice(0, EXAMPLES_MAX).join(', ')} and ${paths.length - EXAMPLES_MAX} more`;
}

const MIB = 2 ** 20;
const roundedUp = (bytes: number): string => `${2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, bytes) / MIB)))}m`;
