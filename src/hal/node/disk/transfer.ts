// Moves bytes between a descriptor of the host and memory, synchronously: nothing goes on after a call has returned.
import fs from 'node:fs';
import type { Errno } from '../../errno.ts';
import { SPARE } from '../ffi.ts';
import { fromException } from './errno.ts';
import type { Libc } from './libc.ts';

/** The most that Linux moves in one call. */
const TRANSFER_MAX = 0x7ffff000;
const SEEK_SET = 0n;

/** Instead of a place in the file: where the descriptor stands. */
export const HERE = -1;

/** Of one open file, whose descriptor nobody else moves. */
export interface Transfer {
  /** `offset`: bytes from the start of the file, or HERE. */
  read(into: Uint8Array, at: number, length: number, offset: number): number | Errno;
  write(from: Uint8Array, at: number, length: number, offset: number): number | Errno;
}

/** Through node:fs: calls with a place leave the descriptor where it stands. */
export class FsTransfer implements Transfer {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(into: Uint8Array, at: number, length: number, offset: number): number | Errno {
    try {
      return fs.readSync(this.#fd, into, at, Math.min(length, TRANSFER_MAX), offset === HERE ? null : offset);
    } catch (error) {
      return fromException(error);
    }
  }

  write(from: Uint8Array, at: number, length: number, offset: number): number | Errno {
    try {
      return fs.writeSync(this.#fd, from, at, Math.min(length, TRANSFER_MAX), offset === HERE ? null : offset);
    } catch (error) {
      return fromException(error);
    }
  }
}

/**
 * Writes through the C library, where the descriptor stands: that takes 150 ns less than node:fs.
 *
 * After a system call the processor has forgotten the way back, and each function that is still to return takes tens of nanoseconds
 * more. V8 inlines no more than 920 bytes of bytecode into one function, and node:ffi alone has 310 of them: so `write` is short, its
 * fields are private to the compiler only (as `#` each use takes twice the bytecode), and what is seldom done is done elsewhere.
 */
export class LibcTransfer extends FsTransfer {
  private readonly put: Libc['write'];
  private readonly libc: Libc;
  private readonly descriptor: bigint;
  /** Where the descriptor stands, which is the start when it was opened; HERE where that is not known. */
  private stands = 0;
  /** Where the last write ended that went elsewhere. */
  private ended = HERE;
  /** What was last written, and what the C library was given for it: programs write from the same place again and again. */
  private from: Uint8Array | undefined;
  private at = 0;
  private length = 0;
  private start = 0n;
  private count = 0n;
  /** Where `from` lies: to ask for that takes longer than a write. */
  private address = 0n;

  constructor(libc: Libc, fd: number) {
    super(fd);
    this.put = libc.write;
    this.libc = libc;
    this.descriptor = BigInt(fd);
  }

  override write(from: Uint8Array, at: number, length: number, offset: number): number | Errno {
    // The C library checks nothing, and a detached buffer has no bytes.
    if (at + length > from.length) return 'FAULT';
    if (from !== this.from || at !== this.at || length !== this.length) this.aim(from, at, length);
    if (offset !== this.stands && !this.follow(offset)) return this.elsewhere(offset);
    const written = this.put(this.descriptor, this.start, this.count);
    if (written < 0) return this.failed(offset);
    this.stands = offset === HERE ? HERE : offset + written;
    return written;
  }

  private aim(from: Uint8Array, at: number, length: number): void {
    if (from !== this.from) this.address = this.libc.addressOf(from.buffer) + BigInt(from.byteOffset);
    this.from = from;
    this.at = at;
    this.length = length;
    this.start = this.address + BigInt(at);
    this.count = BigInt(Math.min(length, TRANSFER_MAX));
  }

  /** Brings the descriptor to where writes go on one after the other; a single one elsewhere is not worth it. */
  private follow(offset: number): boolean {
    if (offset !== HERE) {
      if (offset !== this.ended || this.libc.lseek(this.descriptor, BigInt(offset), SEEK_SET, SPARE) < 0n) return false;
    }
    this.stands = offset;
    return true;
  }

  private elsewhere(offset: number): number | Errno {
    const written = super.write(this.from!, this.at, this.length, offset);
    this.ended = typeof written === 'number' ? offset + written : HERE;
    return written;
  }

  private failed(offset: number): number | Errno {
    const error = this.libc.error();
    return error === 'INTR' ? this.write(this.from!, this.at, this.length, offset) : error;
  }
}

/** What is asked of each write of an open file is put before its transfer. */
export type Writes = Pick<Transfer, 'write'>;

/** Each write goes to the end: the host finds it. */
export class Appending implements Writes {
  readonly #inner: Writes;

  constructor(inner: Writes) {
    this.#inner = inner;
  }

  write(from: Uint8Array, at: number, length: number): number | Errno {
    return this.#inner.write(from, at, length, HERE);
  }
}

/** What is written reaches the disk before the call returns. */
export class Synchronous implements Writes {
  readonly #inner: Writes;
  readonly #sync: () => Errno | undefined;

  constructor(inner: Writes, sync: () => Errno | undefined) {
    this.#inner = inner;
    this.#sync = sync;
  }

  write(from: Uint8Array, at: number, length: number, offset: number): number | Errno {
    const written = this.#inner.write(from, at, length, offset);
    return typeof written === 'number' ? (this.#sync() ?? written) : written;
  }
}

/** Of what is closed: its descriptor may be another file's by now. */
export const CLOSED: Transfer = { read: () => 'BADF', write: () => 'BADF' };
