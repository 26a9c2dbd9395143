// SECURITY.md 12. Compiled code is never taken from what a guest can write (isolated-vm CVE-2022-39266): a guest that was given the
// directory above the caches cannot read, write, rename, replace or plant them; an entry that others could have written is not used.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CodeCache } from '../../src/hal/cache.ts';
import { DiskCache } from '../../src/hal/node/cache.ts';
import { engine } from '../../src/hal/node/engine.ts';
import { Machine } from '../../src/index.ts';
import { Programs } from '../../src/runtime/program.ts';
import { LOADER_VERSION } from '../../src/runtime/version.ts';
import { everyCall, guest, temporaryTree, WASI, wat } from '../machine/guests.ts';

const launcher = path.join(import.meta.dirname, '../../bin/superos.js');
const superos = (home: string, ...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, 'run', ...args], {
    encoding: 'latin1',
    env: { ...process.env, XDG_CACHE_HOME: home },
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
};

/** Names and bytes below a directory. */
const contents = (base: string): Record<string, string> =>
  Object.fromEntries(
    fs
      .readdirSync(base, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((name) => [path.relative(base, name), fs.readFileSync(name, 'latin1')]),
  );

/** One command line performs them all: each answer that is no error. */
const attempt = (tree: string, calls: readonly (readonly string[])[]): string[] => {
  const stdout = superos(
    `${tree}/home/.cache`,
    '--dir',
    `${tree}::/`,
    guest('paths'),
    ...calls.flatMap((call) => ['--', ...call]),
  );
  const answers = stdout.trimEnd().split('\n');
  expect(answers.length).toBe(calls.length);
  return calls.map((call, i) => `${call.join(' ')}: ${answers[i]}`).filter((line) => !line.includes(': errno '));
};

test('out of reach of a guest that was given a directory above', () => {
  using tree = temporaryTree({
    'home/.cache/': '',
    spare: '',
    'sparedir/': '',
    link: '-> home/.cache/superos',
    'home/link': '-> .cache',
  });
  const cache = `${tree.path}/home/.cache/superos`;
  superos(`${tree.path}/home/.cache`, guest('paths'), 'stat', 'x');
  superos(`${tree.path}/home/.cache`, guest('paths'), 'stat', 'x');
  const before = contents(cache);
  const names = Object.keys(before);
  expect(names.some((name) => name.startsWith('code/'))).toBe(true);
  expect(names.length).toBeGreaterThan(1);
  const inside = names.flatMap((name) => [`home/.cache/superos/${name}`, `link/${name}`, `home/link/superos/${name}`]);
  const within = [
    'home/.cache/superos/new',
    'home/.cache/superos/code',
    'home/.cache/superos/code/new',
    'link/code/planted',
    'home/link/superos/code/x',
  ];
  for (const name of [...inside.slice(0, 9), ...within]) expect(attempt(tree.path, everyCall(name))).toEqual([]);
  // What leads there can be looked at, and neither moved, nor replaced, nor removed.
  for (const name of ['home/.cache/superos', 'home/.cache', 'home']) {
    const changing = everyCall(name).filter(([op]) => !['open', 'stat', 'lstat', 'list', 'utimes', 'lutimes'].includes(op!));
    expect(attempt(tree.path, changing)).toEqual([]);
  }
  expect(
    attempt(tree.path, [
      ['list', 'home/.cache/superos'],
      ['open', 'home/.cache/superos', 'd'],
      ['open', 'link', 'df'],
    ]),
  ).toEqual([]);
  for (const [name, bytes] of Object.entries(contents(cache)))
    if (name in before && name.startsWith('code/')) expect(bytes).toBe(before[name]);
  expect(Object.keys(contents(cache)).filter((name) => /planted|new|taken|^code\/x/.test(name))).toEqual([]);
});

test('cannot be planted where they are not there yet', () => {
  using tree = temporaryTree({ 'home/': '', spare: '', 'sparedir/evil': 'evil' });
  // Each path that will hold them is made by the guest before the cache is.
  expect(
    attempt(tree.path, [
      ['rename', 'sparedir', 'home/.cache'],
      ['symlink', '../sparedir', 'home/.cache'],
      ['mkdir', 'home/.cache/superos/code'],
      ['write', 'home/.cache/superos/code/x', 'evil'],
      ['rename', 'sparedir', 'home/.cache/superos'],
    ]),
  ).toEqual([]);
  expect(fs.lstatSync(`${tree.path}/home/.cache/superos`)).toMatchObject({ uid: process.getuid?.() });
  expect(fs.lstatSync(`${tree.path}/home/.cache/superos`).isDirectory()).toBe(true);
  expect(Object.keys(contents(`${tree.path}/home/.cache/superos`)).filter((name) => /evil/.test(name))).toEqual([]);
});

test("a machine's own cache is protected from its guests, wherever it is", async () => {
  using tree = temporaryTree({ 'cache/code/': '' });
  fs.chmodSync(`${tree.path}/cache`, 0o700);
  const cache = new DiskCache({ directory: `${tree.path}/cache/code` });
  expect(cache.status().usable).toBe(true);
  await using machine = await Machine.boot({ cache });
  const calls = [
    ['list', 'cache/code'],
    ['write', 'cache/code/x', 'evil'],
    ['rename', 'cache/code', 'stolen'],
    ['rename', 'cache', 'stolen'],
  ];
  const { stdout } = await machine
    .process(guest('paths'))
    .args(calls.flatMap((call) => ['--', ...call]))
    .capabilities([{ dir: tree.path }])
    .run();
  expect(stdout.toString().trim().split('\n')).toEqual(['errno EACCES', 'errno EACCES', 'errno EBUSY', 'errno EBUSY']);
});

describe('a poisoned entry', () => {
  const saying = (text: string) =>
    wat(`${WASI('fd_write')} (memory (export "memory") 1) (data (i32.const 0) "\\40\\00\\00\\00\\04\\00\\00\\00") (data (i32.const 64) "${text}")
      (func (export "_start") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))`);

  /** What `good` prints on a machine whose cache holds the code of another program in its place, after `change` of that entry. */
  const poisoned = async (change: (entry: string, directory: string) => void): Promise<string> => {
    using tree = temporaryTree({ 'cache/code/': '' });
    fs.chmodSync(`${tree.path}/cache`, 0o700);
    fs.chmodSync(`${tree.path}/cache/code`, 0o700);
    const directory = `${tree.path}/cache/code`;
    const good = await saying('good');
    const evil = await saying('evil');
    const stored: Parameters<DiskCache['store']>[] = [];
    await new Programs(engine, recording(stored)).load(evil);
    const cache = new DiskCache({ directory });
    const [code, variant] = stored[0]!;
    expect(variant).toContain(LOADER_VERSION);
    cache.store({ ...code, hash: cache.digest(good) }, variant);
    const [entry] = fs.readdirSync(directory);
    change(path.join(directory, entry!), directory);
    await using machine = await Machine.boot({ cache: new DiskCache({ directory }) });
    return (await machine.process(good).run()).stdout.toString();
  };

  test('of this user alone is trusted: that is what the rest rests on', async () => {
    expect(await poisoned(() => undefined)).toBe('evil');
  });

  test.each<[string, (entry: string, directory: string) => void]>([
    ['that its group may write to', (entry) => fs.chmodSync(entry, 0o620)],
    ['that all may write to', (entry) => fs.chmodSync(entry, 0o602)],
    ['in a directory that others may write to', (_entry, directory) => fs.chmodSync(directory, 0o770)],
    ['in a directory whose parent others may write to', (_entry, directory) => fs.chmodSync(path.dirname(directory), 0o777)],
    [
      'behind a link',
      (entry, directory) => {
        fs.renameSync(entry, path.join(directory, '..', 'elsewhere'));
        fs.symlinkSync('../elsewhere', entry);
      },
    ],
    [
      'with a bit turned',
      (entry) => {
        const bytes = fs.readFileSync(entry);
        bytes[bytes.length - 1]! ^= 1;
        fs.writeFileSync(entry, bytes);
      },
    ],
    ['cut short', (entry) => fs.truncateSync(entry, fs.statSync(entry).size - 1)],
    ['empty', (entry) => fs.truncateSync(entry, 0)],
  ])('%s is not used', async (_name, change) => {
    expect(await poisoned(change)).toBe('good');
  });

  test.skipIf(process.getuid?.() !== 0)('of another user is not used', async () => {
    expect(await poisoned((entry) => fs.chownSync(entry, 65_534, 65_534))).toBe('good');
    expect(await poisoned((_entry, directory) => fs.chownSync(directory, 65_534, 65_534))).toBe('good');
  });
});

/** A cache that finds nothing and notes what it is given. */
function recording(stored: Parameters<DiskCache['store']>[]): CodeCache {
  return {
    directory: '/none',
    status: () => ({ directory: undefined, usable: true }),
    digest: () => '',
    findByIdentity: () => undefined,
    findByHash: () => undefined,
    store: (...entry: Parameters<DiskCache['store']>) => void stored.push(entry),
    remember: () => undefined,
  };
}
