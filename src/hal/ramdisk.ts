// The in-memory disk: one tree that begins empty, and takes no more than it was given.
import type { Clock } from './clock.ts';
import { AS_DIRECTORY, type Directory, type Disk } from './disk.ts';
import type { Errno } from './errno.ts';
import { RamDirectory } from './ramdirectory.ts';
import { DirectoryNode, Store } from './ramnode.ts';

export interface RamDiskOptions {
  readonly clock: Clock;
  /** What `stat` gives as the device; two disks of one machine have different ones. */
  readonly device: bigint;
  /** The most that files (in pages of 16 KiB) and the targets of links may take. */
  readonly bytes: number;
  /** The most entries in all directories together. */
  readonly entries: number;
}

export class RamDisk implements Disk {
  readonly resolution = 'components';
  readonly #store: Store;
  readonly #root: DirectoryNode;

  constructor(options: RamDiskOptions) {
    this.#store = new Store(options.clock, options.device, options.bytes, options.entries);
    this.#root = new DirectoryNode(this.#store);
  }

  /** What is left of the two quotas. */
  get free(): { readonly bytes: number; readonly entries: number } {
    return { bytes: this.#store.bytesFree, entries: this.#store.entriesFree };
  }

  /** `path` is within the tree: `/` is its root. */
  open(path: string, links = true): Directory | Errno {
    const root = new RamDirectory(this.#root, links);
    const relative = path.replace(/^\/+/, '');
    const opened = relative === '' ? root : root.open(relative, AS_DIRECTORY);
    return typeof opened !== 'string' && opened.kind === 'file' ? 'NOTDIR' : opened;
  }
}
