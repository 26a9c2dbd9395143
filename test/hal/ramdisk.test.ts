// The quotas of the in-memory disk: what takes room, what gives it back, and what does neither.
import { describe, expect, test } from 'vitest';
import type { Directory } from '../../src/hal/disk.ts';
import type { RamDisk } from '../../src/hal/ramdisk.ts';
import { directory, errorOf, file, get, ok, options, put, ram } from './disks.ts';

const PAGE = 16_384;
const WRITE = options({ write: true, create: true });
const open = (disk: RamDisk): Directory => directory(disk.open('/'));

describe('bytes', () => {
  test('a write takes what fits, then NOSPC', () => {
    const disk = ram(3 * PAGE);
    const opened = file(open(disk).open('f', WRITE));
    const data = new Uint8Array(4 * PAGE).fill(7);
    expect(opened.write(data, 0, data.length, 100)).toBe(3 * PAGE - 100);
    expect(opened.write(data, 0, 1, 3 * PAGE)).toBe('NOSPC');
    expect(opened.write(data, 0, 10, 0)).toBe(10);
    expect(ok(opened.stat()).size).toBe(BigInt(3 * PAGE));
    expect(disk.free.bytes).toBe(0);
  });

  test('holes take nothing', () => {
    const disk = ram(2 * PAGE);
    const opened = file(open(disk).open('f', WRITE));
    expect(opened.setSize(2 ** 50)).toBeUndefined();
    expect(opened.write(new Uint8Array([1]), 0, 1, 2 ** 49)).toBe(1);
    expect(disk.free.bytes).toBe(PAGE);
    expect(opened.setSize(2 ** 49)).toBeUndefined();
    expect(disk.free.bytes).toBe(2 * PAGE);
  });

  test('allocate takes all that it asks for, or nothing', () => {
    const disk = ram(4 * PAGE);
    const opened = file(open(disk).open('f', WRITE));
    expect(opened.allocate(0, 2 ** 52)).toBe('NOSPC');
    expect(opened.allocate(PAGE, 4 * PAGE + 1)).toBe('NOSPC');
    expect(disk.free.bytes).toBe(4 * PAGE);
    expect(opened.allocate(PAGE - 1, 2)).toBeUndefined();
    expect(disk.free.bytes).toBe(2 * PAGE);
    expect(opened.allocate(0, 4 * PAGE)).toBeUndefined();
    expect(disk.free.bytes).toBe(0);
  });

  test('come back when a file is cut, replaced, or gone from directories and handles', () => {
    const disk = ram(4 * PAGE);
    const root = open(disk);
    put(root, 'a', 'x'.repeat(3 * PAGE));
    file(root.open('a', options({ write: true, truncate: true }))).close();
    expect(disk.free.bytes).toBe(4 * PAGE);
    put(root, 'a', 'x');
    put(root, 'b', 'y');
    expect(root.rename('a', false, root, 'b', false)).toBeUndefined();
    expect(disk.free.bytes).toBe(3 * PAGE);
    const one = file(root.open('b', options()));
    const two = file(root.open('b', options()));
    root.link('b', false, root, 'c');
    root.unlink('b', false);
    root.unlink('c', false);
    one.close();
    one.close();
    expect(disk.free.bytes).toBe(3 * PAGE);
    two.close();
    expect(disk.free).toEqual({ bytes: 4 * PAGE, entries: 10_000 });
  });

  test('targets of links count', () => {
    const disk = ram(10);
    const root = open(disk);
    expect(root.symlink('é234567', 'a')).toBeUndefined();
    expect(disk.free.bytes).toBe(2);
    expect(root.symlink('abc', 'b')).toBe('NOSPC');
    root.link('a', false, root, 'c');
    root.unlink('a', false);
    expect(disk.free.bytes).toBe(2);
    root.unlink('c', false);
    expect(disk.free.bytes).toBe(10);
  });
});

describe('entries', () => {
  test('are bounded, hard links included', () => {
    const disk = ram(PAGE, 3);
    const root = open(disk);
    put(root, 'f', '');
    expect(root.makeDirectory('d')).toBeUndefined();
    expect(root.link('f', false, root, 'g')).toBeUndefined();
    expect(errorOf(root.open('h', WRITE))).toBe('NOSPC');
    expect(root.makeDirectory('h')).toBe('NOSPC');
    expect(root.link('f', false, root, 'h')).toBe('NOSPC');
    expect(root.symlink('x', 'h')).toBe('NOSPC');
    expect(disk.free.bytes).toBe(PAGE);
    expect(root.rename('g', false, root, 'd/moved', false)).toBeUndefined();
    root.unlink('d/moved', false);
    expect(root.makeDirectory('h')).toBeUndefined();
  });

  test('a rename that fails leaves everything in place', () => {
    const disk = ram();
    const root = open(disk);
    put(root, 'f', 'x');
    root.makeDirectory('d');
    const gone = directory(root.open('d', options()));
    root.removeDirectory('d');
    const before = disk.free;
    expect(root.rename('f', false, root, 'n'.repeat(256), false)).toBe('NAMETOOLONG');
    expect(root.rename('f', false, gone, 'f', false)).toBe('NOENT');
    expect(get(root, 'f')).toBe('x');
    expect(disk.free).toEqual(before);
  });
});

test('a path given to the disk is within its tree', () => {
  const disk = ram();
  const root = open(disk);
  root.makeDirectory('d');
  put(root, 'd/f', 'x');
  expect(get(directory(disk.open('/d')), 'f')).toBe('x');
  expect(get(directory(disk.open('//d/../d')), 'f')).toBe('x');
  expect(errorOf(disk.open('/d/f'))).toBe('NOTDIR');
  expect(errorOf(disk.open('/none'))).toBe('NOENT');
  expect(errorOf(disk.open('/../etc'))).toBe('PERM');
});
