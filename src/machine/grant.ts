// Grants: what a process is given, from how people write it to capabilities. Nothing is given that is not named here.

import { Capability } from '../caps/capability.ts';
import { OpenDirectory } from '../caps/directory.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS, READ_ACCESS, READ_ONLY, RIGHT } from '../caps/rights.ts';
import type { Console } from '../hal/console.ts';
import { AS_DIRECTORY, type Directory } from '../hal/disk.ts';
import type { Hal } from '../hal/hal.ts';
import { RamDisk } from '../hal/ramdisk.ts';
import { devices } from '../kernel/vfs/device.ts';
import { SuperosError } from './error.ts';
import { TEMPORARY_BYTES } from './grammar.ts';
import type { DirectoryGrant, Grant, TemporaryGrant } from './grants.ts';
import { parseSize } from './units.ts';

const TEMPORARY_ENTRIES = 65_536;
/** Two trees never show the same device number; host file systems have theirs below. */
let nextDevice = 1n << 40n;

export interface Granted {
  readonly clock: boolean;
  readonly entropy: boolean;
  /** Descriptors from 3 on. */
  readonly directories: readonly Capability[];
}

/** Opens what is named. Throws SuperosError, and then nothing stays open. `cwd` is a directory among those given. */
export function grant(hal: Hal, console: Console | undefined, grants: readonly Grant[], cwd: string | undefined): Granted {
  const has = (name: Grant) => grants.includes(name);
  const directories: Capability[] = [];
  try {
    for (const one of grants) {
      if (typeof one !== 'object') continue;
      if ('dir' in one) directories.push(hostDirectory(hal, one));
      else if ('tmp' in one) directories.push(temporary(hal, one));
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
  return new Capability(new OpenDirectory(directory, at), rights & (DIRECTORY_RIGHTS | RIGHT.transfer), rights, at);
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
  return new Capability(new OpenDirectory(opened, wanted), best.rights, best.inheriting, '.');
}
