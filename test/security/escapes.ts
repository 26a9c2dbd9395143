// Every call on a directory, tried with one path. Used with paths that lead out of it.
import type { Directory } from '../../src/hal/disk.ts';
import { errorOf, type Fixture, get, names, ok, options, put, subdirectory } from '../hal/disks.ts';

export interface Jail {
  /** What a guest has: the directory `inside`. */
  readonly inside: Directory;
  /** The bytes and names next to it, which nothing may change. */
  outside(): unknown;
  leave(): void;
}

/** `inside` with files and directories of its own, next to `outside`. */
export const jail = ({ root }: Fixture): Jail => {
  root.makeDirectory('inside');
  root.makeDirectory('inside/a');
  root.makeDirectory('inside/a/b');
  root.makeDirectory('inside/a/b/c');
  put(root, 'inside/f', 'inside');
  put(root, 'inside/a/f', 'inside');
  root.makeDirectory('outside');
  root.makeDirectory('outside/empty');
  put(root, 'outside/secret', 'secret');
  const inside = subdirectory(root, 'inside');
  const outside = (): unknown => {
    const handle = subdirectory(root, 'outside');
    const found = {
      root: names(root),
      outside: names(handle),
      secret: get(handle, 'secret'),
      status: { ...ok(handle.stat('secret', false)), accessed: 0n },
      empty: { ...ok(handle.stat('empty', false)), accessed: 0n },
    };
    handle.close();
    return found;
  };
  return { inside, outside, leave: () => inside.close() };
};

/** The result of each call that resolves `path` up to its last component. */
export const tryAll = (root: Directory, path: string): Record<string, string> => {
  const none = (error: string | undefined): string => error ?? 'done';
  const link = root.readlink(path);
  const stat = root.stat(path, false);
  return {
    ...tryFollowing(root, path),
    'open nofollow': errorOf(root.open(path, options())),
    'create exclusively': errorOf(root.open(path, options({ write: true, create: true, exclusive: true }))),
    'stat nofollow': typeof stat === 'string' ? stat : 'done',
    makeDirectory: none(root.makeDirectory(path)),
    removeDirectory: none(root.removeDirectory(path)),
    unlink: none(root.unlink(path, false)),
    'unlink a directory': none(root.unlink(path, true)),
    'rename from': none(root.rename(path, false, root, 'taken', false)),
    'rename to': none(root.rename('f', false, root, path, false)),
    'rename a directory to': none(root.rename('a', true, root, path, true)),
    'link from': none(root.link(path, false, root, 'taken')),
    'link to': none(root.link('f', false, root, path)),
    'link a followed file to': none(root.link('f', true, root, path)),
    symlink: none(root.symlink('f', path)),
    readlink: typeof link === 'string' ? 'done' : link.error,
    'setTimes nofollow': none(root.setTimes(path, false, 0n, 0n)),
    'setMode nofollow': none(root.setMode(path, false, 0o777)),
  };
};

/** The result of each call that follows a link in the last component. */
export const tryFollowing = (root: Directory, path: string): Record<string, string> => {
  const none = (error: string | undefined): string => error ?? 'done';
  const stat = root.stat(path, true);
  return {
    open: errorOf(root.open(path, options({ follow: true }))),
    'open a directory': errorOf(root.open(path, options({ directory: true, follow: true }))),
    'open to write': errorOf(root.open(path, options({ write: true, follow: true }))),
    create: errorOf(root.open(path, options({ write: true, create: true, follow: true }))),
    truncate: errorOf(root.open(path, options({ write: true, truncate: true, follow: true }))),
    append: errorOf(root.open(path, options({ write: true, append: true, create: true, follow: true }))),
    stat: typeof stat === 'string' ? stat : 'done',
    'link from what is followed': none(root.link(path, true, root, 'taken')),
    setTimes: none(root.setTimes(path, true, 0n, 0n)),
    setMode: none(root.setMode(path, true, 0o777)),
  };
};
