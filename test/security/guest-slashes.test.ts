// SECURITY.md 1. A slash after a path, or at the end of a link's target, asks for a directory (wasmtime GHSA-vqjp-4c8c-hfgg): it
// must neither lead out nor make a file of what is none. Every path call, each on a tree of its own.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { allowed, everyCall, NOTHING_DONE, performAlone, performRefused } from '../machine/guests.ts';

const TREE = {
  'mount/f': 'file',
  'mount/d/f': 'inner',
  'mount/spare': 'spare',
  'mount/sparedir/': '',
  'mount/to-file': '-> f',
  'mount/to-dir': '-> d',
  'mount/to-file-slash': '-> f/',
  'mount/dangling': '-> nothing',
  'mount/dangling-slash': '-> nothing/',
  'mount/out': '-> ../outside',
  'mount/out-slash': '-> ../outside/',
  'mount/out-slashes': '-> ../outside//',
  'mount/out-dot': '-> ../outside/.',
  'mount/out-file': '-> ../outside/secret',
  'mount/out-file-slash': '-> ../outside/secret/',
  'mount/out-new': '-> ../outside/new/',
  'outside/secret': 'secret',
};
const grants = (root: string) => [{ dir: `${root}/mount` }];

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

const attempt = (name: string) => performAlone(machine, TREE, grants, everyCall(name));

test.each(['f/', 'f//', 'f/.', 'f/./', 'to-file/', 'to-file//', 'to-file/.', 'to-file-slash/'])('%s is no file', async (name) => {
  expect(await performRefused(machine, TREE, grants, everyCall(name))).toEqual(NOTHING_DONE);
});

test.each([
  'out/',
  'out//',
  'out/.',
  'out-slash/',
  'out-slashes/',
  'out-dot/',
  'out-dot/.',
  'out-file/',
  'out-file-slash/',
  'out-new/',
  'out/secret',
  'out-slash/secret',
  'out-slash/new',
  'out-dot/secret',
])('%s does not lead out', async (name) => {
  expect(await performRefused(machine, TREE, grants, everyCall(name))).toEqual(NOTHING_DONE);
});

/** What works on the link itself, and on nothing behind it. */
const ON_LINK = ['lstat', 'readlink', 'unlink', 'rename', 'link', 'lutimes'];

test.each(['out-slash', 'out-slashes', 'out-dot', 'out-file-slash', 'out-new', 'to-file-slash', 'dangling-slash'])(
  '%s without a slash is the link',
  async (name) => {
    const answers = await attempt(name);
    expect(allowed(answers).filter(({ call }) => !ON_LINK.includes(call.split(' ')[0]!))).toEqual([]);
    expect(answers.flatMap(({ changed }) => changed).filter((entry) => /^outside|^mount\/[fd]$|^mount\/d\//.test(entry))).toEqual(
      [],
    );
  },
);

test.each(['new/', 'new//', 'new/.', 'dangling/', 'dangling-slash/', 'd/new/'])('%s makes no file and no link', async (name) => {
  const answers = await attempt(name);
  // A directory may be made, or moved there.
  expect(allowed(answers).filter(({ call }) => !/^(mkdir|rename sparedir) (d\/)?new\//.test(call))).toEqual([]);
});

test.each(['d/', 'd//', 'd/.', 'to-dir/', 'to-dir//'])('%s is the directory', async (name) => {
  const answers = await attempt(name);
  expect(allowed(answers).map(({ call }) => call)).toEqual(
    expect.arrayContaining([`open ${name} d`, `stat ${name}`, `lstat ${name}`, `list ${name}`]),
  );
  expect(allowed(answers).filter(({ call }) => /^(open .* \S*w|write|readlink|unlink|symlink|link)/.test(call))).toEqual([]);
});
