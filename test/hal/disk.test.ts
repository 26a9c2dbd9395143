// What every disk driver does, alike.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Directory } from '../../src/hal/disk.ts';
import {
  contents,
  directory,
  drivers,
  errorOf,
  type Fixture,
  file,
  get,
  names,
  ok,
  options,
  put,
  ram,
  subdirectory,
} from './disks.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const WRITE = options({ read: true, write: true, create: true });

/** What a file holds once `part` is written at `offset`. */
function overwritten(before: Uint8Array, offset: number, part: Uint8Array): Uint8Array<ArrayBuffer> {
  const after = new Uint8Array(Math.max(before.length, offset + part.length));
  after.set(before);
  after.set(part, offset);
  return after;
}

describe.each(drivers)('disk driver: $name', (driver) => {
  let fixture: Fixture;
  let root: Directory;
  beforeEach(() => {
    fixture = driver.setUp();
    root = fixture.root;
  });
  afterEach(() => fixture.dispose());

  describe('files', () => {
    test('a write is read back at its offset, straight from and to a window of memory', () => {
      const opened = file(root.open('f', WRITE));
      expect(opened.type).toBe('regular-file');
      expect(opened.write(bytes('--hello--'), 2, 5, 3)).toBe(5);
      const into = new Uint8Array(16).fill(0xff);
      expect(opened.read(into, 1, 15, 0)).toBe(8);
      expect([...into.subarray(0, 10)]).toEqual([0xff, 0, 0, 0, 104, 101, 108, 108, 111, 0xff]);
      expect(opened.read(into, 0, 4, 8)).toBe(0);
      expect(opened.read(into, 0, 4, 100)).toBe(0);
      expect(opened.read(into, 0, 0, 0)).toBe(0);
      opened.close();
    });

    test('writes far apart leave a hole that reads as zeros', () => {
      const opened = file(root.open('f', WRITE));
      expect(opened.write(bytes('end'), 0, 3, 10_000_000)).toBe(3);
      expect(ok(opened.stat()).size).toBe(10_000_003n);
      const into = new Uint8Array(40_000).fill(1);
      expect(opened.read(into, 0, 40_000, 16_000)).toBe(40_000);
      expect(into.every((byte) => byte === 0)).toBe(true);
      expect(opened.read(into, 0, 40_000, 9_999_999)).toBe(4);
      opened.close();
    });

    test('a write that spans many pages comes back whole', () => {
      const data = Uint8Array.from({ length: 100_003 }, (_, i) => i * 31);
      const opened = file(root.open('f', WRITE));
      expect(opened.write(data, 0, data.length, 16_383)).toBe(data.length);
      const into = new Uint8Array(data.length);
      expect(opened.read(into, 0, into.length, 16_383)).toBe(into.length);
      expect(into).toEqual(data);
      opened.close();
    });

    test('append writes go to the end, whatever the offset, until they are turned off', () => {
      put(root, 'f', 'abc');
      const opened = file(root.open('f', options({ write: true, append: true })));
      expect(opened.write(bytes('d'), 0, 1, 0)).toBe(1);
      expect(opened.setFlags({ append: false, nonblocking: true, sync: 'none' })).toBeUndefined();
      expect(opened.write(bytes('X'), 0, 1, 0)).toBe(1);
      expect(opened.setFlags({ append: true, nonblocking: false, sync: 'data' })).toBeUndefined();
      expect(opened.write(bytes('e'), 0, 1, 0)).toBe(1);
      expect(contents(opened)).toBe('Xbcde');
      opened.close();
    });

    test('the size can be cut and extended; what was cut off is gone', () => {
      const opened = file(root.open('f', WRITE));
      opened.write(bytes('0123456789'), 0, 10, 0);
      expect(opened.setSize(4)).toBeUndefined();
      expect(opened.setSize(8)).toBeUndefined();
      expect(contents(opened)).toBe('0123\0\0\0\0');
      expect(opened.setSize(-1)).toBe('INVAL');
      expect(opened.setSize(2 ** 60)).toBe('FBIG');
      opened.close();
    });

    test('allocate grows, never shrinks', () => {
      const opened = file(root.open('f', WRITE));
      const size = (): bigint => ok(opened.stat()).size;
      expect(opened.allocate(0, 100)).toBeUndefined();
      expect(size()).toBe(100n);
      expect(opened.allocate(10, 10)).toBeUndefined();
      expect(size()).toBe(100n);
      expect(opened.allocate(90, 20)).toBeUndefined();
      expect(size()).toBe(110n);
      expect(opened.allocate(0, 0)).toBe('INVAL');
      expect(opened.allocate(-1, 5)).toBe('INVAL');
      opened.close();
    });

    test('advise, sync and ready', () => {
      const opened = file(root.open('f', WRITE));
      for (const advice of ['normal', 'sequential', 'random', 'willneed', 'dontneed', 'noreuse'] as const) {
        expect(opened.advise(10, 50, advice)).toBeUndefined();
      }
      expect(opened.advise(-1, 1, 'normal')).toBe('INVAL');
      expect(opened.sync(true)).toBeUndefined();
      expect(opened.sync(false)).toBeUndefined();
      expect(opened.ready('read')).toBeUndefined();
      opened.close();
      const synced = file(root.open('f', options({ write: true, sync: 'all' })));
      expect(synced.write(bytes('x'), 0, 1, 0)).toBe(1);
      synced.close();
    });

    test('reading needs read, writing needs write', () => {
      put(root, 'f', 'abc');
      const reader = file(root.open('f', options()));
      expect(reader.write(bytes('x'), 0, 1, 0)).toBe('BADF');
      expect(reader.setSize(0)).toBe('INVAL');
      expect(reader.allocate(0, 10)).toBe('BADF');
      const writer = file(root.open('f', options({ read: false, write: true })));
      expect(writer.read(new Uint8Array(1), 0, 1, 0)).toBe('BADF');
      expect(contents(reader)).toBe('abc');
      reader.close();
      writer.close();
    });

    test('a closed handle gives BADF, and closing again does nothing', () => {
      const opened = file(root.open('f', WRITE));
      opened.close();
      opened.close();
      expect(opened.read(new Uint8Array(1), 0, 1, 0)).toBe('BADF');
      expect(opened.write(new Uint8Array(1), 0, 1, 0)).toBe('BADF');
      expect(opened.stat()).toBe('BADF');
      expect(opened.setSize(0)).toBe('BADF');
      expect(opened.setTimes('now', 'now')).toBe('BADF');
      expect(opened.allocate(0, 1)).toBe('BADF');
      expect(opened.advise(0, 1, 'normal')).toBe('BADF');
      expect(opened.sync(true)).toBe('BADF');
      expect(opened.setFlags({ append: true, nonblocking: false, sync: 'none' })).toBe('BADF');
      expect(opened.setMode(0o600)).toBe('BADF');
    });

    test('a closed handle does not write to the file that got its number', () => {
      const closed = file(root.open('f', WRITE));
      expect(closed.write(bytes('before'), 0, 6, 0)).toBe(6);
      closed.close();
      const opened = file(root.open('g', WRITE));
      expect(closed.write(bytes('after'), 0, 5, 6)).toBe('BADF');
      expect(opened.write(bytes('g'), 0, 1, 0)).toBe(1);
      expect(contents(opened)).toBe('g');
      opened.close();
    });

    test('writes one after the other, elsewhere, at the end and in turn with reads land where they are sent', () => {
      const step = fc.record({
        offset: fc.oneof(fc.constant('next' as const), fc.nat(40)),
        at: fc.nat(3),
        length: fc.nat(9),
        append: fc.boolean(),
        reads: fc.boolean(),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
          const opened = file(root.open('f', options({ write: true, create: true, truncate: true })));
          const sources = [new Uint8Array(12), new Uint8Array(12)];
          let expected = new Uint8Array();
          let next = 0;
          let appends = false;
          for (const [i, { offset, at, length, append, reads }] of steps.entries()) {
            const from = sources[(i >> 2) % 2]!;
            for (let k = 0; k < from.length; k++) from[k] = 16 * i + k;
            if (append !== appends) expect(opened.setFlags({ append, nonblocking: false, sync: 'none' })).toBeUndefined();
            appends = append;
            if (reads) expect(opened.read(new Uint8Array(4), 0, 4, 3)).toBeLessThanOrEqual(4);
            const place = offset === 'next' ? next : offset;
            expect(opened.write(from, at, length, place)).toBe(length);
            const to = append ? expected.length : place;
            if (length > 0) expected = overwritten(expected, to, from.subarray(at, at + length));
            next = to + length;
          }
          const into = new Uint8Array(expected.length + 1);
          expect(opened.read(into, 0, into.length, 0)).toBe(expected.length);
          expect([...into.subarray(0, expected.length)]).toEqual([...expected]);
          opened.close();
        }),
      );
    });

    test('an unlinked file lives on in its handle', () => {
      put(root, 'f', 'abc');
      const opened = file(root.open('f', options()));
      expect(root.unlink('f', false)).toBeUndefined();
      expect(root.stat('f', false)).toBe('NOENT');
      expect(contents(opened)).toBe('abc');
      expect(ok(opened.stat()).links).toBe(0n);
      opened.close();
    });
  });

  describe('open', () => {
    test('create, exclusive, truncate', () => {
      expect(errorOf(root.open('f', options()))).toBe('NOENT');
      put(root, 'f', 'abc');
      file(root.open('f', options({ create: true }))).close();
      expect(get(root, 'f')).toBe('abc');
      expect(errorOf(root.open('f', options({ create: true, exclusive: true })))).toBe('EXIST');
      file(root.open('f', options({ write: true, truncate: true }))).close();
      expect(get(root, 'f')).toBe('');
    });

    test('directories', () => {
      expect(root.makeDirectory('d')).toBeUndefined();
      put(root, 'f', '');
      directory(root.open('d', options())).close();
      directory(root.open('.', options({ directory: true, nonblocking: true }))).close();
      expect(errorOf(root.open('d', options({ write: true })))).toBe('ISDIR');
      expect(errorOf(root.open('d', options({ write: true, directory: true })))).toBe('ISDIR');
      expect(errorOf(root.open('d', options({ create: true })))).toBe('ISDIR');
      expect(errorOf(root.open('.', options({ create: true })))).toBe('ISDIR');
      expect(errorOf(root.open('d', options({ create: true, exclusive: true })))).toBe('EXIST');
      expect(errorOf(root.open('f', options({ directory: true })))).toBe('NOTDIR');
      expect(errorOf(root.open('f/x', options()))).toBe('NOTDIR');
      expect(errorOf(root.open('f/.', options()))).toBe('NOTDIR');
      expect(errorOf(root.open('f/..', options()))).toBe('NOTDIR');
      expect(errorOf(root.open('none/x', WRITE))).toBe('NOENT');
    });

    test('created files have no set-uid, set-gid or execute bits', () => {
      file(root.open('f', WRITE)).close();
      root.makeDirectory('d');
      expect(ok(root.stat('f', false)).mode & 0o7111).toBe(0);
      expect(ok(root.stat('d', false)).mode & 0o7000).toBe(0);
      expect(root.setMode('f', false, 0o7755)).toBeUndefined();
      expect(ok(root.stat('f', false)).mode).toBe(0o755);
      const opened = file(root.open('f', options()));
      expect(opened.setMode(0o6640)).toBeUndefined();
      expect(ok(opened.stat()).mode).toBe(0o640);
      opened.close();
    });

    test('names that no host takes', () => {
      expect(errorOf(root.open('', options()))).toBe('NOENT');
      expect(errorOf(root.open('a\0b', options()))).toBe('INVAL');
      expect(errorOf(root.open('a\ud800', WRITE))).toBe('ILSEQ');
      expect(root.makeDirectory('\udc00')).toBe('ILSEQ');
      expect(root.symlink('\udc00', 'l')).toBe('ILSEQ');
      expect(errorOf(root.open('x'.repeat(256), WRITE))).toBe('NAMETOOLONG');
      expect(errorOf(root.open('\u{1f4be}'.repeat(64), WRITE))).toBe('NAMETOOLONG');
      expect(root.makeDirectory('\u{1f4be}'.repeat(63))).toBeUndefined();
      expect(names(root)).toEqual(['\u{1f4be}'.repeat(63)]);
    });

    test('odd but valid paths', () => {
      root.makeDirectory('dir');
      root.makeDirectory('dir/nested');
      put(root, 'dir/nested/file', 'x');
      expect(get(root, 'dir/.//nested/../../dir/nested/../nested///./file')).toBe('x');
      expect(get(root, './dir/nested/./file')).toBe('x');
      directory(root.open('dir/nested/..', options())).close();
      directory(root.open('dir/nested/../.', options())).close();
    });
  });

  describe('directories', () => {
    test('list names, types and inodes, without dots', () => {
      put(root, 'f', '');
      root.makeDirectory('d');
      root.symlink('f', 'l');
      const entries = [...ok(root.list())].sort((a, b) => (a.name < b.name ? -1 : 1));
      expect(entries.map(({ name, type }) => [name, type])).toEqual([
        ['d', 'directory'],
        ['f', 'regular-file'],
        ['l', 'symbolic-link'],
      ]);
      for (const { name, inode } of entries) expect(inode).toBe(ok(root.stat(name, false)).inode);
      expect(root.list()).toEqual(root.list());
    });

    test('a thousand entries are listed once each', () => {
      const made = Array.from({ length: 1000 }, (_, i) => `entry-with-a-rather-long-name-${String(i).padStart(4, '0')}-é`);
      for (const name of made) put(root, name, '');
      expect(names(root)).toEqual(made);
      for (const name of made) expect(root.unlink(name, false)).toBeUndefined();
      expect(names(root)).toEqual([]);
    });

    test('make and remove', () => {
      expect(root.makeDirectory('d')).toBeUndefined();
      expect(root.makeDirectory('d')).toBe('EXIST');
      expect(root.makeDirectory('d/.')).toBe('EXIST');
      expect(root.makeDirectory('none/d')).toBe('NOENT');
      expect(root.makeDirectory('d/e')).toBeUndefined();
      expect(root.removeDirectory('d')).toBe('NOTEMPTY');
      expect(root.removeDirectory('d/e/.')).toBe('INVAL');
      expect(root.removeDirectory('d/e/..')).toBe('NOTEMPTY');
      expect(root.removeDirectory('d/e')).toBeUndefined();
      expect(root.removeDirectory('d')).toBeUndefined();
      expect(root.removeDirectory('d')).toBe('NOENT');
      put(root, 'f', '');
      expect(root.removeDirectory('f')).toBe('NOTDIR');
    });

    test('unlink', () => {
      root.makeDirectory('d');
      put(root, 'f', '');
      root.symlink('d', 'l');
      expect(root.unlink('d', false)).toBe('ISDIR');
      expect(root.unlink('d', true)).toBe('ISDIR');
      expect(root.unlink('d/.', false)).toBe('ISDIR');
      expect(root.unlink('f', true)).toBe('NOTDIR');
      expect(root.unlink('l', true)).toBe('NOTDIR');
      expect(root.unlink('none', false)).toBe('NOENT');
      expect(root.unlink('none', true)).toBe('NOENT');
      expect(root.unlink('l', false)).toBeUndefined();
      expect(root.unlink('f', false)).toBeUndefined();
      expect(names(root)).toEqual(['d']);
    });

    test('a handle stays on its directory when that is renamed or removed', () => {
      root.makeDirectory('d');
      const inner = subdirectory(root, 'd');
      expect(root.rename('d', false, root, 'e', false)).toBeUndefined();
      put(inner, 'f', 'x');
      expect(get(root, 'e/f')).toBe('x');
      expect(inner.unlink('f', false)).toBeUndefined();
      expect(root.removeDirectory('e')).toBeUndefined();
      expect(errorOf(inner.open('f', WRITE))).toBe('NOENT');
      expect(inner.makeDirectory('x')).toBe('NOENT');
      expect(inner.list()).toEqual([]);
      inner.close();
    });

    test('beneath a handle without links none is followed; the first one follows as before', () => {
      put(root, 'f', 'x');
      root.makeDirectory('d');
      root.symlink('../f', 'd/up');
      root.symlink('d', 'l');
      const strict = directory(root.linkless());
      for (const path of ['l/up', 'd/up', 'l/../f'])
        expect([path, errorOf(strict.open(path, options({ follow: true })))]).toEqual([path, 'LOOP']);
      const below = subdirectory(strict, 'd');
      expect(errorOf(below.open('up', options({ follow: true })))).toBe('LOOP');
      expect(get(strict, 'f')).toBe('x');
      expect(errorOf(root.open('l/up', options({ follow: true })))).toBe('opened a file');
      below.close();
      strict.close();
    });

    test('linkless gives a handle of its own; a closed one gives BADF', () => {
      put(root, 'f', 'x');
      const other = directory(root.linkless());
      const third = directory(other.linkless());
      other.close();
      other.close();
      expect(get(third, 'f')).toBe('x');
      third.close();
      expect(errorOf(other.open('f', options()))).toBe('BADF');
      expect(other.stat('f', false)).toBe('BADF');
      expect(other.list()).toBe('BADF');
      expect(other.makeDirectory('x')).toBe('BADF');
      expect(other.removeDirectory('x')).toBe('BADF');
      expect(other.unlink('f', false)).toBe('BADF');
      expect(other.rename('f', false, root, 'g', false)).toBe('BADF');
      expect(root.rename('f', false, other, 'g', false)).toBe('BADF');
      expect(other.link('f', false, root, 'g')).toBe('BADF');
      expect(other.link('f', true, root, 'g')).toBe('BADF');
      expect(root.link('f', true, other, 'g')).toBe('BADF');
      expect(other.symlink('f', 'g')).toBe('BADF');
      expect(other.readlink('f')).toEqual({ error: 'BADF' });
      expect(other.setTimes('f', false, 'now', 'now')).toBe('BADF');
      expect(other.setMode('f', false, 0)).toBe('BADF');
      expect(other.sync(false)).toBe('BADF');
      expect(other.linkless()).toBe('BADF');
    });
  });

  describe('rename', () => {
    test('files', () => {
      put(root, 'a', 'a');
      put(root, 'b', 'b');
      root.makeDirectory('d');
      expect(root.rename('a', false, root, 'c', false)).toBeUndefined();
      expect(root.rename('c', false, root, 'b', false)).toBeUndefined();
      expect(get(root, 'b')).toBe('a');
      expect(root.rename('b', false, root, 'd', false)).toBe('ISDIR');
      expect(root.rename('b', true, root, 'x', false)).toBe('NOTDIR');
      expect(root.rename('b', false, root, 'x', true)).toBe('NOTDIR');
      expect(root.rename('none', false, root, 'x', false)).toBe('NOENT');
      expect(root.rename('b', false, root, 'none/x', false)).toBe('NOENT');
      const inner = subdirectory(root, 'd');
      expect(root.rename('b', false, inner, 'b', false)).toBeUndefined();
      expect(get(inner, 'b')).toBe('a');
      expect(inner.rename('b', false, root, 'd/b', false)).toBeUndefined();
      expect(names(root)).toEqual(['d']);
      inner.close();
    });

    test('directories, with and without a trailing slash', () => {
      root.makeDirectory('source');
      expect(root.rename('source', true, root, 'target', false)).toBeUndefined();
      expect(root.rename('target', false, root, 'source', true)).toBeUndefined();
      expect(root.rename('source', true, root, 'target', true)).toBeUndefined();
      root.makeDirectory('other');
      expect(root.rename('target', false, root, 'other', false)).toBeUndefined();
      put(root, 'other/file', '');
      root.makeDirectory('empty');
      expect(root.rename('empty', false, root, 'other', false)).toBe('NOTEMPTY');
      expect(root.rename('empty', false, root, 'other/file', false)).toBe('NOTDIR');
      expect(root.rename('other', false, root, 'other/inside', false)).toBe('INVAL');
      expect(root.rename('other/file', false, root, 'other', false)).toBe('NOTEMPTY');
      expect(root.rename('.', false, root, 'x', false)).toBe('BUSY');
      expect(root.rename('empty', false, root, '.', false)).toBe('BUSY');
      expect(root.rename('empty/..', false, root, 'x', false)).toBe('BUSY');
    });

    test('links are moved, not followed', () => {
      put(root, 'f', 'x');
      root.symlink('f', 'l');
      expect(root.rename('l', true, root, 'm', false)).toBe('NOTDIR');
      expect(root.rename('l', false, root, 'm', false)).toBeUndefined();
      expect(root.readlink('m')).toBe('f');
      expect(root.rename('f', false, root, 'm', false)).toBeUndefined();
      expect(get(root, 'm')).toBe('x');
    });

    test('two names of one file: nothing happens', () => {
      put(root, 'a', 'x');
      root.link('a', false, root, 'b');
      expect(root.rename('a', false, root, 'b', false)).toBeUndefined();
      expect(names(root)).toEqual(['a', 'b']);
    });

    test('not to another disk', () => {
      put(root, 'a', 'x');
      const other = directory(ram().open('/'));
      expect(root.rename('a', false, other, 'a', false)).toBe('XDEV');
      expect(root.link('a', false, other, 'a')).toBe('XDEV');
      expect(root.link('a', true, other, 'a')).toBe('XDEV');
    });
  });

  describe('links', () => {
    test('hard links', () => {
      put(root, 'file', 'x');
      root.makeDirectory('d');
      const inner = subdirectory(root, 'd');
      expect(root.link('file', false, inner, 'link')).toBeUndefined();
      expect(ok(root.stat('d/link', false))).toEqual(ok(root.stat('file', false)));
      expect(ok(root.stat('file', false)).links).toBe(2n);
      expect(root.link('file', false, root, 'file')).toBe('EXIST');
      expect(root.link('file', false, root, 'd')).toBe('EXIST');
      expect(root.link('d', false, root, 'x')).toBe('PERM');
      expect(root.link('none', false, root, 'x')).toBe('NOENT');
      expect(inner.unlink('link', false)).toBeUndefined();
      expect(ok(root.stat('file', false)).links).toBe(1n);
      inner.close();
    });

    test('hard links to symbolic links, followed or not', () => {
      put(root, 'file', 'x');
      root.symlink('file', 'good');
      root.symlink('none', 'dangling');
      root.symlink('loop', 'loop');
      expect(root.link('dangling', false, root, 'a')).toBeUndefined();
      expect(root.readlink('a')).toBe('none');
      expect(root.link('loop', false, root, 'b')).toBeUndefined();
      expect(root.link('file', false, root, 'dangling')).toBe('EXIST');
      expect(root.link('dangling', true, root, 'c')).toBe('NOENT');
      expect(root.link('loop', true, root, 'c')).toBe('LOOP');
      expect(root.link('good', true, root, 'c')).toBeUndefined();
      expect(ok(root.stat('c', false)).inode).toBe(ok(root.stat('file', false)).inode);
    });

    test('symbolic links', () => {
      put(root, 'file', 'x');
      root.makeDirectory('dir');
      expect(root.symlink('file', 'l')).toBeUndefined();
      expect(root.symlink('file', 'l')).toBe('EXIST');
      expect(root.symlink('file', 'dir')).toBe('EXIST');
      expect(root.symlink('', 'e')).toBe('NOENT');
      expect(root.symlink('x\0', 'e')).toBe('INVAL');
      expect(root.symlink('x'.repeat(5000), 'e')).toBe('NAMETOOLONG');
      expect(root.readlink('l')).toBe('file');
      expect(root.readlink('file')).toEqual({ error: 'INVAL' });
      expect(root.readlink('.')).toEqual({ error: 'INVAL' });
      expect(root.readlink('none')).toEqual({ error: 'NOENT' });
      expect(errorOf(root.open('l', options()))).toBe('LOOP');
      expect(get(root, 'l', true)).toBe('x');
      expect(ok(root.stat('l', false)).type).toBe('symbolic-link');
      expect(ok(root.stat('l', false)).size).toBe(4n);
      expect(ok(root.stat('l', true)).type).toBe('regular-file');
      expect(errorOf(root.open('l', options({ directory: true, follow: true })))).toBe('NOTDIR');
      expect(errorOf(root.open('l', options({ directory: true })))).toBe('NOTDIR');
      expect(errorOf(root.open('l/.', options({ follow: true })))).toBe('NOTDIR');
    });

    test('links to directories, and in the middle of a path', () => {
      root.makeDirectory('a');
      root.makeDirectory('a/b');
      put(root, 'a/b/f', 'x');
      root.symlink('a/b', 'to-b');
      root.symlink('../../to-b/f', 'a/b/up');
      expect(get(root, 'to-b/f')).toBe('x');
      expect(get(root, 'to-b/up', true)).toBe('x');
      expect(get(root, 'to-b/../../a/b/f')).toBe('x');
      directory(root.open('to-b', options({ directory: true, follow: true }))).close();
      expect(errorOf(root.open('to-b', options({ directory: true })))).toBe('NOTDIR');
      expect(root.makeDirectory('to-b/c')).toBeUndefined();
      expect(ok(root.stat('a/b/c', false)).type).toBe('directory');
    });

    test('loops end', () => {
      root.symlink('b', 'a');
      root.symlink('a', 'b');
      expect(errorOf(root.open('a', options({ follow: true })))).toBe('LOOP');
      expect(errorOf(root.open('a', options()))).toBe('LOOP');
      expect(errorOf(root.open('a/x', options()))).toBe('LOOP');
      expect(root.stat('a', true)).toBe('LOOP');
      root.symlink('self/x', 'self');
      expect(root.stat('self', true)).toBe('LOOP');
    });

    test('a dangling link with create makes what it names', () => {
      root.makeDirectory('d');
      root.symlink('d/new', 'l');
      expect(errorOf(root.open('l', options({ follow: true })))).toBe('NOENT');
      expect(errorOf(root.open('l', options({ write: true, create: true })))).toBe('LOOP');
      expect(errorOf(root.open('l', options({ write: true, create: true, exclusive: true, follow: true })))).toBe('EXIST');
      file(root.open('l', options({ write: true, create: true, follow: true }))).close();
      expect(ok(root.stat('d/new', false)).type).toBe('regular-file');
    });
  });

  describe('times', () => {
    const near = (a: bigint, b: bigint): void => {
      const difference = a > b ? a - b : b - a;
      expect(difference <= (driver.exactTimes ? 0n : 1000n)).toBe(true);
    };
    const T1 = 1_234_567_890_123_456_789n;
    const T2 = 1_500_000_000_000_000_001n;

    test('of a path, an open file, and the link itself', () => {
      put(root, 'f', 'x');
      root.symlink('f', 'l');
      expect(root.setTimes('f', false, T1, T2)).toBeUndefined();
      near(ok(root.stat('f', false)).accessed, T1);
      near(ok(root.stat('f', false)).modified, T2);
      expect(root.setTimes('f', false, 'keep', T1)).toBeUndefined();
      near(ok(root.stat('f', false)).accessed, T1);
      near(ok(root.stat('f', false)).modified, T1);
      expect(root.setTimes('l', false, T2, T2)).toBeUndefined();
      near(ok(root.stat('l', false)).modified, T2);
      near(ok(root.stat('f', false)).modified, T1);
      expect(root.setTimes('l', true, T2, T2)).toBeUndefined();
      near(ok(root.stat('f', false)).modified, T2);
      const opened = file(root.open('f', options()));
      expect(opened.setTimes(T1, 'now')).toBeUndefined();
      const stat = ok(opened.stat());
      near(stat.accessed, T1);
      expect(stat.modified > T2).toBe(true);
      opened.close();
      expect(root.setTimes('none', false, 'now', 'now')).toBe('NOENT');
      expect(root.setTimes('.', false, T1, T1)).toBeUndefined();
      near(ok(root.stat('.', false)).modified, T1);
    });

    test('before the epoch', () => {
      put(root, 'f', 'x');
      if (!driver.exactTimes) {
        expect(root.setTimes('f', false, -1n, 'keep')).toBe('INVAL');
        return;
      }
      expect(root.setTimes('f', false, -1n, -1_500_000_000n)).toBeUndefined();
      expect(ok(root.stat('f', false)).accessed).toBe(-1n);
      expect(ok(root.stat('f', false)).modified).toBe(-1_500_000_000n);
    });

    test('a write moves the time of modification', () => {
      put(root, 'f', 'x');
      root.setTimes('f', false, T1, T1);
      put(root, 'f', 'y');
      expect(ok(root.stat('f', false)).modified > T1).toBe(true);
    });
  });

  test('stat tells what there is', () => {
    put(root, 'f', 'abc');
    root.makeDirectory('d');
    const stat = ok(root.stat('f', false));
    expect(stat).toMatchObject({ type: 'regular-file', size: 3n, links: 1n });
    expect(stat.device).toBe(ok(root.stat('.', false)).device);
    const opened = file(root.open('f', options()));
    expect(ok(opened.stat())).toEqual(ok(root.stat('d/../f', true)));
    opened.close();
    expect(ok(root.stat('d', true)).type).toBe('directory');
    expect(ok(root.stat('d/..', true)).inode).toBe(ok(root.stat('.', true)).inode);
    expect(root.stat('none', true)).toBe('NOENT');
    expect(root.stat('f/x', true)).toBe('NOTDIR');
  });
});
