// Compiled code is never loaded from what a guest can write (isolated-vm CVE-2022-39266): a protected directory is out of
// reach beneath any directory that a guest was given, and cannot be moved, replaced or planted.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Directory, Disk } from '../../src/hal/disk.ts';
import { nodeDisk } from '../../src/hal/node/disk/disk.ts';
import { descriptors, directory, errorOf, get, ok, options, put, subdirectory, temporary } from '../hal/disks.ts';
import { tryAll } from './escapes.ts';

const MODES = [
  { name: 'openat2', how: {} },
  { name: 'components', how: { resolution: 'components' } },
  { name: 'components without ffi', how: { ffi: false } },
] as const;

describe.each(MODES)('protected directory, $name', ({ how }) => {
  let base: string;
  let cache: string;
  let before: string[];
  let opened: Directory[];
  beforeEach(() => {
    nodeDisk(how).open('/none');
    before = descriptors();
    opened = [];
    base = temporary();
    cache = `${base}/home/.cache/superos`;
    fs.mkdirSync(`${base}/home/projects/app`, { recursive: true });
    fs.writeFileSync(`${base}/home/projects/app/f`, 'mine');
  });
  afterEach(() => {
    for (const handle of opened) handle.close();
    expect(descriptors()).toEqual(before);
    fs.rmSync(base, { recursive: true });
  });

  const disk = (): Disk => nodeDisk({ ...how, protect: [cache] });
  const open = (from: Disk, path: string): Directory => {
    const handle = directory(from.open(path));
    opened.push(handle);
    return handle;
  };
  const fill = (): void => {
    fs.mkdirSync(`${cache}/v1`, { recursive: true, mode: 0o700 });
    fs.writeFileSync(`${cache}/v1/code`, 'trusted');
  };

  test('is not reached by any call', () => {
    fill();
    const root = open(disk(), `${base}/home`);
    put(root, 'f', '');
    root.makeDirectory('a');
    root.symlink('.cache/superos', 'link');
    root.symlink('../.cache/superos/v1', 'projects/link');
    for (const path of [
      '.cache/superos/v1/code',
      '.cache/superos/new',
      '.cache/superos/.',
      'link/v1',
      'projects/link/code',
      '.cache/superos/../f',
    ]) {
      const results = tryAll(root, path);
      expect(Object.entries(results).filter(([, result]) => result !== 'ACCES')).toEqual([]);
    }
    expect(errorOf(root.open('.cache/superos', options()))).toBe('ACCES');
    expect(errorOf(root.open('link', options({ follow: true, directory: true })))).toBe('ACCES');
    expect(fs.readFileSync(`${cache}/v1/code`, 'utf8')).toBe('trusted');
  });

  test('is not reached from a directory that was opened above it', () => {
    fill();
    const root = open(disk(), base);
    const middle = subdirectory(root, 'home');
    const near = subdirectory(middle, '.cache');
    const other = directory(near.linkless());
    for (const handle of [near, other]) {
      expect(errorOf(handle.open('superos', options()))).toBe('ACCES');
      expect(errorOf(handle.open('superos/v1/code', options()))).toBe('ACCES');
      expect(handle.rename('superos', false, root, 'stolen', false)).toBe('BUSY');
      expect(handle.makeDirectory('superos')).toBe('EXIST');
    }
    put(near, 'f', 'other caches are as usual');
    expect(get(near, 'f')).toBe('other caches are as usual');
    opened.push(middle, near, other);
  });

  test('cannot be renamed, removed or replaced, nor can what leads to it', () => {
    fs.mkdirSync(cache, { recursive: true });
    const root = open(disk(), base);
    root.makeDirectory('empty');
    root.makeDirectory('home/empty');
    for (const path of ['home', 'home/.cache', 'home/.cache/superos', 'home/projects/../.cache/superos', './home/./.cache']) {
      expect(root.rename(path, false, root, 'moved', false)).toBe('BUSY');
      expect(root.rename(path, true, root, 'moved', true)).toBe('BUSY');
      expect(root.rename('empty', false, root, path, false)).toBe('BUSY');
      expect(root.removeDirectory(path)).toBe('BUSY');
      expect(root.unlink(path, false)).toBe('BUSY');
      expect(root.setMode(path, true, 0)).toMatch(/^(PERM|ACCES)$/);
    }
    const inner = subdirectory(root, 'home');
    expect(inner.rename('.cache', false, root, 'moved', false)).toBe('BUSY');
    expect(root.rename('empty', false, inner, '.cache', false)).toBe('BUSY');
    inner.close();
    expect(fs.existsSync(cache)).toBe(true);
  });

  test('cannot be given to a guest, nor anything in it', () => {
    fill();
    fs.symlinkSync(cache, `${base}/alias`);
    for (const path of [
      cache,
      `${cache}/v1`,
      `${base}/alias`,
      `${base}/alias/v1`,
      `${base}/home/.cache/../.cache/superos/v1/..`,
    ]) {
      expect(errorOf(disk().open(path))).toBe('ACCES');
    }
  });

  test('is made before a guest could plant it, for this user alone', () => {
    const root = open(disk(), `${base}/home`);
    const stat = fs.statSync(cache);
    expect(stat.mode & 0o777).toBe(0o700);
    expect(errorOf(root.open('.cache/superos', options()))).toBe('ACCES');
    expect(root.rename('.cache', false, root, 'moved', false)).toBe('BUSY');
  });

  test('is not made where no guest could', () => {
    const root = open(disk(), `${base}/home/projects`);
    expect(get(root, 'app/f')).toBe('mine');
    expect(fs.existsSync(`${base}/home/.cache`)).toBe(false);
    expect(root.rename('app', false, root, 'moved', false)).toBeUndefined();
  });

  test('named through links: neither a link on the way nor what it leads to can be replaced', () => {
    fs.mkdirSync(`${base}/data/caches/superos`, { recursive: true });
    fs.mkdirSync(`${base}/evil/superos`, { recursive: true });
    fs.symlinkSync('../data/xdg', `${base}/home/.cache`);
    fs.symlinkSync(`${base}/data/caches`, `${base}/data/xdg`);
    const from = disk();
    const home = open(from, `${base}/home`);
    const data = open(from, `${base}/data`);
    const all = open(from, base);
    expect(home.unlink('.cache', false)).toBe('BUSY');
    expect(home.rename('.cache', false, home, 'x', false)).toBe('BUSY');
    home.symlink('../evil', 'evil');
    expect(home.rename('evil', false, home, '.cache', false)).toBe('BUSY');
    expect(data.unlink('xdg', false)).toBe('BUSY');
    expect(data.rename('caches', false, data, 'x', false)).toBe('BUSY');
    expect(errorOf(data.open('caches/superos', options()))).toBe('ACCES');
    expect(errorOf(all.open('data/caches/superos/x', options({ write: true, create: true })))).toBe('ACCES');
    expect(all.rename('evil', false, all, 'data/caches', false)).toBe('BUSY');
    expect(errorOf(from.open(`${base}/home/.cache/superos`))).toBe('ACCES');
    // A second name of the link does not help.
    expect(home.link('.cache', false, home, 'name')).toBeUndefined();
    expect(home.unlink('name', false)).toBe('BUSY');
  });

  test('named through a dangling link: made where that leads', () => {
    fs.mkdirSync(`${base}/data`);
    fs.symlinkSync('../data/caches', `${base}/home/.cache`);
    const data = open(disk(), `${base}/data`);
    expect(fs.statSync(`${base}/data/caches/superos`).isDirectory()).toBe(true);
    expect(errorOf(data.open('caches/superos', options()))).toBe('ACCES');
    expect(data.rename('caches', false, data, 'x', false)).toBe('BUSY');
  });

  test('directories beside it are used as ever', () => {
    fill();
    const root = open(disk(), `${base}/home`);
    const project = subdirectory(root, 'projects');
    expect(get(project, 'app/f')).toBe('mine');
    expect(get(root, 'projects/app/../app/f')).toBe('mine');
    expect(project.rename('app', false, root, 'app', false)).toBeUndefined();
    expect(root.rename('projects', false, root, 'work', false)).toBeUndefined();
    expect(ok(root.stat('.cache/superos', false)).type).toBe('directory');
    project.close();
  });
});
