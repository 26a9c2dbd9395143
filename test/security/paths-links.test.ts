// Symbolic links, made by a guest or planted on the host, dangling or not, in the middle of a path or at its end
// (Wasmer CVE-2024-38358, wazero 2321, jco preview2-shim, Walrus 458): none leads out of the directory.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drivers, type Fixture, file, names, ok, options } from '../hal/disks.ts';
import { type Jail, jail, tryAll, tryFollowing } from './escapes.ts';

const TARGETS = {
  'to a file': '../outside/secret',
  'to nothing yet': '../outside/new',
  'to a directory': '../outside',
  'to an empty directory': '../outside/empty',
  'to the directory above': '..',
  'and back again': '../inside/f',
  'from below': 'a/b/../../../outside/secret',
  'with a slash': '../outside/',
  'with slashes': '../outside//',
  'with a dot': '../outside/.',
};

describe.each(drivers)('links, disk driver: $name', (driver) => {
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

  describe.each(Object.entries(TARGETS))('that lead out, %s: %s', (_what, target) => {
    test('followed at the end of a path', () => {
      expect(cell.inside.symlink(target, 'l')).toBeUndefined();
      expect(cell.inside.symlink('l', 'chain')).toBeUndefined();
      expect(cell.inside.symlink('../../l', 'a/b/deep')).toBeUndefined();
      const before = cell.outside();
      for (const path of ['l', 'chain', 'a/b/deep', './a/../l']) {
        const results = tryFollowing(cell.inside, path);
        expect(Object.entries(results).filter(([, result]) => result !== 'PERM')).toEqual([]);
      }
      expect(cell.outside()).toEqual(before);
      expect(names(cell.inside)).toEqual(['a', 'chain', 'f', 'l']);
    });

    test('in the middle of a path', () => {
      cell.inside.symlink(target, 'l');
      cell.inside.symlink('l', 'chain');
      const before = cell.outside();
      for (const path of ['l/secret', 'l/new', 'chain/secret', 'l/.', 'l/..', 'l/../f', 'a/../l/x']) {
        const results = tryAll(cell.inside, path);
        expect(Object.entries(results).filter(([, result]) => result !== 'PERM')).toEqual([]);
      }
      expect(cell.outside()).toEqual(before);
      expect(names(cell.inside)).toEqual(['a', 'chain', 'f', 'l']);
    });
  });

  test('not followed at the end of a path they are worked on themselves', () => {
    cell.inside.symlink('../outside/secret', 'l');
    const before = cell.outside();
    expect(cell.inside.open('l', options())).toBe('LOOP');
    expect(cell.inside.open('l', options({ write: true, create: true }))).toBe('LOOP');
    expect(cell.inside.open('l', options({ write: true, truncate: true }))).toBe('LOOP');
    expect(cell.inside.open('l', options({ write: true, create: true, exclusive: true, follow: true }))).toBe('EXIST');
    expect(ok(cell.inside.stat('l', false)).type).toBe('symbolic-link');
    expect(cell.inside.setTimes('l', false, 1n, 1n)).toBeUndefined();
    expect(cell.inside.link('l', false, cell.inside, 'm')).toBeUndefined();
    expect(cell.inside.rename('m', false, cell.inside, 'n', false)).toBeUndefined();
    expect(cell.inside.removeDirectory('n')).toBe('NOTDIR');
    expect(cell.inside.makeDirectory('n')).toBe('EXIST');
    expect(cell.inside.unlink('n', false)).toBeUndefined();
    expect(cell.outside()).toEqual(before);
  });

  test('a dangling link with create makes its target beneath, or nothing', () => {
    const create = options({ write: true, create: true, follow: true });
    cell.inside.symlink('a/new', 'in');
    cell.inside.symlink('../outside/new', 'out');
    cell.inside.symlink('a/../../outside/new', 'out-by-a');
    file(cell.inside.open('in', create)).close();
    expect(ok(cell.inside.stat('a/new', false)).type).toBe('regular-file');
    const before = cell.outside();
    expect(cell.inside.open('out', create)).toBe('PERM');
    expect(cell.inside.open('out-by-a', create)).toBe('PERM');
    expect(cell.outside()).toEqual(before);
  });

  test('no guest makes an absolute link', () => {
    for (const target of ['/', '/etc/passwd', '//etc', '/.']) expect(cell.inside.symlink(target, 'l')).toBe('PERM');
    expect(names(cell.inside)).toEqual(['a', 'f']);
  });

  test('absolute links planted on the host are not followed, not even back inside', () => {
    if (fixture.host === undefined) return;
    const { host } = fixture;
    const targets = ['/', '/etc/passwd', `${host}/outside/secret`, `${host}/inside/f`, '/none', '//etc'];
    for (const [i, target] of targets.entries()) fs.symlinkSync(target, `${host}/inside/l${i}`);
    const before = cell.outside();
    for (const i of targets.keys()) {
      const results = { ...tryFollowing(cell.inside, `l${i}`), ...tryAll(cell.inside, `l${i}/x`) };
      expect(Object.entries(results).filter(([, result]) => result !== 'PERM')).toEqual([]);
      expect(cell.inside.readlink(`l${i}`)).toBe(targets[i]);
    }
    expect(cell.outside()).toEqual(before);
  });
});
