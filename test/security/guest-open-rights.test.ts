// SECURITY.md 2. Every combination of open flags, rights and descriptor flags on what may only be read (wasmtime GHSA-2r75): the
// bytes of the host stay as they are, and no descriptor that comes out of it writes, cuts or gives itself rights.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DIRECTORY_RIGHTS, READ_ONLY, RIGHT, WASI_RIGHTS, WRITE_ACCESS } from '../../src/caps/rights.ts';
import { ERRNO_NAMES } from '../../src/hal/errno.ts';
import { type Grant, Machine } from '../../src/index.ts';
import { perform, snapshot, temporaryTree, wat } from '../machine/guests.ts';

const TREE = { 'mount/f': 'precious', 'mount/d/f': 'precious', 'mount/link': '-> f', 'mount/dangling': '-> new2' };
const hex = (rights: number): string => (rights & WASI_RIGHTS).toString(16);

const RIGHTS = [
  0,
  RIGHT.read,
  RIGHT.write,
  RIGHT.read | RIGHT.write,
  RIGHT.allocate,
  RIGHT.setSize,
  RIGHT.sync | RIGHT.setTimes,
  WASI_RIGHTS,
].map(hex);
const LETTERS = 'cdxtfan';
/** o-flags, following, and the descriptor flags that a guest sets when it opens. */
const FLAGS = Array.from(
  { length: 2 ** LETTERS.length },
  (_, set) => `-${[...LETTERS].filter((_letter, i) => (set >> i) & 1).join('')}`,
);
const NAMES = ['f', 'new', 'link', 'dangling'];

/** Whatever was opened is written to, cut and given all rights. */
const abuse = (fds: number): string[][] =>
  Array.from({ length: fds }, (_, i) => String(i + 4)).flatMap((fd) => [
    ['rights', fd, hex(WASI_RIGHTS), hex(WASI_RIGHTS)],
    ['writefd', fd, 'damage'],
    ['sizefd', fd, '0'],
    ['open', `@${fd}:f`, 'wt'],
    ['write', `@${fd}:f`, 'damage'],
  ]);

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

/** The calls that were let do more than open what exists, and the entries that changed. */
async function attempt(
  grants: (root: string) => readonly Grant[],
  before: readonly (readonly string[])[],
  calls: readonly (readonly string[])[],
) {
  using tree = temporaryTree(TREE);
  const bytes = snapshot(tree.path);
  const answers = await perform(machine, grants(tree.path), [...before, ...calls, ...abuse(calls.length)]);
  expect(answers.slice(0, before.length).every(({ answer }) => answer === 'ok')).toBe(true);
  const done = answers
    .slice(before.length)
    .filter(({ call, answer }) => !answer.startsWith('errno ') && !/^open [^@]\S* [^t]*$/.test(call));
  return { done, changed: snapshot(tree.path), bytes, opened: answers.filter(({ answer }) => answer.startsWith('fd ')).length };
}

test.each(RIGHTS)('a read-only directory, rights %s', async (rights) => {
  for (const name of NAMES) {
    const calls = FLAGS.map((flags) => ['open', name, flags, rights, hex(WASI_RIGHTS)]);
    const { done, changed, bytes, opened } = await attempt((root) => [{ dir: `${root}/mount`, rights: ['read'] }], [], calls);
    expect({ done, changed }).toEqual({ done: [], changed: bytes });
    // Reading is fine, of what is there; asking to write is refused at once.
    if (name === 'f' && rights === hex(RIGHT.read)) expect(opened).toBeGreaterThan(0);
    if ((Number.parseInt(rights, 16) & WRITE_ACCESS) !== 0) expect(opened).toBe(0);
  }
});

test.each([
  { what: 'the directory gave up rights', base: READ_ONLY & DIRECTORY_RIGHTS },
  { what: 'the directory may be changed, files may not', base: DIRECTORY_RIGHTS & ~(RIGHT.pathUnlink | RIGHT.pathRenameSource) },
])('narrowed: $what', async ({ base }) => {
  for (const rights of RIGHTS) {
    const calls = FLAGS.map((flags) => ['open', 'f', flags, rights, hex(WASI_RIGHTS)]);
    const narrow = ['rights', '3', hex(base), hex(READ_ONLY)];
    const { done, changed, bytes } = await attempt((root) => [{ dir: `${root}/mount` }], [narrow], calls);
    expect({ done, changed }).toEqual({ done: [], changed: bytes });
  }
});

test('a directory opened to be read hands on no more', async () => {
  using tree = temporaryTree(TREE);
  const before = snapshot(tree.path);
  const all = hex(WASI_RIGHTS);
  const answers = await perform(
    machine,
    [{ dir: `${tree.path}/mount` }],
    [
      ['open', 'd', 'd', hex(READ_ONLY), hex(READ_ONLY)], // descriptor 4
      ['write', '@4:f', 'damage'],
      ['open', '@4:f', 'wt'],
      ['open', '@4:new', 'wc'],
      ['rename', '@4:f', '@3:stolen'],
      ['link', '@4:f', '@3:stolen'],
      ['unlink', '@4:f'],
      ['rights', '4', all, all],
      ['open', '@4:.', 'd', hex(WASI_RIGHTS & ~WRITE_ACCESS), all],
      ['write', '@5:f', 'damage'],
      ['unlink', '@5:f'],
      // A file's own rights, given up for good.
      ['open', 'f', 'rw'],
      ['rights', '6', hex(RIGHT.read), '0'],
      ['writefd', '6', 'damage'],
      ['sizefd', '6', '0'],
      ['rights', '6', hex(RIGHT.read | RIGHT.write), '0'],
      ['readfd', '6'],
    ],
  );
  expect(
    answers.filter(({ answer }) => !answer.startsWith('errno ')).map(({ call }) => call.split(' ').slice(0, 2).join(' ')),
  ).toEqual(['open d', 'open @4:.', 'open f', 'rights 6', 'readfd 6']);
  expect(snapshot(tree.path)).toEqual(before);
});

test('modes and duplicates follow the rights too', async () => {
  using tree = temporaryTree(TREE);
  const before = snapshot(tree.path);
  const module = await wat(`
    (import "host_fs" "chmod" (func $chmod (param i32 i32 i32) (result i32)))
    (import "host_process" "fd_dup" (func $dup (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1) (data (i32.const 0) "/mount/ff")
    (func (export "chmod") (result i32) (call $chmod (i32.const 0) (i32.const 8) (i32.const 0x1ff)))
    (func (export "dup") (result i32) (drop (call $dup (i32.const 3) (i32.const 64))) (call $unlink (i32.load (i32.const 64)) (i32.const 7) (i32.const 1)))`);
  const call = async (name: string) => {
    const { results } = await machine
      .process(module)
      .capabilities([{ dir: `${tree.path}/mount`, at: '/mount', rights: ['read'] }])
      .invoke(name)
      .run();
    return ERRNO_NAMES[Number(results?.[0])];
  };
  expect([await call('chmod'), await call('dup')]).toEqual(['NOTCAPABLE', 'NOTCAPABLE']);
  expect(snapshot(tree.path)).toEqual(before);
});
