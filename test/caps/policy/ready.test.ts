import { describe, expect, test } from 'vitest';
import { decide, outlook } from '../../../src/caps/policy/decide.ts';
import type { Facts } from '../../../src/caps/policy/policy.ts';
import { VOCABULARY } from '../../../src/syscalls/vocabulary.ts';
import { parse, readyNames, readyText } from './parse.ts';

const ready = Object.fromEntries(readyNames.map((name) => [name, parse(readyText(name))]));
const says = (name: string, call: string, facts: Facts = {}) => decide(ready[name]!, call, facts).action.do;

/** What C, Rust and Go programs call before and around their main function. */
const START = [
  'args_get',
  'args_sizes_get',
  'environ_get',
  'environ_sizes_get',
  'fd_prestat_get',
  'fd_prestat_dir_name',
  'fd_fdstat_get',
  'proc_exit',
];
const GO = [...START, 'clock_time_get', 'random_get', 'poll_oneoff', 'sched_yield', 'fd_fdstat_set_flags'];
const STREAM: Facts = { kind: 'console', size: 100 };
const CHANGES = ['path_unlink_file', 'path_rename', 'path_create_directory', 'fd_filestat_set_size', 'chmod', 'fd_pwrite'];

test('there are those that are documented', () => {
  expect(readyNames).toEqual(['cli', 'compute', 'database', 'none', 'reader', 'server', 'strict']);
  for (const name of readyNames) expect(ready[name]?.name).toBe(name);
});

test.each(['compute', 'cli', 'reader', 'server', 'strict'])('under %s programs start, and use their standard streams', (name) => {
  for (const call of GO) expect([call, says(name, call, { size: 8, clock: 'monotonic' })]).toEqual([call, 'allow']);
  expect(says(name, 'fd_read', STREAM)).toBe('allow');
  expect(says(name, 'fd_write', STREAM)).toBe('allow');
  expect(says(name, 'memory_grow')).toBe('allow');
});

test.each(readyNames)('under %s no program is started', (name) => {
  expect(says(name, 'proc_spawn')).not.toBe('allow');
});

test('none: nothing but to end', () => {
  expect(VOCABULARY.calls.filter((call) => outlook(ready['none']!, call) === 'allow')).toEqual(['proc_exit']);
  expect(ready['none']?.layers[0]?.capabilities).toEqual([]);
});

describe.each(['compute', 'strict'])('%s', (name) => {
  test('opens nothing, connects to nothing', () => {
    const others = ['path_open', 'fd_readdir', 'fd_pipe', 'fd_dup', ...VOCABULARY.groups.get('net')!, ...CHANGES];
    for (const call of others)
      expect([call, says(name, call, { paths: ['/x'], access: 'read', kind: 'file', size: 1 })]).not.toEqual([call, 'allow']);
  });
});

test('cli: files as given, no network', () => {
  for (const call of ['path_open', 'fd_readdir', 'fd_pipe', ...CHANGES])
    expect([call, outlook(ready['cli']!, call)]).toEqual([call, 'allow']);
  for (const call of VOCABULARY.groups.get('net')!) expect([call, says('cli', call)]).toEqual([call, 'errno']);
});

test.each(['reader', 'server'])('%s reads, and changes nothing', (name) => {
  expect(says(name, 'path_open', { paths: ['/data/x'], access: 'read' })).toBe('allow');
  expect(decide(ready[name]!, 'path_open', { paths: ['/data/x'], access: 'write' }).action).toEqual({
    do: 'errno',
    errno: 'ROFS',
  });
  expect(says(name, 'fd_write', { kind: 'file', size: 1 })).toBe('errno');
  for (const call of CHANGES) expect([call, says(name, call, { paths: ['/x'], kind: 'file', size: 1 })]).toEqual([call, 'errno']);
});

test('server: takes connections, makes none', () => {
  for (const call of ['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'])
    expect(says('server', call, { kind: 'socket', size: 1 })).toBe('allow');
  for (const call of VOCABULARY.posix.get('connect')!) expect(says('server', call, {})).toBe('kill');
  expect(says('reader', 'sock_accept')).toBe('errno');
});

test('strict: asks, logs and kills', () => {
  expect(says('strict', 'fd_write', { kind: 'console', size: 2 ** 20 + 1 })).toBe('notify');
  expect(says('strict', 'random_get', { size: 2 ** 17 })).toBe('log');
  for (const call of ['proc_spawn', 'proc_kill', 'sock_send', 'path_symlink'])
    expect([call, says('strict', call)]).toEqual([call, 'kill']);
  expect(says('strict', 'path_open', { paths: ['/etc/locale'], access: 'read' })).toBe('errno');
  expect(ready['strict']?.limits).toMatchObject({ memory: { hard: 2 ** 28 }, processes: { hard: 1 } });
});

test('database: the four names of the sample', () => {
  expect(VOCABULARY.calls.filter((call) => outlook(ready['database']!, call) === 'allow')).toEqual([
    'fd_read',
    'fd_write',
    'proc_exit',
    'mem_map',
    'mem_alloc',
    'mem_unmap',
    'memory_grow',
  ]);
});
