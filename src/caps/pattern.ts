// Patterns of hosts and ports: how they are written, what they match, and which of two is the wider. Pure; no name is looked up
// here, and an address is compared by its bits, never by its text.

import { type Address, formatAddress, isGlobal, looksNumeric, parseAddress, sharesPrefix } from '../hal/address.ts';

export type HostPattern =
  | { readonly kind: 'any' }
  /** Lower case, without a dot at the end. */
  | { readonly kind: 'name'; readonly name: string }
  /** Every name below this one, which is not among them: `*.example.org`. */
  | { readonly kind: 'below'; readonly name: string }
  /** All addresses that begin with the first `prefix` bits of one; a single one where that is all of them. */
  | { readonly kind: 'net'; readonly address: Address; readonly prefix: number };

/** Ranges in order, apart from each other, both ends included. */
export type PortPattern = readonly (readonly [first: number, last: number])[];

/** What is wrong with a pattern, and where in it. */
export class PatternError extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.name = 'PatternError';
    this.offset = offset;
  }
}

export const PORT_MAX = 65_535;
const NAME_MAX = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const HOST = 'a host: a name, *.NAME, an address, ADDRESS/BITS, [IPV6] or *';

/** Reads a name, `*.NAME`, an address, `ADDRESS/BITS`, `*`; an address of IPv6 may be in brackets. Throws PatternError. */
export function parseHost(text: string): HostPattern {
  if (text === '*') return { kind: 'any' };
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const bracketed = /^\[(.*)\]$/.exec(host);
  const address = parseAddress(bracketed?.[1] ?? host);
  if (address !== undefined && (bracketed === null || host.includes(':'))) {
    if (slash < 0) return { kind: 'net', address, prefix: address.bits };
    return network(address, text.slice(slash + 1), slash + 1);
  }
  if (slash >= 0 || bracketed !== null || text.includes(':')) throw new PatternError(0, `${HOST} is expected, not '${text}'`);
  const below = text.startsWith('*.');
  return { kind: below ? 'below' : 'name', name: hostName(below ? text.slice(2) : text, below ? 2 : 0) };
}

function network(address: Address, written: string, offset: number): HostPattern {
  const prefix = Number(written);
  if (!/^\d{1,3}$/.test(written) || prefix > address.bits)
    throw new PatternError(offset, `a number of bits from 0 to ${address.bits} is expected, not '${written}'`);
  const masked = mask(address, prefix);
  if (masked.value !== address.value)
    throw new PatternError(0, `${formatAddress(masked)}/${prefix} is expected: no bit is set after the first ${prefix}`);
  return { kind: 'net', address, prefix };
}

function hostName(written: string, offset: number): string {
  const name = written.toLowerCase().replace(/\.$/, '');
  if (name === '') throw new PatternError(offset, `${HOST} is expected`);
  let at = offset;
  for (const label of name.split('.')) {
    if (!LABEL.test(label)) {
      const advice = /[^\p{ASCII}]/u.test(label) ? '; other letters are written as the name service has them: xn--...' : '';
      throw new PatternError(at, `${HOST} is expected, not '${written}'${advice}`);
    }
    at += label.length + 1;
  }
  if (name.length > NAME_MAX) throw new PatternError(offset, `a name has at most ${NAME_MAX} characters`);
  // What ends in a number is an address to whoever looks it up, in one of the forms that people are tricked with.
  if (looksNumeric(name)) throw new PatternError(offset, `'${written}' is neither a name nor an address a.b.c.d`);
  return name;
}

export function formatHost(pattern: HostPattern): string {
  switch (pattern.kind) {
    case 'any':
      return '*';
    case 'name':
      return pattern.name;
    case 'below':
      return `*.${pattern.name}`;
    case 'net': {
      const { address, prefix } = pattern;
      const text = address.bits === 128 ? `[${formatAddress(address)}]` : formatAddress(address);
      return prefix === address.bits ? text : `${text}/${prefix}`;
    }
  }
}

/** A name that stands for addresses of the host itself. */
export const isLocalhost = (name: string): boolean => name === 'localhost' || name.endsWith('.localhost');

/** Whether a host that somebody asks for by this name is meant. Names compare in lower case without a dot at the end. */
export function matchesName(pattern: HostPattern, name: string): boolean {
  if (pattern.kind === 'any') return true;
  return pattern.kind === 'name' ? pattern.name === name : pattern.kind === 'below' && name.endsWith(`.${pattern.name}`);
}

export const matchesAddress = (pattern: HostPattern, address: Address): boolean =>
  pattern.kind === 'any' || (pattern.kind === 'net' && sharesPrefix(pattern.address, address, pattern.prefix));

/**
 * Whether everything that `narrow` reaches is reached by `wide`. `all`: `*` stands for all there is, as it does where addresses
 * of this host or names alone are meant; elsewhere it leaves out what is not global, which only whoever names it means.
 */
export function hostCovers(wide: HostPattern, narrow: HostPattern, all: boolean): boolean {
  switch (narrow.kind) {
    case 'any':
      return wide.kind === 'any';
    case 'name':
      return matchesName(wide, narrow.name) && (all || wide.kind !== 'any' || !isLocalhost(narrow.name));
    case 'below':
      if (wide.kind === 'any') return all || !isLocalhost(narrow.name);
      return wide.kind === 'below' && `.${narrow.name}`.endsWith(`.${wide.name}`);
    case 'net':
      if (wide.kind === 'any') return all || isGlobal(narrow.address, narrow.prefix);
      return wide.kind === 'net' && wide.prefix <= narrow.prefix && matchesAddress(wide, narrow.address);
  }
}

function mask({ bits, value }: Address, prefix: number): Address {
  const rest = BigInt(bits - prefix);
  return { bits, value: (value >> rest) << rest };
}

/** Reads a number, `A-B`, a list with commas, `*`. `least`: 0 where that stands for any free port. Throws PatternError. */
export function parsePorts(text: string, least: 0 | 1 = 1): PortPattern {
  if (text === '*') return [[least, PORT_MAX]];
  const ranges: [number, number][] = [];
  let at = 0;
  for (const part of text.split(',')) {
    const [, first, , last] = /^(\d{1,6})(-(\d{1,6}))?$/.exec(part) ?? [];
    const range: [number, number] = [Number(first), Number(last ?? first)];
    if (first === undefined || range[0] < least || range[0] > PORT_MAX)
      throw new PatternError(at, `a port from ${least} to ${PORT_MAX}, A-B, a list with commas, or * is expected, not '${part}'`);
    if (range[1] > PORT_MAX || range[1] < range[0])
      throw new PatternError(at + first.length + 1, `a port from ${range[0]} to ${PORT_MAX} is expected, not '${last}'`);
    ranges.push(range);
    at += part.length + 1;
  }
  return merged(ranges);
}

function merged(ranges: readonly [number, number][]): PortPattern {
  const result: [number, number][] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = result.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else result.push([first, last]);
  }
  return result;
}

export function formatPorts(ports: PortPattern, least: 0 | 1 = 1): string {
  const [only] = ports;
  if (ports.length === 1 && only?.[0] === least && only[1] === PORT_MAX) return '*';
  return ports.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

export const matchesPort = (ports: PortPattern, port: number): boolean =>
  ports.some(([first, last]) => port >= first && port <= last);

/** Ranges are apart from each other: each narrow one lies in one wide one. */
export const portsCover = (wide: PortPattern, narrow: PortPattern): boolean =>
  narrow.every(([first, last]) => wide.some((range) => range[0] <= first && last <= range[1]));
