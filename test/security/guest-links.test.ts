// SECURITY.md 4 and 6. Symbolic links, made by the guest or planted on the host, dangling or not, at the end of a path with create
// (Wasmer CVE-2024-38358, wazero 2321) or in its middle (jco preview2-shim, Walrus 458): none leads out.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import {
  allowed,
  everyCall,
  NOTHING_DONE,
  perform,
  performAlone,
  performRefused,
  snapshot,
  temporaryTree,
} from '../machine/guests.ts';

const TREE = {
  'mount/f': 'file',
  'mount/who': 'root',
  'mount/a/who': 'a',
  'mount/a/b/who': 'b',
  'mount/spare': 'spare',
  'mount/sparedir/': '',
  'mount/to-b': '-> a/b',
  'mount/out': '-> ../outside',
  'mount/out-file': '-> ../outside/secret',
  'mount/out-new': '-> ../outside/new',
  'mount/absolute': '-> {root}/outside/secret',
  'mount/absolute-new': '-> {root}/outside/new',
  'mount/chain': '-> chain2',
  'mount/chain2': '-> a/chain3',
  'mount/a/chain3': '-> ../../outside',
  'mount/loop': '-> loop2',
  'mount/loop2': '-> loop',
  'mount/a/b/up': '-> ../../../outside/secret',
  'outside/secret': 'secret',
};
const grants = (root: string) => [{ dir: `${root}/mount` }];
const AIMS = [
  '../outside/new',
  '../outside/secret',
  '../outside',
  '/outside/secret',
  'a/../../outside/new',
  'a/b/../../../outside/new',
  './../outside/new',
  '..',
];

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

/** Calls that work on a link and not on what it leads to. */
const ON_LINK = /^(lstat|readlink|unlink|lutimes|rename|link) /;

test.each(['out', 'out-file', 'out-new', 'absolute', 'absolute-new', 'chain', 'loop', 'a/b/up'])(
  'planted on the host: %s',
  async (name) => {
    const answers = await performAlone(machine, TREE, grants, everyCall(name));
    expect(allowed(answers).filter(({ call }) => !ON_LINK.test(call))).toEqual([]);
    expect(answers.flatMap(({ changed }) => changed).filter((entry) => entry.startsWith('outside'))).toEqual([]);
  },
);

test.each(AIMS)('made by the guest: %s', async (aim) => {
  using tree = temporaryTree(TREE);
  const before = snapshot(`${tree.path}/outside`);
  const following = everyCall('made').filter(
    ([op, , flags = '']) =>
      /open|write|read$|list|stat|utimes|linkf/.test(op!) &&
      !/^[^f]*x/.test(flags) &&
      op !== 'lstat' &&
      op !== 'lutimes' &&
      op !== 'readlink',
  );
  const below = everyCall('made/below').filter(([op]) => op !== 'rename');
  const [made, ...answers] = await perform(machine, grants(tree.path), [['symlink', aim, 'made'], ...following, ...below]);
  // Without the link, there is nothing to lead out.
  if (aim.startsWith('/')) expect(made?.answer).toBe('errno EPERM');
  else expect(allowed(answers).filter(({ call }) => !/^linkf spare/.test(call))).toEqual([]);
  expect(snapshot(`${tree.path}/outside`)).toEqual(before);
});

test.each([
  'out/secret',
  'out/new',
  'chain/secret',
  'chain/new',
  'to-b/up',
  'absolute/x',
  'loop/x',
  'a/chain3/secret',
  'to-b/../../out/secret',
  'to-b/../../../outside/secret',
  'to-b/../../..',
])('in the middle: %s', async (name) => {
  const calls = everyCall(name).filter(([op]) => name !== 'to-b/up' || !ON_LINK.test(`${op} `));
  expect(await performRefused(machine, TREE, grants, calls)).toEqual(NOTHING_DONE);
});

test('a path is walked, not joined: .. after a link leaves where the link led', async () => {
  using tree = temporaryTree(TREE);
  const answers = await perform(machine, grants(tree.path), [
    ['read', 'to-b/../who'],
    ['read', 'to-b/who'],
    ['read', 'to-b/../../who'],
    ['write', 'to-b/../new', 'new'],
    ['read', 'a/new'],
    ['read', 'f/../who'],
    ['read', 'none/../who'],
  ]);
  expect(answers.map(({ answer }) => answer)).toEqual([
    'data a',
    'data b',
    'data root',
    'ok',
    'data new',
    'errno ENOTDIR',
    'errno ENOENT',
  ]);
});

test('a dangling link inside is created through, where the guest asks to follow', async () => {
  using tree = temporaryTree({ 'mount/d/x': '', 'mount/dangling': '-> d/new' });
  const answers = await perform(machine, grants(tree.path), [
    ['open', 'dangling', 'wc'],
    ['open', 'dangling', 'wcxf'],
    ['write', 'dangling', 'through'],
    ['read', 'd/new'],
  ]);
  expect(answers.map(({ answer }) => answer)).toEqual(['errno ELOOP', 'errno EEXIST', 'ok', 'data through']);
});
