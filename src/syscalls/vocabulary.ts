// What the names in policies stand for: the system calls and groups of the table, the names of POSIX, and what conditions can
// ask of each call. All of it is derived, so that a call that is added to the table is known to policies at once.
import type { Key, Vocabulary } from '../caps/policy/policy.ts';
import { factsOf } from './facts.ts';
import { POSIX_ABSENT, POSIX_NAMES } from './posix-names.ts';
import { CALLS, type Call, type CallName, CLOCKS, SIGNALS, TABLE } from './table.ts';

/** What the kernel does for the instruction `memory.grow`; no import of a guest's. */
const MEMORY_GROW = 'memory_grow';

/** Of the objects that descriptors stand for. */
const KINDS = ['file', 'directory', 'device', 'console', 'pipe', 'socket'];

const WORDS: Partial<Record<Key, readonly string[]>> = {
  signal: SIGNALS.filter((name) => name !== 'NONE'),
  clock: CLOCKS,
  kind: KINDS,
  access: ['read', 'write'],
};

export const VOCABULARY: Vocabulary = {
  calls: [...CALLS, MEMORY_GROW],
  groups: groups(),
  posix: posix(),
  keysOf: (call) => (call === MEMORY_GROW ? ['size'] : call in TABLE ? factsOf(call as CallName).keys : []),
  wordsOf: (key) => WORDS[key] ?? [],
};

function groups(): Map<string, string[]> {
  const found = new Map<string, string[]>([['memory', [MEMORY_GROW]]]);
  for (const name of CALLS) {
    const { groups }: Call = TABLE[name];
    for (const group of groups) append(found, group, name);
  }
  return found;
}

function posix(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [call, names] of Object.entries(POSIX_NAMES)) for (const name of names.split(' ')) append(found, name, call);
  for (const name of POSIX_ABSENT.trim().split(/\s+/)) found.set(name, []);
  return found;
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
