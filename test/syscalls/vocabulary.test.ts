import { expect, test } from 'vitest';
import { CALLS, type Call, TABLE } from '../../src/syscalls/table.ts';
import { VOCABULARY } from '../../src/syscalls/vocabulary.ts';

const { calls, groups, posix, keysOf } = VOCABULARY;

test('every call has a group, and every group is of calls', () => {
  const grouped = new Set([...groups.values()].flat());
  expect(calls.filter((call) => !grouped.has(call))).toEqual([]);
  expect([...grouped].filter((call) => !calls.includes(call))).toEqual([]);
  for (const name of CALLS) {
    const call: Call = TABLE[name];
    for (const group of call.groups) expect(groups.get(group)).toContain(name);
  }
});

test('POSIX names stand for calls that there are, and none is the name of another call', () => {
  expect([...posix.values()].flat().filter((call) => !calls.includes(call))).toEqual([]);
  expect([...posix.keys()].filter((name) => calls.includes(name))).toEqual([]);
});

test('the names of the specification are known', () => {
  for (const [name, stands] of Object.entries({
    read: ['fd_read'],
    write: ['fd_write'],
    mmap: ['memory_grow', 'mem_map', 'mem_alloc'],
    munmap: ['mem_unmap'],
    execve: ['proc_spawn'],
    ptrace: [],
  }))
    expect(posix.get(name)).toEqual(stands);
});

test('conditions ask of a call what it has', () => {
  expect(keysOf('path_open')).toEqual(expect.arrayContaining(['path', 'access']));
  expect(keysOf('fd_write')).toEqual(expect.arrayContaining(['size', 'kind']));
  expect(keysOf('proc_raise')).toEqual(['signal']);
  expect(keysOf('clock_time_get')).toContain('clock');
  expect(keysOf('sched_yield')).toEqual([]);
  expect(keysOf('memory_grow')).toEqual(['size']);
});
