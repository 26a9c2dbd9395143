// The conditions of rules: what of a call they look at, and whether they hold. What is not known fails closed: it never
// lets an entry of `allowed_syscalls` hold, and never keeps one of `denied_syscalls` from it.
import { type Address, parseAddress } from '../../hal/address.ts';
import { type HostPattern, matchesAddress, matchesName, matchesPort, PatternError, parseHost, parsePorts } from '../pattern.ts';
import { pathGlob, type TreeGlob, treeGlob } from './glob.ts';
import type { Condition, Facts, Key } from './policy.ts';

/** Whether a rule permits or refuses: of several paths or addresses all must fit to permit, and one is enough to refuse. */
export type Side = 'allowed' | 'denied';
export type Test = (facts: Facts) => boolean;

/** Whether something fits one of the patterns, and none of those with `!`. */
interface Fit<T> {
  readonly in: (value: T) => boolean;
  readonly out: (value: T) => boolean;
}

/** Throws PatternError where a pattern is malformed, which those of a parsed policy are not. */
export function compile({ key, patterns }: Condition, side: Side): Test {
  switch (key) {
    case 'path':
      return ofPaths(sift(patterns, pathGlob), split(patterns, treeGlob), side);
    case 'host':
      return ofHost(patterns, side);
    case 'port': {
      const ports = sift(patterns, (text) => {
        const parsed = parsePorts(text, 0);
        return (port: number) => matchesPort(parsed, port);
      });
      return ofOne('port', ports, side);
    }
    case 'size':
      return ofOne('size', sift(patterns, sizes), side);
    default:
      return ofOne(
        key,
        sift(patterns, (word) => (value: string) => value === word),
        side,
      );
  }
}

/** Where all patterns begin with `!`, everything else is wanted. */
function sift<T>(patterns: readonly string[], parse: (text: string) => (value: T) => boolean): Fit<T> {
  const [wanted, excluded] = split(patterns, parse);
  return { in: wanted.length === 0 ? () => true : any(wanted), out: any(excluded) };
}

function split<T>(patterns: readonly string[], parse: (text: string) => T): [wanted: T[], excluded: T[]] {
  const wanted: T[] = [];
  const excluded: T[] = [];
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) excluded.push(shifted(pattern, parse));
    else wanted.push(parse(pattern));
  }
  return [wanted, excluded];
}

/** Errors point into the pattern as it is written. */
function shifted<T>(pattern: string, parse: (text: string) => T): T {
  try {
    return parse(pattern.slice(1));
  } catch (error) {
    throw error instanceof PatternError ? new PatternError(error.offset + 1, error.message) : error;
  }
}

function any<T>(tests: readonly ((value: T) => boolean)[]): (value: T) => boolean {
  const [only] = tests;
  if (only === undefined) return () => false;
  return tests.length === 1 ? only : (value) => tests.some((test) => test(value));
}

/** With a directory all goes that lies beneath it: to refuse it is enough that something there might fit, to permit all must. */
function ofPaths(glob: Fit<string>, [wanted, excluded]: [TreeGlob[], TreeGlob[]], side: Side): Test {
  const fits = (path: string) => glob.in(path) && !glob.out(path);
  const inside = (path: string, how: keyof TreeGlob) => wanted.length === 0 || wanted.some((one) => one[how](path));
  const outside = (path: string, how: keyof TreeGlob) => excluded.some((one) => one[how](path));
  if (side === 'denied') {
    const mightFit = (path: string) => inside(path, 'some') && !outside(path, 'all');
    return ({ paths, beneath }) => paths === undefined || paths.length === 0 || paths.some(beneath === true ? mightFit : fits);
  }
  const allFit = (path: string) => inside(path, 'all') && !outside(path, 'some');
  return ({ paths, beneath }) => paths !== undefined && paths.length > 0 && paths.every(beneath === true ? allFit : fits);
}

function ofOne<K extends Exclude<Key, 'path' | 'host'>>(key: K, value: Fit<NonNullable<Facts[K]>>, side: Side): Test {
  const unknown = side === 'denied';
  return (facts) => {
    const found = facts[key];
    return found === undefined ? unknown : value.in(found) && !value.out(found);
  };
}

/** A host is known by the name that was asked for, by the addresses it stands for, or by both. */
function ofHost(patterns: readonly string[], side: Side): Test {
  const [given, excluded] = split(patterns, parseHost);
  const wanted: readonly HostPattern[] = given.length === 0 ? [{ kind: 'any' }] : given;
  const name = (host: string | undefined) => ({
    in: host !== undefined && wanted.some((one) => matchesName(one, host)),
    out: host !== undefined && excluded.some((one) => matchesName(one, host)),
  });
  const inside = (address: Address) => wanted.some((one) => matchesAddress(one, address));
  const outside = (address: Address) => excluded.some((one) => matchesAddress(one, address));
  return (facts) => {
    const addresses = addressesOf(facts);
    const host = facts.host === undefined ? undefined : canonical(facts.host);
    if (addresses === undefined || (addresses.length === 0 && host === undefined)) return side === 'denied';
    const named = name(host);
    const known = addresses.length > 0;
    if (side === 'allowed') return (named.in || (known && addresses.every(inside))) && !named.out && !addresses.some(outside);
    if (named.out || (known && addresses.every(outside))) return false;
    return named.in || addresses.some((one) => inside(one) && !outside(one));
  };
}

/** Of a host that is known by name alone: whether a condition holds, or fails, whatever addresses the name turns out to have. */
export function foresee(condition: Condition, side: Side, facts: Facts): 'holds' | 'fails' | 'open' {
  if (condition.key !== 'host') return compile(condition, side)(facts) ? 'holds' : 'fails';
  if (facts.host === undefined) return 'open';
  const host = canonical(facts.host);
  const [given, excluded] = split(condition.patterns, parseHost);
  if (excluded.some((one) => matchesName(one, host))) return 'fails';
  if (given.length > 0 && !given.some((one) => matchesName(one, host))) return given.some(isOfAddresses) ? 'open' : 'fails';
  return excluded.some(isOfAddresses) ? 'open' : 'holds';
}

const isOfAddresses = ({ kind }: HostPattern): boolean => kind === 'net' || kind === 'any';

const canonical = (host: string) => host.toLowerCase().replace(/\.$/, '');

/** Undefined where one of them cannot be read. */
function addressesOf({ host, addresses = [] }: Facts): Address[] | undefined {
  const parsed = addresses.map(parseAddress);
  if (host !== undefined) {
    const own = parseAddress(host.replace(/^\[(.*)\]$/, '$1'));
    if (own !== undefined) parsed.push(own);
  }
  return parsed.every((one) => one !== undefined) ? parsed : undefined;
}

const UNITS = ['', 'k', 'm', 'g', 't'];

/** `> 64k`, `>= 1, < 4k`: all hold. */
function sizes(text: string): (bytes: number) => boolean {
  let at = 0;
  const tests = text.split(',').map((part) => {
    const [, operator, amount, unit = ''] = /^\s*(<=|>=|<|>|=)\s*(\d{1,15})\s*([kmgt]?)i?b?\s*$/i.exec(part) ?? [];
    const bytes = Number(amount) * 1024 ** UNITS.indexOf(unit.toLowerCase());
    if (operator === undefined || !Number.isSafeInteger(bytes))
      throw new PatternError(at, `a comparison such as '> 64k', or several with commas, is expected, not '${part.trim()}'`);
    at += part.length + 1;
    return comparison(operator, bytes);
  });
  return (bytes) => tests.every((test) => test(bytes));
}

function comparison(operator: string, than: number): (bytes: number) => boolean {
  switch (operator) {
    case '<':
      return (bytes) => bytes < than;
    case '<=':
      return (bytes) => bytes <= than;
    case '>':
      return (bytes) => bytes > than;
    case '>=':
      return (bytes) => bytes >= than;
    default:
      return (bytes) => bytes === than;
  }
}
