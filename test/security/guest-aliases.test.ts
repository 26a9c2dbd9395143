// SECURITY.md 9. Other spellings of a name: Unicode form, case, encoding, dots and slashes that only look so (Deno GHSA-8xpq).
// Authority hangs on handles, so that no spelling changes what a path may do; bytes that are not UTF-8 are an error.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ERRNO_NAMES } from '../../src/hal/errno.ts';
import { Machine } from '../../src/index.ts';
import { everyCall, NOTHING_DONE, perform, performRefused, snapshot, temporaryTree, wat } from '../machine/guests.ts';

const COMPOSED = 'caf\u00e9';
const DECOMPOSED = 'cafe\u0301';
/** As the guest `paths` takes them: %25 is a percent sign. */
const LOOKALIKES = [
  '..%c0%af',
  '%c0%ae%c0%ae/secret',
  '%e0%80%ae%e0%80%ae/secret',
  '%f0%80%80%ae./secret',
  '%ed%a0%80',
  '%ed%bf%bf/x',
  'f%ff',
  '%fe',
  'f%80',
  '%f4%90%80%80',
  '%c3',
  'a/%e2%82/b',
];

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

test.each(LOOKALIKES)('%s is no text', async (name) => {
  const calls = everyCall(name);
  expect(
    await performRefused(
      machine,
      { 'mount/spare': '', 'mount/sparedir/': '', secret: '' },
      (root) => [{ dir: `${root}/mount` }],
      calls,
    ),
  ).toEqual(NOTHING_DONE);
  using tree = temporaryTree({ spare: '' });
  const answers = await perform(
    machine,
    [{ dir: tree.path }],
    [...calls.filter(([, , other]) => other !== 'spare' && other !== 'sparedir'), ['symlink', name, 'made']],
  );
  expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(['errno EILSEQ']));
});

test.each([
  '%252e%252e/secret',
  '%252e%252e%252fsecret',
  '..%5csecret',
  '..%255csecret',
  '%ef%bc%8e%ef%bc%8e/secret',
  '%e2%80%a5/secret',
  '..%e2%88%95secret',
  '..%ef%bc%8fsecret',
  '. ./secret',
  '.. /secret',
  '..;/secret',
  '%00',
  '..%00/secret',
  'spare%00/../..',
])('%s is a name like any other, and none that is there', async (name) => {
  const reading = everyCall(name).filter(([op]) =>
    ['stat', 'lstat', 'readlink', 'list', 'read', 'unlink', 'rmdir', 'utimes'].includes(op!),
  );
  expect(
    await performRefused(machine, { 'mount/spare': '', secret: 'secret' }, (root) => [{ dir: `${root}/mount` }], reading),
  ).toEqual(NOTHING_DONE);
});

test('two forms of one name are two names, each with the rights of its own handle', async () => {
  using tree = temporaryTree({
    [`${COMPOSED}/f`]: 'precious',
    [`${DECOMPOSED}/f`]: 'mine',
    'DATA/f': 'mine',
    'data/f': 'precious',
  });
  const before = snapshot(`${tree.path}/${COMPOSED}`);
  const grants = [
    { dir: `${tree.path}/${COMPOSED}`, at: `/${COMPOSED}`, rights: ['read'] as const },
    { dir: `${tree.path}/${DECOMPOSED}`, at: `/${DECOMPOSED}` },
  ];
  const answers = await perform(machine, grants, [
    ['read', '@3:f'],
    ['read', '@4:f'],
    ['write', '@3:f', 'damage'],
    ['write', '@4:f', 'fine'],
    ['write', '@3:F', 'damage'],
  ]);
  expect(answers.map(({ answer }) => answer)).toEqual([
    'data precious',
    'data mine',
    'errno ENOTCAPABLE',
    'ok',
    'errno ENOTCAPABLE',
  ]);
  expect(snapshot(`${tree.path}/${COMPOSED}`)).toEqual(before);
});

test('where a path is looked up by name, every spelling ends at the handle of that name', async () => {
  using tree = temporaryTree({ 'ro/f': 'precious', 'rw/f': 'mine' });
  const before = snapshot(`${tree.path}/ro`);
  const chmod = async (name: string) => {
    const bytes = Buffer.from(name);
    const module = await wat(`
      (import "host_fs" "chmod" (func $chmod (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "${[...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")
      (func (export "chmod") (result i32) (call $chmod (i32.const 0) (i32.const ${bytes.length}) (i32.const 0x1ff)))`);
    const grants = [
      { dir: `${tree.path}/ro`, at: '/data', rights: ['read'] as const },
      { dir: `${tree.path}/rw`, at: '/data/rw' },
      { dir: `${tree.path}/rw`, at: '/DATA' },
    ];
    const { results } = await machine.process(module).capabilities(grants).invoke('chmod').run();
    return ERRNO_NAMES[Number(results?.[0])];
  };
  for (const name of [
    '/data/f',
    'data/f',
    '//data//f',
    '/./data/./f',
    '/data/rw/../f',
    '/data/../data/f',
    '/data/../DATA/../data/f',
    '/DATA/../data/f',
  ]) {
    expect([name, await chmod(name)]).toEqual([name, expect.stringMatching(/^(NOTCAPABLE|PERM)$/)]);
  }
  expect(await chmod('/DATA/f')).toBe('SUCCESS');
  expect(await chmod('/data/rw/f')).toBe('SUCCESS');
  expect(snapshot(`${tree.path}/ro`)).toEqual(before);
});
