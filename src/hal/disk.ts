// The disk: directory trees that hold files. Every path given to a driver is relative to an open directory and is
// resolved beneath it: no `..` and no link, whoever made it and whenever, leads out (SECURITY.md, paths and files).
import type { Errno } from './errno.ts';

export type FileType =
  | 'unknown'
  | 'block-device'
  | 'character-device'
  | 'directory'
  | 'regular-file'
  | 'socket-dgram'
  | 'socket-stream'
  | 'symbolic-link';

export interface FileStat {
  readonly device: bigint;
  readonly inode: bigint;
  readonly type: FileType;
  /** POSIX permission bits, 0o7777. */
  readonly mode: number;
  readonly links: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Nanoseconds since the epoch. */
  readonly accessed: bigint;
  readonly modified: bigint;
  readonly changed: bigint;
}

export interface Entry {
  readonly name: string;
  readonly inode: bigint;
  readonly type: FileType;
}

/** A new time in nanoseconds since the epoch, `now`, or `keep`. */
export type NewTime = bigint | 'now' | 'keep';

export interface OpenOptions {
  readonly read: boolean;
  readonly write: boolean;
  /** Create a regular file if there is none. INVAL together with `directory`. */
  readonly create: boolean;
  /** With create: EXIST if there is one. */
  readonly exclusive: boolean;
  /** INVAL without `write`: no file is changed by whoever may not write to it. */
  readonly truncate: boolean;
  /** NOTDIR if it is not a directory. A path that ended in a slash asks for it too. */
  readonly directory: boolean;
  /** Follow a symbolic link in the last component; else LOOP. */
  readonly follow: boolean;
  /** Each write goes to the end. */
  readonly append: boolean;
  /** Data (`data`) or data and metadata (`all`) reach the disk before a write returns. */
  readonly sync: 'none' | 'data' | 'all';
  readonly nonblocking: boolean;
}

/** Opens a directory to work in, through links. */
export const AS_DIRECTORY: OpenOptions = {
  read: true,
  write: false,
  create: false,
  exclusive: false,
  truncate: false,
  directory: true,
  follow: true,
  append: false,
  sync: 'none',
  nonblocking: false,
};

export type Advice = 'normal' | 'sequential' | 'random' | 'willneed' | 'dontneed' | 'noreuse';

/** An open file. It has no position of its own: whoever opened it keeps one. */
export interface File {
  readonly kind: 'file';
  readonly type: FileType;
  /** It is a terminal. */
  readonly terminal?: boolean;
  /**
   * Reads at most `length` bytes at byte `offset` of the file (ignored by a file that cannot seek) straight to
   * `into[at...]`: bytes read, 0 at the end, AGAIN when a file that is not regular has none yet.
   */
  read(into: Uint8Array, at: number, length: number, offset: number): number | Errno;
  /** As `read`. With `append` the bytes go to the end, whatever `offset` says. Returns bytes written. */
  write(from: Uint8Array, at: number, length: number, offset: number): number | Errno;
  /** Resolves when a read or a write that gave AGAIN is worth another try; undefined when it is now. Never rejects. */
  ready(event: 'read' | 'write'): Promise<void> | undefined;
  stat(): FileStat | Errno;
  setSize(bytes: number): Errno | undefined;
  setTimes(accessed: NewTime, modified: NewTime): Errno | undefined;
  /** Makes sure that bytes up to offset + length exist and have room; grows the file, never shrinks it. */
  allocate(offset: number, length: number): Errno | undefined;
  advise(offset: number, length: number, advice: Advice): Errno | undefined;
  sync(dataOnly: boolean): Errno | undefined;
  setFlags(flags: { append: boolean; nonblocking: boolean; sync: OpenOptions['sync'] }): Errno | undefined;
  setMode(mode: number): Errno | undefined;
  /** Frees the handle; every later call gives BADF. Idempotent. */
  close(): void;
}

/**
 * An open directory. A path is relative, not empty, without NUL, at most 4,096 bytes of UTF-8, and does not end in a slash;
 * `directory: true` carries that a trailing slash was there. `.` names the directory itself. A walk that would
 * leave the tree, by `..` or by a link, any absolute link included, gives PERM.
 */
export interface Directory {
  readonly kind: 'directory';
  open(path: string, options: OpenOptions): File | Directory | Errno;
  stat(path: string, follow: boolean): FileStat | Errno;
  /** The entries but `.`, `..` and names that are not UTF-8, in a stable order as long as nothing changes. */
  list(): readonly Entry[] | Errno;
  makeDirectory(path: string): Errno | undefined;
  removeDirectory(path: string): Errno | undefined;
  /** `directory`: the path ended in a slash. */
  unlink(path: string, directory: boolean): Errno | undefined;
  /** Within one driver; XDEV otherwise. */
  rename(path: string, pathIsDirectory: boolean, to: Directory, toPath: string, toIsDirectory: boolean): Errno | undefined;
  link(path: string, follow: boolean, to: Directory, toPath: string): Errno | undefined;
  /** The target is stored as it is; it may not be absolute (PERM), and may dangle. */
  symlink(target: string, path: string): Errno | undefined;
  readlink(path: string): string | { readonly error: Errno };
  setTimes(path: string, follow: boolean, accessed: NewTime, modified: NewTime): Errno | undefined;
  setMode(path: string, follow: boolean, mode: number): Errno | undefined;
  sync(dataOnly: boolean): Errno | undefined;
  /** Another handle on the same directory, beneath which no walk follows a link: see `Disk.open`. */
  linkless(): Directory | Errno;
  close(): void;
}

export interface Disk {
  /**
   * Opens the directory that a person named on this host; links in `path` are followed, since the person named them. Without
   * `links` no walk beneath it follows one, LOOP instead, so that the text of a path without `..` is where it leads.
   */
  open(path: string, links?: boolean): Directory | Errno;
  /** How paths are resolved here, for `superos doctor`. */
  readonly resolution: 'openat2' | 'components' | 'none';
}
