// An open directory of an in-memory tree. Paths are resolved beneath it as on a host: component by component, links expanded
// by hand, never above where the walk began.
import type { Directory, Entry, File, FileStat, NewTime, OpenOptions } from './disk.ts';
import type { Errno } from './errno.ts';
import { RamFile } from './ramfile.ts';
import { byteLength, DirectoryNode, FileNode, LinkNode, type RamNode } from './ramnode.ts';

const LINKS_MAX = 40;
const TARGET_BYTES_MAX = 4095;

/** Where a path ends: an entry that may be there, or a directory itself, under the name `.` or `..`. */
interface Place {
  readonly parent: DirectoryNode;
  readonly name: string;
  readonly node: RamNode | undefined;
}

const isDot = (name: string): boolean => name === '.' || name === '..';

export class RamDirectory implements Directory {
  readonly kind = 'directory';
  readonly #node: DirectoryNode;
  /** Links are followed. */
  readonly #links: boolean;
  #open = true;

  constructor(node: DirectoryNode, links: boolean) {
    this.#node = node;
    this.#links = links;
  }

  open(path: string, options: OpenOptions): File | Directory | Errno {
    if ((options.truncate && !options.write) || (options.create && options.directory)) return 'INVAL';
    const exclusive = options.create && options.exclusive;
    const place = this.#walk(path, options.follow && !exclusive);
    if (typeof place === 'string') return place;
    const { node } = place;
    if (node === undefined) return options.create ? this.#create(place, options) : 'NOENT';
    if (exclusive) return 'EXIST';
    if (node instanceof LinkNode) return options.directory ? 'NOTDIR' : 'LOOP';
    if (node instanceof DirectoryNode) return options.write || options.create ? 'ISDIR' : new RamDirectory(node, this.#links);
    if (options.directory) return 'NOTDIR';
    if (options.truncate) node.setSize(0);
    return new RamFile(node, options);
  }

  #create(place: Place, options: OpenOptions): File | Errno {
    const file = new FileNode(this.#node.store);
    return place.parent.add(place.name, file) ?? new RamFile(file, options);
  }

  stat(path: string, follow: boolean): FileStat | Errno {
    const place = this.#walk(path, follow);
    if (typeof place === 'string') return place;
    return place.node === undefined ? 'NOENT' : place.node.stat();
  }

  list(): readonly Entry[] | Errno {
    if (!this.#open) return 'BADF';
    return Array.from(this.#node.entries, ([name, { inode, type }]) => ({ name, inode, type }));
  }

  makeDirectory(path: string): Errno | undefined {
    const place = this.#walk(path, false);
    if (typeof place === 'string') return place;
    return place.node === undefined ? place.parent.add(place.name, new DirectoryNode(this.#node.store)) : 'EXIST';
  }

  removeDirectory(path: string): Errno | undefined {
    const place = this.#walk(path, false);
    if (typeof place === 'string') return place;
    const { parent, name, node } = place;
    if (name === '.') return 'INVAL';
    if (name === '..') return 'NOTEMPTY';
    if (node === undefined) return 'NOENT';
    if (!(node instanceof DirectoryNode)) return 'NOTDIR';
    if (node.entries.size > 0) return 'NOTEMPTY';
    parent.remove(name, node);
    return undefined;
  }

  unlink(path: string, directory: boolean): Errno | undefined {
    const place = this.#walk(path, false);
    if (typeof place === 'string') return place;
    const { parent, name, node } = place;
    if (node === undefined) return 'NOENT';
    if (node instanceof DirectoryNode) return 'ISDIR';
    if (directory) return 'NOTDIR';
    parent.remove(name, node);
    return undefined;
  }

  rename(path: string, pathIsDirectory: boolean, to: Directory, toPath: string, toIsDirectory: boolean): Errno | undefined {
    if (!this.#open) return 'BADF';
    if (!this.#isSibling(to)) return 'XDEV';
    const from = this.#walk(path, false);
    if (typeof from === 'string') return from;
    const into = to.#walk(toPath, false);
    if (typeof into === 'string') return into;
    if (isDot(from.name) || isDot(into.name)) return 'BUSY';
    if (from.node === undefined) return 'NOENT';
    if (!(from.node instanceof DirectoryNode) && (pathIsDirectory || toIsDirectory)) return 'NOTDIR';
    const refused = obstacle(from.parent, from.node, into);
    if (refused !== undefined || from.node === into.node) return refused;
    return move(from.parent, from.name, from.node, into);
  }

  link(path: string, follow: boolean, to: Directory, toPath: string): Errno | undefined {
    if (!this.#open) return 'BADF';
    if (!this.#isSibling(to)) return 'XDEV';
    const from = this.#walk(path, follow);
    if (typeof from === 'string') return from;
    const into = to.#walk(toPath, false);
    if (typeof into === 'string') return into;
    if (from.node === undefined) return 'NOENT';
    if (into.node !== undefined) return 'EXIST';
    if (from.node instanceof DirectoryNode) return 'PERM';
    return into.parent.add(into.name, from.node);
  }

  symlink(target: string, path: string): Errno | undefined {
    if (!target.isWellFormed()) return 'ILSEQ';
    if (target.includes('\0')) return 'INVAL';
    if (target.startsWith('/')) return 'PERM';
    const place = this.#walk(path, false);
    if (typeof place === 'string') return place;
    const bytes = byteLength(target);
    if (bytes === 0) return 'NOENT';
    if (bytes > TARGET_BYTES_MAX) return 'NAMETOOLONG';
    if (place.node !== undefined) return 'EXIST';
    const { store } = this.#node;
    if (!store.take(bytes)) return 'NOSPC';
    const error = place.parent.add(place.name, new LinkNode(store, target, bytes));
    if (error !== undefined) store.give(bytes);
    return error;
  }

  readlink(path: string): string | { readonly error: Errno } {
    const place = this.#walk(path, false);
    if (typeof place === 'string') return { error: place };
    if (place.node === undefined) return { error: 'NOENT' };
    return place.node instanceof LinkNode ? place.node.target : { error: 'INVAL' };
  }

  setTimes(path: string, follow: boolean, accessed: NewTime, modified: NewTime): Errno | undefined {
    const place = this.#walk(path, follow);
    if (typeof place === 'string') return place;
    if (place.node === undefined) return 'NOENT';
    place.node.setTimes(accessed, modified);
    return undefined;
  }

  setMode(path: string, follow: boolean, mode: number): Errno | undefined {
    const place = this.#walk(path, follow);
    if (typeof place === 'string') return place;
    if (place.node === undefined) return 'NOENT';
    if (place.node instanceof LinkNode) return 'NOTSUP';
    place.node.setMode(mode);
    return undefined;
  }

  sync(): Errno | undefined {
    return this.#open ? undefined : 'BADF';
  }

  linkless(): Directory | Errno {
    return this.#open ? new RamDirectory(this.#node, false) : 'BADF';
  }

  close(): void {
    this.#open = false;
  }

  #isSibling(to: Directory): to is RamDirectory {
    return to instanceof RamDirectory && to.#node.store === this.#node.store;
  }

  #walk(path: string, follow: boolean): Place | Errno {
    if (!this.#open) return 'BADF';
    if (path === '') return 'NOENT';
    if (path.startsWith('/')) return 'PERM';
    if (path.includes('\0')) return 'INVAL';
    return path.isWellFormed() ? walk(this.#node, path, follow, this.#links ? LINKS_MAX : 0) : 'ILSEQ';
  }
}

const walk = (root: DirectoryNode, path: string, follow: boolean, linksMax: number): Place | Errno => {
  const entered = [root];
  const rest = path.split('/').reverse();
  let last = '.';
  let links = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    const parent = entered.at(-1)!;
    last = name;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (entered.length === 1) return 'PERM';
      entered.pop();
      continue;
    }
    const node = parent.entries.get(name);
    const final = rest.length === 0;
    if (node instanceof LinkNode && (follow || !final)) {
      if (++links > linksMax) return 'LOOP';
      // A slash at its end leaves an empty component, so that what comes before has to be a directory.
      rest.push(...node.target.split('/').reverse());
    } else if (final) return { parent, name, node };
    else if (node instanceof DirectoryNode) entered.push(node);
    else return node === undefined ? 'NOENT' : 'NOTDIR';
  }
  const node = entered.at(-1)!;
  return { parent: node, name: last === '..' ? '..' : '.', node };
};

/** Why the host's kernel would refuse to rename `node` to where `into` is. */
const obstacle = (parent: DirectoryNode, node: RamNode, into: Place): Errno | undefined => {
  const { node: target } = into;
  if (node instanceof DirectoryNode && into.parent.isWithin(node)) return 'INVAL';
  if (target instanceof DirectoryNode && parent.isWithin(target)) return 'NOTEMPTY';
  if (target === undefined || target === node) return undefined;
  if (!(node instanceof DirectoryNode)) return target instanceof DirectoryNode ? 'ISDIR' : undefined;
  if (!(target instanceof DirectoryNode)) return 'NOTDIR';
  return target.entries.size > 0 ? 'NOTEMPTY' : undefined;
};

/** The entry is never in two places nor in none: the one that it leaves makes room for the one that it takes. */
const move = (parent: DirectoryNode, name: string, node: RamNode, into: Place): Errno | undefined => {
  parent.detach(name, node);
  if (into.node !== undefined) into.parent.remove(into.name, into.node);
  const error = into.parent.add(into.name, node);
  if (error !== undefined) parent.add(name, node);
  return error;
};
