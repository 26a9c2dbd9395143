// What node:ffi is given of the C library, and what is written through it.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { SIGNATURES as FILES, type Libc, libc } from '../../src/hal/node/disk/libc.ts';
import { LibcTransfer } from '../../src/hal/node/disk/transfer.ts';
import { SIGNATURES as MEMORY } from '../../src/hal/node/mmu/calls.ts';
import { temporary } from './disks.ts';

describe('signatures', () => {
  const all = [...Object.entries(FILES), ...Object.entries(MEMORY)].map(([name, one]) => ({ name, given: one.arguments }));

  test('write alone has three arguments: V8 knows what node:ffi does with those of no other function', () => {
    expect(all.filter(({ given }) => given.length === 3).map(({ name }) => name)).toEqual(['write']);
  });

  test('what node:ffi checks is of one type', () => {
    const types = new Set<string>(all.flatMap(({ given }) => given));
    expect([...types].sort()).toEqual(['double', 'int64']);
  });
});

const native = libc();
if (native === undefined) throw new Error('this host has no node:ffi');

describe('a write that fails', () => {
  const directory = temporary();
  const file = path.join(directory, 'f');
  const opened: number[] = [];
  afterEach(() => opened.splice(0).map(fs.closeSync));
  afterAll(() => fs.rmSync(directory, { recursive: true }));

  /** How the next writes fail; once there is none they are the host's. */
  const failures: ('INTR' | 'NOSPC')[] = [];
  const transfer = (): LibcTransfer => {
    const fd = fs.openSync(file, 'w+');
    opened.push(fd);
    const put = (...given: Parameters<Libc['write']>) => (failures.length > 0 ? -1 : native.write(...given));
    return new LibcTransfer(
      { ...native, write: Object.assign(put, native.write), error: () => failures.shift() ?? native.error() },
      fd,
    );
  };
  const bytes = new TextEncoder().encode('abcdefgh');

  test('for a signal is done again', () => {
    const one = transfer();
    failures.push('INTR', 'INTR');
    expect(one.write(bytes, 0, 3, 0)).toBe(3);
    expect(fs.readFileSync(file, 'utf8')).toBe('abc');
  });

  test('after the descriptor was moved leaves the next one where it is sent', () => {
    const one = transfer();
    expect([one.write(bytes, 0, 4, 0), one.write(bytes, 4, 1, 10)]).toEqual([4, 1]);
    failures.push('NOSPC');
    expect(one.write(bytes, 5, 1, 11)).toBe('NOSPC');
    expect(one.write(bytes, 6, 1, 4)).toBe(1);
    expect(fs.readFileSync(file, 'utf8')).toBe('abcdg\0\0\0\0\0e');
  });
});
