// What `namespaces.mounts` of a policy leaves a process of the directories it is given, over every grant that gives names.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Grant, Machine } from '../../src/index.ts';
import { guest, temporaryTree } from './guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

/** The grants of the directories that a process has. */
async function seen(grants: readonly (Grant | string)[], ...mounts: readonly string[]): Promise<string[]> {
  const text = `process: { namespaces: { mounts: ${JSON.stringify(mounts)} } }`;
  await using child = await machine.process(guest('reactor')).capabilities(grants).policy({ text }).reactor().spawn();
  return (await child.capabilities()).flatMap(({ kind, grant }) => (kind === 'directory' ? (grant ?? 'no name') : []));
}

const here = process.cwd();

test.each<[grant: string, itself: string[]]>([
  ['filesystem', [here, '/dev']],
  [`dir:${here}`, [here]],
  [`dir:${here}:/name:ro`, ['/name']],
  ['tmp:/name', ['/name']],
  ['dev', ['/dev']],
  ['console', ['/dev']],
])('%s', async (grant, names) => {
  expect(await seen([grant], '/elsewhere/**')).toEqual([]);
  const left = await seen([grant], ...names);
  expect(new Set(left.filter((one) => one !== 'no name'))).toEqual(new Set([grant]));
  expect(await seen(['clock', grant], '/**')).toEqual(left);
});

test('of the file system a part', async () => {
  expect(await seen(['filesystem'], here)).toEqual([`dir:${here}`]);
  expect(await seen(['filesystem'], '/dev')).toEqual(['dev']);
});

test('a program finds nothing there', async () => {
  using tree = temporaryTree({ secret: 'x' });
  const before = process.cwd();
  process.chdir(tree.path);
  try {
    const list = (mounts: string) =>
      machine
        .process(guest('database'))
        .capabilities(['filesystem'])
        .policy({ text: `process: { namespaces: { mounts: ["${mounts}"] } }` })
        .input(`open ${tree.path}/secret\n`)
        .run();
    const open = async (mounts: string) => (await list(mounts)).stdout.toString();
    expect(await open('/**')).not.toBe(await open('/data/**'));
  } finally {
    process.chdir(before);
  }
});
