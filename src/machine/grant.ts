// Grants: what a process is given, from how people write it to capabilities. Nothing is given that is not named here.
import { OpenDirectory } from '../caps/directory.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS, READ_ACCESS, READ_ONLY, RIGHT } from '../caps/rights.ts';
import { Capability } from '../caps/table.ts';
import type { Console } from '../hal/console.ts';
import { AS_DIRECTORY, type Directory } from '../hal/disk.ts';
import type { Hal } from '../hal/hal.ts';
import { RamDisk } from '../hal/ramdisk.ts';
import { devices } from '../kernel/vfs/device.ts';
import { SuperosError } from './error.ts';
import { parseSize } from './units.ts';

/** A directory of this host. Without `rights` it can be read and written. */
export interface DirectoryGrant {
  readonly dir: string;
  /** Its name in the process; `dir` as it is by default. */
  readonly at?: string;
  readonly rights?: readonly ('read' | 'write')[];
}

/** An empty tree in memory, gone with the process. */
export interface TemporaryGrant {
  readonly tmp: string;
  /** Bytes that it holds at most, such as `64m`. */
  readonly size?: string | number;
}

export type Grant = 'clock' | 'random' | 'dev' | DirectoryGrant | TemporaryGrant;

/** What a process has when nothing is said, besides its standard streams. */
export const STANDARD: readonly Grant[] = ['clock', 'random'];

/** The standard set and `grants`; with a directory comes /dev, since only a process that has names of files looks for it. */
export const withStandard = (grants: readonly Grant[]): readonly Grant[] => [
  ...STANDARD,
  ...(grants.some((one) => typeof one === 'object') ? (['dev'] as const) : []),
  ...grants,
];

const TEMPORARY_BYTES = 64 * 2 ** 20;
const TEMPORARY_ENTRIES = 65_536;
/** Two trees never show the same device number; host file systems have theirs below. */
let nextDevice = 1n << 40n;

export interface Granted {
  readonly clock: boolean;
  readonly entropy: boolean;
  /** Descriptors from 3 on. */
  readonly directories: readonly Capability[];
}

/** Reads `clock`, `random`, `dev`, `dir:HOST:GUEST[:ro]`, `tmp:GUEST[:SIZE]`. */
export function parseGrant(text: string): Grant {
  if (text === 'clock' || text === 'random' || text === 'dev') return text;
  const [kind, ...rest] = text.split(':');
  const [first = '', second, third] = rest;
  if (kind === 'tmp' && first !== '' && rest.length <= 2)
    return second === undefined ? { tmp: first } : { tmp: first, size: second };
  if (kind === 'dir' && first !== '' && rest.length <= 3 && (third === undefined || third === 'ro' || third === 'rw')) {
    return {
      dir: first,
      at: second === undefined || second === '' ? first : second,
      rights: third === 'ro' ? ['read'] : ['read', 'write'],
    };
  }
  throw new SuperosError(
    'invalid-argument',
    `no capability is written '${text}'; there are clock, random, dev, dir:HOST:GUEST[:ro], tmp:GUEST[:SIZE]`,
  );
}

/** Opens what is named. Throws SuperosError, and then nothing stays open. `cwd` is a directory among those given. */
export function grant(hal: Hal, console: Console | undefined, grants: readonly Grant[], cwd: string | undefined): Granted {
  const has = (name: Grant) => grants.includes(name);
  const directories: Capability[] = [];
  try {
    for (const one of grants) {
      if (typeof one === 'object') directories.push('dir' in one ? hostDirectory(hal, one) : temporary(hal, one));
    }
    if (cwd !== undefined) directories.push(workingDirectory(directories, cwd));
    if (has('dev')) {
      const terminal = console?.stdin.type === 'terminal' ? { input: console.stdin, output: console.stdout } : undefined;
      directories.push(preopen(devices(has('random') ? hal.entropy : undefined, terminal), '/dev'));
    }
    return { clock: has('clock'), entropy: has('random'), directories };
  } catch (error) {
    for (const { object } of directories) object.release();
    throw error;
  }
}

type DirectoryRights = NonNullable<DirectoryGrant['rights']>;

function preopen(directory: Directory, at: string, granted: DirectoryRights = ['read', 'write']): Capability {
  let rights = DIRECTORY_RIGHTS | FILE_RIGHTS | RIGHT.transfer;
  if (!granted.includes('write')) rights &= READ_ONLY | RIGHT.transfer;
  if (!granted.includes('read')) rights &= ~READ_ACCESS;
  return new Capability(new OpenDirectory(directory), rights & (DIRECTORY_RIGHTS | RIGHT.transfer), rights, at);
}

function hostDirectory(hal: Hal, { dir, at, rights }: DirectoryGrant): Capability {
  if (rights?.length === 0)
    throw new SuperosError('invalid-argument', `the directory ${dir} is given without a right: read, write or both`);
  const opened = hal.disk.open(dir);
  if (typeof opened !== 'string') return preopen(opened, at ?? dir, rights);
  if (opened === 'NOENT') throw new SuperosError('not-found', `there is no directory ${dir}`);
  if (opened === 'NOTDIR') throw new SuperosError('invalid-argument', `${dir} is not a directory`);
  if (opened === 'NOTSUP')
    throw new SuperosError('not-supported', `this host gives no safe way to open the directory ${dir}: see superos doctor`);
  throw new SuperosError('invalid-argument', `the directory ${dir} cannot be opened: E${opened}`);
}

function temporary(hal: Hal, { tmp, size = TEMPORARY_BYTES }: TemporaryGrant): Capability {
  const root = new RamDisk({ clock: hal.clock, device: nextDevice++, bytes: parseSize(size), entries: TEMPORARY_ENTRIES }).open(
    '/',
  );
  if (typeof root === 'string') throw new SuperosError('no-memory', `an empty tree for ${tmp} cannot be made: E${root}`);
  return preopen(root, tmp);
}

/** The directory that the guest knows as `.`: what `cwd` leads to among the directories it is given, with no more rights. */
function workingDirectory(directories: readonly Capability[], cwd: string): Capability {
  const wanted = cwd.replace(/\/+$/, '') || '/';
  let best: Capability | undefined;
  for (const one of directories) {
    const name = one.preopen?.replace(/\/+$/, '') ?? '';
    if ((wanted === name || wanted.startsWith(`${name}/`)) && name.length >= (best?.preopen?.length ?? -1)) best = one;
  }
  if (best === undefined)
    throw new SuperosError('invalid-argument', `--cwd ${cwd} lies in none of the directories given: add --dir`);
  const rest = wanted.slice(best.preopen?.replace(/\/+$/, '').length).replace(/^\/+/, '');
  const opened = best.object.directory?.open(rest === '' ? '.' : rest, AS_DIRECTORY);
  if (opened === undefined || typeof opened === 'string' || opened.kind !== 'directory') {
    throw new SuperosError('not-found', `--cwd ${cwd} cannot be opened: E${typeof opened === 'string' ? opened : 'NOTDIR'}`);
  }
  return new Capability(new OpenDirectory(opened), best.rights, best.inheriting, '.');
}
