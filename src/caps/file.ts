// A file opened for a process: a file of some disk with a position.
import type { Advice, File, FileStat, NewTime } from '../hal/disk.ts';
import type { Errno } from '../hal/errno.ts';
import { Description, FDFLAG, type Whence } from './object.ts';

export class OpenFile extends Description {
  readonly kind: 'file' | 'device';
  readonly #file: File;
  readonly #seekable: boolean;
  /** Bytes from the start; stays 0 in what has no position. */
  #position = 0;

  constructor(file: File, flags: number) {
    super(file.type, file.type === 'regular-file' ? 'written' : undefined);
    this.kind = file.type === 'regular-file' ? 'file' : 'device';
    this.#file = file;
    this.#seekable = file.type === 'regular-file' || file.type === 'block-device';
    this.flags = flags;
  }

  override read(into: Uint8Array, at: number, length: number): number | Errno {
    const read = this.#file.read(into, at, length, this.#position);
    if (this.#seekable && typeof read === 'number') this.#position += read;
    return read;
  }

  override write(from: Uint8Array, at: number, length: number): number | Errno {
    const written = this.#file.write(from, at, length, this.#position);
    if (!this.#seekable || typeof written !== 'number') return written;
    if ((this.flags & FDFLAG.append) !== 0) this.#toEnd();
    else this.#position += written;
    return written;
  }

  #toEnd(): void {
    const stat = this.#file.stat();
    if (typeof stat !== 'string') this.#position = Number(stat.size);
  }

  override pread(into: Uint8Array, at: number, length: number, offset: number): number | Errno {
    return this.#seekable ? this.#file.read(into, at, length, offset) : 'SPIPE';
  }

  override pwrite(from: Uint8Array, at: number, length: number, offset: number): number | Errno {
    return this.#seekable ? this.#file.write(from, at, length, offset) : 'SPIPE';
  }

  override seek(offset: number, whence: Whence): number | Errno {
    if (!this.#seekable) return 'SPIPE';
    let base = 0;
    if (whence === 'cur') base = this.#position;
    else if (whence === 'end') {
      const stat = this.#file.stat();
      if (typeof stat === 'string') return stat;
      base = Number(stat.size);
    }
    const position = base + offset;
    if (position < 0) return 'INVAL';
    if (position > Number.MAX_SAFE_INTEGER) return 'OVERFLOW';
    this.#position = position;
    return position;
  }

  override ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#file.ready(event);
  }

  override available(): number {
    const stat = this.#file.stat();
    return typeof stat === 'string' ? 0 : Math.max(0, Number(stat.size) - this.#position);
  }

  override stat(): FileStat | Errno {
    return this.#file.stat();
  }

  override setFlags(flags: number): Errno | undefined {
    const failed = this.#file.setFlags({
      append: (flags & FDFLAG.append) !== 0,
      nonblocking: (flags & FDFLAG.nonblock) !== 0,
      sync: syncMode(flags),
    });
    if (failed === undefined) this.flags = flags;
    return failed;
  }

  override setSize(bytes: number): Errno | undefined {
    return this.#file.setSize(bytes);
  }
  override setTimes(accessed: NewTime, modified: NewTime): Errno | undefined {
    return this.#file.setTimes(accessed, modified);
  }
  override allocate(offset: number, length: number): Errno | undefined {
    return this.#seekable ? this.#file.allocate(offset, length) : 'SPIPE';
  }
  override advise(offset: number, length: number, advice: Advice): Errno | undefined {
    return this.#seekable ? this.#file.advise(offset, length, advice) : 'SPIPE';
  }
  override sync(dataOnly: boolean): Errno | undefined {
    return this.#file.sync(dataOnly);
  }

  protected override destroy(): void {
    this.#file.close();
  }
}

/** What WASI's fdflags ask of each write: rsync asks for reads what sync does for writes, which on one host is the same. */
export function syncMode(flags: number): 'none' | 'data' | 'all' {
  if ((flags & (FDFLAG.sync | FDFLAG.rsync)) !== 0) return 'all';
  return (flags & FDFLAG.dsync) !== 0 ? 'data' : 'none';
}
