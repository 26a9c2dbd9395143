// Slashes and dots at the end of paths and of link targets, followed or not (wasmtime GHSA-vqjp-4c8c-hfgg): they ask for a
// directory, and never for one that is elsewhere. A driver gets a path without its slashes, and `directory` instead.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directory, drivers, errorOf, type Fixture, get, ok, options } from '../hal/disks.ts';
import { type Jail, jail } from './escapes.ts';

const ENDINGS = ['/', '//', '/.', '/./', '/.//.'];

describe.each(drivers)('trailing slashes, disk driver: $name', (driver) => {
  let fixture: Fixture;
  let cell: Jail;
  beforeEach(() => {
    fixture = driver.setUp();
    cell = jail(fixture);
  });
  afterEach(() => {
    cell.leave();
    fixture.dispose();
  });

  test.each([true, false])('on a path, follow %s', (follow) => {
    const { inside } = cell;
    inside.symlink('f', 'to-file');
    inside.symlink('a', 'to-directory');
    inside.symlink('new', 'dangling');
    inside.symlink('../outside', 'out');
    const slash = options({ directory: true, follow });
    expect(errorOf(inside.open('f', slash))).toBe('NOTDIR');
    expect(errorOf(inside.open('to-file', slash))).toBe('NOTDIR');
    directory(inside.open('a', slash)).close();
    expect(errorOf(inside.open('to-directory', slash))).toBe(follow ? 'opened a directory' : 'NOTDIR');
    expect(errorOf(inside.open('dangling', slash))).toBe(follow ? 'NOENT' : 'NOTDIR');
    expect(errorOf(inside.open('out', slash))).toBe(follow ? 'PERM' : 'NOTDIR');
    expect(errorOf(inside.open('new', { ...slash, write: true, create: true }))).toBe('INVAL');
    expect(errorOf(inside.open('f', { ...slash, write: true, truncate: true }))).toBe('NOTDIR');
    expect(get(inside, 'f')).toBe('inside');
    expect(inside.stat('new', false)).toBe('NOENT');
  });

  test('where an entry is taken out or moved', () => {
    const { inside } = cell;
    inside.symlink('a', 'l');
    expect(inside.unlink('f', true)).toBe('NOTDIR');
    expect(inside.unlink('l', true)).toBe('NOTDIR');
    expect(inside.removeDirectory('l')).toBe('NOTDIR');
    expect(inside.rename('f', true, inside, 'g', false)).toBe('NOTDIR');
    expect(inside.rename('f', false, inside, 'g', true)).toBe('NOTDIR');
    expect(inside.rename('l', true, inside, 'g', true)).toBe('NOTDIR');
    expect(inside.rename('a', true, inside, 'l', true)).toBe('NOTDIR');
    expect(get(inside, 'f')).toBe('inside');
    expect(inside.readlink('l')).toBe('a');
  });

  test.each(ENDINGS)('on the target of a link: %s', (ending) => {
    const { inside } = cell;
    const before = cell.outside();
    for (const name of ['f', 'a', 'new', 'a/b'])
      expect(inside.symlink(`${name}${ending}`, `l-${name.replace('/', '-')}`)).toBeUndefined();
    inside.symlink(`../outside${ending}`, 'l-out');
    inside.symlink(`../outside/secret${ending}`, 'l-secret');
    for (const directoryToo of [true, false]) {
      const how = options({ follow: true, directory: directoryToo });
      expect(errorOf(inside.open('l-f', how))).toBe('NOTDIR');
      expect(errorOf(inside.open('l-new', how))).toBe('NOENT');
      expect(errorOf(inside.open('l-out', how))).toBe('PERM');
      expect(errorOf(inside.open('l-secret', how))).toBe('PERM');
      directory(inside.open('l-a', how)).close();
      directory(inside.open('l-a-b', how)).close();
    }
    expect(inside.stat('l-f', true)).toBe('NOTDIR');
    expect(ok(inside.stat('l-a', true)).type).toBe('directory');
    expect(ok(inside.stat('l-a', false)).type).toBe('symbolic-link');
    expect(get(inside, 'l-a/f')).toBe('inside');
    // Nothing is made by a name that asks for a directory.
    for (const write of [true, false]) {
      expect(errorOf(inside.open('l-new', options({ write, create: true, follow: true })))).toMatch(/^(NOENT|ISDIR|NOTDIR)$/);
      expect(errorOf(inside.open('l-out', options({ write, create: true, follow: true })))).toBe('PERM');
    }
    expect(inside.stat('new', false)).toBe('NOENT');
    expect(cell.outside()).toEqual(before);
  });
});
