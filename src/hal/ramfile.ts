// An open file of an in-memory tree. It copies between the file's pages and the caller's memory, and never keeps the latter.
import type { File, FileStat, NewTime, OpenOptions } from './disk.ts';
import type { Errno } from './errno.ts';
import { type FileNode, PAGE_BYTES } from './ramnode.ts';

const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

export class RamFile implements File {
  readonly kind = 'file';
  readonly type = 'regular-file';
  readonly #node: FileNode;
  readonly #read: boolean;
  readonly #write: boolean;
  #append: boolean;
  #open = true;

  constructor(node: FileNode, options: OpenOptions) {
    this.#node = node;
    this.#read = options.read || !options.write;
    this.#write = options.write;
    this.#append = options.append;
    node.handles++;
  }

  read(into: Uint8Array, at: number, length: number, offset: number): number | Errno {
    if (!this.#open || !this.#read) return 'BADF';
    if (!isSize(offset) || at + length > into.length) return 'INVAL';
    const node = this.#node;
    const end = Math.min(offset + length, node.size);
    if (node.accessed <= node.modified) node.accessed = node.store.now();
    for (let from = offset; from < end; ) {
      const start = from % PAGE_BYTES;
      const bytes = Math.min(PAGE_BYTES - start, end - from);
      const to = at + (from - offset);
      const page = node.pages.get((from - start) / PAGE_BYTES);
      if (page === undefined) into.fill(0, to, to + bytes);
      else into.set(page.subarray(start, start + bytes), to);
      from += bytes;
    }
    return Math.max(end - offset, 0);
  }

  write(from: Uint8Array, at: number, length: number, offset: number): number | Errno {
    if (!this.#open || !this.#write) return 'BADF';
    if (!isSize(offset) || at + length > from.length) return 'INVAL';
    const node = this.#node;
    const first = this.#append ? node.size : offset;
    if (!isSize(first + length)) return 'FBIG';
    let written = 0;
    while (written < length) {
      const start = (first + written) % PAGE_BYTES;
      const bytes = Math.min(PAGE_BYTES - start, length - written);
      const page = node.page((first + written - start) / PAGE_BYTES);
      if (page === undefined) break;
      page.set(from.subarray(at + written, at + written + bytes), start);
      written += bytes;
    }
    if (written === 0) return length === 0 ? 0 : 'NOSPC';
    node.size = Math.max(node.size, first + written);
    node.touch();
    return written;
  }

  ready(): undefined {
    return undefined;
  }

  stat(): FileStat | Errno {
    return this.#open ? this.#node.stat() : 'BADF';
  }

  setSize(bytes: number): Errno | undefined {
    if (!this.#open) return 'BADF';
    if (!this.#write || bytes < 0) return 'INVAL';
    if (!isSize(bytes)) return 'FBIG';
    this.#node.setSize(bytes);
    return undefined;
  }

  setTimes(accessed: NewTime, modified: NewTime): Errno | undefined {
    if (!this.#open) return 'BADF';
    this.#node.setTimes(accessed, modified);
    return undefined;
  }

  allocate(offset: number, length: number): Errno | undefined {
    if (!this.#open || !this.#write) return 'BADF';
    if (offset < 0 || length <= 0) return 'INVAL';
    const end = offset + length;
    if (!isSize(end)) return 'FBIG';
    const node = this.#node;
    const first = Math.floor(offset / PAGE_BYTES);
    const last = Math.floor((end - 1) / PAGE_BYTES);
    const room = Math.floor(node.store.bytesFree / PAGE_BYTES);
    // Bounds the loop as well: it passes at most the pages that exist and those that there is room for.
    if (last - first + 1 - node.pages.size > room) return 'NOSPC';
    let missing = 0;
    for (let index = first; index <= last; index++) if (!node.pages.has(index)) missing++;
    if (missing > room) return 'NOSPC';
    for (let index = first; index <= last; index++) node.page(index);
    if (end > node.size) node.setSize(end);
    return undefined;
  }

  advise(offset: number, length: number): Errno | undefined {
    if (!this.#open) return 'BADF';
    return isSize(offset) && isSize(length) ? undefined : 'INVAL';
  }

  sync(): Errno | undefined {
    return this.#open ? undefined : 'BADF';
  }

  setFlags(flags: { append: boolean }): Errno | undefined {
    if (!this.#open) return 'BADF';
    this.#append = flags.append;
    return undefined;
  }

  setMode(mode: number): Errno | undefined {
    if (!this.#open) return 'BADF';
    this.#node.setMode(mode);
    return undefined;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#node.handles--;
    this.#node.releaseUnused();
  }
}
