// System calls made without a detour, and what is moved with them: between files and memory, wherever, with each error that the host
// may have.
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { type Direct, direct } from '../../src/hal/node/direct.ts';
import { libc } from '../../src/hal/node/disk/libc.ts';
import { DirectTransfer, HERE } from '../../src/hal/node/disk/transfer.ts';
import { loadFfi } from '../../src/hal/node/ffi.ts';
import { library } from '../../src/hal/node/library.ts';
import { sample } from '../soak/host.ts';
import { descriptors, temporary } from './disks.ts';

const native = libc();
const calls = direct();
if (native === undefined || typeof calls === 'string') throw new Error(`this host makes no direct calls: ${calls}`);

const directory = temporary();
const file = path.join(directory, 'f');
const opened: number[] = [];
afterEach(() => opened.splice(0).map(fs.closeSync));
afterAll(() => fs.rmSync(directory, { recursive: true }));

const open = (flags = 'w+', name = file) => {
  const fd = fs.openSync(name, flags);
  opened.push(fd);
  return fd;
};
const text = () => fs.readFileSync(file, 'utf8');
/** Outside of V8's heap, as a guest's memory is. */
const memory = (length: number) => new Uint8Array(new ArrayBuffer(length));
const bytes = memory(8);
bytes.set(new TextEncoder().encode('abcdefgh'));

/** What the linker has mapped. */
const mappings = () =>
  fs
    .readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter((line) => line.includes('/memfd:superos'))
    .map((line) => line.split(' ')[1]!);

describe('a call', () => {
  const write = (fd: number, length: number) => calls.syscall(calls.write, fd, Number(native.addressOf(bytes.buffer)), length);

  test('gives what the host says, or a negated errno', () => {
    expect([write(open(), 5), text()]).toEqual([5, 'abcde']);
    expect(write(2 ** 20, 5)).toBe(-9);
    expect(calls.syscall(calls.write, open(), 0, 1)).toBe(-14);
    // Filters of containers say EPERM.
    expect([-38, -1]).toContain(calls.syscall(5000, 0, 0, 0));
  });

  test('what it is made of stays while nobody but its caller knows it', async () => {
    await sample();
    expect(write(open(), 3)).toBe(3);
  });

  test('leaves no descriptor open, and no memory that can be written and run', () => {
    expect(descriptors().filter((name) => name.includes('/memfd:superos'))).toEqual([]);
    expect(mappings()).toContain('r-xp');
    expect(mappings().filter((access) => access.includes('w') && access.includes('x'))).toEqual([]);
  });

  test.each(['ends', 'is ended'])('from a thread that %s: nothing stays', async (how) => {
    const before = mappings().length;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(new URL('direct-child.ts', import.meta.url));
      const ended = once(worker, 'exit');
      expect(await once(worker, 'message')).toEqual([1]);
      if (how === 'ends') worker.postMessage('end');
      else await worker.terminate();
      await ended;
    }
    expect(mappings().length).toBe(before);
  });
});

test('what the linker refuses is an error, not the end', () => {
  const of = (machine: number) => library(machine, 'nothing', Uint8Array.of(0xc3));
  for (const image of [of(0), of(62).subarray(0, 100), of(183).subarray(0, 64), Buffer.from('#!/bin/sh\n'), Buffer.alloc(0)]) {
    fs.writeFileSync(file, image);
    expect(() => loadFfi()!.dlopen(file, {})).toThrow();
  }
});

/** Calls made directly since `made` was last emptied. */
const made: number[] = [];
const counted: Direct = {
  ...calls,
  syscall(...given) {
    made.push(given[0]);
    return calls.syscall(...given);
  },
};

describe.each([
  { name: 'directly', has: counted, isDirect: true },
  { name: 'where the host has no direct calls', has: undefined, isDirect: false },
])('$name', ({ has, isDirect }) => {
  const transfer = (flags?: string) => {
    made.length = 0;
    return new DirectTransfer(native, () => has, open(flags));
  };
  const [reads, writes] = [calls.read, calls.write];
  const expectMade = (...numbers: number[]) => expect(made).toEqual(isDirect ? numbers : []);

  test('written one after the other, elsewhere, and on from there', () => {
    const one = transfer();
    expect([one.write(bytes, 0, 2, 0), one.write(bytes, 2, 2, 2), one.write(bytes, 4, 1, 8), one.write(bytes, 5, 1, 9)]).toEqual([
      2, 2, 1, 1,
    ]);
    expect(one.write(bytes, 6, 1, 4)).toBe(1);
    expect(text()).toBe('abcdg\0\0\0ef');
    // Neither the first that goes elsewhere nor the last.
    expectMade(writes, writes, writes);
  });

  test('read one after the other, up to the end, elsewhere, and on from there', () => {
    const into = memory(16);
    const one = transfer();
    fs.writeFileSync(file, 'abcdefgh');
    expect([one.read(into, 1, 3, 0), one.read(into, 4, 9, 3), one.read(into, 9, 1, 8), one.read(into, 9, 2, 1)]).toEqual([
      3, 5, 0, 2,
    ]);
    expect([one.read(into, 11, 1, 3), one.read(into, 12, 1, 4), one.read(into, 13, 1, 0)]).toEqual([1, 1, 1]);
    expect(Buffer.from(into).toString()).toBe('\0abcdefghbcdea\0\0');
    expectMade(reads, reads, reads, reads, reads);
  });

  test('reads and writes in turn find each other\u2019s bytes', () => {
    const into = new Uint8Array(new SharedArrayBuffer(6), 1);
    const one = transfer();
    const moved = [one.write(bytes, 0, 4, 0), one.read(into, 0, 2, 0), one.write(bytes, 6, 1, 2), one.read(into, 2, 2, 2)];
    expect(moved).toEqual([4, 2, 1, 2]);
    expect([Buffer.from(into).toString(), text()]).toEqual(['abgd\0', 'abgd']);
    expectMade(writes, writes, reads);
  });

  test('where the descriptor stands', () => {
    const one = transfer('a');
    fs.writeFileSync(file, 'x');
    expect([one.write(bytes, 0, 2, HERE), one.write(bytes, 2, 1, HERE), text()]).toEqual([2, 1, 'xabc']);
    expectMade(writes, writes);
  });

  test('from the middle of a buffer, of shared memory, and of another that comes later', () => {
    const one = transfer();
    const shared = new Uint8Array(new SharedArrayBuffer(4), 1).fill(0x7a);
    expect([one.write(bytes.subarray(3), 1, 2, 0), one.write(shared, 1, 1, 2), one.write(bytes, 0, 1, 3)]).toEqual([2, 1, 1]);
    expect(text()).toBe('efza');
    expectMade(writes, writes, writes);
  });

  test('never from or into what is beyond, or is no more', () => {
    const one = transfer();
    const gone = memory(4);
    expect([one.write(bytes, 7, 2, 0), one.write(bytes, 2 ** 40, 1, 0), one.read(bytes, 7, 2, 0)]).toEqual([
      'FAULT',
      'FAULT',
      'FAULT',
    ]);
    expect([one.write(gone, 0, 4, 0), one.read(gone, 0, 4, 0)]).toEqual([4, 4]);
    made.length = 0;
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect([one.write(gone, 0, 4, 4), one.read(gone, 0, 4, 4)]).toEqual(['FAULT', 'FAULT']);
    expectMade();
  });

  test('an error is the host\u2019s', () => {
    expect(transfer('w').read(memory(1), 0, 1, 0)).toBe('BADF');
    expectMade(reads);
    expect(transfer('r').write(bytes, 0, 1, 0)).toBe('BADF');
    expectMade(writes);
  });
});

test('where the descriptor stands once calls were made through node:fs is not taken for the start', () => {
  let has: Direct | undefined;
  const one = new DirectTransfer(native, () => has, open('a+'));
  expect(one.write(bytes, 0, 4, HERE)).toBe(4);
  has = calls;
  const into = memory(2);
  expect([one.read(into, 0, 2, 0), Buffer.from(into).toString()]).toEqual([2, 'ab']);
});

test('from whichever call on the host has direct ones: all is as it is without', () => {
  const step = fc.record({ reads: fc.boolean(), offset: fc.nat(12), next: fc.boolean(), length: fc.nat(4), other: fc.boolean() });
  fc.assert(
    fc.property(fc.boolean(), fc.nat(12), fc.array(step, { maxLength: 12 }), (appends, from, steps) => {
      const outcomes = [from, Number.POSITIVE_INFINITY].map((first) => {
        fs.writeFileSync(file, '0123456789');
        let call = 0;
        const one = new DirectTransfer(native, () => (call >= first ? calls : undefined), open(appends ? 'a+' : 'r+'));
        const memories = [memory(8).fill(0x41), memory(8).fill(0x42)];
        let end = 0;
        const moved = steps.map(({ reads, offset, next, length, other }) => {
          call++;
          const at = next ? end : offset;
          const buffer = memories[other ? 1 : 0]!;
          const count = reads ? one.read(buffer, 2, length, at) : one.write(buffer, 2, length, appends ? HERE : at);
          if (typeof count === 'number') end = at + count;
          return count;
        });
        return { moved, memories: memories.map((some) => Buffer.from(some).toString()), text: text() };
      });
      expect(outcomes[0]).toEqual(outcomes[1]);
    }),
  );
});

describe('a call that fails', () => {
  /** How the next ones fail; once there is none they are the host's. */
  const failures: number[] = [];
  const syscall: Direct['syscall'] = (...given) => failures.shift() ?? calls.syscall(...given);
  const transfer = () => new DirectTransfer(native, () => ({ ...calls, syscall }), open());
  afterEach(() => expect(failures).toEqual([]));
  const [EINTR, ENOSPC] = [-4, -28];

  test('for a signal is done again', () => {
    const one = transfer();
    failures.push(EINTR, EINTR);
    expect(one.write(bytes, 0, 3, 0)).toBe(3);
    const into = memory(3);
    expect(one.read(into, 0, 2, 1)).toBe(2);
    failures.push(EINTR);
    expect(one.read(into, 2, 1, 3)).toBe(0);
    expect([text(), Buffer.from(into).toString()]).toEqual(['abc', 'bc\0']);
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
