// Paths as policies see them.
import { expect, test } from 'vitest';
import { withoutLinks } from '../../src/caps/links.ts';
import { absolute, goesUp } from '../../src/caps/path.ts';
import type { Directory } from '../../src/hal/disk.ts';
import { simHal } from '../../src/hal/sim/hal.ts';

test.each([
  ['/', 'a', '/a'],
  ['/data', 'a/b', '/data/a/b'],
  ['/data/', 'a', '/data/a'],
  ['/data', '.', '/data'],
  ['/data', './a//b/./c/', '/data/a/b/c'],
  ['/', '.', '/'],
  ['/data', '', '/data'],
  ['/data', '...', '/data/...'],
  ['/data', '.a/..b', '/data/.a/..b'],
  ['/data', 'a.', '/data/a.'],
])('%s and %s is %s', (base, path, expected) => expect(absolute(base, path)).toBe(expected));

test.each([
  ['..', true],
  ['a/../b', true],
  ['a/..', true],
  ['..a', false],
  ['a..', false],
  ['a/...', false],
])('whether %s goes up: %s', (path, expected) => expect(goesUp(path)).toBe(expected));

const tree = (): Directory => {
  const root = simHal({ seed: 1 }).disk.open('/', false) as Directory;
  for (const name of ['a', 'a/b', 'c']) expect(root.makeDirectory(name)).toBeUndefined();
  const links = {
    'to-a': 'a',
    'a/to-c': '../c',
    'a/b/up': '../..',
    'to-slash': 'a/b/',
    out: '../x',
    'a/out': '../../x',
    loop: 'loop',
    one: 'two',
    two: 'to-a/to-c',
    dangling: 'none/f',
  };
  for (const [at, target] of Object.entries(links)) expect(root.symlink(target, at)).toBeUndefined();
  return root;
};

test.each([
  ['a/b', true, 'a/b'],
  ['to-a', true, 'a'],
  ['to-a', false, 'to-a'],
  ['to-a/', false, 'a/'],
  ['to-a/.', false, 'a'],
  ['to-a/b', false, 'a/b'],
  ['to-a/to-c/f', true, 'c/f'],
  ['one', true, 'c'],
  ['one/new', false, 'c/new'],
  ['a/b/up/c', true, 'c'],
  ['to-slash/../f', true, 'a/f'],
  ['to-a/../c', true, 'c'],
  ['dangling', true, 'none/f'],
  ['a/..', true, '.'],
  ['.', true, '.'],
])('%s (the last one followed: %s) leads to %s', (path, follow, expected) =>
  expect(withoutLinks(tree(), path, follow)).toEqual({ path: expected }),
);

test.each([
  ['..', 'PERM'],
  ['a/../../x', 'PERM'],
  ['out', 'PERM'],
  ['a/out', 'PERM'],
  ['loop', 'LOOP'],
  ['a/b/up/loop/x', 'LOOP'],
])('%s is %s', (path, error) => expect(withoutLinks(tree(), path, true)).toBe(error));

test('what a link makes of a path is bounded: in steps, and in length', () => {
  const root = tree();
  let asked = 0;
  const counting = new Proxy(root, {
    get: (target, key) => {
      if (key === 'readlink') asked++;
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  expect(root.symlink(`${'a/../'.repeat(800)}self`, 'self')).toBeUndefined();
  expect(withoutLinks(counting, 'self', true)).toBe('LOOP');
  expect(asked).toBeLessThan(4096);
  expect(root.symlink('c/'.repeat(2000), 'long')).toBeUndefined();
  expect(withoutLinks(root, `long/${'d/'.repeat(100)}`, true)).toBe('NAMETOOLONG');
  expect(withoutLinks(root, './'.repeat(2000), true)).toEqual({ path: './' });
});
