// The log that tells of a guest, and the policy that it runs under, lie in a directory that the guest may write: it reaches neither.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { superos } from '../e2e/command.ts';
import { allowed, CPUS, everyCall, guest, perform, temporaryTree } from '../machine/guests.ts';

const FILES = {
  'logs/app.log': '',
  'own.yaml': 'process: {}',
  link: '-> logs/app.log',
  'other/': '',
  spare: 's',
  'sparedir/': '',
};
/** Calls that only tell that something is there. */
const TELLING = ['stat ', 'lstat '];

test.each(CPUS)('%i threads: no call changes, moves, links or reads them', async (cpus) => {
  using tree = temporaryTree(FILES);
  const log = path.join(tree.path, 'logs/app.log');
  const policy = path.join(tree.path, 'own.yaml');
  await using machine = await Machine.boot({ cpus, audit: log, protect: [policy] });
  const inode = () => [log, policy].map((file) => fs.statSync(file).ino);
  const before = inode();
  const grants = [
    { dir: tree.path, at: '/' },
    { dir: path.join(tree.path, 'other'), at: '/other' },
  ];
  const first = await perform(machine, grants, [['lstat', 'own.yaml']]);
  expect(allowed(first)).toHaveLength(1);
  const written = fs.readFileSync(log, 'utf8');
  expect(written).not.toBe('');
  const calls = [
    ...['logs/app.log', 'own.yaml', '@4:../logs/app.log', 'other/../own.yaml'].flatMap(everyCall),
    ...['w', 'wf', 'wt', 'wtf', 'rf'].map((flags) => ['open', 'link', flags]),
    ['link', 'own.yaml', '@4:taken'],
    ['linkf', 'link', '@4:taken'],
    ['rename', 'logs', 'moved'],
  ];
  const answers = allowed(await perform(machine, grants, calls));
  // A link that is opened without following it is not the file.
  expect(answers.filter(({ call }) => !TELLING.some((one) => call.startsWith(one)))).toEqual([]);
  expect(inode()).toEqual(before);
  expect(fs.readFileSync(log, 'utf8').startsWith(written)).toBe(true);
  expect(fs.readFileSync(policy, 'utf8')).toBe('process: {}');
  expect(superos(['audit', 'verify', log]).status).toBe(0);
});

test('files beside them are truncated and written as ever', async () => {
  using tree = temporaryTree(FILES);
  await using machine = await Machine.boot({ cpus: 0, audit: path.join(tree.path, 'logs/app.log') });
  const grants = [{ dir: tree.path, at: '/' }];
  expect(
    allowed(
      await perform(machine, grants, [
        ['open', 'spare', 'wt'],
        ['write', 'logs/new', 'x'],
      ]),
    ),
  ).toHaveLength(2);
  expect(fs.readFileSync(path.join(tree.path, 'spare'), 'utf8')).toBe('');
});

test('the command protects its log and its policies', () => {
  using tree = temporaryTree(FILES);
  const run = (...calls: string[]) =>
    superos(['--audit', 'logs/app.log', '--policy', './own.yaml', '--dir', '.::/', guest('paths'), ...calls], {
      cwd: tree.path,
    }).stdout;
  expect(run('unlink', 'own.yaml', '--', 'open', 'own.yaml', 'wt', '--', 'unlink', 'logs/app.log')).toMatch(
    /^(errno [A-Z]+\n){3}$/,
  );
  expect(fs.readFileSync(path.join(tree.path, 'own.yaml'), 'utf8')).toBe('process: {}');
  expect(superos(['audit', 'verify', 'logs/app.log'], { cwd: tree.path }).status).toBe(0);
});

test('what is not there cannot be protected', async () => {
  for (const protect of [['/nonexist'], '/nonexist', [5]])
    await expect(Machine.boot({ cpus: 0, protect: protect as never })).rejects.toThrow('protect');
});
