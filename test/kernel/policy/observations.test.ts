// What is kept of the calls that a process made: bounded, whatever they are about.
import { expect, test } from 'vitest';
import { Observations } from '../../../src/kernel/policy/observations.ts';

test('calls alike are counted', () => {
  const seen = new Observations();
  for (const port of [1, 2, 1]) seen.add('net_connect', { port });
  expect(seen.list).toEqual([
    { call: 'net_connect', facts: { port: 1 }, count: 2 },
    { call: 'net_connect', facts: { port: 2 }, count: 1 },
  ]);
});

test('beyond so many bytes only calls are counted', () => {
  const seen = new Observations();
  const path = 'x'.repeat(4000);
  for (let i = 0; i < 3000; i++) seen.add('path_open', { paths: [`/${i}${path}`] });
  for (let i = 0; i < 5; i++) seen.add('path_open', { paths: [`/0${path}`] });
  const { list } = seen;
  expect(JSON.stringify(list).length * 4).toBeLessThan(20 * 2 ** 20);
  expect(list.at(-1)).toMatchObject({ call: 'path_open', facts: {} });
  expect(list.reduce((sum, { count }) => sum + count, 0)).toBe(3005);
  expect(list[0]!.count).toBe(6);
});

test('beyond so many kinds as well', () => {
  const seen = new Observations();
  for (let size = 0; size < 70_000; size++) seen.add('fd_write', { size });
  seen.add('sched_yield', {});
  expect(seen.list).toHaveLength(65_538);
  expect(seen.list.slice(-2)).toEqual([
    { call: 'fd_write', facts: {}, count: 70_000 - 65_536 },
    { call: 'sched_yield', facts: {}, count: 1 },
  ]);
});
