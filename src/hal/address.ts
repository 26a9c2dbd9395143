// Internet addresses: one parser for all that a guest, a person or a resolver calls an address, one text for each address, and
// what ranges they lie in. A text that only some hosts would take for an address (octal, hexadecimal, short) is none here.

/** IPv4 mapped into IPv6 (::ffff:a.b.c.d) is IPv4 from the start: nothing tells the two apart later. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

const MAPPED = 0xffffn;
const LOW_32 = 0xffff_ffffn;

/** Dotted decimal as RFC 6943 has it, or RFC 4291's forms of IPv6 without brackets and zone; undefined otherwise. */
export function parseAddress(text: string): Address | undefined {
  const value = parse4(text);
  if (value !== undefined) return { bits: 32, value };
  const wide = parse6(text);
  if (wide === undefined) return undefined;
  return wide >> 32n === MAPPED ? { bits: 32, value: wide & LOW_32 } : { bits: 128, value: wide };
}

function parse4(text: string): bigint | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1);
  if (parts === undefined || parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith('0'))))
    return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parse6(text: string): bigint | undefined {
  // The longest there is: eight groups of four, the last two as IPv4.
  if (text.length > 45 || !text.includes(':')) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = '', tail] = halves;
  const before = groups(head, tail === undefined);
  const after = tail === undefined ? [] : groups(tail, true);
  if (before === undefined || after === undefined) return undefined;
  const given = before.length + after.length;
  if (tail === undefined ? given !== 8 : given > 7) return undefined;
  const zeros = Array.from({ length: 8 - given }, () => 0n);
  return [...before, ...zeros, ...after].reduce((value, group) => (value << 16n) | group, 0n);
}

/** Groups of 16 bits; the last may be an IPv4 address where these are the last of all. */
function groups(text: string, last: boolean): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const found: bigint[] = [];
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes('.')) {
      const embedded = parse4(part);
      if (embedded === undefined) return undefined;
      found.push(embedded >> 16n, embedded & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) found.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return found;
}

/** The one text of an address: RFC 5952. */
export function formatAddress({ bits, value }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let [start, length] = [0, 0];
  for (let i = 0; i < 8; i++) {
    let zeros = 0;
    while (words[i + zeros] === '0') zeros++;
    if (zeros > length) [start, length] = [i, zeros];
  }
  if (length < 2) return words.join(':');
  return `${words.slice(0, start).join(':')}::${words.slice(start + length).join(':')}`;
}

/** Whether the first `prefix` bits of both are the same. */
export function sharesPrefix(one: Address, other: Address, prefix: number): boolean {
  const beyond = BigInt(one.bits - prefix);
  return one.bits === other.bits && one.value >> beyond === other.value >> beyond;
}

/** Where an address leads: `global`, or one of the ranges that only whoever names them means (IANA's special-purpose registries). */
export type Scope = 'global' | 'unspecified' | 'loopback' | 'link-local' | 'private' | 'multicast' | 'broadcast' | 'reserved';

const RANGES: readonly (readonly [network: string, scope: Scope])[] = [
  // Only 0.0.0.0 itself is unspecified; Linux takes the rest of its range for no address.
  ['0.0.0.0/32', 'unspecified'],
  ['0.0.0.0/8', 'reserved'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['10.0.0.0/8', 'private'],
  ['172.16.0.0/12', 'private'],
  ['192.168.0.0/16', 'private'],
  ['100.64.0.0/10', 'private'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'reserved'],
  ['198.18.0.0/15', 'reserved'],
  ['198.51.100.0/24', 'reserved'],
  ['203.0.113.0/24', 'reserved'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'private'],
  ['fc00::/7', 'private'],
  ['ff00::/8', 'multicast'],
  ['2001:db8::/32', 'reserved'],
  ['3fff::/20', 'reserved'],
  ['100::/64', 'reserved'],
];

/** IPv6 networks whose addresses lead to an IPv4 address inside them, and how many bits lie below that. */
const EMBEDDING: readonly (readonly [network: string, below: bigint])[] = [
  ['::/96', 0n],
  ['::ffff:0:0:0/96', 0n],
  ['64:ff9b::/96', 0n],
  ['64:ff9b:1::/48', 0n],
  ['2002::/16', 80n],
];
const TEREDO = '2001::/32';

interface Network {
  readonly base: Address;
  readonly prefix: number;
}
interface Tables {
  readonly ranges: readonly (readonly [Network, Scope])[];
  readonly embedding: readonly (readonly [Network, bigint])[];
  readonly teredo: Network;
}
let tables: Tables | undefined;

/** Made when first asked for: most programs have no network. */
function load(): Tables {
  tables ??= {
    ranges: RANGES.map(([text, scope]) => [network(text), scope]),
    embedding: EMBEDDING.map(([text, below]) => [network(text), below]),
    teredo: network(TEREDO),
  };
  return tables;
}

function network(text: string): Network {
  const [address = '', prefix] = text.split('/');
  return { base: parseAddress(address)!, prefix: Number(prefix) };
}

const contains = ({ base, prefix }: Network, address: Address): boolean => sharesPrefix(base, address, prefix);

/** Of an address in a range that leads to IPv4 addresses (NAT64, 6to4, Teredo, compatible): that of the IPv4 address, unless global. */
export function scopeOf(address: Address): Scope {
  const { ranges, embedding, teredo } = load();
  const found = ranges.find(([range]) => contains(range, address));
  if (found !== undefined) return found[1];
  if (address.bits === 32) return 'global';
  const wrapper = embedding.find(([range]) => contains(range, address));
  if (wrapper !== undefined) return scopeOf({ bits: 32, value: (address.value >> wrapper[1]) & LOW_32 });
  // Teredo has the client's address with its bits turned over, and its server's.
  if (!contains(teredo, address)) return 'global';
  const client = scopeOf({ bits: 32, value: ~address.value & LOW_32 });
  return client === 'global' ? scopeOf({ bits: 32, value: (address.value >> 64n) & LOW_32 }) : client;
}

/** Whether all addresses that begin with the first `prefix` bits of one are global; false where that takes more than a look. */
export function isGlobal(base: Address, prefix: number): boolean {
  if (prefix === base.bits) return scopeOf(base) === 'global';
  const { ranges, embedding, teredo } = load();
  const special = [...ranges.map(([range]) => range), ...embedding.map(([range]) => range), teredo];
  return !special.some((range) => sharesPrefix(range.base, base, Math.min(range.prefix, prefix)));
}

/** Whether a resolver of some host would take this for an address: then it must be one of ours, or it is nothing. */
export const looksNumeric = (text: string): boolean => text.includes(':') || /(?:^|\.)(?:\d+|0[xX][0-9a-fA-F]*)\.?$/.test(text);

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A host name in its one form: ASCII in lower case (international ones as punycode), without the dot at the end; undefined for none. */
export function parseName(text: string): string | undefined {
  const name = text.replace(/\.$/, '').replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (name === '' || name.length > 253 || looksNumeric(name)) return undefined;
  return name.split('.').every((label) => LABEL.test(label)) ? name : undefined;
}

/** What a guest calls a host, in its one form: an address or a name; undefined where it is neither. */
export function canonicalHost(text: string): string | undefined {
  const address = parseAddress(text);
  return address === undefined ? parseName(text) : formatAddress(address);
}
