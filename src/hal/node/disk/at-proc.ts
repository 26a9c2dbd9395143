// Work on one component through node:fs alone: `/proc/self/fd/N/name` reaches a name in the directory held as N, whatever
// happened to that directory's path. Times are those of node:fs, doubles of seconds: exact to about a microsecond.
import fs from 'node:fs';
import type { Advice, Entry, FileStat, NewTime } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import { HELD } from '../held.ts';
import { type At, DIRECTORY_MODE, decodeName, fileType, procPath } from './at.ts';
import { attempt, fromException } from './errno.ts';
import { FsTransfer, type Transfer } from './transfer.ts';

const at = (directory: number, name: string): string => `/proc/self/fd/${directory}/${name}`;

const fromHost = (stat: fs.BigIntStats): FileStat => ({
  device: stat.dev,
  inode: stat.ino,
  type: fileType(Number(stat.mode)),
  mode: Number(stat.mode) & 0o7777,
  links: stat.nlink,
  size: stat.size,
  accessed: stat.atimeNs,
  modified: stat.mtimeNs,
  changed: stat.ctimeNs,
});

export class ProcAt implements At {
  readonly openBeneath = undefined;

  open(directory: number, name: string, flags: number, mode: number): number | Errno {
    try {
      const fd = fs.openSync(at(directory, name), flags, mode);
      HELD.bytes[fd] = 1;
      return fd;
    } catch (error) {
      return fromException(error);
    }
  }

  stat(directory: number, name: string): FileStat | Errno {
    try {
      return fromHost(fs.lstatSync(at(directory, name), { bigint: true }));
    } catch (error) {
      return fromException(error);
    }
  }

  status(fd: number): FileStat | Errno {
    try {
      return fromHost(fs.fstatSync(fd, { bigint: true }));
    } catch (error) {
      return fromException(error);
    }
  }

  readlink(directory: number, name: string): string | { readonly error: Errno } {
    try {
      return decodeName(fs.readlinkSync(at(directory, name), 'buffer')) ?? { error: 'ILSEQ' };
    } catch (error) {
      return { error: fromException(error) };
    }
  }

  list(directory: number): readonly Entry[] | Errno {
    const list: Entry[] = [];
    try {
      for (const bytes of fs.readdirSync(procPath(directory), 'buffer')) {
        const name = decodeName(bytes);
        if (name === undefined) continue;
        const stat = this.stat(directory, name);
        // Removed since it was listed.
        if (typeof stat === 'string') continue;
        list.push({ name, inode: stat.inode, type: stat.type });
      }
    } catch (error) {
      return fromException(error);
    }
    return list;
  }

  makeDirectory(directory: number, name: string): Errno | undefined {
    return attempt(() => fs.mkdirSync(at(directory, name), DIRECTORY_MODE));
  }

  removeDirectory(directory: number, name: string): Errno | undefined {
    return attempt(() => fs.rmdirSync(at(directory, name)));
  }

  unlink(directory: number, name: string): Errno | undefined {
    return attempt(() => fs.unlinkSync(at(directory, name)));
  }

  rename(directory: number, name: string, toDirectory: number, toName: string): Errno | undefined {
    return attempt(() => fs.renameSync(at(directory, name), at(toDirectory, toName)));
  }

  link(directory: number, name: string, toDirectory: number, toName: string): Errno | undefined {
    return attempt(() => fs.linkSync(at(directory, name), at(toDirectory, toName)));
  }

  symlink(target: string, directory: number, name: string): Errno | undefined {
    return attempt(() => fs.symlinkSync(target, at(directory, name)));
  }

  setTimes(fd: number, accessed: NewTime, modified: NewTime): Errno | undefined {
    const stat = this.status(fd);
    if (typeof stat === 'string') return stat;
    // Node takes a time before 1970 for now.
    if ([accessed, modified].some((time) => typeof time === 'bigint' && time < 0n)) return 'INVAL';
    return attempt(() => fs.utimesSync(procPath(fd), seconds(accessed, stat.accessed), seconds(modified, stat.modified)));
  }

  allocate(fd: number, offset: number, length: number): Errno | undefined {
    const stat = this.status(fd);
    if (typeof stat === 'string') return stat;
    return stat.size >= BigInt(offset + length) ? undefined : attempt(() => fs.ftruncateSync(fd, offset + length));
  }

  advise(_fd: number, _offset: number, _length: number, _advice: Advice): Errno | undefined {
    return undefined;
  }

  setAppend(fd: number, access: number, append: boolean): number | Errno {
    try {
      const reopened = fs.openSync(procPath(fd), access | fs.constants.O_NONBLOCK | (append ? fs.constants.O_APPEND : 0));
      HELD.bytes[reopened] = 1;
      this.close(fd);
      return reopened;
    } catch (error) {
      return fromException(error);
    }
  }

  transfer(fd: number): Transfer {
    return new FsTransfer(fd);
  }

  close(fd: number): void {
    fs.closeSync(fd);
    HELD.bytes[fd] = 0;
  }
}

/** node:fs takes the present for a negative number, so a time before 1970 becomes 1970. */
const seconds = (time: NewTime, before: bigint): number => {
  if (time === 'now') return Date.now() / 1000;
  const nanoseconds = time === 'keep' ? before : time;
  return nanoseconds < 0n ? 0 : Number(nanoseconds) / 1e9;
};
