// The grammar of grants, one for `--cap`, the embedding API and policies: read, written, and compared. Reading names the
// character that is wrong, and what was expected there. Pure but for the working directory that relative paths count from.
import { resolve } from 'node:path';
import { nearest } from '../caps/nearest.ts';
import { goesUp } from '../caps/path.ts';
import { formatHost, formatPorts, hostCovers, PatternError, parseHost, parsePorts, portsCover } from '../caps/pattern.ts';
import { checkedGrant } from './checks.ts';
import { SuperosError } from './error.ts';
import type { DirectoryGrant, Grant, NetworkGrant, PlainGrant, TemporaryGrant } from './grants.ts';
import { Reader } from './reader.ts';
import { parseSize } from './units.ts';

const PLAIN: readonly PlainGrant[] = ['clock', 'random', 'console', 'dev', 'threads', 'network', 'filesystem'];
const NET = ['connect', 'listen', 'udp', 'bind', 'resolve'] as const;
const KINDS = [...PLAIN, 'dir', 'tmp', 'net', 'program', 'policy', 'function', 'region'];
const RIGHTS = { ro: ['read'], wo: ['write'], rw: ['read', 'write'] } as const satisfies Record<string, DirectoryGrant['rights']>;
const MODES = Object.keys(RIGHTS) as readonly (keyof typeof RIGHTS)[];
/** Bytes of a tree in memory for which nothing is said. */
export const TEMPORARY_BYTES = 64 * 2 ** 20;
/** As a guest imports it: neither part is empty; the first dot ends the module. */
const FUNCTION = /^[^.]+\../s;

/** A mistake in a grant's text: what was expected, and the character at which it was, counted from 0. */
export interface GrantMistake {
  readonly message: string;
  readonly offset: number;
}

/** Reads a grant. Throws SuperosError, whose message shows the text and points at the character. */
export function parseGrant(text: string): Grant {
  try {
    return read(new Reader(text));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new SuperosError(
      'invalid-argument',
      `no capability is written '${text}': at character ${error.offset + 1}, ${error.message}`,
    );
  }
}

/** What is wrong with a grant's text; undefined where nothing is. */
export function checkGrant(text: string): GrantMistake | undefined {
  try {
    read(new Reader(text));
    return undefined;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return { message: error.message, offset: error.offset };
  }
}

function read(reader: Reader): Grant {
  const kind = reader.word(`a capability is expected: ${KINDS.join(', ')}`);
  switch (kind) {
    case 'clock':
      if (!reader.more) return 'clock';
      reader.oneOf(['coarse'], 'nothing more, or coarse, is expected');
      reader.end();
      return 'clock:coarse';
    case 'random':
    case 'console':
    case 'dev':
    case 'threads':
    case 'network':
    case 'filesystem':
      reader.end();
      return kind;
    case 'dir':
      return readDirectory(reader);
    case 'tmp':
      return readTemporary(reader);
    case 'net':
      return readNetwork(reader);
    case 'program': {
      const program = reader.word('the path of a program is expected');
      reader.end();
      return { program };
    }
    case 'policy': {
      const policy = reader.word('the path or name of a policy is expected');
      reader.end();
      return { policy };
    }
    case 'region': {
      const region = reader.word('the name of a region is expected');
      reader.end();
      return { region };
    }
    case 'function': {
      const name = reader.word('the name of a function is expected: MODULE.FIELD');
      if (!FUNCTION.test(name)) throw reader.wrong(`MODULE.FIELD is expected, not '${name}'`);
      reader.end();
      return { function: name };
    }
    default: {
      const meant = nearest(kind, KINDS);
      const advice = meant === undefined ? `there are ${KINDS.join(', ')}` : `did you mean ${meant}?`;
      throw reader.wrong(`no kind of capability is '${kind}'; ${advice}`);
    }
  }
}

function readDirectory(reader: Reader): DirectoryGrant {
  const dir = reader.word('a directory of this host is expected');
  if (!reader.more) return checkName(reader, dir, { dir });
  const second = reader.word();
  const mode = reader.isKeyword ? MODES.find((one) => one === second) : undefined;
  if (mode !== undefined && !reader.more) return checkName(reader, dir, { dir, ...rightsIn(mode) });
  const at = checkName(reader, second || dir, second === '' ? {} : { at: second });
  if (!reader.more) return { dir, ...at };
  const rights = rightsIn(reader.oneOf(MODES, `${MODES.join(', ')} is expected`));
  reader.end();
  return { dir, ...at, ...rights };
}

/** Both are what a directory has for which nothing is said: the same grant is written in one way. */
const rightsIn = (mode: keyof typeof RIGHTS) => (mode === 'rw' ? {} : { rights: RIGHTS[mode] });

/** A name that goes up does not say where the tree is, and no rule about paths would hold in it. */
function checkName<T>(reader: Reader, name: string, grant: T): T {
  if (goesUp(name))
    throw reader.wrong(`a name in the process without '..' is expected, such as dir:../data:/data, not '${name}'`);
  return grant;
}

function readTemporary(reader: Reader): TemporaryGrant {
  const tmp = reader.word('the name of a directory in the process is expected');
  checkName(reader, tmp, undefined);
  if (!reader.more) return { tmp };
  const size = reader.word('a size is expected, such as 64m');
  try {
    parseSize(size);
  } catch {
    throw reader.wrong(`a size is expected, such as 64m or 1g, not '${size}'`);
  }
  reader.end();
  return { tmp, size: /^\d+$/.test(size) ? Number(size) : size };
}

function readNetwork(reader: Reader): Grant {
  const net = reader.oneOf(NET, `${NET.join(', ')} is expected`);
  const written = reader.host('a host is expected: a name, *.NAME, an address, ADDRESS/BITS, [IPV6] or *');
  const pattern = reader.within(() => parseHost(written));
  const host = formatHost(pattern);
  if (net === 'resolve') {
    if (pattern.kind === 'net') throw reader.wrong(`a name, *.NAME or * is expected, not the address '${written}'`);
    reader.end();
    return { net, host };
  }
  if (isLocal(net) && (pattern.kind === 'name' || pattern.kind === 'below'))
    throw reader.wrong(`an address of this host, ADDRESS/BITS or * is expected, not the name '${written}'`);
  const least = leastPort(net);
  const numbers = reader.word('a port is expected: a number, A-B, a list with commas, or *');
  const ports = reader.within(() => formatPorts(parsePorts(numbers, least), least));
  reader.end();
  return { net, host, ports };
}

const isLocal = (net: NetworkGrant['net']): boolean => net === 'listen' || net === 'bind';
/** Port 0 of this host stands for any that is free. */
const leastPort = (net: NetworkGrant['net']): 0 | 1 => (isLocal(net) ? 0 : 1);

/** How a grant is written; `parseGrant` gives an equal one back. */
export function formatGrant(grant: Grant): string {
  if (typeof grant === 'string') return grant;
  if ('dir' in grant) return formatDirectory(grant);
  if ('tmp' in grant) return `tmp:${escaped(grant.tmp)}${grant.size === undefined ? '' : `:${grant.size}`}`;
  if ('program' in grant) return `program:${escaped(grant.program)}`;
  if ('policy' in grant) return `policy:${escaped(grant.policy)}`;
  if ('region' in grant) return `region:${escaped(grant.region)}`;
  if ('function' in grant) return `function:${escaped(grant.function)}`;
  // An address of IPv6 needs brackets here, and elsewhere not.
  const host = grant.host.includes(':') && !grant.host.startsWith('[') ? grant.host.replace(/^[^/]*/, '[$&]') : grant.host;
  return grant.net === 'resolve' ? `net:resolve:${host}` : `net:${grant.net}:${host}:${grant.ports}`;
}

/** A grant as `parseGrant` gives it. Throws SuperosError where it is none, whatever it is. */
export const canonicalGrant = (grant: Grant | string): Grant =>
  parseGrant(typeof grant === 'string' ? grant : formatGrant(checkedGrant(grant)));

function formatDirectory({ dir, at, rights = BOTH }: DirectoryGrant): string {
  const mode = MODES.find(
    (one) => RIGHTS[one].length === new Set(rights).size && RIGHTS[one].every((right) => rights.includes(right)),
  );
  if (mode === undefined)
    throw new SuperosError('invalid-argument', `the rights to the directory ${dir} are not read, write or both`);
  // A name that could be taken for rights says that it is none.
  const name = at === undefined ? '' : MODES.some((one) => one === at) ? `:\\${at}` : `:${escaped(at)}`;
  return `dir:${escaped(dir)}${name}${mode === 'rw' ? '' : `:${mode}`}`;
}

const escaped = (path: string): string => path.replace(/[\\:]/g, '\\$&');

/** Whether all that `narrow` allows is allowed by `wide`. Host paths compare as written, after `.` and `..` are taken out. */
export function covers(wide: Grant, narrow: Grant): boolean {
  if (typeof narrow === 'string') {
    if (wide === narrow) return true;
    if (narrow === 'clock:coarse') return wide === 'clock';
    return narrow === 'dev' && wide === 'filesystem';
  }
  if ('dir' in narrow) {
    const from = wide === 'filesystem' ? { dir: '.' } : wide;
    return (
      typeof from === 'object' &&
      'dir' in from &&
      within(from.dir, narrow.dir) &&
      rightsOf(narrow).every((right) => rightsOf(from).includes(right))
    );
  }
  if ('tmp' in narrow) return typeof wide === 'object' && 'tmp' in wide && bytesOf(narrow) <= bytesOf(wide);
  if ('program' in narrow)
    return typeof wide === 'object' && 'program' in wide && resolve(wide.program) === resolve(narrow.program);
  if ('policy' in narrow) return typeof wide === 'object' && 'policy' in wide && wide.policy === narrow.policy;
  if ('region' in narrow) return typeof wide === 'object' && 'region' in wide && wide.region === narrow.region;
  if ('function' in narrow) return typeof wide === 'object' && 'function' in wide && wide.function === narrow.function;
  if (wide !== 'network' && (typeof wide === 'string' || !('net' in wide) || wide.net !== narrow.net)) return false;
  const whole = wide === 'network' ? { host: '*', ports: '*' } : { ports: '*', ...wide };
  const local = narrow.net === 'resolve' || isLocal(narrow.net);
  if (!hostCovers(parseHost(whole.host), parseHost(narrow.host), local)) return false;
  if (narrow.net === 'resolve') return true;
  const least = leastPort(narrow.net);
  return portsCover(parsePorts(String(whole.ports), least), parsePorts(String(narrow.ports), least));
}

const BOTH = RIGHTS.rw;
const rightsOf = ({ rights }: DirectoryGrant): readonly ('read' | 'write')[] => rights ?? BOTH;
const bytesOf = ({ size = TEMPORARY_BYTES }: TemporaryGrant): number => parseSize(size);

function within(directory: string, path: string): boolean {
  const base = resolve(directory);
  const found = resolve(path);
  return found === base || found.startsWith(base.endsWith('/') ? base : `${base}/`);
}

/** The first of `narrow` that none of `wide` covers. */
export const grantsWithin = (wide: readonly Grant[], narrow: readonly Grant[]): Grant | undefined =>
  narrow.find((one) => !wide.some((other) => covers(other, one)));
