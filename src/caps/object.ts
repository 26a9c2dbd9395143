// Objects that capabilities name, and open file descriptions, the kind that descriptors name. An object lives as long as a
// capability or a call in flight refers to it, and is destroyed once.
import type { Advice, Directory, Entry, FileStat, FileType, NewTime } from '../hal/disk.ts';
import type { Errno } from '../hal/errno.ts';
import { RIGHT } from './rights.ts';

export abstract class CapObject {
  /** What it is: policies and `find` ask for it. The core knows no kind. */
  abstract readonly kind: string;
  /** Its rights by name: bits of a capability's rights. */
  get vocabulary(): Readonly<Record<string, number>> {
    return RIGHT;
  }
  #references = 1;

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references === 0) this.destroy();
  }

  /** Gives back what the object holds. Called once. */
  protected destroy(): void {}
}

/** Those of these rights that an object of this kind knows. */
export const rightsByName = ({ vocabulary }: CapObject, rights: number): string[] =>
  Object.entries(vocabulary)
    .filter(([, bit]) => (rights & bit) !== 0)
    .map(([name]) => name);

/** WASI `fdflags`. */
export const FDFLAG = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;

/** What bytes that are written count as: output of the process, contents of files; nothing where they go to other processes. */
export type Counted = 'output' | 'written';

/** The origin of a seek: WASI `whence`. */
export type Whence = 'set' | 'cur' | 'end';

/**
 * An open file description (POSIX): shared by the descriptors duplicated from one another, with their flags and position.
 * Each kind overrides what it can do; the rest is the error that POSIX has for the wrong kind of object.
 * Reads and writes never wait: AGAIN says that `ready` tells when to try again.
 */
export abstract class Description extends CapObject {
  readonly type: FileType;
  readonly counted: Counted | undefined;
  /** Bits of FDFLAG. */
  flags = 0;

  constructor(type: FileType, counted?: Counted) {
    super();
    this.type = type;
    this.counted = counted;
  }

  /** The open directory, if it is one. */
  get directory(): Directory | undefined {
    return undefined;
  }
  /** What the process calls the directory, absolute. A directory that is renamed keeps the name that it was opened by. */
  get path(): string {
    return '/';
  }
  /** Reads up to `length` bytes at the position to `into[at...]` and moves it; 0 at the end. */
  read(_into: Uint8Array, _at: number, _length: number): number | Errno {
    return 'BADF';
  }
  write(_from: Uint8Array, _at: number, _length: number): number | Errno {
    return 'BADF';
  }
  /** As read and write, at byte `offset`, leaving the position. */
  pread(_into: Uint8Array, _at: number, _length: number, _offset: number): number | Errno {
    return 'SPIPE';
  }
  pwrite(_from: Uint8Array, _at: number, _length: number, _offset: number): number | Errno {
    return 'SPIPE';
  }
  /** The new position in bytes. */
  seek(_offset: number, _whence: Whence): number | Errno {
    return 'SPIPE';
  }
  /** Resolves when a call that gave AGAIN is worth another try; undefined when it is now. Never rejects. */
  ready(_event: 'read' | 'write'): Promise<void> | undefined {
    return undefined;
  }
  /** Bytes that a read would give at once, as far as known; 0 at the end. */
  available(): number {
    return 0;
  }
  stat(): FileStat | Errno {
    return { device: 0n, inode: 0n, type: this.type, mode: 0, links: 1n, size: 0n, accessed: 0n, modified: 0n, changed: 0n };
  }
  setFlags(flags: number): Errno | undefined {
    this.flags = flags;
    return undefined;
  }
  setSize(_bytes: number): Errno | undefined {
    return 'INVAL';
  }
  setTimes(_accessed: NewTime, _modified: NewTime): Errno | undefined {
    return 'INVAL';
  }
  allocate(_offset: number, _length: number): Errno | undefined {
    return 'SPIPE';
  }
  advise(_offset: number, _length: number, _advice: Advice): Errno | undefined {
    return 'SPIPE';
  }
  sync(_dataOnly: boolean): Errno | undefined {
    return 'INVAL';
  }
  /** A directory's entries from `.` and `..` on, as they were when entry 0 was last asked for. */
  entries(_fromStart: boolean): readonly Entry[] | Errno {
    return 'NOTDIR';
  }
  /** Drops what `entries` keeps of a listing that goes on; it is read anew when it does. */
  forgetEntries(): void {}
  /** A connection that a listener has taken; `freed` is called once the host holds nothing of it any more, unless there is none. */
  accept(_freed: () => void): Description | Errno {
    return 'NOTSOCK';
  }
  shutdown(_reading: boolean, _writing: boolean): Errno | undefined {
    return 'NOTSOCK';
  }
}
