import { describe, expect, test } from 'vitest';
import { nameGlob, pathGlob, treeGlob } from '../../../src/caps/policy/glob.ts';

describe.each([
  ['/data', ['/data'], ['/database', '/data/x', '/', '/dat']],
  ['/data/**', ['/data', '/data/x', '/data/x/y'], ['/database', '/data2/x', '/']],
  ['/**', ['/', '/a', '/a/b'], []],
  ['/', ['/'], ['/a']],
  ['/data/*', ['/data/x', '/data/.x'], ['/data', '/data/x/y']],
  ['/**/x', ['/x', '/a/x', '/a/b/x'], ['/ax', '/x/a']],
  ['/a/**/b/**/c', ['/a/b/c', '/a/1/b/2/3/c', '/a/b/b/c'], ['/a/c/b', '/a/b']],
  ['/*.txt', ['/a.txt', '/.txt'], ['/a.txts', '/a/b.txt']],
  ['/a?c', ['/abc', '/a\u{1f600}c'], ['/ac', '/abbc']],
  ['/[a-cx]', ['/a', '/b', '/x'], ['/d', '/ab']],
  ['/[!a-c]', ['/d'], ['/a', '/']],
  ['/{a,b*}/c', ['/a/c', '/b/c', '/bcd/c'], ['/c/c', '/ac/c']],
  ['/x{,y}', ['/x', '/xy'], ['/y']],
  ['/a\\*b', ['/a*b'], ['/axb']],
])('%s', (pattern, fits, not) => {
  test('fits whole paths only', () => {
    const glob = pathGlob(pattern);
    expect(fits.filter((path) => !glob(path))).toEqual([]);
    expect(not.filter((path) => glob(path))).toEqual([]);
  });
});

test.each([
  ['data', 0],
  ['/a/', 3],
  ['/a//b', 3],
  ['/a/../b', 3],
  ['/a**', 2],
  ['/a/***', 3],
  ['/a{b', 2],
  ['/{a,{b}}', 4],
  ['/a}', 2],
  ['/[', 1],
  ['/[]]', 1],
  ['/[c-a]', 2],
  ['/a\\', 2],
  ['/a\\/b', 2],
  ['/[\\/]', 2],
  [`/${'{a,b}'.repeat(9)}`, 41],
])('%s is refused, and where', (pattern, offset) => {
  expect(() => pathGlob(pattern)).toThrow(expect.objectContaining({ name: 'PatternError', offset }));
});

test('names are one component', () => {
  expect(nameGlob('LC_*')('LC_ALL')).toBe(true);
  expect(nameGlob('LC_*')('XLC_ALL')).toBe(false);
  for (const pattern of ['a/b', '**', '']) expect(() => nameGlob(pattern)).toThrow();
});

test('steps grow as the pattern times the path, however stars are placed', () => {
  for (const length of [50, 100, 200, 400]) {
    const work = { steps: 0 };
    const stars = 10;
    expect(pathGlob(`/${'*a'.repeat(stars)}b`)(`/${'a'.repeat(length)}`, work)).toBe(false);
    expect(pathGlob(`${'/**/a*'.repeat(stars)}/b`)('/a'.repeat(length), work)).toBe(false);
    expect(work.steps).toBeLessThan(8 * stars * length);
  }
});

test('of a directory with all beneath it: what might fit, and what must', () => {
  const names = ['a', 'b', 'ab'];
  const paths = (depth: number): string[] =>
    depth === 0 ? [''] : paths(depth - 1).flatMap((one) => names.map((name) => `${one}/${name}`));
  const deep = [1, 2, 3, 4, 5].flatMap(paths);
  const components = ['a', 'b', '*', 'a*', '**', '[!a]', '{a,b}'];
  const patterns = [
    ...components.map((one) => `/${one}`),
    ...components.flatMap((one) => components.map((two) => `/${one}/${two}`)),
  ];
  patterns.push('/**/a/**', '/a/**/b', '/**/*/**', '/*/a/**', '/a/b/**/**');
  for (const pattern of patterns) {
    const fits = pathGlob(pattern);
    const { some, all } = treeGlob(pattern);
    for (const directory of [...paths(1), ...paths(2), '/']) {
      const below = directory === '/' ? deep : deep.filter((path) => path.startsWith(`${directory}/`));
      const found = [directory, ...below].map((path) => fits(path));
      if (found.includes(true)) expect([pattern, directory, some(directory)]).toEqual([pattern, directory, true]);
      if (found.includes(false)) expect([pattern, directory, all(directory)]).toEqual([pattern, directory, false]);
      if (pattern.endsWith('/**') && found.every(Boolean))
        expect([pattern, directory, all(directory)]).toEqual([pattern, directory, true]);
      if (some(directory) && !pattern.includes('['))
        expect([pattern, directory, found]).toEqual([pattern, directory, expect.arrayContaining([true])]);
    }
  }
});
