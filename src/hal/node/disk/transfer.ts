// Moves bytes between a descriptor of the host and memory, synchronously: nothing goes on after a call has returned.
import fs from 'node:fs';
import type { Errno } from '../../errno.ts';
import type { Direct } from '../direct.ts';
import { SPARE } from '../ffi.ts';
import { fromException, fromNumber } from './errno.ts';
import type { Libc } from './libc.ts';

/** The most that Linux moves in one call. */
const TRANSFER_MAX = 0x7ffff000;
const SEEK_SET = 0n;

type Move = 'read' | 'write';

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
 * What this thread last moved bytes from or to, and where it lies: to ask for that takes longer than to move them. One for all files,
 * since it keeps the memory of a process that may have ended.
 */
let aimed: Uint8Array | undefined;
let address = 0;

/**
 * Moves bytes by system calls of its own, where the descriptor stands: that takes 300 ns less than node:fs, which does what that cannot.
 *
 * After a system call the processor has forgotten the way back, and each function that is still to return takes tens of nanoseconds
 * more. V8 inlines no more than 920 bytes of bytecode into one function: so `move` is short, its fields are private to the compiler
 * only (as `#` each use takes twice the bytecode), and what is seldom done is done elsewhere.
 */
export class DirectTransfer extends FsTransfer {
  private readonly libc: Pick<Libc, 'lseek' | 'addressOf'>;
  private readonly open: () => Direct | undefined;
  private readonly descriptor: number;
  private direct: Direct | undefined;
  /** Where the descriptor stands, which is the start when it was opened; HERE where that is not known. */
  private stands = 0;
  /** Where the last one ended that went elsewhere. */
  private ended = HERE;

  /** `open` is asked for each call until it gives a way to make them. */
  constructor(libc: Pick<Libc, 'lseek' | 'addressOf'>, open: () => Direct | undefined, fd: number) {
    super(fd);
    this.libc = libc;
    this.open = open;
    this.descriptor = fd;
  }

  override read(into: Uint8Array, at: number, length: number, offset: number): number | Errno {
    return this.move('read', into, at, length, offset);
  }

  override write(from: Uint8Array, at: number, length: number, offset: number): number | Errno {
    return this.move('write', from, at, length, offset);
  }

  private move(call: Move, bytes: Uint8Array, at: number, length: number, offset: number): number | Errno {
    // The host checks nothing, and a detached buffer has no bytes.
    if (at + length > bytes.length) return 'FAULT';
    if ((this.direct === undefined || bytes !== aimed) && !this.aim(bytes))
      return this.elsewhere(call, bytes, at, length, offset);
    if (offset !== this.stands && !this.follow(offset)) return this.elsewhere(call, bytes, at, length, offset);
    const moved = this.direct!.syscall(this.direct![call], this.descriptor, address + at, length);
    if (moved < 0) return this.failed(-moved, call, bytes, at, length, offset);
    this.stands = offset === HERE ? HERE : offset + moved;
    return moved;
  }

  private aim(bytes: Uint8Array): boolean {
    this.direct ??= this.open();
    if (this.direct === undefined) return false;
    address = Number(this.libc.addressOf(bytes.buffer)) + bytes.byteOffset;
    aimed = bytes;
    return true;
  }

  /** Brings the descriptor to where calls go on one after the other; a single one elsewhere is not worth it. */
  private follow(offset: number): boolean {
    if (offset !== HERE) {
      if (offset !== this.ended || this.libc.lseek(BigInt(this.descriptor), BigInt(offset), SEEK_SET, SPARE) < 0n) return false;
    }
    this.stands = offset;
    return true;
  }

  private elsewhere(call: Move, bytes: Uint8Array, at: number, length: number, offset: number): number | Errno {
    const moved = call === 'read' ? super.read(bytes, at, length, offset) : super.write(bytes, at, length, offset);
    if (offset === HERE) this.stands = HERE;
    else this.ended = typeof moved === 'number' ? offset + moved : HERE;
    return moved;
  }

  private failed(errno: number, call: Move, bytes: Uint8Array, at: number, length: number, offset: number): number | Errno {
    const error = fromNumber(errno);
    return error === 'INTR' ? this.move(call, bytes, at, length, offset) : error;
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
