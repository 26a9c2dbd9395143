// A directory opened for a process.
import type { Directory, Entry, FileStat, NewTime } from '../hal/disk.ts';
import type { Errno } from '../hal/errno.ts';
import { Description } from './object.ts';
import { absolute, goesUp } from './path.ts';

export class OpenDirectory extends Description {
  readonly kind = 'directory';
  readonly #directory: Directory;
  readonly #path: string;
  /** What the listing that goes on shows: an entry neither comes twice nor is left out because others changed. */
  #entries: readonly Entry[] | undefined;

  /** `path`: what the process calls it, relative to its root; without `..`, so that rules about paths hold beneath it. */
  constructor(directory: Directory, path: string) {
    super('directory');
    if (goesUp(path)) throw new Error(`an open directory is called ${path}, which does not say where it is`);
    this.#directory = directory;
    this.#path = absolute('/', path);
  }

  override get path(): string {
    return this.#path;
  }

  override get directory(): Directory {
    return this.#directory;
  }

  override entries(fromStart: boolean): readonly Entry[] | Errno {
    if (fromStart || this.#entries === undefined) {
      const listed = this.#directory.list();
      const self = this.#directory.stat('.', false);
      if (typeof listed === 'string') return listed;
      if (typeof self === 'string') return self;
      // The parent may lie outside of what the process can see: its number is not told.
      const dots = ['.', '..'].map((name): Entry => ({ name, inode: self.inode, type: 'directory' }));
      this.#entries = [...dots, ...listed];
    }
    return this.#entries;
  }

  override forgetEntries(): void {
    this.#entries = undefined;
  }

  override read(): Errno {
    return 'ISDIR';
  }
  override write(): Errno {
    return 'ISDIR';
  }
  override pread(): Errno {
    return 'ISDIR';
  }
  override pwrite(): Errno {
    return 'ISDIR';
  }
  override seek(): Errno {
    return 'ISDIR';
  }
  override allocate(): Errno {
    return 'ISDIR';
  }
  override setSize(): Errno {
    return 'ISDIR';
  }
  override advise(): Errno {
    return 'ISDIR';
  }
  override setFlags(): Errno | undefined {
    return 'ISDIR';
  }
  override stat(): FileStat | Errno {
    return this.#directory.stat('.', false);
  }
  override setTimes(accessed: NewTime, modified: NewTime): Errno | undefined {
    return this.#directory.setTimes('.', false, accessed, modified);
  }
  override sync(dataOnly: boolean): Errno | undefined {
    return this.#directory.sync(dataOnly);
  }

  protected override destroy(): void {
    this.#directory.close();
  }
}
