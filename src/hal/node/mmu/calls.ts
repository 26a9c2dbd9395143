// The host's calls about memory, through node:ffi. They take addresses and trust them: whoever calls checks alignment and bounds
// first. Every buffer that the host is told of is this module's and lives as long as the thread.
import fs from 'node:fs';
import type { Access } from '../../mmu.ts';
import { type Ffi, linuxFfi, SPARE } from '../ffi.ts';
import { HELD } from '../held.ts';
import { type Memfds, memfds, SIGNATURES as UNNAMED } from '../memfd.ts';

/** Why all integers are int64, and only one has three arguments: see SPARE. */
export const SIGNATURES = {
  ...UNNAMED,
  mmap: { return: 'int64', arguments: ['int64', 'int64', 'int64', 'int64', 'int64', 'int64'] },
  mprotect: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'double'] },
  madvise: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'double'] },
  ioctl: { return: 'int32', arguments: ['int64', 'int64', 'int64'] },
  ftruncate: { return: 'int32', arguments: ['int64', 'int64'] },
  sysconf: { return: 'int64', arguments: ['int64', 'double'] },
  fcntl: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'double'] },
  __errno_location: { return: 'uint64', arguments: [] },
} as const;

// The same numbers on x86-64 and ARM64.
const PROT: Readonly<Record<Access, bigint>> = { none: 0n, read: 1n, write: 3n };
const MAP_SHARED = 1n;
const MAP_PRIVATE = 2n;
const MAP_FIXED = 0x10n;
const MAP_ANONYMOUS = 0x20n;
const MAP_NORESERVE = 0x4000n;
const OWN = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
const MADV_DONTNEED = 4n;
const F_DUPFD_CLOEXEC = 1030n;
const F_ADD_SEALS = 1033n;
const F_GET_SEALS = 1034n;
const F_SEAL_FINAL = 1n;
const F_SEAL_SHRINK = 2n;
const F_SEAL_GROW = 4n;
const F_SEAL_WRITE = 8n;
const FIXED_LENGTH = F_SEAL_SHRINK | F_SEAL_GROW;
const SC_PAGESIZE = 30n;

const PAGEMAP_SCAN = 0xc0606610n;
const PAGE_IS_FILE = 4;
const PAGE_IS_PRESENT = 8;
const PAGE_IS_SWAPPED = 16;
const PAGE_IS_PFNZERO = 32;
const NOT_WRITTEN = PAGE_IS_FILE | PAGE_IS_PFNZERO;
const REQUEST_BYTES = 96;
const RANGE_BYTES = 24;
/** Places in the request, of 32 bits: page_region and pm_scan_arg in linux/fs.h. */
const [START, END, WALK_END, VECTOR, VECTOR_LENGTH, PAGES_MAX, INVERTED, MASK, ANY_OF, RETURNED] = [
  4, 6, 8, 10, 12, 14, 16, 18, 20, 22,
];
const WORD = 2 ** 32;

/** Whatever a scan finds beyond this is not told. */
export const WRITTEN_PAGES_MAX = 512;
/** Ranges that the first scan has room for: the host makes a list as long as ours, and a short one takes 0.4 us less. */
const FEW_RANGES = 16;

export interface HostCalls {
  readonly pageBytes: number;
  /** Whether `written` tells anything. */
  readonly scans: boolean;
  /** Zero pages, private to this mapping, in place of whatever is there. */
  zero(at: bigint, bytes: bigint, access: Access): boolean;
  /** A private copy of a file from `offset` on, made page by page on writing. */
  copy(at: bigint, bytes: bigint, fd: number, offset: bigint): boolean;
  /** A file from its start, only to be read; one that nobody can write to cannot be shared everywhere. */
  show(at: bigint, bytes: bigint, fd: number): boolean;
  share(at: bigint, bytes: bigint, fd: number, access: Access): boolean;
  protect(at: bigint, bytes: bigint, access: Access): boolean;
  /** Private pages become again what is behind them. */
  discard(at: bigint, bytes: bigint): boolean;
  /**
   * Finds the pages that were written since they were mapped or discarded: the number of ranges, see `from` and `to`; or -1 where
   * they are more than WRITTEN_PAGES_MAX, or the host does not tell.
   */
  written(base: number, bytes: number): number;
  /** Bounds of a range that `written` found, in bytes from its base. */
  from(range: number): number;
  to(range: number): number;
  /** An unnamed file that cannot change its length, or undefined. */
  file(bytes: number): number | undefined;
  /** A file that `file` made, of so many bytes, under another number; or undefined, as for any other descriptor. */
  duplicate(fd: number, bytes: number): number | undefined;
  /** Nobody can write to it from now on. */
  seal(fd: number): boolean;
  close(fd: number): void;
  addressOf(buffer: ArrayBufferLike): bigint;
  /** The errno of the call that just failed. */
  error(): number;
}

class LinuxCalls implements HostCalls {
  readonly pageBytes: number;
  readonly #ffi: Ffi;
  readonly #libc: ReturnType<typeof open>;
  readonly #errnoAt: bigint;
  readonly #files: Memfds;
  readonly #request = new ArrayBuffer(REQUEST_BYTES);
  readonly #requestAt: bigint;
  readonly #fields = new Uint32Array(this.#request);
  readonly #ranges = new ArrayBuffer((WRITTEN_PAGES_MAX + 1) * RANGE_BYTES);
  readonly #bounds = new Uint32Array(this.#ranges);
  readonly #rangesAt: number;
  /** Negative where there is none. */
  #pagemap: bigint;
  #base = 0;

  constructor(ffi: Ffi) {
    this.#ffi = ffi;
    this.#libc = open(ffi);
    this.#errnoAt = this.#libc.__errno_location();
    this.pageBytes = Number(this.#libc.sysconf(SC_PAGESIZE, SPARE));
    this.#files = memfds(ffi, this.#libc);
    this.#requestAt = ffi.getRawPointer(this.#request);
    this.#rangesAt = Number(ffi.getRawPointer(this.#ranges));
    this.#pagemap = BigInt(openPagemap());
    const fields = this.#fields;
    fields[0] = REQUEST_BYTES;
    fields[INVERTED!] = NOT_WRITTEN;
    fields[MASK!] = NOT_WRITTEN;
    fields[ANY_OF!] = PAGE_IS_PRESENT | PAGE_IS_SWAPPED;
    fields[RETURNED!] = PAGE_IS_FILE;
  }

  get scans(): boolean {
    return this.#pagemap >= 0n;
  }

  zero(at: bigint, bytes: bigint, access: Access): boolean {
    return this.#libc.mmap(at, bytes, PROT[access], OWN | MAP_ANONYMOUS, -1n, 0n) === at;
  }

  copy(at: bigint, bytes: bigint, fd: number, offset: bigint): boolean {
    return this.#libc.mmap(at, bytes, PROT.write, OWN, BigInt(fd), offset) === at;
  }

  show(at: bigint, bytes: bigint, fd: number): boolean {
    return this.#libc.mmap(at, bytes, PROT.read, OWN, BigInt(fd), 0n) === at;
  }

  share(at: bigint, bytes: bigint, fd: number, access: Access): boolean {
    return this.#libc.mmap(at, bytes, PROT[access], MAP_SHARED | MAP_FIXED, BigInt(fd), 0n) === at;
  }

  protect(at: bigint, bytes: bigint, access: Access): boolean {
    return this.#libc.mprotect(at, bytes, PROT[access], SPARE) === 0;
  }

  discard(at: bigint, bytes: bigint): boolean {
    return this.#libc.madvise(at, bytes, MADV_DONTNEED, SPARE) === 0;
  }

  written(base: number, bytes: number): number {
    if (this.#pagemap < 0n) return -1;
    const fields = this.#fields;
    const end = base + bytes;
    this.#base = base;
    put(fields, END!, end);
    let ranges = 0;
    let pages = 0;
    // One scan may end before the end: where its vector is full, or a signal came.
    for (let from = base; from < end; from = get(fields, WALK_END!)) {
      put(fields, START!, from);
      put(fields, VECTOR!, this.#rangesAt + ranges * RANGE_BYTES);
      fields[VECTOR_LENGTH!] = ranges === 0 ? FEW_RANGES : WRITTEN_PAGES_MAX + 1 - ranges;
      fields[PAGES_MAX!] = WRITTEN_PAGES_MAX + 1 - pages;
      const found = this.#libc.ioctl(this.#pagemap, PAGEMAP_SCAN, this.#requestAt);
      if (found < 0) {
        this.#forgetPagemap();
        return -1;
      }
      for (let i = ranges; i < ranges + found; i++) pages += (this.to(i) - this.from(i)) / this.pageBytes;
      ranges += found;
      if (pages > WRITTEN_PAGES_MAX) return -1;
    }
    return ranges;
  }

  from(range: number): number {
    return get(this.#bounds, range * 6) - this.#base;
  }

  to(range: number): number {
    return get(this.#bounds, range * 6 + 2) - this.#base;
  }

  file(bytes: number): number | undefined {
    const { ftruncate, fcntl } = this.#libc;
    const fd = this.#files.make();
    if (fd === undefined) return undefined;
    if (ftruncate(BigInt(fd), BigInt(bytes)) === 0 && fcntl(BigInt(fd), F_ADD_SEALS, FIXED_LENGTH, SPARE) === 0) return fd;
    this.close(fd);
    return undefined;
  }

  duplicate(fd: number, bytes: number): number | undefined {
    const { fcntl } = this.#libc;
    const copy = fcntl(BigInt(fd), F_DUPFD_CLOEXEC, 0n, SPARE);
    HELD.bytes[copy] = 1;
    if (copy < 0) return undefined;
    // One that could be shorter would end the host where a guest touches what is missing.
    const seals = BigInt(fcntl(BigInt(copy), F_GET_SEALS, 0n, SPARE)) & (FIXED_LENGTH | F_SEAL_WRITE);
    if (seals === FIXED_LENGTH && fs.fstatSync(copy).size === bytes) return copy;
    this.close(copy);
    return undefined;
  }

  seal(fd: number): boolean {
    return this.#libc.fcntl(BigInt(fd), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_FINAL, SPARE) === 0;
  }

  close(fd: number): void {
    this.#files.close(fd);
  }

  addressOf(buffer: ArrayBufferLike): bigint {
    return this.#ffi.getRawPointer(new Uint8Array(buffer));
  }

  error(): number {
    return this.#ffi.getInt32(this.#errnoAt, 0);
  }

  #forgetPagemap(): void {
    const fd = Number(this.#pagemap);
    fs.closeSync(fd);
    HELD.bytes[fd] = 0;
    this.#pagemap = -1n;
  }
}

const open = (ffi: Ffi) => ffi.dlopen(null, SIGNATURES).functions;

function openPagemap(): number {
  try {
    const fd = fs.openSync('/proc/self/pagemap', 'r');
    HELD.bytes[fd] = 1;
    return fd;
  } catch {
    // A sandbox without it: every reset discards.
    return -1;
  }
}

const put = (words: Uint32Array, at: number, value: number): void => {
  words[at] = value;
  words[at + 1] = value / WORD;
};

const get = (words: Uint32Array, at: number): number => words[at]! + words[at + 1]! * WORD;

/** Or why there are none. */
export function linuxCalls(): HostCalls | string {
  const ffi = linuxFfi();
  if (typeof ffi === 'string') return ffi;
  try {
    return new LinuxCalls(ffi);
  } catch (error) {
    return `node:ffi: ${(error as Error).message}`;
  }
}
