// File descriptors of the host as byte streams: what they are, and how to use them without ever waiting in a system call.
// The open file behind a standard stream is shared with other processes, so its mode must stay as it was found.
import fs from 'node:fs';
import type { Stream } from '../console.ts';
import type { Errno } from '../errno.ts';
import { fromException } from './disk/errno.ts';
import { HELD } from './held.ts';

/** How one learns that an operation that gave AGAIN is worth another try. */
export type Waiting =
  /** Operations never give AGAIN. */
  | 'never'
  | 'socket'
  | 'terminal'
  /** Nothing tells: try again later. */
  | 'timer';

export interface Descriptor {
  /** What to read from and write to. */
  readonly fd: number;
  /** `fd` is a new open file, to be closed with the stream. */
  readonly own: boolean;
  readonly waiting: Waiting;
}

const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOCTTY, S_IFMT, S_IFCHR, S_IFIFO, S_IFSOCK } = fs.constants;
const STDERR_FD = 2;
/** Major number of /dev/null, /dev/zero, /dev/full and /dev/urandom on Linux. */
const LINUX_MEMORY_DEVICES = 1;

export function typeOf(fd: number): Stream['type'] {
  let mode: number;
  try {
    mode = fs.fstatSync(fd).mode & S_IFMT;
  } catch {
    // Closed: it reads as empty and refuses what is written.
    return 'character-device';
  }
  if (mode === S_IFCHR) return isTerminal(fd) ? 'terminal' : 'character-device';
  if (mode === S_IFIFO) return 'pipe';
  return mode === S_IFSOCK ? 'socket' : 'regular-file';
}

export function openDescriptor(fd: number, direction: 'read' | 'write', type: Stream['type']): Descriptor | Errno {
  if (type === 'regular-file' || type === 'character-device') return { fd, own: false, waiting: 'never' };
  if (type === 'socket') return { fd, own: false, waiting: 'socket' };
  // A name in /proc/self/fd opens the same pipe or terminal anew; the mode of this open file is nobody else's.
  const flags = (direction === 'read' ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY;
  try {
    const opened = fs.openSync(`/proc/self/fd/${fd}`, flags);
    HELD.bytes[opened] = 1;
    return { fd: opened, own: true, waiting: type === 'pipe' ? 'socket' : onTerminal(fd) };
  } catch (error) {
    if (type === 'pipe' && direction === 'write' && fromException(error) === 'NXIO') return 'PIPE';
    // A terminal that was hung up: it gives end of input, or EIO, at once.
    if (type !== 'pipe' && fromException(error) === 'IO') return { fd, own: false, waiting: 'never' };
    // No /proc, or a pipe that another user made.
    return { fd, own: false, waiting: type === 'pipe' && fd <= STDERR_FD ? 'socket' : onTerminal(fd) };
  }
}

/** Node's streams close the descriptor they were made for, unless it is a standard one. */
function onTerminal(fd: number): Waiting {
  return fd <= STDERR_FD ? 'terminal' : 'timer';
}

/** Whether a character device can make one wait. */
function isTerminal(fd: number): boolean {
  if (process.platform === 'linux') return ((fs.fstatSync(fd).rdev >> 8) & 0xfff) !== LINUX_MEMORY_DEVICES;
  return process.getBuiltinModule('node:tty').isatty(fd);
}
