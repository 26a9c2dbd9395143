// The links of procfs lead to open descriptors, memory and roots of host processes (runc CVE-2024-21626): a guest gets nothing
// of procfs, whatever directory it was given.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Directory } from '../../src/hal/disk.ts';
import { nodeDisk } from '../../src/hal/node/disk/disk.ts';
import { descriptors, directory, errorOf, get, ok, options, temporary } from '../hal/disks.ts';
import { tryFollowing } from './escapes.ts';

const MODES = [
  { name: 'openat2', how: {} },
  { name: 'components', how: { resolution: 'components' } },
  { name: 'components without ffi', how: { ffi: false } },
] as const;

const IN_PROC = [
  'self/fd/0',
  'self/fd/1',
  'self/fd',
  'self/root',
  'self/root/etc/passwd',
  'self/cwd',
  'self/cwd/package.json',
  'self/exe',
  'self/mem',
  'self/environ',
  'self/task',
  'self/ns/mnt',
  'thread-self/root/etc/passwd',
  `${process.pid}/mem`,
  `${process.pid}/root/etc/passwd`,
  '1/root',
  '1/environ',
  'version',
  'sys/kernel/hostname',
  '.',
  '../etc/passwd',
];

const REFUSED = /^(ACCES|PERM|LOOP)$/;

describe.each(MODES)('procfs, $name', ({ how }) => {
  const disk = nodeDisk(how);
  let before: string[];
  let root: Directory;
  beforeEach(() => {
    disk.open('/tmp');
    before = descriptors();
    root = directory(disk.open('/'));
  });
  afterEach(() => {
    root.close();
    expect(descriptors()).toEqual(before);
  });

  test.each(['/proc', '/proc/self', '/proc/self/fd', '/proc/self/task', `/proc/${process.pid}`])(
    '%s cannot be given to a guest',
    (path) => {
      expect(errorOf(disk.open(path))).toBe('ACCES');
    },
  );

  test.each(IN_PROC)('proc/%s is not reached from the root of the host', (path) => {
    const results = [
      errorOf(root.open(`proc/${path}`, options())),
      errorOf(root.open(`proc/${path}`, options({ follow: true }))),
      errorOf(root.open(`proc/${path}`, options({ follow: true, directory: true }))),
      errorOf(root.open(`proc/${path}`, options({ write: true, follow: true }))),
    ];
    const link = root.readlink(`proc/${path}`);
    results.push(typeof link === 'string' ? link : link.error);
    results.push(...Object.values(tryFollowing(root, `proc/${path}`)));
    expect(results.filter((result) => !REFUSED.test(result))).toEqual([]);
  });

  test.each(['dev/fd/0', 'dev/fd', 'dev/stdin', 'dev/stdout'])('%s gives no descriptor of the host', (path) => {
    expect(errorOf(root.open(path, options({ follow: true })))).toMatch(/^(PERM|ACCES|LOOP|NOENT|NOTDIR)$/);
  });

  test('links into procfs from elsewhere are refused', () => {
    const host = temporary();
    const up = '../'.repeat(host.split('/').length - 1);
    fs.symlinkSync(`${up}proc/self/root/etc`, `${host}/etc`);
    fs.symlinkSync(`${up}proc/self/fd/0`, `${host}/stdin`);
    fs.symlinkSync(`${up}proc`, `${host}/proc`);
    const at = host.slice(1);
    for (const path of ['etc', 'etc/passwd', 'stdin', 'proc/self/environ', 'proc/version']) {
      expect(errorOf(root.open(`${at}/${path}`, options({ follow: true })))).toBe('ACCES');
    }
    fs.rmSync(host, { recursive: true });
  });

  test('the mount point itself is seen, as a name', () => {
    expect(ok(root.stat('proc', false)).type).toBe('directory');
    expect(ok(root.list()).some(({ name }) => name === 'proc')).toBe(true);
    expect(errorOf(root.open('proc', options({ directory: true })))).toBe('ACCES');
  });

  test.runIf(fs.existsSync('/dev/shm'))('another mount beneath is walked into', () => {
    const name = `superos-test-${process.pid}`;
    fs.mkdirSync(`/dev/shm/${name}`);
    fs.writeFileSync(`/dev/shm/${name}/f`, 'there');
    expect(get(root, `dev/shm/${name}/f`)).toBe('there');
    expect(root.makeDirectory(`dev/shm/${name}/d`)).toBeUndefined();
    const mounted = directory(root.open('dev/shm', options({ directory: true })));
    expect(get(mounted, `${name}/d/../f`)).toBe('there');
    expect(errorOf(mounted.open('..', options()))).toBe('PERM');
    expect(errorOf(mounted.open(`${name}/../../null`, options()))).toBe('PERM');
    mounted.close();
    fs.rmSync(`/dev/shm/${name}`, { recursive: true });
  });
});
