// Work on one component through the C library: one system call each, exact times, names of any length.
import { constants } from 'node:fs';
import type { Advice, Entry, FileStat, NewTime } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import { directWhenWorth } from '../direct.ts';
import { SPARE } from '../ffi.ts';
import { HELD } from '../held.ts';
import { type At, DIRECTORY_MODE, decodeName, fileType, procPath } from './at.ts';
import { fromNumber } from './errno.ts';
import { ENTRIES_BYTES, type Libc } from './libc.ts';
import { DirectTransfer, type Transfer } from './transfer.ts';

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100n;
const AT_REMOVEDIR = 0x200n;
const AT_EMPTY_PATH = 0x1000n;
const STATX_BASIC_STATS = 0x7ffn;
const RESOLVE_NO_XDEV = 0x01n;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
const UTIME_NOW = 0x3fffffffn;
const UTIME_OMIT = 0x3ffffffen;
const SEEK_SET = 0n;
const F_GETFL = 3n;
const F_SETFL = 4n;
const SECOND = 1_000_000_000n;
const PATH_MAX = 4096n;
const ADVICE: Readonly<Record<Advice, bigint>> = {
  normal: 0n,
  random: 1n,
  sequential: 2n,
  willneed: 3n,
  dontneed: 4n,
  noreuse: 5n,
};
/** `d_type` of a directory entry is the file type of `st_mode`, shifted. */
const D_TYPE_SHIFT = 12;
const NO_PATH = '';

const encoder = new TextEncoder();

export class LibcAt implements At {
  readonly openBeneath: At['openBeneath'];
  readonly #libc: Libc;
  readonly #first: Uint8Array;
  readonly #second: Uint8Array;
  readonly #how: BigUint64Array;
  readonly #status: DataView;
  readonly #times: BigInt64Array;
  readonly #entries: DataView;

  /** `beneath`: use openat2 where the host has it. */
  constructor(libc: Libc, beneath: boolean) {
    this.#libc = libc;
    this.#first = new Uint8Array(libc.first.bytes);
    this.#second = new Uint8Array(libc.second.bytes);
    this.#how = new BigUint64Array(libc.how.bytes);
    this.#status = new DataView(libc.status.bytes);
    this.#times = new BigInt64Array(libc.times.bytes);
    this.#entries = new DataView(libc.entries.bytes);
    // An absolute path is outside of every directory: XDEV says that openat2 exists and knows the flags.
    const usable = beneath && this.#openBeneath(AT_FDCWD, '/', constants.O_DIRECTORY, 0, true) === 'XDEV';
    this.openBeneath = usable
      ? (directory, path, flags, mode, links) => this.#openBeneath(directory, path, flags, mode, links)
      : undefined;
  }

  open(directory: number, name: string, flags: number, mode: number): number | Errno {
    if (!put(this.#first, name)) return 'NAMETOOLONG';
    for (;;) {
      const fd = this.#libc.openat(BigInt(directory), this.#libc.first.at, BigInt(flags), BigInt(mode));
      HELD.bytes[fd] = 1;
      if (fd >= 0) return fd;
      const error = this.#libc.error();
      if (error !== 'INTR') return error;
    }
  }

  #openBeneath(directory: number, path: string, flags: number, mode: number, links: boolean): number | Errno {
    if (!put(this.#first, path)) return 'NAMETOOLONG';
    this.#how[0] = BigInt(flags);
    this.#how[1] = BigInt(mode);
    this.#how[2] = links ? BENEATH : BENEATH | RESOLVE_NO_SYMLINKS;
    for (;;) {
      const fd = this.#libc.syscall(this.#libc.openat2, BigInt(directory), this.#libc.first.at, this.#libc.how.at, 24n);
      HELD.bytes[fd] = 1;
      if (fd >= 0) return fd;
      const error = this.#libc.error();
      if (error !== 'INTR') return error;
    }
  }

  stat(directory: number, name: string): FileStat | Errno {
    return this.#stat(directory, name, AT_SYMLINK_NOFOLLOW);
  }

  status(fd: number): FileStat | Errno {
    return this.#stat(fd, NO_PATH, AT_EMPTY_PATH);
  }

  #stat(directory: number, name: string, flags: bigint): FileStat | Errno {
    if (!put(this.#first, name)) return 'NAMETOOLONG';
    const { statx, first, status, error } = this.#libc;
    if (statx(BigInt(directory), first.at, flags, STATX_BASIC_STATS, status.at) < 0) return error();
    const s = this.#status;
    const mode = s.getUint16(28, true);
    return {
      device: device(s.getUint32(136, true), s.getUint32(140, true)),
      inode: s.getBigUint64(32, true),
      type: fileType(mode),
      mode: mode & 0o7777,
      links: BigInt(s.getUint32(16, true)),
      size: s.getBigUint64(40, true),
      accessed: s.getBigInt64(64, true) * SECOND + BigInt(s.getUint32(72, true)),
      changed: s.getBigInt64(96, true) * SECOND + BigInt(s.getUint32(104, true)),
      modified: s.getBigInt64(112, true) * SECOND + BigInt(s.getUint32(120, true)),
    };
  }

  readlink(directory: number, name: string): string | { readonly error: Errno } {
    if (!put(this.#first, name)) return { error: 'NAMETOOLONG' };
    const { readlinkat, first, second, error } = this.#libc;
    const length = readlinkat(BigInt(directory), first.at, second.at, PATH_MAX);
    if (length < 0) return { error: error() };
    return decodeName(this.#second.subarray(0, length)) ?? { error: 'ILSEQ' };
  }

  list(directory: number): readonly Entry[] | Errno {
    const { lseek, syscall, getdents64, entries, error } = this.#libc;
    if (lseek(BigInt(directory), 0n, SEEK_SET, SPARE) < 0n) return error();
    const list: Entry[] = [];
    for (;;) {
      const length = syscall(getdents64, BigInt(directory), entries.at, BigInt(ENTRIES_BYTES), 0n);
      const failed = length < 0 ? error() : undefined;
      // NOENT: the directory has been removed, and so holds nothing.
      if (length === 0 || failed === 'NOENT') return list;
      if (failed !== undefined) return failed;
      for (let at = 0; at < length; at += this.#entries.getUint16(at + 16, true)) this.#entry(at, list);
    }
  }

  #entry(at: number, list: Entry[]): void {
    const view = this.#entries;
    const start = at + 19;
    let end = start;
    while (view.getUint8(end) !== 0) end++;
    const name = decodeName(new Uint8Array(view.buffer, start, end - start));
    if (name === undefined || name === '.' || name === '..') return;
    list.push({ name, inode: view.getBigUint64(at, true), type: fileType(view.getUint8(at + 18) << D_TYPE_SHIFT) });
  }

  makeDirectory(directory: number, name: string): Errno | undefined {
    if (!put(this.#first, name)) return 'NAMETOOLONG';
    return this.#libc.mkdirat(BigInt(directory), this.#libc.first.at, BigInt(DIRECTORY_MODE), SPARE) < 0
      ? this.#libc.error()
      : undefined;
  }

  removeDirectory(directory: number, name: string): Errno | undefined {
    if (!put(this.#first, name)) return 'NAMETOOLONG';
    return this.#libc.unlinkat(BigInt(directory), this.#libc.first.at, AT_REMOVEDIR, SPARE) < 0 ? this.#libc.error() : undefined;
  }

  unlink(directory: number, name: string): Errno | undefined {
    if (!put(this.#first, name)) return 'NAMETOOLONG';
    return this.#libc.unlinkat(BigInt(directory), this.#libc.first.at, 0n, SPARE) < 0 ? this.#libc.error() : undefined;
  }

  rename(directory: number, name: string, toDirectory: number, toName: string): Errno | undefined {
    if (!put(this.#first, name) || !put(this.#second, toName)) return 'NAMETOOLONG';
    const { renameat, first, second, error } = this.#libc;
    return renameat(BigInt(directory), first.at, BigInt(toDirectory), second.at) < 0 ? error() : undefined;
  }

  link(directory: number, name: string, toDirectory: number, toName: string): Errno | undefined {
    if (!put(this.#first, name) || !put(this.#second, toName)) return 'NAMETOOLONG';
    const { linkat, first, second, error } = this.#libc;
    return linkat(BigInt(directory), first.at, BigInt(toDirectory), second.at, 0n) < 0 ? error() : undefined;
  }

  symlink(target: string, directory: number, name: string): Errno | undefined {
    if (!put(this.#first, target) || !put(this.#second, name)) return 'NAMETOOLONG';
    return this.#libc.symlinkat(this.#libc.first.at, BigInt(directory), this.#libc.second.at, SPARE) < 0
      ? this.#libc.error()
      : undefined;
  }

  setTimes(fd: number, accessed: NewTime, modified: NewTime): Errno | undefined {
    put(this.#first, procPath(fd));
    putTime(this.#times, 0, accessed);
    putTime(this.#times, 2, modified);
    const { utimensat, first, times, error } = this.#libc;
    return utimensat(BigInt(AT_FDCWD), first.at, times.at, 0n) < 0 ? error() : undefined;
  }

  allocate(fd: number, offset: number, length: number): Errno | undefined {
    const number = this.#libc.posix_fallocate(BigInt(fd), BigInt(offset), BigInt(length), SPARE);
    return number === 0 ? undefined : fromNumber(number);
  }

  advise(fd: number, offset: number, length: number, advice: Advice): Errno | undefined {
    const number = this.#libc.posix_fadvise(BigInt(fd), BigInt(offset), BigInt(length), ADVICE[advice]);
    return number === 0 ? undefined : fromNumber(number);
  }

  setAppend(fd: number, _access: number, append: boolean): number | Errno {
    const { fcntl, error } = this.#libc;
    const before = fcntl(BigInt(fd), F_GETFL, 0n, SPARE);
    if (before < 0) return error();
    const flags = append ? before | constants.O_APPEND : before & ~constants.O_APPEND;
    return fcntl(BigInt(fd), F_SETFL, BigInt(flags), SPARE) < 0 ? error() : fd;
  }

  transfer(fd: number): Transfer {
    return new DirectTransfer(this.#libc, directWhenWorth, fd);
  }

  close(fd: number): void {
    this.#libc.close(BigInt(fd));
    HELD.bytes[fd] = 0;
  }
}

/** Writes `text` and a final NUL; false where it does not fit, which is beyond what the host takes. */
const put = (into: Uint8Array, text: string): boolean => {
  const { read, written } = encoder.encodeInto(text, into);
  if (read < text.length || written === into.length) return false;
  into[written] = 0;
  return true;
};

/** A `struct timespec`, of which the nanoseconds may be a marker instead. */
const putTime = (into: BigInt64Array, at: number, time: NewTime): void => {
  const marker = time === 'now' ? UTIME_NOW : time === 'keep' ? UTIME_OMIT : undefined;
  // The nanoseconds of a `timespec` count forward, before the epoch as well.
  const nanoseconds = typeof time === 'bigint' ? ((time % SECOND) + SECOND) % SECOND : 0n;
  into[at] = typeof time === 'bigint' ? (time - nanoseconds) / SECOND : 0n;
  into[at + 1] = marker ?? nanoseconds;
};

/** The number that node:fs gives for a device, so that both tell the same. */
const device = (major: number, minor: number): bigint =>
  major < 0x1000 && minor < 0x100
    ? BigInt((major << 8) | minor)
    : (BigInt(major & ~0xfff) << 32n) | (BigInt(minor & ~0xff) << 12n) | BigInt(((major & 0xfff) << 8) | (minor & 0xff));
