// What a policy decides, worked out as plainly as can be from the document itself: no layers prepared, nothing compiled, other
// ways to match. It believes that the document is well-formed.
import type { Facts, Vocabulary } from '../../../src/caps/policy/policy.ts';

export interface Entry {
  call?: string;
  calls?: string[];
  when?: Record<string, unknown>;
  action?: unknown;
}
export interface Process {
  name?: string;
  extends?: string | string[];
  default?: unknown;
  allowed_syscalls?: (string | Entry)[];
  denied_syscalls?: (string | Entry)[];
  capabilities?: string[];
  limits?: Record<string, Amount | { soft: Amount; hard: Amount }>;
  namespaces?: {
    pid?: boolean;
    hostname?: string;
    environment?: { pass?: string | string[]; set?: Record<string, unknown> };
    mounts?: string[];
  };
  for?: Target | Target[];
}
export type Amount = string | number;
export interface Target {
  program?: string;
  sha256?: string;
}
export interface Document {
  version?: number;
  process: Process;
}

export interface Decision {
  action: { do: string; errno?: string };
  /** The file, and the list with the number of the entry in it. */
  file: string;
  rule: string;
}

const ORDER = ['allow', 'log', 'notify', 'errno', 'trap', 'kill'];
export const rank = (action: { do: string }) => ORDER.indexOf(action.do);
/** How much is permitted: how something is refused does not matter. */
export const level = (action: { do: string }) => Math.min(rank(action), 3);

/** The files in the order of their layers. */
export type Files = readonly (readonly [file: string, document: Document])[];

export function referenceDecision(files: Files, call: string, facts: Facts, vocabulary: Vocabulary): Decision {
  let result: Decision | undefined;
  for (const [file, { process }] of files) {
    const one = layerDecision(file, process, call, facts, vocabulary);
    if (result === undefined || rank(one.action) > rank(result.action)) result = one;
  }
  return result!;
}

function layerDecision(file: string, process: Process, call: string, facts: Facts, vocabulary: Vocabulary): Decision {
  if (call === 'proc_exit') return { action: { do: 'allow' }, file, rule: '' };
  let best: Decision | undefined;
  for (const [i, item] of (process.denied_syscalls ?? []).entries()) {
    if (!concerns(item, call, facts, 'denied', vocabulary)) continue;
    const action = actionOf(typeof item === 'string' ? 'errno' : (item.action ?? 'errno'));
    if (best === undefined || rank(action) > rank(best.action)) best = { action, file, rule: `denied ${i}` };
  }
  if (best !== undefined) return best;
  if (process.allowed_syscalls === undefined) return { action: { do: 'allow' }, file, rule: '' };
  for (const [i, item] of process.allowed_syscalls.entries()) {
    if (!concerns(item, call, facts, 'allowed', vocabulary)) continue;
    const action = actionOf(typeof item === 'string' ? 'allow' : (item.action ?? 'allow'));
    if (best === undefined || rank(action) < rank(best.action)) best = { action, file, rule: `allowed ${i}` };
  }
  return best ?? { action: actionOf(process.default ?? 'errno'), file, rule: '' };
}

function actionOf(written: unknown): Decision['action'] {
  if (typeof written === 'object') return { do: 'errno', errno: String((written as { errno: string }).errno) };
  const text = String(written);
  if (text === 'errno') return { do: 'errno', errno: 'PERM' };
  return text.startsWith('errno: ') ? { do: 'errno', errno: text.slice(7) } : { do: text };
}

type Side = 'allowed' | 'denied';

function concerns(item: string | Entry, call: string, facts: Facts, side: Side, vocabulary: Vocabulary): boolean {
  const { call: one, calls = [], when = {} }: Entry = typeof item === 'string' ? { call: item } : item;
  const keys = Object.keys(when);
  const named = (one === undefined ? calls : [one]).some((name) => {
    const all = name.startsWith('@')
      ? vocabulary.groups.get(name.slice(1))
      : vocabulary.calls.includes(name)
        ? [name]
        : vocabulary.posix.get(name);
    return all?.includes(call) === true;
  });
  if (!named || !keys.every((key) => (vocabulary.keysOf(call) as string[]).includes(key))) return false;
  return keys.every((key) => {
    const patterns = [when[key]].flat().map(String);
    const wanted = patterns.filter((text) => !text.startsWith('!'));
    const excluded = patterns.filter((text) => text.startsWith('!')).map((text) => text.slice(1));
    const holds = key === 'host' ? hostHolds : key === 'path' ? pathsHold : valueHolds(key);
    return holds(wanted, excluded, facts, side);
  });
}

function pathsHold(wanted: string[], excluded: string[], { paths }: Facts, side: Side): boolean {
  const fits = (path: string) =>
    (wanted.length === 0 || wanted.some((one) => fitsPath(one, path))) && !excluded.some((one) => fitsPath(one, path));
  if (paths === undefined || paths.length === 0) return side === 'denied';
  return side === 'denied' ? paths.filter(fits).length > 0 : paths.filter(fits).length === paths.length;
}

export function fitsPath(pattern: string, path: string): boolean {
  const parts = (text: string) => text.split('/').filter((part) => part !== '');
  const walk = (p: string[], x: string[]): boolean => {
    const [head, ...rest] = p;
    if (head === undefined) return x.length === 0;
    if (head === '**') return walk(rest, x) || (x.length > 0 && walk(p, x.slice(1)));
    return x.length > 0 && asRegExp(head).test(x[0]!) && walk(rest, x.slice(1));
  };
  return walk(parts(pattern), parts(path));
}

export function asRegExp(glob: string): RegExp {
  let source = '';
  let inClass = false;
  let inBraces = false;
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i]!;
    if (c === '\\') source += literal(glob[++i]!);
    else if (inClass) {
      if (c === ']') inClass = false;
      source += c === ']' || c === '-' || /\w/.test(c) ? c : `\\u{${c.codePointAt(0)!.toString(16)}}`;
    } else if (c === '*') source += '.*';
    else if (c === '?') source += '.';
    else if (c === '[') {
      inClass = true;
      source += '[';
      if (glob[i + 1] === '!' || glob[i + 1] === '^') {
        source += '^';
        i++;
      }
    } else if (c === '{') {
      inBraces = true;
      source += '(?:';
    } else if (c === '}') {
      inBraces = false;
      source += ')';
    } else if (c === ',' && inBraces) source += '|';
    else source += literal(c);
  }
  return new RegExp(`^(?:${source})$`, 'su');
}

const literal = (c: string) => c.replace(/[\^$\\.*+?()[\]{}|/]/, '\\$&');

function hostHolds(wanted: string[], excluded: string[], facts: Facts, side: Side): boolean {
  const name = facts.host
    ?.toLowerCase()
    .replace(/\.$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  const addresses = [...(facts.addresses ?? []), ...(name !== undefined && bitsOf(name) !== undefined ? [name] : [])];
  if (addresses.some((one) => bitsOf(one) === undefined) || (name === undefined && addresses.length === 0))
    return side === 'denied';
  const list = wanted.length === 0 ? ['*'] : wanted;
  // An address that is asked for is no name: other addresses may come with it.
  const nameIn = (patterns: string[]) =>
    name !== undefined && patterns.some((one) => one === '*' || (bitsOf(name) === undefined && fitsName(one, name)));
  const addressIn = (patterns: string[]) => (address: string) => patterns.some((one) => fitsAddress(one, address));
  if (side === 'allowed') {
    const permitted = nameIn(list) || (addresses.length > 0 && addresses.every(addressIn(list)));
    return permitted && !nameIn(excluded) && !addresses.some(addressIn(excluded));
  }
  if (nameIn(excluded) || (addresses.length > 0 && addresses.every(addressIn(excluded)))) return false;
  return nameIn(list) || addresses.some((one) => addressIn(list)(one) && !addressIn(excluded)(one));
}

function fitsName(pattern: string, name: string): boolean {
  const wanted = pattern.toLowerCase().replace(/\.$/, '');
  if (wanted.startsWith('*.')) return name.length > wanted.length - 1 && name.slice(1 - wanted.length) === wanted.slice(1);
  return wanted === name;
}

function fitsAddress(pattern: string, address: string): boolean {
  if (pattern === '*') return true;
  const [base = '', prefix] = pattern.replace(/[[\]]/g, '').split('/');
  const bits = bitsOf(base);
  const found = bitsOf(address);
  if (bits === undefined || found === undefined || bits.length !== found.length) return false;
  const count = prefix === undefined ? bits.length : Number(prefix);
  return bits.slice(0, count) === found.slice(0, count);
}

/** As a row of 0 and 1: 32 or 128 of them. */
function bitsOf(address: string): string | undefined {
  const four = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1);
  if (four !== undefined) {
    if (four.some((part) => Number(part) > 255 || part !== String(Number(part)))) return undefined;
    return four.map((part) => Number(part).toString(2).padStart(8, '0')).join('');
  }
  if (!/^[0-9a-f:.]+$/i.test(address) || !address.includes(':')) return undefined;
  const mapped = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const tail = mapped === null ? undefined : bitsOf(mapped[2]!);
  const text =
    tail === undefined
      ? address
      : `${mapped![1]}${Number.parseInt(tail.slice(0, 16), 2).toString(16)}:${Number.parseInt(tail.slice(16), 2).toString(16)}`;
  const [left = '', right, third] = text.split('::');
  if (third !== undefined) return undefined;
  const groups = (half: string) => (half === '' ? [] : half.split(':'));
  const missing = 8 - groups(left).length - groups(right ?? '').length;
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...groups(left), ...Array<string>(missing).fill('0'), ...groups(right ?? '')];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const bits = all.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
  return bits.startsWith(`${'0'.repeat(80)}${'1'.repeat(16)}`) ? bits.slice(96) : bits;
}

const valueHolds = (key: string) => (wanted: string[], excluded: string[], facts: Facts, side: Side) => {
  const value = (facts as Record<string, unknown>)[key];
  if (value === undefined) return side === 'denied';
  const fits = (pattern: string) => {
    if (key === 'port') return pattern === '*' || pattern.split(',').some((range) => inRange(range, Number(value)));
    if (key === 'size') return pattern.split(',').every((one) => compares(one.trim(), Number(value)));
    return pattern === value;
  };
  return (wanted.length === 0 || wanted.some(fits)) && !excluded.some(fits);
};

function inRange(range: string, port: number): boolean {
  const [first, last = first] = range.split('-');
  return Number(first) <= port && port <= Number(last);
}

function compares(comparison: string, size: number): boolean {
  const [, operator, amount, unit = ''] = /^([<>=]+)\s*(\d+)\s*([kmgt]?)/i.exec(comparison)!;
  const than = Number(amount) * 1024 ** ' kmgt'.indexOf(unit === '' ? ' ' : unit.toLowerCase());
  return { '<': size < than, '<=': size <= than, '>': size > than, '>=': size >= than, '=': size === than }[operator!]!;
}
