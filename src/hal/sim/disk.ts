// A disk that fails: any driver, with IO, NOSPC, AGAIN and short transfers at the moments a seed decides. It must never
// change what an operation that succeeds does.
import type { Advice, Directory, Disk, Entry, File, FileStat, NewTime, OpenOptions } from '../disk.ts';
import type { Errno } from '../errno.ts';
import type { Faults } from './faults.ts';
import type { Random } from './random.ts';

export class SimDisk implements Disk {
  readonly #inner: Disk;
  readonly #chaos: Chaos;

  constructor(inner: Disk, faults: Faults, random: Random) {
    this.#inner = inner;
    this.#chaos = new Chaos(faults, random);
  }

  get resolution(): Disk['resolution'] {
    return this.#inner.resolution;
  }

  open(path: string, links?: boolean): Directory | Errno {
    const opened = this.#inner.open(path, links);
    return typeof opened === 'string' ? opened : new SimDirectory(opened, this.#chaos);
  }
}

class Chaos {
  readonly #faults: Faults;
  readonly #random: Random;

  constructor(faults: Faults, random: Random) {
    this.#faults = faults;
    this.#random = random;
  }

  /** The error that an operation fails with this time. */
  failure(needsRoom = false): Errno | undefined {
    if (this.#random.chance(this.#faults.io)) return 'IO';
    return needsRoom && this.#random.chance(this.#faults.noSpace) ? 'NOSPC' : undefined;
  }

  again(): boolean {
    return this.#random.chance(this.#faults.again);
  }

  length(asked: number): number {
    return asked > 1 && this.#random.chance(this.#faults.short) ? 1 + this.#random.below(asked - 1) : asked;
  }
}

class SimFile implements File {
  readonly kind = 'file';
  readonly #inner: File;
  readonly #chaos: Chaos;

  constructor(inner: File, chaos: Chaos) {
    this.#inner = inner;
    this.#chaos = chaos;
  }

  get type(): File['type'] {
    return this.#inner.type;
  }

  read(into: Uint8Array, at: number, length: number, offset: number): number | Errno {
    if (this.type !== 'regular-file' && this.#chaos.again()) return 'AGAIN';
    return this.#chaos.failure() ?? this.#inner.read(into, at, this.#chaos.length(length), offset);
  }

  write(from: Uint8Array, at: number, length: number, offset: number): number | Errno {
    if (this.type !== 'regular-file' && this.#chaos.again()) return 'AGAIN';
    return this.#chaos.failure(true) ?? this.#inner.write(from, at, this.#chaos.length(length), offset);
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#inner.ready(event);
  }

  stat(): FileStat | Errno {
    return this.#chaos.failure() ?? this.#inner.stat();
  }

  setSize(bytes: number): Errno | undefined {
    return this.#chaos.failure(true) ?? this.#inner.setSize(bytes);
  }

  setTimes(accessed: NewTime, modified: NewTime): Errno | undefined {
    return this.#chaos.failure() ?? this.#inner.setTimes(accessed, modified);
  }

  allocate(offset: number, length: number): Errno | undefined {
    return this.#chaos.failure(true) ?? this.#inner.allocate(offset, length);
  }

  advise(offset: number, length: number, advice: Advice): Errno | undefined {
    return this.#chaos.failure() ?? this.#inner.advise(offset, length, advice);
  }

  sync(dataOnly: boolean): Errno | undefined {
    return this.#chaos.failure(true) ?? this.#inner.sync(dataOnly);
  }

  setFlags(flags: Parameters<File['setFlags']>[0]): Errno | undefined {
    return this.#inner.setFlags(flags);
  }

  setMode(mode: number): Errno | undefined {
    return this.#chaos.failure() ?? this.#inner.setMode(mode);
  }

  close(): void {
    this.#inner.close();
  }
}

class SimDirectory implements Directory {
  readonly kind = 'directory';
  readonly #inner: Directory;
  readonly #chaos: Chaos;

  constructor(inner: Directory, chaos: Chaos) {
    this.#inner = inner;
    this.#chaos = chaos;
  }

  open(path: string, options: OpenOptions): File | Directory | Errno {
    const failure = this.#chaos.failure(options.create);
    if (failure) return failure;
    const opened = this.#inner.open(path, options);
    if (typeof opened === 'string') return opened;
    return opened.kind === 'file' ? new SimFile(opened, this.#chaos) : new SimDirectory(opened, this.#chaos);
  }

  stat(path: string, follow: boolean): FileStat | Errno {
    return this.#chaos.failure() ?? this.#inner.stat(path, follow);
  }

  list(): readonly Entry[] | Errno {
    return this.#chaos.failure() ?? this.#inner.list();
  }

  makeDirectory(path: string): Errno | undefined {
    return this.#chaos.failure(true) ?? this.#inner.makeDirectory(path);
  }

  removeDirectory(path: string): Errno | undefined {
    return this.#chaos.failure() ?? this.#inner.removeDirectory(path);
  }

  unlink(path: string, directory: boolean): Errno | undefined {
    return this.#chaos.failure() ?? this.#inner.unlink(path, directory);
  }

  rename(path: string, pathIsDirectory: boolean, to: Directory, toPath: string, toIsDirectory: boolean): Errno | undefined {
    return this.#chaos.failure(true) ?? this.#inner.rename(path, pathIsDirectory, innerOf(to), toPath, toIsDirectory);
  }

  link(path: string, follow: boolean, to: Directory, toPath: string): Errno | undefined {
    return this.#chaos.failure(true) ?? this.#inner.link(path, follow, innerOf(to), toPath);
  }

  symlink(target: string, path: string): Errno | undefined {
    return this.#chaos.failure(true) ?? this.#inner.symlink(target, path);
  }

  readlink(path: string): string | { readonly error: Errno } {
    const failure = this.#chaos.failure();
    return failure ? { error: failure } : this.#inner.readlink(path);
  }

  setTimes(path: string, follow: boolean, accessed: NewTime, modified: NewTime): Errno | undefined {
    return this.#chaos.failure() ?? this.#inner.setTimes(path, follow, accessed, modified);
  }

  setMode(path: string, follow: boolean, mode: number): Errno | undefined {
    return this.#chaos.failure() ?? this.#inner.setMode(path, follow, mode);
  }

  sync(dataOnly: boolean): Errno | undefined {
    return this.#chaos.failure(true) ?? this.#inner.sync(dataOnly);
  }

  linkless(): Directory | Errno {
    const linkless = this.#inner.linkless();
    return typeof linkless === 'string' ? linkless : new SimDirectory(linkless, this.#chaos);
  }

  close(): void {
    this.#inner.close();
  }

  static inner(directory: Directory): Directory {
    return directory instanceof SimDirectory ? directory.#inner : directory;
  }
}

function innerOf(directory: Directory): Directory {
  return SimDirectory.inner(directory);
}
