// An open regular file of the host. Bytes go straight between it and the caller's memory, synchronously; no operation goes on
// after its call has returned.
import fs from 'node:fs';
import type { Advice, File, FileStat, NewTime, OpenOptions } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import type { At } from './at.ts';
import { attempt } from './errno.ts';
import { Appending, CLOSED, Synchronous, type Transfer, type Writes } from './transfer.ts';

const PERMISSIONS = 0o777;

export class NodeFile implements File {
  readonly kind = 'file';
  readonly type = 'regular-file';
  readonly #at: At;
  /** O_RDONLY, O_WRONLY or O_RDWR. */
  readonly #access: number;
  #fd: number;
  #append: boolean;
  #transfer: Transfer;
  /** `#transfer`, behind what is asked of each write. */
  #writes: Writes;

  constructor(at: At, fd: number, access: number, append: boolean, sync: OpenOptions['sync']) {
    this.#at = at;
    this.#transfer = at.transfer(fd);
    this.#fd = fd;
    this.#access = access;
    this.#append = append;
    this.#writes = this.#asked(sync);
  }

  #asked(sync: OpenOptions['sync']): Writes {
    const writes = this.#append ? new Appending(this.#transfer) : this.#transfer;
    return sync === 'none' ? writes : new Synchronous(writes, () => this.sync(sync === 'data'));
  }

  read(into: Uint8Array, at: number, length: number, offset: number): number | Errno {
    return this.#transfer.read(into, at, length, offset);
  }

  write(from: Uint8Array, at: number, length: number, offset: number): number | Errno {
    return this.#writes.write(from, at, length, offset);
  }

  ready(): undefined {
    return undefined;
  }

  stat(): FileStat | Errno {
    return this.#fd < 0 ? 'BADF' : this.#at.status(this.#fd);
  }

  setSize(bytes: number): Errno | undefined {
    if (this.#fd < 0) return 'BADF';
    if (bytes < 0) return 'INVAL';
    if (!Number.isSafeInteger(bytes)) return 'FBIG';
    return attempt(() => fs.ftruncateSync(this.#fd, bytes));
  }

  setTimes(accessed: NewTime, modified: NewTime): Errno | undefined {
    return this.#fd < 0 ? 'BADF' : this.#at.setTimes(this.#fd, accessed, modified);
  }

  allocate(offset: number, length: number): Errno | undefined {
    if (this.#fd < 0 || this.#access === fs.constants.O_RDONLY) return 'BADF';
    if (offset < 0 || length <= 0) return 'INVAL';
    if (!Number.isSafeInteger(offset + length)) return 'FBIG';
    return this.#at.allocate(this.#fd, offset, length);
  }

  advise(offset: number, length: number, advice: Advice): Errno | undefined {
    if (this.#fd < 0) return 'BADF';
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) return 'INVAL';
    return this.#at.advise(this.#fd, offset, length, advice);
  }

  sync(dataOnly: boolean): Errno | undefined {
    if (this.#fd < 0) return 'BADF';
    return attempt(() => (dataOnly ? fs.fdatasyncSync(this.#fd) : fs.fsyncSync(this.#fd)));
  }

  setFlags(flags: { append: boolean; nonblocking: boolean; sync: OpenOptions['sync'] }): Errno | undefined {
    if (this.#fd < 0) return 'BADF';
    if (flags.append !== this.#append) {
      const fd = this.#at.setAppend(this.#fd, this.#access, flags.append);
      if (typeof fd === 'string') return fd;
      if (fd !== this.#fd) this.#transfer = this.#at.transfer(fd);
      this.#fd = fd;
      this.#append = flags.append;
    }
    this.#writes = this.#asked(flags.sync);
    return undefined;
  }

  setMode(mode: number): Errno | undefined {
    return this.#fd < 0 ? 'BADF' : attempt(() => fs.fchmodSync(this.#fd, mode & PERMISSIONS));
  }

  close(): void {
    if (this.#fd >= 0) this.#at.close(this.#fd);
    this.#fd = -1;
    this.#transfer = CLOSED;
    this.#writes = CLOSED;
  }
}
