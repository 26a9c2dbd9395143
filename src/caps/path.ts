// Names of files as a process has them: absolute, in its own tree. They are for who reads them, and for rules about them; what a
// call works on is always an open directory and a path beneath it.

/** POSIX PATH_MAX, in bytes. */
export const PATH_MAX = 4096;

/** `path`, relative to the directory known as `base`: one slash between components, no `.`. A `..` is left as it is. */
export function absolute(base: string, path: string): string {
  if (isPlain(path)) return base.endsWith('/') ? base + path : `${base}/${path}`;
  const kept = path.split('/').filter((component) => component !== '' && component !== '.');
  const start = base.endsWith('/') ? base.slice(0, -1) : base;
  return kept.length === 0 ? base : `${start}/${kept.join('/')}`;
}

/** Nothing in it that is not a name: nearly all paths are so. */
const isPlain = (path: string): boolean =>
  path !== '' &&
  !path.startsWith('.') &&
  !path.includes('/.') &&
  !path.includes('//') &&
  !path.endsWith('/') &&
  !path.startsWith('/');

/** It may go up: where it leads is not known before its links are. */
export const goesUp = (path: string): boolean => path.includes('..') && /(^|\/)\.\.(\/|$)/.test(path);
