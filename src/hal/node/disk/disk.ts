// The disk driver: directories of this host, on Linux. A guest's path never reaches the host whole but through openat2, which
// keeps it beneath; there is no other call here that resolves more than one component.
import fs from 'node:fs';
import { platform } from 'node:process';
import type { Directory, Disk } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import { HELD } from '../held.ts';
import type { At } from './at.ts';
import { LibcAt } from './at-libc.ts';
import { ProcAt } from './at-proc.ts';
import { type Host, linkless, NodeDirectory } from './directory.ts';
import { fromException } from './errno.ts';
import { Guard } from './guard.ts';
import { libc } from './libc.ts';
import { Walker } from './walk.ts';

export interface NodeDiskOptions {
  /**
   * Host paths of directories and files that no guest may reach. One that is not there is created as a directory, for this user
   * alone, once a directory above is opened.
   */
  readonly protect?: readonly string[];
  /** Walks by components although the host has openat2. */
  readonly resolution?: 'components';
  /** False: node:fs alone, as on a host without node:ffi. */
  readonly ffi?: boolean;
}

class NodeDisk implements Disk {
  readonly #options: NodeDiskOptions;
  #host: Host | undefined;

  constructor(options: NodeDiskOptions) {
    this.#options = options;
  }

  get resolution(): Disk['resolution'] {
    if (platform !== 'linux' || !fs.existsSync('/proc/self/fd')) return 'none';
    return this.#connect().at.openBeneath === undefined ? 'components' : 'openat2';
  }

  open(path: string, links = true): Directory | Errno {
    if (this.resolution === 'none') return 'NOTSUP';
    const host = links ? this.#connect() : linkless(this.#connect());
    let fd: number | undefined;
    try {
      fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
      HELD.bytes[fd] = 1;
      const opened = admit(host, fd);
      if (typeof opened === 'string') host.at.close(fd);
      return opened;
    } catch (error) {
      if (fd !== undefined) host.at.close(fd);
      return fromException(error);
    }
  }

  /** Most programs open no directory, and start without what it takes. */
  #connect(): Host {
    this.#host ??= connect(this.#options);
    return this.#host;
  }
}

const admit = (host: Host, fd: number): Directory | Errno => {
  const stat = host.at.status(fd);
  return typeof stat === 'string' ? stat : (host.guard.admitRoot(fd, stat) ?? new NodeDirectory(host, fd, stat));
};

const connect = ({ protect = [], resolution, ffi }: NodeDiskOptions): Host => {
  const native = ffi === false ? undefined : libc();
  const at: At = native === undefined ? new ProcAt() : new LibcAt(native, resolution !== 'components');
  const guard = new Guard(protect);
  return { at, guard, walker: new Walker(at, guard, true) };
};

export function nodeDisk(options: NodeDiskOptions = {}): Disk {
  return new NodeDisk(options);
}
