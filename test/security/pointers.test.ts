// SECURITY.md 17. Every call with every combination of bad addresses and lengths, unaligned and overlapping iovecs, extreme numbers
// and descriptors that are none (uvwasi 254, 258): an errno each time, the host alive, and nothing left behind.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { TABLE } from '../../src/syscalls/table.ts';
import { guest, hostDescriptors, snapshot, temporaryTree } from '../machine/guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

/** By call and errno: how often. */
const parse = (stdout: string): Map<string, Record<string, number>> =>
  new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => {
        const colon = line.indexOf(': ');
        const counts = line
          .slice(colon + 2)
          .split(',')
          .map((one) => one.split('=') as [string, string]);
        return [line.slice(0, colon), Object.fromEntries(counts.map(([name, count]) => [name, Number(count)]))];
      }),
  );

test.each(['a host directory', 'a directory in memory'])('in %s', async (where) => {
  using tree = temporaryTree({ precious: 'precious' });
  const before = Object.keys(snapshot(tree.path));
  const { stdout, stderr, status } = await machine
    .process(guest('pointers'))
    .capabilities(['clock', 'random', where === 'a host directory' ? { dir: tree.path } : { tmp: '/tmp' }])
    .run();
  expect([status.reason, status.code, stderr.toString()]).toEqual(['exit', 0, '']);
  const calls = parse(stdout.toString());
  expect(calls.get('every call on no descriptor')).toEqual({ EBADF: 35 * 5 });
  for (const [call, counts] of calls) {
    expect([call, counts['unknown'], counts['ENOSYS']]).toEqual([call, undefined, undefined]);
    // Each call that takes an address has refused some.
    const takesAddress = TABLE[call as keyof typeof TABLE]?.params.some(
      ({ kind }) => kind === 'out' || kind === 'buffer' || kind === 'path' || kind === 'iovecs',
    );
    if (call.endsWith('(iovecs)')) expect([call, counts['EFAULT'] ?? 0]).not.toEqual([call, 0]);
    if (takesAddress && !call.startsWith('sock_') && !call.startsWith('args_get') && !call.startsWith('environ_get'))
      expect([call, counts['EFAULT'] ?? 0]).not.toEqual([call, 0]);
  }
  expect(calls.size).toBeGreaterThan(45);
  expect(Object.keys(snapshot(tree.path))).toEqual(before);
  expect(hostDescriptors(tree.path)).toBe(0);
});

test('without a directory, without anything', async () => {
  const { status } = await machine.process(guest('pointers')).capabilities([]).run();
  expect(status).toMatchObject({ reason: 'exit', code: 0 });
});

test('randomness over the whole memory', async () => {
  const { status } = await machine.process(guest('pointers')).args(['whole']).run();
  expect(status).toMatchObject({ reason: 'exit', code: 0 });
});
