// Calls by path. A path is relative to an open directory and is taken apart here only as far as POSIX asks for it without
// looking: what it leads to, and that it stays beneath the directory, is the disk's affair.
import type { Capability } from '../../caps/capability.ts';
import { OpenDirectory } from '../../caps/directory.ts';
import { OpenFile, syncMode } from '../../caps/file.ts';
import { withoutLinks } from '../../caps/links.ts';
import { FDFLAG } from '../../caps/object.ts';
import { absolute, goesUp } from '../../caps/path.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS, RIGHT, streamRights, WRITE_ACCESS } from '../../caps/rights.ts';
import type { Directory, File, OpenOptions } from '../../hal/disk.ts';
import type { Errno } from '../../hal/errno.ts';
import { encodeUtf8 } from '../../hal/utf8.ts';
import type { Caller } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import { factsOf, tell } from '../facts.ts';
import { OFLAG, SYMLINK_FOLLOW } from '../table.ts';
import { newTimes } from './file.ts';
import { writeStat } from './stat.ts';

type PathResult = ReturnType<Handler<'path_open'>>;

interface Name {
  readonly directory: Directory;
  readonly path: string;
  /** The path ended in a slash: it names a directory, through a link too (POSIX, pathname resolution). */
  readonly slash: boolean;
}

/** What a path names, as far as that can be told from its text. */
function name({ object }: Capability, path: string): Name | Errno {
  const { directory } = object;
  if (directory === undefined) return 'NOTDIR';
  if (path === '') return 'NOENT';
  if (path.startsWith('/')) return 'PERM';
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return { directory, path: path.slice(0, end), slash: end < path.length };
}

export const path_open: Handler<'path_open'> = (caller, fd, lookup, path, oflags, base, inheriting, fdflags, out) => {
  const named = name(fd, path);
  if (typeof named === 'string') return named as PathResult;
  // What the opener asks to do with the bytes it must be able to grant; other rights that do not apply are left out.
  const access = base & (RIGHT.read | WRITE_ACCESS);
  const beyond = access & ~fd.inheriting;
  if (beyond !== 0) return lacks(caller, beyond, fd, lookup, path, oflags, base);
  // Cutting is writing: the right to do it by path is not enough where no file may be written to.
  if ((oflags & OFLAG.trunc) !== 0 && (fd.inheriting & WRITE_ACCESS) === 0)
    return lacks(caller, RIGHT.write, fd, lookup, path, oflags, base);
  if (caller.capabilities.room < 1) return 'MFILE';
  const directory = named.slash || (oflags & OFLAG.directory) !== 0;
  if (directory && (oflags & OFLAG.creat) !== 0) return named.slash ? 'ISDIR' : 'INVAL';
  const write = (base & WRITE_ACCESS) !== 0;
  const options: OpenOptions = {
    read: !write || (base & (RIGHT.read | RIGHT.readDirectory)) !== 0,
    write: write || (oflags & OFLAG.trunc) !== 0,
    create: (oflags & OFLAG.creat) !== 0,
    exclusive: (oflags & OFLAG.excl) !== 0,
    truncate: (oflags & OFLAG.trunc) !== 0,
    directory,
    follow: (lookup & SYMLINK_FOLLOW) !== 0 || named.slash,
    append: (fdflags & FDFLAG.append) !== 0,
    sync: syncMode(fdflags),
    nonblocking: (fdflags & FDFLAG.nonblock) !== 0,
  };
  const opened = named.directory.open(named.path, options);
  if (typeof opened === 'string') return opened as PathResult;
  const place = opened.kind === 'directory' ? placeOf(named, options.follow) : named;
  if (typeof place === 'string') {
    opened.close();
    return place as PathResult;
  }
  const capability = describe(fd, opened, place.path, fdflags, base, inheriting);
  caller.memory.setU32(out, caller.capabilities.insert(capability)!);
  return undefined;
};

function lacks(caller: Caller, rights: number, fd: Capability, ...handed: readonly unknown[]): 'NOTCAPABLE' {
  const facts = tell(caller, factsOf('path_open'), [fd, ...handed]);
  return caller.lacks({ call: 'path_open', by: fd, rights, facts });
}

/** What an open directory is called must say where it is. */
const placeOf = ({ directory, path }: Name, follow: boolean): { path: string } | Errno =>
  goesUp(path) ? withoutLinks(directory, path, follow) : { path };

function describe(
  through: Capability,
  opened: File | Directory,
  path: string,
  fdflags: number,
  rights: number,
  inheriting: number,
): Capability {
  if (opened.kind === 'directory')
    return through.open(
      new OpenDirectory(opened, absolute(through.object.path, path)),
      (rights & DIRECTORY_RIGHTS) | RIGHT.transfer,
      inheriting | RIGHT.transfer,
    );
  const kind = opened.type === 'regular-file' ? FILE_RIGHTS : streamRights(opened.terminal ?? false);
  return through.open(new OpenFile(opened, fdflags), (rights & kind) | RIGHT.transfer, (inheriting & kind) | RIGHT.transfer);
}

export const path_filestat_get: Handler<'path_filestat_get'> = (caller, fd, lookup, path, out) => {
  const named = name(fd, path);
  if (typeof named === 'string') return named as PathResult;
  const stat = named.directory.stat(named.path, (lookup & SYMLINK_FOLLOW) !== 0 || named.slash);
  if (typeof stat === 'string') return stat as PathResult;
  if (named.slash && stat.type !== 'directory') return 'NOTDIR';
  writeStat(caller.memory, out, stat);
  return undefined;
};

export const path_filestat_set_times: Handler<'path_filestat_set_times'> = (
  _caller,
  fd,
  lookup,
  path,
  accessed,
  modified,
  flags,
) => {
  const named = name(fd, path);
  if (typeof named === 'string') return named as PathResult;
  const times = newTimes(accessed, modified, flags);
  if (times === 'INVAL') return 'INVAL';
  const follow = (lookup & SYMLINK_FOLLOW) !== 0 || named.slash;
  return (mustBeDirectory(named) ?? named.directory.setTimes(named.path, follow, ...times)) as PathResult;
};

/** NOTDIR where a path that ended in a slash names something else. */
function mustBeDirectory({ directory, path, slash }: Name): Errno | undefined {
  if (!slash) return undefined;
  const stat = directory.stat(path, true);
  if (typeof stat === 'string') return stat;
  return stat.type === 'directory' ? undefined : 'NOTDIR';
}

export const path_create_directory: Handler<'path_create_directory'> = (_caller, fd, path) => {
  const named = name(fd, path);
  return (typeof named === 'string' ? named : named.directory.makeDirectory(named.path)) as PathResult;
};

export const path_remove_directory: Handler<'path_remove_directory'> = (_caller, fd, path) => {
  const named = name(fd, path);
  return (typeof named === 'string' ? named : named.directory.removeDirectory(named.path)) as PathResult;
};

export const path_unlink_file: Handler<'path_unlink_file'> = (_caller, fd, path) => {
  const named = name(fd, path);
  return (typeof named === 'string' ? named : named.directory.unlink(named.path, named.slash)) as PathResult;
};

export const path_rename: Handler<'path_rename'> = (_caller, fd, path, toFd, toPath) => {
  const from = name(fd, path);
  if (typeof from === 'string') return from as PathResult;
  const to = name(toFd, toPath);
  if (typeof to === 'string') return to as PathResult;
  return from.directory.rename(from.path, from.slash, to.directory, to.path, to.slash) as PathResult;
};

export const path_link: Handler<'path_link'> = (_caller, fd, lookup, path, toFd, toPath) => {
  const from = name(fd, path);
  if (typeof from === 'string') return from as PathResult;
  const to = name(toFd, toPath);
  if (typeof to === 'string') return to as PathResult;
  if (to.slash) return 'NOENT';
  return (mustBeDirectory(from) ??
    from.directory.link(from.path, (lookup & SYMLINK_FOLLOW) !== 0 || from.slash, to.directory, to.path)) as PathResult;
};

export const path_symlink: Handler<'path_symlink'> = (_caller, target, fd, path) => {
  const named = name(fd, path);
  if (typeof named === 'string') return named as PathResult;
  if (target === '') return 'NOENT';
  if (named.slash) {
    const stat = named.directory.stat(named.path, false);
    return typeof stat === 'string' ? 'NOENT' : 'EXIST';
  }
  return named.directory.symlink(target, named.path) as PathResult;
};

export const path_readlink: Handler<'path_readlink'> = (caller, fd, path, at, length, out) => {
  const named = name(fd, path);
  if (typeof named === 'string') return named as PathResult;
  const target = named.slash ? { error: mustBeDirectory(named) ?? 'INVAL' } : named.directory.readlink(named.path);
  if (typeof target !== 'string') return target.error as PathResult;
  const bytes = encodeUtf8(target).subarray(0, length);
  caller.memory.bytes.set(bytes, at);
  caller.memory.setU32(out, bytes.length);
  return undefined;
};
