// Every combination of the flags of open (wasmtime GHSA-2r75): without `write` no byte of the file changes, and nothing is cut.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OpenOptions } from '../../src/hal/disk.ts';
import { drivers, type Fixture, get, names, options, put } from '../hal/disks.ts';

const FLAGS = ['read', 'write', 'create', 'exclusive', 'truncate', 'directory', 'follow', 'append', 'nonblocking'] as const;

const combinations = (): OpenOptions[] =>
  Array.from({ length: 2 ** FLAGS.length }, (_, bits) =>
    options(Object.fromEntries(FLAGS.map((flag, i) => [flag, (bits & (1 << i)) !== 0]))),
  );

describe.each(drivers)('flags of open, disk driver: $name', (driver) => {
  let fixture: Fixture;
  beforeEach(() => {
    fixture = driver.setUp();
  });
  afterEach(() => fixture.dispose());

  test.each(['file', 'link'])('%s', (path) => {
    const { root } = fixture;
    put(root, 'file', 'precious');
    root.symlink('file', 'link');
    root.makeDirectory('directory');
    const bytes = new Uint8Array([120, 120]);
    for (const how of combinations()) {
      const opened = root.open(path, how);
      const before = get(root, 'file');
      if (typeof opened !== 'string' && opened.kind === 'file') {
        expect(before).toBe(how.truncate ? '' : 'precious');
        if (!how.write) {
          expect(opened.write(bytes, 0, 2, 0)).toBe('BADF');
          expect(opened.setSize(0)).toBe('INVAL');
          expect(opened.allocate(0, 100)).toBe('BADF');
        }
      }
      if (typeof opened !== 'string') opened.close();
      if (!how.write || typeof opened === 'string') expect([how, get(root, 'file')]).toEqual([how, 'precious']);
      else put(root, 'file', 'precious');
    }
    expect(names(root)).toEqual(['directory', 'file', 'link']);
  });

  test('truncating without writing is refused', () => {
    put(fixture.root, 'file', 'precious');
    expect(fixture.root.open('file', options({ truncate: true }))).toBe('INVAL');
    expect(fixture.root.open('new', options({ truncate: true, create: true }))).toBe('INVAL');
    expect(names(fixture.root)).toEqual(['file']);
  });
});
