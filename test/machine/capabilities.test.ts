// What a process was granted can be listed, and taken away: nothing of it works afterwards, whatever came of it.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChildProcess, type Grant, Machine, SuperosError } from '../../src/index.ts';
import { CPUS, guest, perform, temporaryTree, WASI, wat } from './guests.ts';

const ERRNO = { ok: 0, badf: 8, notcapable: 76, nxio: 60 } as const;
const HANDLE = 2 ** 30;

/** A reactor whose exports are system calls, with their answers as results. */
const source = await wat(`
  ${WASI('path_open', 'fd_read', 'fd_close', 'clock_time_get', 'random_get', 'fd_prestat_get')}
  (memory (export "memory") 1)
  (data (i32.const 0) "file") (data (i32.const 16) "random")
  (func $open (param $fd i32) (param $at i32) (param $length i32) (result i32)
    (call $path_open (local.get $fd) (i32.const 0) (local.get $at) (local.get $length) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))
  (func (export "open") (param i32) (result i32) (call $open (local.get 0) (i32.const 0) (i32.const 4)))
  (func (export "random") (param i32) (result i32) (call $open (local.get 0) (i32.const 16) (i32.const 6)))
  (func (export "opened") (result i32) (i32.load (i32.const 64)))
  (func (export "read") (param i32) (result i32)
    (i32.store (i32.const 72) (i32.const 256)) (i32.store (i32.const 76) (i32.const 1))
    (call $fd_read (local.get 0) (i32.const 72) (i32.const 1) (i32.const 80)))
  (func (export "close") (param i32) (result i32) (call $fd_close (local.get 0)))
  (func (export "clock") (result i32) (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 96)))
  (func (export "draw") (result i32) (call $random_get (i32.const 96) (i32.const 8)))
  (func (export "prestat") (param i32) (result i32) (call $fd_prestat_get (local.get 0) (i32.const 96)))`);

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  const start = (grants: readonly (Grant | string)[]): Promise<ChildProcess> =>
    machine.process(source).capabilities(grants).reactor().spawn();
  const call = async (child: ChildProcess, name: string, ...args: readonly number[]): Promise<unknown> =>
    (await child.call(name, ...args))[0];

  test('a directory for reading and writing is one grant, however it is written', async () => {
    using tree = temporaryTree({ file: 'text' });
    for (const grant of [{ dir: tree.path, at: '/d', rights: ['read', 'write'] } as const, `dir:${tree.path}:/d:rw`]) {
      for (const text of [`dir:${tree.path}:/d`, `dir:${tree.path}:/d:rw`]) {
        await using child = await start([grant]);
        expect(child.info().capabilities).toEqual([`dir:${tree.path}:/d`]);
        await child.revoke(text);
        expect(await call(child, 'open', 3)).toBe(ERRNO.badf);
      }
    }
  });

  test('a call for which somebody is asked ends when what it works on is taken away', async () => {
    const asked = Promise.withResolvers<void>();
    const notify = () => {
      asked.resolve();
      return new Promise<boolean>(() => undefined);
    };
    await using child = await machine
      .process(guest('net-probe'))
      .args(['connect', 'endpoint', '127.0.0.1', '1'])
      .capabilities(['net:connect:127.0.0.1:1'])
      .policy(
        { text: 'process: { allowed_syscalls: ["@args", "@fd", fd_write, cap_find, { call: net_connect, action: notify }] }' },
        { notify },
      )
      .spawn();
    await asked.promise;
    await child.revoke('net:connect:127.0.0.1:1');
    let output = '';
    for await (const chunk of child.stdout!) output += chunk;
    expect(output).toContain('connect: EBADF');
  });

  test('a file that is asked about, too', async () => {
    using tree = temporaryTree({ file: 'text' });
    const asked = Promise.withResolvers<void>();
    const notify = () => {
      asked.resolve();
      return new Promise<boolean>(() => undefined);
    };
    await using child = await machine
      .process(source)
      .capabilities([`dir:${tree.path}:/d`])
      .policy({ text: 'process: { allowed_syscalls: ["@fd", { call: path_open, action: notify }] }' }, { notify })
      .reactor()
      .spawn();
    const opening = call(child, 'open', 3);
    await asked.promise;
    await child.revoke(`dir:${tree.path}:/d`);
    expect(await opening).toBe(ERRNO.badf);
  });

  test('what a process holds is listed: numbers, kinds, grants, rights in words', async () => {
    using tree = temporaryTree({ file: 'text' });
    await using child = await start(['clock:coarse', `dir:${tree.path}:/d:ro`, 'random', 'tmp:/t']);
    expect(child.info().capabilities).toEqual(['clock:coarse', `dir:${tree.path}:/d:ro`, 'random', 'tmp:/t']);
    const held = await child.capabilities();
    expect(held.map(({ number, kind, grant }) => [number, kind, grant])).toEqual([
      [0, 'pipe', undefined],
      [1, 'pipe', undefined],
      [2, 'pipe', undefined],
      [3, 'directory', `dir:${tree.path}:/d:ro`],
      [4, 'directory', 'tmp:/t'],
      [HANDLE, 'clock', 'clock:coarse'],
      [HANDLE + 1, 'entropy', 'random'],
    ]);
    expect(held[3]!.rights).toContain('pathOpen');
    expect(held[3]!.rights).not.toContain('pathUnlink');
    expect(held[4]!.rights).toContain('pathUnlink');
    expect(held[5]!.rights).toEqual(['read', 'transfer']);
    expect(await call(child, 'open', 3)).toBe(ERRNO.ok);
    const opened = (await child.capabilities()).find(({ kind }) => kind === 'file');
    expect(opened).toMatchObject({ number: 5, grant: `dir:${tree.path}:/d:ro`, rights: ['read', 'transfer'] });
  });

  test('a directory that is revoked takes what was opened in it along, and nothing else', async () => {
    using tree = temporaryTree({ 'one/file': '1', 'two/file': '2' });
    await using child = await start([`dir:${tree.path}/one:/one`, `dir:${tree.path}/two:/two`]);
    for (const fd of [3, 4]) expect(await call(child, 'open', fd)).toBe(ERRNO.ok);
    await child.revoke(`dir:${tree.path}/one:/one`);
    expect(await call(child, 'prestat', 3)).toBe(ERRNO.badf);
    expect(await call(child, 'open', 3)).toBe(ERRNO.badf);
    expect(await call(child, 'read', 5)).toBe(ERRNO.badf);
    expect(await call(child, 'read', 6)).toBe(ERRNO.ok);
    expect(await call(child, 'open', 4)).toBe(ERRNO.ok);
    expect(child.info().capabilities).toEqual([`dir:${tree.path}/two:/two`]);
  });

  test('the working directory dies with the directory that it lies in', async () => {
    using tree = temporaryTree({ 'below/file': 'x' });
    await using child = await machine
      .process(source)
      .capabilities([`dir:${tree.path}:/d`])
      .cwd('/d/below')
      .reactor()
      .spawn();
    expect(await call(child, 'open', 4)).toBe(ERRNO.ok);
    await child.revoke(`dir:${tree.path}:/d`);
    for (const fd of [3, 4]) expect(await call(child, 'prestat', fd)).toBe(ERRNO.badf);
    expect(await call(child, 'read', 5)).toBe(ERRNO.badf);
  });

  test('clock and randomness end with their grants, by name in /dev too', async () => {
    await using child = await start(['clock', 'random', 'dev']);
    expect(await call(child, 'clock')).toBe(ERRNO.ok);
    expect(await call(child, 'draw')).toBe(ERRNO.ok);
    expect(await call(child, 'random', 3)).toBe(ERRNO.ok);
    const device = (await call(child, 'opened')) as number;
    expect(await call(child, 'read', device)).toBe(ERRNO.ok);
    await child.revoke('random');
    expect(await call(child, 'draw')).toBe(ERRNO.notcapable);
    expect(await call(child, 'read', device)).toBe(ERRNO.nxio);
    expect(await call(child, 'clock')).toBe(ERRNO.ok);
    await child.revoke('clock');
    expect(await call(child, 'clock')).toBe(ERRNO.notcapable);
  });

  test('a capability is revoked by its number, and a call that waits on it fails', async () => {
    await using child = await start(['clock']);
    const waiting = child.call('read', 0);
    await child.capabilities();
    await child.revoke(0);
    expect(await waiting).toEqual([ERRNO.badf]);
    await child.revoke(HANDLE);
    expect(await call(child, 'clock')).toBe(ERRNO.notcapable);
  });

  test('what the process has given up is not there to be revoked, and a number that names nothing neither', async () => {
    using tree = temporaryTree({});
    await using child = await start([`dir:${tree.path}`]);
    expect(await call(child, 'close', 3)).toBe(ERRNO.ok);
    await expect(child.revoke(3)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(child.revoke('clock')).rejects.toThrow(`no capability clock; it was granted dir:${tree.path}`);
    await expect(child.revoke('clok')).rejects.toThrow('did you mean clock?');
    await child.revoke(`dir:${tree.path}`);
    await expect(child.revoke(`dir:${tree.path}`)).rejects.toBeInstanceOf(SuperosError);
  });

  test('a process that has ended holds nothing, and revoking is done already', async () => {
    const child = await start(['clock']);
    child.kill('SIGKILL');
    await child.wait();
    expect(await child.capabilities()).toEqual([]);
    await child.revoke('clock');
  });

  test('filesystem is the working directory of this host, under its own path and as the working directory, with /dev', async () => {
    const calls = ['3', '4', '5'].map((fd) => ['list', `@${fd}:.`]);
    const [own, current, devices] = await perform(machine, ['filesystem'], calls);
    expect(own!.answer).toContain('package.json');
    expect(current!.answer).toBe(own!.answer);
    expect(devices!.answer).toBe('entries . .. null zero');
    const { stdout } = await machine
      .process(guest('cat'))
      .args([`${process.cwd()}/package.json`])
      .capabilities(['filesystem'])
      .run();
    expect(stdout).toEqual(fs.readFileSync('package.json'));
  });
});
