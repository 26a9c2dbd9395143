// An open directory of the host, held by descriptor: what its path was, or is now, never matters. Each call resolves all of a
// path but the last component, which it then works on in place.
import fs, { constants } from 'node:fs';
import type { Directory, Entry, File, FileStat, NewTime, OpenOptions } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import { type At, FILE_MODE, O_CLOEXEC, O_PATH, procPath } from './at.ts';
import { NodeDevice } from './device.ts';
import { attempt } from './errno.ts';
import { NodeFile } from './file.ts';
import type { Guard } from './guard.ts';
import type { Place, Walker } from './walk.ts';

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOCTTY, O_NONBLOCK } = constants;
/** Bits that a guest may set: nothing it makes runs as somebody else. */
const PERMISSIONS = 0o777;
const HANDLE = O_PATH | O_CLOEXEC;

/** What all directories of one disk have in common. */
export interface Host {
  readonly at: At;
  readonly guard: Guard;
  readonly walker: Walker;
}

/** The same, from where no link is followed. */
export const linkless = ({ at, guard, walker }: Host): Host => ({ at, guard, walker: walker.linkless });

export class NodeDirectory implements Directory {
  readonly kind = 'directory';
  readonly #host: Host;
  readonly device: bigint;
  readonly guarded: boolean;
  #fd: number;

  constructor(host: Host, fd: number, stat: FileStat) {
    this.#host = host;
    this.#fd = fd;
    this.device = stat.device;
    this.guarded = host.guard.leadsToProtected(stat);
  }

  get fd(): number {
    return this.#fd;
  }

  open(path: string, options: OpenOptions): File | Directory | Errno {
    const { at, walker } = this.#host;
    const refused = this.#refuse(path);
    if (refused !== undefined) return refused;
    // The host would truncate a file that is opened for reading only.
    if ((options.truncate && !options.write) || (options.create && options.directory)) return 'INVAL';
    const access = options.write ? (options.read ? O_RDWR : O_WRONLY) : O_RDONLY;
    const exclusive = options.create && options.exclusive;
    // Opening a FIFO or a device would wait; what was opened is known only afterwards.
    let flags = access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    if (options.create) flags |= O_CREAT;
    if (exclusive) flags |= O_EXCL;
    if (options.truncate) flags |= O_TRUNC;
    if (options.directory) flags |= O_DIRECTORY;
    if (options.append) flags |= O_APPEND;
    const fd = walker.open(this, path, flags, options.create ? FILE_MODE : 0, options.follow && !exclusive);
    if (typeof fd === 'string') return fd;
    const stat = at.status(fd);
    if (typeof stat === 'string') return this.#drop(fd, stat);
    switch (stat.type) {
      case 'directory':
        return new NodeDirectory(this.#host, fd, stat);
      case 'regular-file':
        return new NodeFile(at, fd, access, options.append, options.sync);
      case 'character-device':
      case 'unknown':
        return new NodeDevice(at, fd, stat.type, access);
      default:
        return this.#drop(fd, 'ACCES');
    }
  }

  stat(path: string, follow: boolean): FileStat | Errno {
    const { at, walker } = this.#host;
    const refused = this.#refuse(path);
    if (refused !== undefined) return refused;
    if (!path.includes('/') && path !== '..') {
      const stat = at.stat(this.#fd, path);
      if (typeof stat === 'string' || !follow || stat.type !== 'symbolic-link') return stat;
    }
    return walker.stat(this, path, follow);
  }

  list(): readonly Entry[] | Errno {
    return this.#fd < 0 ? 'BADF' : this.#host.at.list(this.#fd);
  }

  makeDirectory(path: string): Errno | undefined {
    return this.#in(path, 'EXIST', 'EXIST', (place) => this.#host.at.makeDirectory(place.fd, place.name));
  }

  removeDirectory(path: string): Errno | undefined {
    return this.#in(
      path,
      'INVAL',
      'NOTEMPTY',
      (place) => this.#busy(place) ?? this.#host.at.removeDirectory(place.fd, place.name),
    );
  }

  unlink(path: string, directory: boolean): Errno | undefined {
    return this.#in(
      path,
      'ISDIR',
      'ISDIR',
      (place) => this.#busy(place) ?? this.#host.at.unlink(place.fd, slashed(place.name, directory)),
    );
  }

  rename(path: string, pathIsDirectory: boolean, to: Directory, toPath: string, toIsDirectory: boolean): Errno | undefined {
    return this.#between(path, to, toPath, 'BUSY', (from, into) => {
      const name = slashed(from.name, pathIsDirectory);
      return (
        this.#busy(from) ?? this.#busy(into) ?? this.#host.at.rename(from.fd, name, into.fd, slashed(into.name, toIsDirectory))
      );
    });
  }

  link(path: string, follow: boolean, to: Directory, toPath: string): Errno | undefined {
    if (!follow) return this.#between(path, to, toPath, 'PERM', (from, into) => this.#link(from, into));
    const refused = this.#refuse(path);
    if (refused !== undefined) return refused;
    if (!this.#isSibling(to)) return 'XDEV';
    // The host cannot follow a link and stay beneath in one call: the place that the link leads to is looked up here.
    const from = this.#host.walker.locate(this, path, true);
    if (typeof from === 'string') return from;
    const error = to.#in(toPath, 'EXIST', 'EXIST', (into) => this.#link(from, into));
    this.#host.walker.release(from);
    return error;
  }

  #link(from: Place, into: Place): Errno | undefined {
    if (from.guarded) {
      const stat = this.#host.at.stat(from.fd, from.name);
      if (typeof stat !== 'string' && this.#host.guard.isProtected(stat)) return 'BUSY';
    }
    return this.#host.at.link(from.fd, from.name, into.fd, into.name);
  }

  symlink(target: string, path: string): Errno | undefined {
    if (!target.isWellFormed()) return 'ILSEQ';
    if (target.includes('\0')) return 'INVAL';
    if (target.startsWith('/')) return 'PERM';
    return this.#in(path, 'EXIST', 'EXIST', (place) => this.#host.at.symlink(target, place.fd, place.name));
  }

  readlink(path: string): string | { readonly error: Errno } {
    let result: string | { readonly error: Errno } = { error: 'INVAL' };
    const error = this.#in(path, 'INVAL', 'INVAL', (place) => {
      result = this.#host.at.readlink(place.fd, place.name);
      return undefined;
    });
    return error === undefined ? result : { error };
  }

  setTimes(path: string, follow: boolean, accessed: NewTime, modified: NewTime): Errno | undefined {
    return this.#on(path, follow, (fd) => this.#host.at.setTimes(fd, accessed, modified));
  }

  setMode(path: string, follow: boolean, mode: number): Errno | undefined {
    return this.#on(path, follow, (fd, stat) =>
      this.#host.guard.leadsToProtected(stat) ? 'PERM' : attempt(() => fs.chmodSync(procPath(fd), mode & PERMISSIONS)),
    );
  }

  sync(dataOnly: boolean): Errno | undefined {
    if (this.#fd < 0) return 'BADF';
    return attempt(() => (dataOnly ? fs.fdatasyncSync(this.#fd) : fs.fsyncSync(this.#fd)));
  }

  linkless(): Directory | Errno {
    if (this.#fd < 0) return 'BADF';
    const fd = this.#host.at.open(this.#fd, '.', O_RDONLY | O_CLOEXEC | O_DIRECTORY, 0);
    if (typeof fd === 'string') return fd;
    const stat = this.#host.at.status(fd);
    return typeof stat === 'string' ? this.#drop(fd, stat) : new NodeDirectory(linkless(this.#host), fd, stat);
  }

  close(): void {
    if (this.#fd >= 0) this.#host.at.close(this.#fd);
    this.#fd = -1;
  }

  /** What is wrong with the call whatever the tree holds. */
  #refuse(path: string): Errno | undefined {
    if (this.#fd < 0) return 'BADF';
    if (path === '') return 'NOENT';
    if (path.startsWith('/')) return 'PERM';
    if (path.includes('\0')) return 'INVAL';
    return path.isWellFormed() ? undefined : 'ILSEQ';
  }

  #drop(fd: number, error: Errno): Errno {
    this.#host.at.close(fd);
    return error;
  }

  /** Works on the last component of `path`. `dot` and `dots`: the error where that is `.` or `..`, which name no entry. */
  #in(path: string, dot: Errno, dots: Errno, work: (place: Place) => Errno | undefined): Errno | undefined {
    const refused = this.#refuse(path);
    if (refused !== undefined) return refused;
    const place = this.#host.walker.parent(this, path);
    if (typeof place === 'string') return place;
    const last = path.slice(path.lastIndexOf('/') + 1);
    const error = last === '.' ? dot : last === '..' ? dots : work(place);
    this.#host.walker.release(place);
    return error;
  }

  #between(
    path: string,
    to: Directory,
    toPath: string,
    dot: Errno,
    work: (from: Place, into: Place) => Errno | undefined,
  ): Errno | undefined {
    if (this.#fd < 0) return 'BADF';
    if (!this.#isSibling(to)) return 'XDEV';
    const toDot = dot === 'BUSY' ? 'BUSY' : 'EXIST';
    return this.#in(path, dot, dot, (from) => to.#in(toPath, toDot, toDot, (into) => work(from, into)));
  }

  /** Works on what `path` leads to, whatever it is. */
  #on(path: string, follow: boolean, work: (fd: number, stat: FileStat) => Errno | undefined): Errno | undefined {
    const { at, walker } = this.#host;
    const refused = this.#refuse(path);
    if (refused !== undefined) return refused;
    const fd = walker.open(this, path, HANDLE, 0, follow);
    if (typeof fd === 'string') return fd;
    const stat = at.status(fd);
    const error = typeof stat === 'string' ? stat : work(fd, stat);
    at.close(fd);
    return error;
  }

  #isSibling(to: Directory): to is NodeDirectory {
    return to instanceof NodeDirectory && to.#host.at === this.#host.at;
  }

  #busy(place: Place): Errno | undefined {
    if (!place.guarded) return undefined;
    const stat = this.#host.at.stat(place.fd, place.name);
    return typeof stat !== 'string' && this.#host.guard.leadsToProtected(stat) ? 'BUSY' : undefined;
  }
}

const slashed = (name: string, directory: boolean): string => (directory ? `${name}/` : name);
