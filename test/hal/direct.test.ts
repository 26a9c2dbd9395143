// System calls made without a detour, and what is moved with them: between files and memory, wherever, with each error that the host may have.
import fs from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { type Direct, direct } from '../../src/hal/node/direct.ts';
import { procPath } from '../../src/hal/node/disk/at.ts';
import { libc } from '../../src/hal/node/disk/libc.ts';
import { DirectTransfer, HERE } from '../../src/hal/node/disk/transfer.ts';
import { loadFfi } from '../../src/hal/node/ffi.ts';
import { library } from '../../src/hal/node/library.ts';
import { temporary } from './disks.ts';

const native = libc();
const calls = direct();
if (native === undefined || typeof calls === 'string') throw new Error(`this host makes no direct calls: ${calls}`);

const directory = temporary();
const file = path.join(directory, 'f');
const opened: number[] = [];
afterEach(() => opened.splice(0).map(fs.closeSync));
afterAll(() => fs.rmSync(directory, { recursive: true }));

const open = (flags = 'w+') => {
  const fd = fs.openSync(file, flags);
  opened.push(fd);
  return fd;
};
const text = () => fs.readFileSync(file, 'utf8');
/** Outside of V8's heap, as a guest's memory is. */
const bytes = new Uint8Array(new ArrayBuffer(8));
bytes.set(new TextEncoder().encode('abcdefgh'));

describe('a call', () => {
  const write = (fd: number, length: number) => calls.syscall(calls.write, fd, Number(native.addressOf(bytes.buffer)), length);

  test('gives what the host says, or a negated errno', () => {
    expect([write(open(), 5), text()]).toEqual([5, 'abcde']);
    expect(write(2 ** 20, 5)).toBe(-9);
    expect(calls.syscall(calls.write, open(), 0, 1)).toBe(-14);
    expect(calls.syscall(2 ** 30, 0, 0, 0)).toBe(-38);
  });

  test('what it is made of stays while nobody but its caller knows it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext("() => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })") as () => void;
    for (let i = 0; i < 3; i++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(write(open(), 3)).toBe(3);
  });

  test('leaves no descriptor open, and no memory that can be written and run', () => {
    const open = fs.readdirSync('/proc/self/fd').map(Number).map(procPath).filter(fs.existsSync);
    expect(open.map((name) => fs.readlinkSync(name)).filter((name) => name.startsWith('/memfd:superos'))).toEqual([]);
    const own = fs
      .readFileSync('/proc/self/maps', 'latin1')
      .split('\n')
      .filter((line) => line.includes('/memfd:superos'));
    expect(own.map((line) => line.split(' ')[1])).toContain('r-xp');
    expect(own.filter((line) => / .w.p /.test(line) && / ..x. /.test(line))).toEqual([]);
  });
});

test('what is no library is not linked', () => {
  const ffi = loadFfi()!;
  const bytes = library(0, 'nothing', Uint8Array.of(0xc3));
  fs.writeFileSync(file, bytes);
  expect(() => ffi.dlopen(file, {})).toThrow();
});

describe.each<[string, (d: Direct) => Direct | string]>([
  ['directly', (d) => d],
  ['where the host has no direct calls', () => 'this one has none'],
])('%s', (_, has) => {
  const transfer = (flags?: string) => new DirectTransfer(native, () => has(calls), open(flags));

  test('written one after the other, elsewhere, and on from there', () => {
    const one = transfer();
    expect([one.write(bytes, 0, 2, 0), one.write(bytes, 2, 2, 2), one.write(bytes, 4, 1, 8), one.write(bytes, 5, 1, 9)]).toEqual([
      2, 2, 1, 1,
    ]);
    expect(one.write(bytes, 6, 1, 4)).toBe(1);
    expect(text()).toBe('abcdg\0\0\0ef');
  });

  test('where the descriptor stands', () => {
    const one = transfer('a');
    fs.writeFileSync(file, 'x');
    expect([one.write(bytes, 0, 2, HERE), one.write(bytes, 2, 1, HERE), text()]).toEqual([2, 1, 'xabc']);
  });

  test('from the middle of a buffer, of shared memory, and of another that comes later', () => {
    const one = transfer();
    const shared = new Uint8Array(new SharedArrayBuffer(4), 1).fill(0x7a);
    expect([one.write(bytes.subarray(3), 1, 2, 0), one.write(shared, 1, 1, 2), one.write(bytes, 0, 1, 3)]).toEqual([2, 1, 1]);
    expect(text()).toBe('efza');
  });

  test('never from beyond what it is given, or what is no more', () => {
    const one = transfer();
    expect([one.write(bytes, 7, 2, 0), one.write(bytes, 2 ** 40, 1, 0)]).toEqual(['FAULT', 'FAULT']);
    const gone = new Uint8Array(new ArrayBuffer(4));
    expect(one.write(gone, 0, 4, 0)).toBe(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(one.write(gone, 0, 4, 4)).toBe('FAULT');
  });

  test('an error is the host’s', () => {
    expect(transfer('w').read(new Uint8Array(1), 0, 1, 0)).toBe('BADF');
    expect(transfer('r').write(bytes, 0, 1, 0)).toBe('BADF');
  });

  test('read one after the other, up to the end, elsewhere, and on from there', () => {
    const into = new Uint8Array(new ArrayBuffer(16));
    const one = transfer();
    fs.writeFileSync(file, 'abcdefgh');
    expect([one.read(into, 1, 3, 0), one.read(into, 4, 9, 3), one.read(into, 9, 1, 8), one.read(into, 9, 2, 1)]).toEqual([
      3, 5, 0, 2,
    ]);
    expect([one.read(into, 11, 1, 3), one.read(into, 12, 1, 4), one.read(into, 13, 1, 0)]).toEqual([1, 1, 1]);
    expect(Buffer.from(into).toString()).toBe('\0abcdefghbcdea\0\0');
  });

  test('reads and writes in turn find each other’s bytes', () => {
    const into = new Uint8Array(new SharedArrayBuffer(6), 1);
    const one = transfer();
    expect([one.write(bytes, 0, 4, 0), one.read(into, 0, 2, 0), one.write(bytes, 6, 1, 2), one.read(into, 2, 2, 2)]).toEqual([
      4, 2, 1, 2,
    ]);
    expect([Buffer.from(into).toString(), text()]).toEqual(['abgd\0', 'abgd']);
  });

  test('never into what is beyond, or is no more', () => {
    const one = transfer();
    fs.writeFileSync(file, 'abcdefgh');
    const gone = new Uint8Array(new ArrayBuffer(4));
    expect([one.read(gone, 0, 4, 0), one.read(gone, 3, 2, 0)]).toEqual([4, 'FAULT']);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(one.read(gone, 0, 4, 4)).toBe('FAULT');
  });
});

describe('a call that fails', () => {
  /** How the next writes fail; once there is none they are the host's. */
  const failures: number[] = [];
  const syscall: Direct['syscall'] = (...given) => failures.shift() ?? calls.syscall(...given);
  const transfer = () => new DirectTransfer(native, () => ({ ...calls, syscall }), open());
  const [EINTR, ENOSPC] = [-4, -28];

  test('for a signal is done again', () => {
    const one = transfer();
    failures.push(EINTR, EINTR);
    expect(one.write(bytes, 0, 3, 0)).toBe(3);
    failures.push(EINTR);
    const into = new Uint8Array(new ArrayBuffer(3));
    expect(one.read(into, 0, 3, 0)).toBe(3);
    expect([text(), Buffer.from(into).toString()]).toEqual(['abc', 'abc']);
  });

  test('after the descriptor was moved leaves the next one where it is sent', () => {
    const one = transfer();
    expect([one.write(bytes, 0, 4, 0), one.write(bytes, 4, 1, 10)]).toEqual([4, 1]);
    failures.push(ENOSPC);
    expect(one.write(bytes, 5, 1, 11)).toBe('NOSPC');
    expect(one.write(bytes, 6, 1, 4)).toBe(1);
    expect(text()).toBe('abcdg\0\0\0\0\0e');
  });
});
