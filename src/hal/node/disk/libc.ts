// The C library's file calls through node:ffi. Every pointer given to it is to a buffer of this module, which lives as long
// as the thread does: the garbage collector must never take what the host still writes to.
import { arch } from 'node:process';
import type { Errno } from '../../errno.ts';
import { linuxFfi } from '../ffi.ts';
import { fromNumber } from './errno.ts';

/** Why all integers are int64, and none has three arguments: see SPARE. */
export const SIGNATURES = {
  openat: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'int64'] },
  close: { return: 'int32', arguments: ['int64'] },
  syscall: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'int64', 'int64'] },
  statx: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'int64', 'int64'] },
  readlinkat: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'int64'] },
  mkdirat: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'double'] },
  unlinkat: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'double'] },
  renameat: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'int64'] },
  linkat: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'int64', 'int64'] },
  symlinkat: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'double'] },
  utimensat: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'int64'] },
  lseek: { return: 'int64', arguments: ['int64', 'int64', 'int64', 'double'] },
  fcntl: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'double'] },
  posix_fallocate: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'double'] },
  posix_fadvise: { return: 'int32', arguments: ['int64', 'int64', 'int64', 'int64'] },
  __errno_location: { return: 'uint64', arguments: [] },
} as const;

/** System calls without a function in every C library; openat2 has one number everywhere. */
const OPENAT2 = 437n;
const GETDENTS64: Readonly<Record<string, bigint>> = { x64: 217n, arm64: 61n };

/** PATH_MAX counts the final NUL; a longer path than this the host refuses itself. */
const PATH_BYTES = 8192;
export const ENTRIES_BYTES = 64 * 1024;

const load = () => {
  const ffi = linuxFfi();
  if (typeof ffi === 'string') return undefined;
  try {
    const { functions } = ffi.dlopen(null, SIGNATURES);
    // An ArrayBuffer of its own lies outside V8's heap, where it never moves.
    const buffer = (length: number): { bytes: ArrayBuffer; at: bigint } => {
      const bytes = new ArrayBuffer(length);
      return { bytes, at: ffi.getRawPointer(bytes) };
    };
    const errnoAt = functions.__errno_location();
    return {
      ...functions,
      openat2: OPENAT2,
      getdents64: GETDENTS64[arch]!,
      addressOf: (buffer: ArrayBufferLike): bigint => ffi.getRawPointer(new Uint8Array(buffer)),
      /** The error of the call that just failed. Nothing may run between the two. */
      error: (): Errno => fromNumber(ffi.getInt32(errnoAt, 0)),
      first: buffer(PATH_BYTES),
      second: buffer(PATH_BYTES),
      how: buffer(24),
      status: buffer(256),
      times: buffer(32),
      entries: buffer(ENTRIES_BYTES),
    };
  } catch {
    // Refused by Node's permission model, or a C library that lacks one of these calls: node:fs has to do.
    return undefined;
  }
};

let loaded: Libc | undefined;
let tried = false;

/** Undefined where this host has no node:ffi. */
export const libc = (): Libc | undefined => {
  if (!tried) loaded = load();
  tried = true;
  return loaded;
};

export type Libc = NonNullable<ReturnType<typeof load>>;
