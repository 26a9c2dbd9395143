// Links in paths, for who must know the place that a path leads to before anything works on it: a policy that asks about
// paths, whose process's disk follows no link, and whoever names an open directory.

import type { Directory } from '../hal/disk.ts';
import type { Errno } from '../hal/errno.ts';
import { PATH_MAX } from './path.ts';

/** POSIX SYMLOOP_MAX is at least 8; Linux expands 40. */
const LINKS_MAX = 40;
/** Components looked at, those of links included: each is a question to the disk. */
const STEPS_MAX = 4096;

/**
 * The path with every link in it expanded, relative to `directory`, whose walks follow none. What is not there yet stays as it is
 * written. `followLast`: a link in the last component too. PERM where it leads out; LOOP after too many links or steps,
 * NAMETOOLONG where the path becomes too long on the way.
 */
export function withoutLinks(directory: Directory, path: string, followLast: boolean): { path: string } | Errno {
  const slash = path.endsWith('/');
  // What ends so names a directory, through a link too.
  const follow = followLast || slash || path.endsWith('/.');
  const rest = components(path);
  const done: string[] = [];
  let links = 0;
  let steps = 0;
  for (let component = rest.pop(); component !== undefined; component = rest.pop()) {
    if (++steps > STEPS_MAX) return 'LOOP';
    if (component === '..') {
      if (done.pop() === undefined) return 'PERM';
      continue;
    }
    done.push(component);
    if (rest.length === 0 && !follow) continue;
    const reached = done.join('/');
    if (reached.length > PATH_MAX) return 'NAMETOOLONG';
    const target = directory.readlink(reached);
    if (typeof target !== 'string') continue;
    if (++links > LINKS_MAX) return 'LOOP';
    if (target.startsWith('/')) return 'PERM';
    done.pop();
    rest.push(...components(target));
  }
  return { path: (done.join('/') || '.') + (slash ? '/' : '') };
}

/** What there is to walk, the first one last. */
const components = (path: string): string[] =>
  path
    .split('/')
    .filter((component) => component !== '' && component !== '.')
    .reverse();
