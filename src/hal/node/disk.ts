// The disk driver: directories of this host, on Linux. A guest's path never reaches the host whole but through openat2, which
// keeps it beneath; there is no other call here that resolves more than one component.
import fs from 'node:fs';
import { platform } from 'node:process';
import type { Directory, Disk } from '../disk.ts';
import type { Errno } from '../errno.ts';
import type { At } from './disk/at.ts';
import { LibcAt } from './disk/at-libc.ts';
import { ProcAt } from './disk/at-proc.ts';
import { type Host, NodeDirectory } from './disk/directory.ts';
import { fromException } from './disk/errno.ts';
import { Guard } from './disk/guard.ts';
import { libc } from './disk/libc.ts';
import { Walker } from './disk/walk.ts';

export interface NodeDiskOptions {
  /** Host paths of directories that no guest may reach. Created, for this user alone, once a directory above is opened. */
  readonly protect?: readonly string[];
  /** Walks by components although the host has openat2. */
  readonly resolution?: 'components';
  /** False: node:fs alone, as on a host without node:ffi. */
  readonly ffi?: boolean;
}

class NodeDisk implements Disk {
  readonly resolution: Disk['resolution'];
  readonly #host: Host;

  constructor(at: At, resolution: Disk['resolution'], protect: readonly string[]) {
    const guard = new Guard(protect);
    this.resolution = resolution;
    this.#host = { at, guard, walker: new Walker(at, guard) };
  }

  open(path: string): Directory | Errno {
    const { at, guard } = this.#host;
    if (this.resolution === 'none') return 'NOTSUP';
    let fd: number | undefined;
    try {
      fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
      const stat = at.status(fd);
      const error = typeof stat === 'string' ? stat : guard.admitRoot(fd, stat);
      if (typeof stat !== 'string' && error === undefined) return new NodeDirectory(this.#host, fd, stat);
      at.close(fd);
      return error ?? 'IO';
    } catch (error) {
      if (fd !== undefined) at.close(fd);
      return fromException(error);
    }
  }
}

export function nodeDisk(options: NodeDiskOptions = {}): Disk {
  const native = options.ffi === false ? undefined : libc();
  const at = native === undefined ? new ProcAt() : new LibcAt(native, options.resolution !== 'components');
  const usable = platform === 'linux' && fs.existsSync('/proc/self/fd');
  return new NodeDisk(at, usable ? (at.openBeneath ? 'openat2' : 'components') : 'none', options.protect ?? []);
}
