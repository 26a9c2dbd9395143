// Links in paths, for a process whose policy asks about paths: the disk follows none for it, so that the text that a rule was
// asked about is the place that the call works on.
import type { Directory } from '../../hal/disk.ts';
import type { Errno } from '../../hal/errno.ts';

/** POSIX SYMLOOP_MAX is at least 8; Linux expands 40. */
const LINKS_MAX = 40;

/**
 * The path with every link in it expanded, relative to `directory`, whose walks follow none. What is not there yet stays as it is
 * written. `followLast`: a link in the last component too. PERM where it leads out; LOOP after too many links.
 */
export function withoutLinks(directory: Directory, path: string, followLast: boolean): { path: string } | Errno {
  const slash = path.endsWith('/');
  // What ends so names a directory, through a link too.
  const follow = followLast || slash || path.endsWith('/.');
  const rest = path.split('/').reverse();
  const done: string[] = [];
  let links = 0;
  for (let component = rest.pop(); component !== undefined; component = rest.pop()) {
    if (component === '' || component === '.') continue;
    if (component === '..') {
      if (done.pop() === undefined) return 'PERM';
      continue;
    }
    done.push(component);
    const last = rest.every((left) => left === '' || left === '.');
    if (last && !follow) continue;
    const target = directory.readlink(done.join('/'));
    if (typeof target !== 'string') continue;
    if (++links > LINKS_MAX) return 'LOOP';
    if (target.startsWith('/')) return 'PERM';
    done.pop();
    rest.push(...target.split('/').reverse());
  }
  return { path: (done.join('/') || '.') + (slash ? '/' : '') };
}
