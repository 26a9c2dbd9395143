// The calls on one component of a directory that is held open. A name is a single component: nothing here resolves a path,
// and no call but the two on a descriptor alone follows a link.
import { constants } from 'node:fs';
import type { Advice, Entry, FileStat, FileType, NewTime } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import type { Transfer } from './transfer.ts';

export interface At {
  /** Opens `name`; `flags` hold O_NOFOLLOW wherever the name may be a link. */
  open(directory: number, name: string, flags: number, mode: number): number | Errno;
  /**
   * Opens a whole path beneath `directory`, never on another mount: XDEV where it would leave either, AGAIN where the tree
   * changed under the walk, LOOP at a link without `links`. Only where the host has openat2.
   */
  readonly openBeneath:
    | ((directory: number, path: string, flags: number, mode: number, links: boolean) => number | Errno)
    | undefined;
  stat(directory: number, name: string): FileStat | Errno;
  /** The status of an open descriptor, O_PATH included. */
  status(fd: number): FileStat | Errno;
  readlink(directory: number, name: string): string | { readonly error: Errno };
  list(directory: number): readonly Entry[] | Errno;
  makeDirectory(directory: number, name: string): Errno | undefined;
  removeDirectory(directory: number, name: string): Errno | undefined;
  /** A name that ends in a slash asks for a directory, here and in `rename`. */
  unlink(directory: number, name: string): Errno | undefined;
  rename(directory: number, name: string, toDirectory: number, toName: string): Errno | undefined;
  link(directory: number, name: string, toDirectory: number, toName: string): Errno | undefined;
  symlink(target: string, directory: number, name: string): Errno | undefined;
  /** Of what an open descriptor, O_PATH included, refers to. */
  setTimes(fd: number, accessed: NewTime, modified: NewTime): Errno | undefined;
  allocate(fd: number, offset: number, length: number): Errno | undefined;
  advise(fd: number, offset: number, length: number, advice: Advice): Errno | undefined;
  /** Turns appending on or off; gives the descriptor to go on with, which may be another one. */
  setAppend(fd: number, access: number, append: boolean): number | Errno;
  /** For the bytes of an open file that was just opened. */
  transfer(fd: number): Transfer;
  close(fd: number): void;
}

/** The same on every Linux of x86-64 and ARM64; node:fs has no names for them. */
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;

export const FILE_MODE = 0o666;
export const DIRECTORY_MODE = 0o777;

/** A name for what a descriptor refers to. The link is the kernel's own: following it cannot lead elsewhere. */
export const procPath = (fd: number): string => `/proc/self/fd/${fd}`;

/** The type in the `st_mode` of a file; a FIFO has no type in WASI. */
export const fileType = (mode: number): FileType => {
  switch (mode & constants.S_IFMT) {
    case constants.S_IFREG:
      return 'regular-file';
    case constants.S_IFDIR:
      return 'directory';
    case constants.S_IFLNK:
      return 'symbolic-link';
    case constants.S_IFCHR:
      return 'character-device';
    case constants.S_IFBLK:
      return 'block-device';
    case constants.S_IFSOCK:
      return 'socket-stream';
    default:
      return 'unknown';
  }
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A host name as text, undefined where it is not UTF-8: such a name cannot be told to a guest. */
export const decodeName = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
};
