// SECURITY.md 3. Link and rename between directories of different rights (wasmtime GHSA-4ch3): what could only be read is never
// given a name under which it could be written.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WASI_RIGHTS, WRITE_ACCESS } from '../../src/caps/rights.ts';
import { type Grant, Machine } from '../../src/index.ts';
import { allowed, perform, snapshot, temporaryTree } from '../machine/guests.ts';

const TREE = {
  'ro/f': 'precious',
  'ro/d/f': 'precious',
  'ro/link': '-> f',
  'rw/f': 'mine',
  'rw/d/f': 'mine',
  'rw/up': '-> ../ro/f',
};
/** Read-only at descriptor 3, writable at 4. */
const MOUNTS: Record<string, (root: string) => readonly Grant[]> = {
  'side by side': (root) => [{ dir: `${root}/ro`, rights: ['read'] }, { dir: `${root}/rw` }],
  'the same tree twice': (root) => [
    { dir: `${root}/ro`, at: '/a', rights: ['read'] },
    { dir: `${root}/rw`, at: '/a' },
  ],
};

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

test.each(Object.entries(MOUNTS))('%s: no name leads from one to the other', async (_name, grants) => {
  using tree = temporaryTree(TREE);
  const before = snapshot(tree.path);
  const all = (WASI_RIGHTS & ~WRITE_ACCESS).toString(16);
  const calls = [
    // Descriptor 5: a directory below the read-only one, opened with all rights that one can ask for.
    ['open', '@3:d', 'd', all, all],
    ...['rename', 'link', 'linkf'].flatMap((op) => [
      ...['@3:f', '@3:d', '@3:d/f', '@3:link', '@5:f', '@5:.'].flatMap((from) => [
        [op, from, '@4:taken'],
        [op, from, '@4:d/taken'],
        [op, from, '@4:f'],
        [op, from, '@3:taken'],
        [op, from, '@5:taken'],
      ]),
      ...['@4:f', '@4:d', '@4:d/f'].flatMap((from) => [
        [op, from, '@3:taken'],
        [op, from, '@3:f'],
        [op, from, '@5:taken'],
        [op, from, '@5:f'],
      ]),
    ]),
    ['symlink', 'f', '@3:taken'],
    ['symlink', 'f', '@5:taken'],
    ['linkf', '@4:up', '@4:taken'],
    ['write', '@4:up', 'damage'],
    ['write', '@4:../ro/f', 'damage'],
  ];
  const answers = await perform(machine, grants(tree.path), calls);
  expect(allowed(answers).map(({ call }) => call)).toEqual([`open @3:d d ${all} ${all}`]);
  expect(snapshot(tree.path)).toEqual(before);
});

test('one inside the other: what is reached through the read-only one stays so', async () => {
  using tree = temporaryTree(TREE);
  const before = snapshot(tree.path);
  const answers = await perform(
    machine,
    [{ dir: tree.path, rights: ['read'] }, { dir: `${tree.path}/rw` }],
    [
      ['write', '@3:rw/f', 'damage'],
      ['open', '@3:rw/f', 'wt'],
      ['link', '@3:rw/f', '@4:taken'],
      ['rename', '@3:rw/f', '@4:taken'],
      ['rename', '@4:f', '@3:rw/taken'],
      ['unlink', '@3:rw/f'],
    ],
  );
  expect(allowed(answers)).toEqual([]);
  expect(snapshot(tree.path)).toEqual(before);
});

test('two writable ones work', async () => {
  using tree = temporaryTree(TREE);
  const answers = await perform(
    machine,
    [{ dir: `${tree.path}/ro` }, { dir: `${tree.path}/rw` }],
    [
      ['link', '@3:f', '@4:linked'],
      ['rename', '@3:f', '@4:moved'],
      ['read', '@4:moved'],
    ],
  );
  expect(answers.map(({ answer }) => answer)).toEqual(['ok', 'ok', 'data precious']);
});
