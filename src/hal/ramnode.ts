// What an in-memory tree is made of: files, directories and links, and the store that counts what they take. A file's bytes
// are in pages that exist only where something was written, so that holes are free and growing copies nothing.
import type { Clock } from './clock.ts';
import type { FileStat, NewTime } from './disk.ts';
import type { Errno } from './errno.ts';

export const PAGE_BYTES = 16_384;
const NAME_BYTES_MAX = 255;

export class Store {
  readonly device: bigint;
  readonly #clock: Clock;
  #bytesFree: number;
  #entriesFree: number;
  #inode = 0n;

  constructor(clock: Clock, device: bigint, bytes: number, entries: number) {
    this.#clock = clock;
    this.device = device;
    this.#bytesFree = bytes;
    this.#entriesFree = entries;
  }

  get bytesFree(): number {
    return this.#bytesFree;
  }

  get entriesFree(): number {
    return this.#entriesFree;
  }

  now(): bigint {
    return this.#clock.realtime();
  }

  nextInode(): bigint {
    this.#inode += 1n;
    return this.#inode;
  }

  /** False where it would be more than there is. */
  take(bytes: number): boolean {
    if (bytes > this.#bytesFree) return false;
    this.#bytesFree -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytesFree += bytes;
  }

  takeEntry(): boolean {
    if (this.#entriesFree === 0) return false;
    this.#entriesFree--;
    return true;
  }

  giveEntry(): void {
    this.#entriesFree++;
  }
}

abstract class Node {
  readonly store: Store;
  readonly inode: bigint;
  abstract readonly type: 'regular-file' | 'directory' | 'symbolic-link';
  abstract readonly size: number;
  mode: number;
  links = 0;
  accessed: bigint;
  modified: bigint;
  changed: bigint;

  constructor(store: Store, mode: number) {
    this.store = store;
    this.inode = store.nextInode();
    this.mode = mode;
    this.accessed = this.modified = this.changed = store.now();
  }

  stat(): FileStat {
    const { inode, type, mode, accessed, modified, changed } = this;
    const links = BigInt(this.links);
    return { device: this.store.device, inode, type, mode, links, size: BigInt(this.size), accessed, modified, changed };
  }

  touch(): void {
    this.modified = this.changed = this.store.now();
  }

  setTimes(accessed: NewTime, modified: NewTime): void {
    const now = this.store.now();
    if (accessed !== 'keep') this.accessed = accessed === 'now' ? now : accessed;
    if (modified !== 'keep') this.modified = modified === 'now' ? now : modified;
    this.changed = now;
  }

  setMode(mode: number): void {
    this.mode = mode & 0o777;
    this.changed = this.store.now();
  }
}

export class LinkNode extends Node {
  readonly type = 'symbolic-link';
  readonly target: string;
  readonly size: number;

  /** The target's bytes have been taken from the store. */
  constructor(store: Store, target: string, size: number) {
    super(store, 0o777);
    this.target = target;
    this.size = size;
  }
}

export class FileNode extends Node {
  readonly type = 'regular-file';
  readonly pages = new Map<number, Uint8Array>();
  size = 0;
  handles = 0;

  constructor(store: Store) {
    super(store, 0o644);
  }

  /** The page at `index`, to write to; undefined where the store is full. */
  page(index: number): Uint8Array | undefined {
    const page = this.pages.get(index);
    if (page !== undefined || !this.store.take(PAGE_BYTES)) return page;
    const fresh = new Uint8Array(PAGE_BYTES);
    this.pages.set(index, fresh);
    return fresh;
  }

  setSize(bytes: number): void {
    if (bytes < this.size) {
      this.#drop(Math.ceil(bytes / PAGE_BYTES), Math.ceil(this.size / PAGE_BYTES));
      if (bytes % PAGE_BYTES !== 0) this.pages.get(Math.floor(bytes / PAGE_BYTES))?.fill(0, bytes % PAGE_BYTES);
    }
    this.size = bytes;
    this.touch();
  }

  /** Once nothing refers to the file, what it takes is free. */
  releaseUnused(): void {
    if (this.links > 0 || this.handles > 0) return;
    this.store.give(this.pages.size * PAGE_BYTES);
    this.pages.clear();
  }

  #drop(from: number, to: number): void {
    const before = this.pages.size;
    if (to - from < before) for (let index = from; index < to; index++) this.pages.delete(index);
    else for (const index of this.pages.keys()) if (index >= from) this.pages.delete(index);
    this.store.give((before - this.pages.size) * PAGE_BYTES);
  }
}

export class DirectoryNode extends Node {
  readonly type = 'directory';
  readonly size = 0;
  readonly entries = new Map<string, RamNode>();
  /** Undefined at the root, and once the directory is removed. */
  parent: DirectoryNode | undefined;

  constructor(store: Store) {
    super(store, 0o755);
    this.links = 2;
  }

  /** Adds an entry under a name that is free; nothing is changed by an error. */
  add(name: string, node: RamNode): Errno | undefined {
    if (byteLength(name) > NAME_BYTES_MAX) return 'NAMETOOLONG';
    if (this.links === 0) return 'NOENT';
    if (!this.store.takeEntry()) return 'NOSPC';
    this.entries.set(name, node);
    if (node instanceof DirectoryNode) {
      node.parent = this;
      this.links++;
    } else node.links++;
    this.touch();
    return undefined;
  }

  /** Takes an entry out, and gives back what it alone held. */
  remove(name: string, node: RamNode): void {
    this.detach(name, node);
    if (node instanceof DirectoryNode) node.links = 0;
    else if (node instanceof FileNode) node.releaseUnused();
    else if (node.links === 0) this.store.give(node.size);
  }

  /** Takes an entry out that goes on elsewhere. */
  detach(name: string, node: RamNode): void {
    this.entries.delete(name);
    this.store.giveEntry();
    this.touch();
    if (node instanceof DirectoryNode) {
      node.parent = undefined;
      this.links--;
    } else {
      node.links--;
      node.changed = this.modified;
    }
  }

  isWithin(other: DirectoryNode): boolean {
    for (let node: DirectoryNode | undefined = this; node !== undefined; node = node.parent) if (node === other) return true;
    return false;
  }
}

export type RamNode = FileNode | DirectoryNode | LinkNode;

/** Bytes of well-formed `text` in UTF-8. */
export const byteLength = (text: string): number => {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair stands for two of the pair's four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
};
