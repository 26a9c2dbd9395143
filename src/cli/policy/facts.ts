// What a call is about, as `superos policy explain` is told: key=value, or values in the order of the call's keys.
import { nearest } from '../../caps/nearest.ts';
import { PORT_MAX } from '../../caps/pattern.ts';
import type { Facts, Key, Vocabulary } from '../../caps/policy/policy.ts';
import { parseAddress } from '../../hal/address.ts';
import { parseSize } from '../../machine/units.ts';
import { CommandError } from '../error.ts';

/** It takes a directory with all that lies beneath it; a slash says that it is one. */
const MOVING = 'path_rename';

/** Throws CommandError. */
export function readFacts(call: string, args: readonly string[], vocabulary: Vocabulary): Facts {
  const keys = vocabulary.keysOf(call);
  const given: [Key, string][] = [];
  for (const arg of args) given.push(read(call, arg, keys, given, vocabulary));
  let facts: Facts = {};
  for (const [key, value] of given) facts = { ...facts, ...fact(key, value, facts, vocabulary) };
  if (call === MOVING && given.some(([key, value]) => key === 'path' && value.endsWith('/'))) facts = { ...facts, beneath: true };
  return facts;
}

function read(
  call: string,
  arg: string,
  keys: readonly Key[],
  given: readonly (readonly [Key, string])[],
  vocabulary: Vocabulary,
): [Key, string] {
  const [, name, value] = /^([a-z]+)=(.*)$/s.exec(arg) ?? [];
  if (name !== undefined && value !== undefined) {
    const key = keys.find((one) => one === name);
    if (key !== undefined) return [key, value];
    const meant = nearest(name, keys);
    throw new CommandError(`${arg}: ${call} has ${keysWords(keys)}${meant === undefined ? '' : `; did you mean ${meant}=?`}`);
  }
  // A word that only one key can have stands for itself.
  const next =
    keys.find((key) => vocabulary.wordsOf(key).includes(arg)) ??
    keys.find((key) => vocabulary.wordsOf(key).length === 0 && !given.some(([other]) => other === key)) ??
    keys.find((key) => !given.some(([other]) => other === key));
  if (next === undefined) throw new CommandError(`'${arg}' is too much: ${call} has ${keysWords(keys)}`);
  return [next, arg];
}

export const keysWords = (keys: readonly Key[]): string =>
  keys.length === 0 ? 'nothing that a policy can ask for' : keys.join(', ');

function fact(key: Key, value: string, { paths = [] }: Facts, vocabulary: Vocabulary): Facts {
  const expected = (what: string) => new CommandError(`${key}=${value}: ${what} is expected`);
  switch (key) {
    case 'path':
      if (!value.startsWith('/')) throw expected("a path that begins with '/', as the program names it,");
      return { paths: [...paths, normal(value)] };
    case 'host': {
      const host = value.toLowerCase().replace(/^\[(.*)\]$/, '$1');
      return parseAddress(host) === undefined ? { host } : { host, addresses: [host] };
    }
    case 'port':
      if (!/^\d{1,5}$/.test(value) || Number(value) > PORT_MAX) throw expected(`a number from 0 to ${PORT_MAX}`);
      return { port: Number(value) };
    case 'size':
      try {
        return { size: parseSize(value) };
      } catch {
        throw expected('a size such as 4096 or 64k');
      }
    default: {
      const words = vocabulary.wordsOf(key);
      const word = words.find((one) => one.toLowerCase() === value.toLowerCase() || one === `SIG${value.toUpperCase()}`);
      if (word === undefined) throw expected(`one of ${words.join(', ')}`);
      return { [key]: word };
    }
  }
}

/** As calls are looked at: without `.`, `..` and double slashes. */
function normal(path: string): string {
  const done: string[] = [];
  for (const component of path.split('/')) {
    if (component === '..') done.pop();
    else if (component !== '' && component !== '.') done.push(component);
  }
  return `/${done.join('/')}`;
}
