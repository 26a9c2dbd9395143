// SECURITY.md 5. `..` in either path of link, rename and symlink, at every depth, leaving for good or only on the way
// (cap-std 296, uvwasi 299).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { allowed, everyCall, NOTHING_DONE, perform, performRefused, snapshot, temporaryTree } from '../machine/guests.ts';

const TREE = {
  'mount/f': 'file',
  'mount/spare': 's',
  'mount/sparedir/': '',
  'mount/a/b/c/f': 'deep',
  'outside/secret': 'secret',
  'outside/d/': '',
};
const grants = (root: string) => [{ dir: `${root}/mount` }];
const DOWN = ['', 'a/', 'a/b/', 'a/b/c/'];
const OUT = DOWN.map((down, depth) => `${down}${'../'.repeat(depth + 1)}`);

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

test.each(
  OUT.flatMap((out) => ['outside/secret', 'outside/new', 'outside/d', 'mount/f', 'mount/new', ''].map((end) => out + end)),
)('%s', async (name) => {
  expect(await performRefused(machine, TREE, grants, everyCall(name))).toEqual(NOTHING_DONE);
});

test('both paths at once', async () => {
  const calls = OUT.flatMap((from) =>
    OUT.flatMap((to) => [
      ...['rename', 'link', 'linkf'].map((op) => [op, `${from}outside/secret`, `${to}outside/taken`]),
      ...['rename', 'link', 'linkf'].map((op) => [op, `${from}mount/f`, `${to}mount/taken`]),
      ['symlink', `${from}outside/secret`, `${to}mount/taken`],
    ]),
  );
  expect(await performRefused(machine, TREE, grants, calls)).toEqual(NOTHING_DONE);
});

test('from a descriptor of a directory below, up is out', async () => {
  using tree = temporaryTree(TREE);
  const before = snapshot(tree.path);
  const [opened, ...answers] = await perform(machine, grants(tree.path), [
    ['open', 'a/b', 'd'],
    ...['@4:..', '@4:../..', '@4:../../f', '@4:c/../../../f', '@4:../b/c/f', '@4:../../../outside/secret'].flatMap((name) =>
      everyCall(name).map((call) =>
        call.map((part) => (part === 'spare' ? '@4:c/f' : part === 'sparedir' ? '@4:c' : part === 'taken' ? '@4:taken' : part)),
      ),
    ),
  ]);
  expect(opened?.answer).toBe('fd 4');
  expect(allowed(answers)).toEqual([]);
  expect(snapshot(tree.path)).toEqual(before);
});

test('as far as the directory itself, .. is fine', async () => {
  using tree = temporaryTree(TREE);
  const answers = await perform(machine, grants(tree.path), [
    ['rename', 'a/../f', 'a/b/../g'],
    ['link', 'a/b/c/../../g', 'a/b/c/../../../h'],
    ['symlink', '../h', 'a/b/../link'],
    ['read', 'a/link'],
  ]);
  expect(answers.map(({ answer }) => answer)).toEqual(['ok', 'ok', 'ok', 'data file']);
});
