// The C library's file calls through node:ffi. Every pointer given to it is to a buffer of this module, which lives as long
// as the thread does: the garbage collector must never take what the host still writes to.
import { arch, platform } from 'node:process';
import type { Errno } from '../../errno.ts';
import { loadFfi } from '../ffi.ts';
import { fromNumber } from './errno.ts';

/**
 * An argument too many, which the C library does not look at. node:ffi calls all functions of three arguments through one
 * function of its own, which V8 makes fast only as long as there is one C function behind it (280 against 500 ns a call):
 * that is to be `write`.
 */
export const SPARE = 0;

const SIGNATURES = {
  openat: { return: 'int32', arguments: ['int32', 'uint64', 'int32', 'uint32'] },
  close: { return: 'int32', arguments: ['int32'] },
  // The only one of three arguments, signed because V8 compares signed 64-bit integers faster; nothing writes more than its result can say.
  write: { return: 'int32', arguments: ['int32', 'int64', 'int64'] },
  syscall: { return: 'int32', arguments: ['int32', 'int32', 'uint64', 'uint64', 'uint64'] },
  statx: { return: 'int32', arguments: ['int32', 'uint64', 'int32', 'uint32', 'uint64'] },
  readlinkat: { return: 'int32', arguments: ['int32', 'uint64', 'uint64', 'uint64'] },
  mkdirat: { return: 'int32', arguments: ['int32', 'uint64', 'uint32', 'int32'] },
  unlinkat: { return: 'int32', arguments: ['int32', 'uint64', 'int32', 'int32'] },
  renameat: { return: 'int32', arguments: ['int32', 'uint64', 'int32', 'uint64'] },
  linkat: { return: 'int32', arguments: ['int32', 'uint64', 'int32', 'uint64', 'int32'] },
  symlinkat: { return: 'int32', arguments: ['uint64', 'int32', 'uint64'] },
  utimensat: { return: 'int32', arguments: ['int32', 'uint64', 'uint64', 'int32'] },
  lseek: { return: 'int64', arguments: ['int32', 'int64', 'int32', 'int32'] },
  fcntl: { return: 'int32', arguments: ['int32', 'int32', 'int32', 'int32'] },
  posix_fallocate: { return: 'int32', arguments: ['int32', 'int64', 'int64', 'int32'] },
  posix_fadvise: { return: 'int32', arguments: ['int32', 'int64', 'int64', 'int32'] },
  __errno_location: { return: 'uint64', arguments: [] },
} as const;

/** System calls without a function in every C library; openat2 has one number everywhere. */
const OPENAT2 = 437;
const GETDENTS64: Readonly<Record<string, number>> = { x64: 217, arm64: 61 };

/** PATH_MAX counts the final NUL; a longer path than this the host refuses itself. */
const PATH_BYTES = 8192;
export const ENTRIES_BYTES = 64 * 1024;

const load = () => {
  const getdents64 = GETDENTS64[arch];
  const ffi = platform === 'linux' ? loadFfi() : undefined;
  if (ffi === undefined || getdents64 === undefined) return undefined;
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
      getdents64,
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
