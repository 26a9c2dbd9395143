// Every method of ProcessBuilder, and what a spawn that fails leaves behind: nothing.
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { simHal } from '../../src/hal/sim/hal.ts';
import { Machine, SuperosError } from '../../src/index.ts';
import { CPUS, guest, hostDescriptors, perform, temporaryTree, until, WASI, wat } from './guests.ts';

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  const lines = (bytes: Buffer): string[] => bytes.toString().trim().split('\n');

  describe('what a process is told', () => {
    test('arguments, a name, an environment: those given, and none of the host', async () => {
      const { stdout } = await machine
        .process(guest('args-env'))
        .args(['one', '', 'zwei \u00e4', '--flag'])
        .env({ A: '1', EMPTY: '' })
        .env({ A: '2', B: '\u{1f600}' })
        .run();
      expect(lines(stdout)).toEqual(['args-env.wasm', 'one', '', 'zwei \u00e4', '--flag', 'A=2', 'EMPTY=', 'B=\u{1f600}']);
      const renamed = await machine.process(guest('args-env')).argv0('renamed').run();
      expect(lines(renamed.stdout)).toEqual(['renamed']);
    });

    test.each([{ '': 'x' }, { 'A=B': 'x' }, { 'A\0': 'x' }, { A: 'x\0' }])('no variable is %j', (variables) => {
      expect(() => machine.process(guest('hello')).env(variables)).toThrow(SuperosError);
    });

    test('an argument with a NUL is refused: the program would see another', async () => {
      await expect(machine.process(guest('args-env')).args(['a\0b']).run()).rejects.toMatchObject({ code: 'invalid-argument' });
      await expect(machine.process(guest('args-env')).argv0('a\0b').run()).rejects.toMatchObject({ code: 'invalid-argument' });
    });

    test('what is changed after a call is not seen', async () => {
      const args = ['before'];
      const process = machine.process(guest('args-env')).args(args);
      args[0] = 'after';
      expect(lines((await process.run()).stdout)).toEqual(['args-env.wasm', 'before']);
    });

    test('what is said after a start is for the next one', async () => {
      const process = machine.process(guest('args-env')).args(['first']).env({ A: '1' });
      const first = process.run();
      const second = process.args(['second']).env({ B: '2' }).run();
      expect(lines((await first).stdout)).toEqual(['args-env.wasm', 'first', 'A=1']);
      expect(lines((await second).stdout)).toEqual(['args-env.wasm', 'second', 'A=1', 'B=2']);
      const cat = machine.process(guest('cat')).input('one');
      const one = cat.run();
      expect((await cat.input('two').run()).stdout.toString()).toBe('two');
      expect((await one).stdout.toString()).toBe('one');
    });

    test('one description makes many processes', async () => {
      const process = machine.process(guest('args-env')).args(['x']);
      const [a, b] = await Promise.all([process.run(), process.run()]);
      expect(a.stdout).toEqual(b.stdout);
    });
  });

  describe('programs', () => {
    test('come as a path, a URL, bytes, a buffer, text, or compiled', async () => {
      const path = guest('hello');
      const bytes = fs.readFileSync(path);
      using tree = temporaryTree({ 'empty.wat': '(module (func (export "_start")))' });
      const sources = [
        path,
        pathToFileURL(path),
        new Uint8Array(bytes),
        Uint8Array.from(bytes).buffer,
        await machine.compile(bytes),
      ];
      for (const source of sources) expect((await machine.process(source).run()).stdout.toString()).toBe('Hello from C\n');
      expect((await machine.process(`${tree.path}/empty.wat`).run()).status.code).toBe(0);
    });

    test.each([
      ['a path that leads nowhere', '/none/at/all.wasm', 'not-found'],
      ['a directory', '/', 'not-runnable'],
      ['no bytes', new Uint8Array(0), 'not-runnable'],
      ['other bytes', Buffer.from('#!/bin/sh\n'), 'not-runnable'],
      ['a truncated module', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1), 'not-runnable'],
      ['a module without its bytes', new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)), 'not-supported'],
    ])('%s is refused', async (_what, source, code) => {
      await expect(machine.process(source).run()).rejects.toMatchObject({ name: 'SuperosError', code });
    });

    test('text that is wrong is refused, with its line', async () => {
      using tree = temporaryTree({ 'wrong.wat': '(module\n  (func (export "_start") (nonsense)))' });
      await expect(machine.process(`${tree.path}/wrong.wat`).run()).rejects.toMatchObject({ code: 'not-runnable' });
    });
  });

  describe('capabilities', () => {
    const clock = () =>
      wat(
        `${WASI('clock_time_get', 'random_get')} (memory (export "memory") 1) (func (export "f") (result i32 i32) (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 0)) (call $random_get (i32.const 0) (i32.const 8)))`,
      );

    test('without them, no clock and no randomness; by default, both', async () => {
      const results = async (grants?: readonly string[]) => {
        const process = machine.process(await clock()).invoke('f');
        return (await (grants === undefined ? process : process.capabilities(grants)).run()).results;
      };
      expect([await results(), await results([]), await results(['clock']), await results(['random'])]).toEqual([
        [0, 0],
        [76, 76],
        [0, 76],
        [76, 0],
      ]);
    });

    test('written as text', async () => {
      using tree = temporaryTree({ f: 'text' });
      const { stdout } = await machine
        .process(guest('paths'))
        .args(['read', 'f', '--', 'write', 'f', 'x', '--', 'write', '@4:g', 'x', '--', 'list', '@5:.'])
        .capabilities([`dir:${tree.path}:/data:ro`, 'tmp:/tmp:1m', 'dev'])
        .run();
      expect(lines(stdout)).toEqual(['data text', 'errno ENOTCAPABLE', 'ok', 'entries . .. null zero']);
    });

    test.each(['', 'networks', 'dir', 'dir:', 'dir:a:b:c', 'dir:a:b:ro:d', 'tmp', 'tmp:', 'tmp:/a:1m:x', 'clock:x'])(
      '%j is none',
      (text) => {
        expect(() => machine.process(guest('hello')).capabilities([text])).toThrow(SuperosError);
      },
    );

    test('a temporary tree has a size, and is gone with the process', async () => {
      const calls = [
        ['write', 'a', 'x'.repeat(10)],
        ['write', 'b', 'x'.repeat(10)],
        ['list', '.'],
      ];
      const first = await perform(machine, [{ tmp: '/tmp', size: '16k' }], calls);
      expect(first.map(({ answer }) => answer)).toEqual(['ok', 'errno ENOSPC', 'entries . .. a b']);
      expect((await perform(machine, [{ tmp: '/tmp' }], [['list', '.']]))[0]?.answer).toBe('entries . ..');
    });

    test('a working directory is one of those given, with no more rights', async () => {
      using tree = temporaryTree({ 'd/f': 'inner' });
      const run = (cwd: string, ro: boolean) =>
        machine
          .process(guest('paths'))
          .args(['read', '@4:f', '--', 'write', '@4:f', 'inner'])
          .capabilities([{ dir: tree.path, at: '/data', ...(ro && { rights: ['read'] as const }) }])
          .cwd(cwd)
          .run();
      expect(lines((await run('/data/d', false)).stdout)).toEqual(['data inner', 'ok']);
      expect(lines((await run('/data/d/', true)).stdout)).toEqual(['data inner', 'errno ENOTCAPABLE']);
      for (const cwd of ['/', '/other', '/database', '/data/none', '/data/d/f', '/data/../etc'])
        await expect(run(cwd, false)).rejects.toBeInstanceOf(SuperosError);
      expect(hostDescriptors(tree.path)).toBe(0);
    });
  });

  describe('rights to a directory', () => {
    test('an empty list is an error, not everything', () => {
      const given = () => machine.process(guest('hello')).capabilities([{ dir: '/', rights: [] }]);
      expect(given).toThrow(SuperosError);
    });

    test('write alone reads nothing', async () => {
      using tree = temporaryTree({ f: 'secret' });
      const grants = [{ dir: tree.path, at: '/', rights: ['write'] as const }];
      const answers = await perform(machine, grants, [
        ['open', 'f', 'r'],
        ['list', '.'],
        ['open', 'g', 'wc'],
      ]);
      expect(answers.slice(0, 2)).toMatchObject([{ answer: 'errno ENOTCAPABLE' }, { answer: 'errno ENOTCAPABLE' }]);
      expect(fs.existsSync(`${tree.path}/g`)).toBe(true);
    });
  });

  test.each([
    ['add', '1.5', '1'],
    ['add', '99999999999', '1'],
    ['add', 'Infinity', '1'],
    ['add', ' ', '1'],
    ['fac', '18446744073709551616'],
    ['fac', ''],
    ['half', 'x'],
  ])('%s takes no such numbers: %s', async (name, ...args) => {
    await expect(machine.process(guest('reactor')).invoke(name, args).run()).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('a program has so many memories and no more', async () => {
    const memories = (count: number) => wat(`${'(memory 0)'.repeat(count)} (func (export "_start"))`);
    expect((await machine.process(await memories(64)).run()).status.reason).toBe('exit');
    await expect(machine.process(await memories(65)).run()).rejects.toMatchObject({ code: 'not-runnable' });
  });

  describe('limits', () => {
    const grow = () =>
      wat('(memory (export "memory") 1) (func (export "f") (param i32) (result i32) (memory.grow (local.get 0)))');

    test('memory: growth beyond gives -1, a larger start ends the process', async () => {
      const results = async (pages: number) =>
        (
          await machine
            .process(await grow())
            .limits({ memory: '256k' })
            .invoke('f', [pages])
            .run()
        ).results;
      expect([await results(3), await results(4), await results(65_535), await results(2 ** 32 - 1)]).toEqual([
        [1],
        [-1],
        [-1],
        [-1],
      ]);
      const { status } = await machine.process(guest('hello')).limits({ memory: '64k' }).run();
      expect(status).toMatchObject({ reason: 'memory-limit', code: null, signal: 'SIGKILL' });
    });

    test('memory: all memories count together', async () => {
      const module = await wat(
        '(memory (export "memory") 1) (memory $b 1) (func (export "f") (result i32 i32 i32) (memory.grow 0 (i32.const 1)) (memory.grow $b (i32.const 1)) (memory.grow $b (i32.const 1)))',
      );
      expect(
        (
          await machine
            .process(module)
            .limits({ memory: 4 * 65_536 })
            .invoke('f')
            .run()
        ).results,
      ).toEqual([1, 1, -1]);
    });

    test('memory: more than addresses reach is no error', async () => {
      const module = await wat('(memory (export "memory") 1) (func (export "f") (result i32) (memory.size))');
      expect((await machine.process(module).limits({ memory: '8g' }).invoke('f').run()).results).toEqual([1]);
    });

    test('time: by the clock on the wall', async () => {
      const { status } = await machine.process(guest('sleeper')).args(['100000']).limits({ timeout: 5 }).run();
      expect(status).toMatchObject({ reason: 'timeout', code: null, signal: 'SIGKILL' });
      expect(status.usage.wallMs).toBeGreaterThanOrEqual(5);
    });

    test.each([{ memory: 'much' }, { memory: -1 }, { timeout: 'soon' }, { timeout: '5' + ' s' }, { fds: -1 }, { fds: 1.5 }])(
      '%j is none',
      (limits) => {
        expect(() => machine.process(guest('hello')).limits(limits)).toThrow(SuperosError);
      },
    );
  });

  describe('a spawn that fails', () => {
    test.each<[string, (dir: string) => Promise<unknown>]>([
      [
        'for its descriptors',
        (dir) => machine.process(guest('hello')).capabilities([{ dir }, { dir }]).limits({ fds: 4 }).spawn(),
      ],
      [
        'for a directory',
        (dir) =>
          machine
            .process(guest('hello'))
            .capabilities([{ dir }, { dir: `${dir}/none` }])
            .spawn(),
      ],
      [
        'for a file that is no directory',
        (dir) =>
          machine
            .process(guest('hello'))
            .capabilities([{ dir }, { dir: `${dir}/f` }])
            .spawn(),
      ],
      ['for its working directory', (dir) => machine.process(guest('hello')).capabilities([{ dir }]).cwd('/none').spawn()],
      ['for its export', (dir) => machine.process(guest('reactor')).capabilities([{ dir }]).invoke('none').spawn()],
      [
        'for the number of arguments',
        (dir) => machine.process(guest('reactor')).capabilities([{ dir }]).invoke('add', [1]).spawn(),
      ],
      ['for an argument', (dir) => machine.process(guest('reactor')).capabilities([{ dir }]).invoke('add', [1, 'one']).spawn()],
      ['for having no _start', (dir) => machine.process(guest('reactor')).capabilities([{ dir }]).spawn()],
      ['for its imports', (dir) => machine.process(guest('badsig')).capabilities([{ dir }]).spawn()],
      ['for its table', (dir) => machine.process(guest('hugetable')).capabilities([{ dir }]).spawn()],
      [
        'for its arguments',
        (dir) =>
          machine
            .process(guest('hello'))
            .capabilities([{ dir }])
            .args(['x'.repeat(2 ** 21)])
            .spawn(),
      ],
    ])('%s leaves nothing behind', async (_why, spawn) => {
      using tree = temporaryTree({ f: '' });
      await expect(spawn(tree.path)).rejects.toBeInstanceOf(SuperosError);
      expect([hostDescriptors(tree.path), machine.processes]).toEqual([0, []]);
    });

    test('for want of memory leaves none', async () => {
      const hal = simHal({ seed: 1, faults: { noMemory: 1 } });
      const simulated = await Machine.boot({ hal });
      await expect(simulated.process(guest('hello')).spawn()).rejects.toMatchObject({ code: 'no-memory' });
      expect([hal.mmu.live, simulated.processes]).toEqual([0, []]);
    });
  });

  describe('the end of a machine', () => {
    test('kills what runs, and takes no more', async () => {
      const own = await Machine.boot({ cpus });
      const children = await Promise.all(Array.from({ length: 5 }, () => own.process(guest('reader')).spawn()));
      await until(() => children.every((child) => child.info().state === 'blocked'));
      // This one asks before the end, and is read after it.
      const late = own.process(guest('hello')).spawn();
      const refused = expect(late).rejects.toMatchObject({ code: 'closed' });
      await own[Symbol.asyncDispose]();
      for (const child of children) expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
      await refused;
      expect(own.processes).toEqual([]);
      await expect(own.process(guest('hello')).spawn()).rejects.toMatchObject({ code: 'closed' });
    });

    test('comes with the scope', async () => {
      let child: Awaited<ReturnType<ReturnType<Machine['process']>['spawn']>>;
      {
        await using own = await Machine.boot({ cpus });
        child = await own.process(guest('reader')).spawn();
      }
      expect(child.info().state).toBe('terminated');
    });

    test.each([{ cpus: -1 }, { cpus: 1.5 }, { cpus: 1000 }, { spare: -1 }, { hal: simHal({ seed: 1 }), cpus: 1 }])(
      '%o is no machine',
      async (options) => {
        await expect(Machine.boot(options)).rejects.toMatchObject({ code: 'invalid-argument' });
      },
    );
  });
});

test.each(['0ms', '2s', 'soon', -1])('a quantum of %s is refused', async (quantum) => {
  await expect(Machine.boot({ cpus: 0, quantum })).rejects.toMatchObject({ code: 'invalid-argument' });
});
