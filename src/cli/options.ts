// The options of `superos run`, each in one place: how it is written, what it does, what help says of it. The fast path parses
// by this table, and help is made from it.
import { NICE_MAX, NICE_MIN } from '../kernel/limits.ts';
import { PROTECTIONS, type ProtectionName } from '../kernel/protection.ts';
import { parseGrant } from '../machine/grammar.ts';
import type { Grant } from '../machine/grants.ts';
import { parseSize, parseTime } from '../machine/units.ts';
import { CommandError } from './error.ts';

/** What a command line asks for. */
export interface RunRequest {
  /** A path, or `-`. */
  program: string;
  args: readonly string[];
  /** Whether the standard set is given. */
  standard: boolean;
  grants: Grant[];
  /** By which option each was given. */
  options: Map<Grant, string>;
  /** In the order given; undefined: the host's value. */
  environment: [name: string, value: string | undefined][];
  /** Each narrows those before it. */
  policies: string[];
  /** What the policy refuses goes on, and is told. */
  policyAudit: boolean;
  /** The path of an audit log. */
  audit?: string;
  memory?: number;
  timeout?: string;
  cpuTime?: string;
  pids?: number;
  fds?: number;
  nice?: number;
  unprotected: ProtectionName[];
  /** Without checks for preemption. */
  raw: boolean;
  /** On a thread of its own. */
  dedicated: boolean;
  argv0?: string;
  invoke?: string;
  cwd?: string;
  json: boolean;
  cache: boolean;
  help: boolean;
}

export interface Option {
  readonly name: string;
  readonly short?: string;
  /** How its value is written; absent where it takes none. */
  readonly value?: string;
  readonly help: string;
  /** Throws an error whose message says what was expected. */
  readonly set: (request: RunRequest, value: string) => void;
}

/** As help shows it. */
export const flagsOf = ({ name, short, value }: Option): string =>
  `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;

export const OPTIONS: readonly Option[] = [
  {
    name: 'dir',
    value: 'HOST[::GUEST]',
    help: 'open a host directory to the program, read and write; GUEST is its name there (default: HOST)',
    set: (request, value) => give(request, directory(value), 'dir'),
  },
  {
    name: 'volume',
    short: 'v',
    value: 'HOST:GUEST[:ro]',
    help: 'the same; with :ro the program cannot change anything',
    set: (request, value) => give(request, volume(value), 'volume'),
  },
  {
    name: 'env',
    value: 'NAME[=VALUE]',
    help: "set a variable; a bare name passes the host's on. Nothing is inherited otherwise",
    set: (request, value) => request.environment.push(variable(value)),
  },
  {
    name: 'cap',
    value: 'CAPABILITY',
    help: 'grant clock, random, dev, dir:HOST:GUEST[:ro], tmp:GUEST[:SIZE], net:connect:HOST:PORT, net:listen:ADDRESS:PORT, program:PATH...; none drops the standard set (clock, random, and with a directory dev)',
    set: (request, value) => {
      if (value === 'none') request.standard = false;
      else give(request, capability(value), 'cap');
    },
  },
  {
    name: 'policy',
    value: 'FILE',
    help: 'a policy in YAML: what the program may call, have and use. Also by name: none, compute, cli, reader, server, strict, database. Of several all apply',
    set: (request, value) => {
      request.policies.push(value);
    },
  },
  {
    name: 'policy-mode',
    value: 'MODE',
    help: 'audit: what the policy refuses goes on, and is told at the end; enforce: it is refused (default)',
    set: (request, value) => {
      if (value !== 'audit' && value !== 'enforce') throw new Error(`audit or enforce is expected, not '${value}'`);
      request.policyAudit = value === 'audit';
    },
  },
  {
    name: 'audit',
    value: 'FILE',
    help: 'add every refusal and every change of capabilities to this log; superos audit verify checks it',
    set: (request, value) => {
      request.audit = value;
    },
  },
  {
    name: 'memory',
    value: 'SIZE',
    help: 'the most linear memory that the program may have: 64m, 1g (default: 4g)',
    set: (request, value) => {
      request.memory = parseSize(value);
    },
  },
  {
    name: 'timeout',
    value: 'TIME',
    help: 'end the program after this time by the clock on the wall: 500ms, 2s, 1m',
    set: (request, value) => {
      request.timeout = time(value);
    },
  },
  {
    name: 'cpu-time',
    value: 'TIME',
    help: 'end the program once it and its children have used so much CPU time: 500ms, 2s, 1m',
    set: (request, value) => {
      request.cpuTime = time(value);
    },
  },
  {
    name: 'pids',
    value: 'N',
    help: 'the most processes that the program may be, itself and its children (default: 1024)',
    set: (request, value) => {
      request.pids = count(value);
    },
  },
  {
    name: 'fds',
    value: 'N',
    help: 'the most descriptors that the program may have open (default: 1024)',
    set: (request, value) => {
      request.fds = count(value);
    },
  },
  {
    name: 'nice',
    value: 'N',
    help: 'its weight among the programs that share a thread: -20 (most) to 19 (least); 0 by default',
    set: (request, value) => {
      request.nice = niceness(value);
    },
  },
  {
    name: 'no-protect',
    value: 'NAME',
    help: `turn a protection off: ${PROTECTIONS.join(', ')}. superos inspect tells which apply to a program`,
    set: (request, value) => request.unprotected.push(protection(value)),
  },
  {
    name: 'raw',
    help: 'run the program without checks for preemption, as fast as it was compiled',
    set: (request) => {
      request.raw = true;
    },
  },
  {
    name: 'dedicated',
    help: 'the same, on a thread of its own',
    set: (request) => {
      request.dedicated = true;
    },
  },
  {
    name: 'argv0',
    value: 'NAME',
    help: "the program's own name for itself (default: its file name)",
    set: (request, value) => {
      request.argv0 = value;
    },
  },
  {
    name: 'invoke',
    value: 'EXPORT',
    help: 'call this export with ARGS instead of _start, and print what it returns',
    set: (request, value) => {
      request.invoke = value;
    },
  },
  {
    name: 'cwd',
    value: 'DIR',
    help: "the program's working directory, inside a directory that it is given; sets PWD",
    set: (request, value) => {
      request.cwd = value;
    },
  },
  {
    name: 'json',
    help: 'write exit status and resource usage as one JSON line to standard error',
    set: (request) => {
      request.json = true;
    },
  },
  {
    name: 'no-cache',
    help: 'neither use nor fill the cache of rewritten programs',
    set: (request) => {
      request.cache = false;
    },
  },
  {
    name: 'help',
    short: 'h',
    help: 'show this help',
    set: (request) => {
      request.help = true;
    },
  },
];

function give({ grants, options }: RunRequest, grant: Grant, option: string): void {
  grants.push(grant);
  options.set(grant, option);
}

function capability(value: string): Grant {
  const grant = parseGrant(value);
  if (typeof grant === 'object' && 'function' in grant)
    throw new CommandError('functions are given by programs that embed SuperOS: on a command line there are none');
  return grant;
}

function directory(value: string): Grant {
  const [host = '', guest] = value.split('::', 2);
  if (host === '' || guest === '') throw new CommandError(`HOST[::GUEST] is expected, not '${value}'`);
  return { dir: host, at: guest ?? host };
}

function volume(value: string): Grant {
  const [host = '', guest = '', mode = 'rw', ...rest] = value.split(':');
  if (host === '' || guest === '' || rest.length > 0 || !(mode === 'ro' || mode === 'rw')) {
    throw new CommandError(`HOST:GUEST[:ro] is expected, not '${value}'`);
  }
  return { dir: host, at: guest, rights: mode === 'ro' ? ['read'] : ['read', 'write'] };
}

function variable(value: string): [string, string | undefined] {
  const equals = value.indexOf('=');
  if (value === '' || equals === 0) throw new CommandError(`NAME or NAME=VALUE is expected, not '${value}'`);
  return equals < 0 ? [value, undefined] : [value.slice(0, equals), value.slice(equals + 1)];
}

/** As the embedding API takes it: a bare number is seconds here, and milliseconds there. */
function time(value: string): string {
  parseTime(value, 's');
  return /\d$/.test(value) ? `${value}s` : value;
}

function protection(value: string): ProtectionName {
  const found = PROTECTIONS.find((name) => name === value);
  if (found === undefined) throw new CommandError(`${PROTECTIONS.join(', ')} is expected, not '${value}'`);
  return found;
}

function niceness(value: string): number {
  const number = Number(value);
  if (!/^[+-]?\d+$/.test(value) || number < NICE_MIN || number > NICE_MAX)
    throw new CommandError(`a whole number from ${NICE_MIN} to ${NICE_MAX} is expected, not '${value}'`);
  return number;
}

function count(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) throw new CommandError(`a whole number is expected, not '${value}'`);
  return number;
}
