// SECURITY.md 7. /proc/self/root, /proc/self/fd/N and the like (runc CVE-2024-21626): refused from wherever a guest comes to them;
// and a guest's numbers name what it was given and nothing else of the host's.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine, SuperosError } from '../../src/index.ts';
import { allowed, guest, perform, temporaryTree } from '../machine/guests.ts';

const linux = process.platform === 'linux';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

const NUMBERS = Array.from({ length: 101 }, (_, fd) => String(fd));

describe.skipIf(!linux)('procfs', () => {
  test.each(['/proc', '/proc/self', '/proc/self/fd', '/proc/1', '/proc/self/task', '/proc/thread-self'])(
    '%s cannot be given',
    async (dir) => {
      const spawned = machine
        .process(guest('paths'))
        .args(['list', '.'])
        .capabilities([{ dir, at: '/p', rights: ['read'] }])
        .spawn();
      await expect(spawned).rejects.toThrow(SuperosError);
    },
  );

  test('a guest that is given / does not come into it', async () => {
    const inside = [
      'self',
      'self/root',
      'self/root/etc/passwd',
      'self/cwd',
      'self/exe',
      'self/environ',
      'self/mem',
      'self/fd',
      ...NUMBERS.map((n) => `self/fd/${n}`),
      '1/root',
      `${process.pid}/fd/0`,
      'thread-self/root',
      'mounts',
      'version',
    ];
    const calls = [
      'proc',
      'proc/',
      'proc/.',
      'dev/fd',
      'dev/stdin',
      'dev/fd/0',
      ...inside.flatMap((name) => [`proc/${name}`, `tmp/../proc/${name}`]),
    ].flatMap((name) => [
      ['open', name, 'rf'],
      ['open', name, 'r'],
      ['open', name, 'd'],
      ['list', name],
      ['read', name],
    ]);
    const answers = await perform(machine, [{ dir: '/', at: '/', rights: ['read'] }], [...calls, ['list', 'etc']]);
    expect(allowed(answers.slice(0, -1))).toEqual([]);
    expect(answers.at(-1)?.answer).toMatch(/^entries \. \.\. .*passwd/);
  });

  test('links to it, planted or made, do not lead there', async () => {
    using tree = temporaryTree({
      planted: '-> /proc/self/fd/0',
      root: '-> /proc/self/root',
      relative: '-> ../../../../proc/self/root/etc/passwd',
    });
    const answers = await perform(
      machine,
      [{ dir: tree.path }],
      [
        ...['planted', 'root', 'root/etc/passwd', 'relative'].flatMap((name) => [
          ['open', name, 'rf'],
          ['open', name, 'wf'],
          ['stat', name],
          ['read', name],
          ['list', name],
        ]),
        ['symlink', '/proc/self/root', 'made'],
      ],
    );
    expect(allowed(answers)).toEqual([]);
  });
});

/** The descriptors among 0 to 100 that a guest finds open. */
const open = (stdout: string): string[] =>
  stdout.split('\n').flatMap((line, fd) => (line.startsWith('fdstat ') ? [String(fd)] : []));
const ASK = NUMBERS.flatMap((fd, i) => (i === 0 ? ['fdstat', fd] : ['--', 'fdstat', fd]));

test('a guest has the descriptors it was given, whatever the host has open', async () => {
  using tree = temporaryTree({ secret: 'secret', 'd/x': '' });
  const held = NUMBERS.map(() => fs.openSync(`${tree.path}/secret`, 'r'));
  try {
    const bare = await machine.process(guest('paths')).args(ASK).capabilities([]).run();
    expect(open(bare.stdout.toString())).toEqual(['0', '1', '2']);
    const given = await machine
      .process(guest('paths'))
      .args(ASK)
      .capabilities([{ dir: `${tree.path}/d` }, { tmp: '/tmp' }, 'dev'])
      .run();
    expect(open(given.stdout.toString())).toEqual(['0', '1', '2', '3', '4', '5']);
  } finally {
    for (const fd of held) fs.closeSync(fd);
  }
});

test('from the command line: what the shell left open stays out', async () => {
  using tree = temporaryTree({ secret: 'secret' });
  const secret = fs.openSync(`${tree.path}/secret`, 'r+');
  const launcher = path.join(import.meta.dirname, '../../bin/superos.js');
  const child = spawn(process.execPath, [launcher, 'run', '--cap', 'none', guest('paths'), ...ASK], {
    stdio: ['ignore', 'pipe', 'inherit', secret, secret, secret, secret],
  });
  const stdout = await buffer(child.stdout!);
  fs.closeSync(secret);
  expect(open(stdout.toString())).toEqual(['0', '1', '2']);
});

test('an opened path gives the lowest free number, never one of the host', async () => {
  using tree = temporaryTree({ f: '' });
  const answers = await perform(
    machine,
    [{ dir: tree.path }],
    [
      ['open', 'f', 'r'],
      ['closefd', '4'],
      ['open', 'f', 'r'],
      ['closefd', '0'],
      ['open', 'f', 'r'],
      ['readfd', '17'],
    ],
  );
  expect(answers.map(({ answer }) => answer)).toEqual(['fd 4', 'ok', 'fd 4', 'ok', 'fd 0', 'errno EBADF']);
});
