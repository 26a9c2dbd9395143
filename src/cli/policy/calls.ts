// The calls that a name stands for, as policies write them: a call, a group, a name of POSIX.
import { nearest } from '../../caps/nearest.ts';
import type { Vocabulary } from '../../caps/policy/policy.ts';
import { CommandError } from '../error.ts';

/** None for a name of POSIX that stands for nothing. Throws CommandError for one that nobody knows. */
export function callsOf(name: string, vocabulary: Vocabulary): readonly string[] {
  const { calls, groups, posix } = vocabulary;
  const found = name.startsWith('@') ? groups.get(name.slice(1)) : calls.includes(name) ? [name] : posix.get(name);
  if (found !== undefined) return found;
  const meant = nearest(name, [...calls, ...posix.keys(), ...[...groups.keys()].map((group) => `@${group}`)]);
  throw new CommandError(`there is no call ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`);
}
