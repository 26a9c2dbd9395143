// Programs that guests start themselves, with real ones: what a child gets, and what its parent is told.
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RIGHT } from '../../src/caps/rights.ts';
import { CapTable } from '../../src/caps/table.ts';
import { type ChildProcess, Machine, type RunResult } from '../../src/index.ts';
import { Pipe, pipeEnds } from '../../src/kernel/pipe.ts';
import type { Caller } from '../../src/syscalls/caller.ts';
import { GuestMemory } from '../../src/syscalls/memory.ts';
import { proc_spawn } from '../../src/syscalls/posix/child.ts';
import { CPUS, guest, temporaryTree, wat } from './guests.ts';

const coreutils = path.join(import.meta.dirname, '../../node_modules/@rivet-dev/agent-os-coreutils/wasm');
const command = (name: string): string => path.join(coreutils, name);
const program = (name: string): string => `program:${name}`;

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  const run = (line: readonly string[], grants: readonly string[], input = ''): Promise<RunResult> =>
    machine
      .process(command(line[0]!))
      .args(line.slice(1))
      .env({ PATH: '/bin', HERE: 'yes' })
      .capabilities(grants)
      .limits({ timeout: '20s' })
      .input(input)
      .run();

  test('env starts a program with its environment; the exit code is the child\u2019s', async () => {
    const { stdout, stderr, status } = await run(['env', 'A=1', 'args-env', 'x', 'y z'], [program(guest('args-env'))]);
    expect([stdout.toString(), stderr.toString()]).toEqual(['args-env\nx\ny z\nPATH=/bin\nHERE=yes\nA=1\n', '']);
    expect(status.code).toBe(0);
    const failed = await run(['env', '/bin/exit', '7'], [program(guest('exit'))]);
    expect(failed.status).toMatchObject({ reason: 'exit', code: 7 });
  });

  test('a program that was not given cannot be started', async () => {
    for (const grants of [[], [program(guest('exit'))]]) {
      const { stdout, status } = await run(['env', 'args-env'], grants);
      expect(stdout.toString()).toBe('');
      expect(status.code).not.toBe(0);
    }
  });

  test('nohup and timeout, too', async () => {
    for (const line of [
      ['nohup', 'hello'],
      ['timeout', '5', 'hello'],
    ]) {
      const { stdout, status } = await run(line, ['clock', 'random', 'dev', 'tmp:/tmp', program(guest('hello'))]);
      expect([line[0], stdout.toString(), status.code]).toEqual([line[0], 'Hello from C\n', 0]);
    }
  });

  test('a pipeline of a shell: each child has its own streams', async () => {
    const grants = [
      'clock',
      'random',
      'dev',
      'tmp:/tmp',
      program(command('cat')),
      program(command('tr')),
      program(command('wc')),
    ];
    const { stdout, status } = await run(['sh', '-c', 'cat | tr a-z A-Z | cat'], grants, 'some text\n');
    expect([stdout.toString(), status.code]).toEqual(['SOME TEXT\n', 0]);
  });

  test('a child has the directories of its parent, with no more rights, and the working directory', async () => {
    using tree = temporaryTree({ 'sub/file': 'inside\n' });
    const grants = [`dir:${tree.path}:/data:ro`, program(command('cat')), program(command('touch'))];
    const read = await run(['env', 'cat', '/data/sub/file'], grants);
    expect(read.stdout.toString()).toBe('inside\n');
    const written = await run(['env', 'touch', '/data/new'], grants);
    expect(written.status.code).not.toBe(0);
    const inside = await machine.process(command('env')).args(['cat', 'file']).capabilities(grants).cwd('/data/sub').run();
    expect(inside.stdout.toString()).toBe('inside\n');
  });

  describe('by the calls themselves', () => {
    /** Exports of a reactor: start the program of these arguments, wait for it, signal it. */
    const source = wat(`
      (import "host_process" "proc_spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (import "host_process" "proc_waitpid" (func $wait (param i32 i32 i32) (result i32)))
      (import "host_process" "proc_kill" (func $kill (param i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "sleeper\\00100000\\00/x/exit\\003\\00")
      (func (export "start") (param $at i32) (param $length i32) (param $stream i32) (result i32)
        (call $spawn (local.get $at) (local.get $length) (i32.const 0) (i32.const 0)
          (i32.const -1) (local.get $stream) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 64)))
      (func (export "kill") (param i32 i32) (result i32) (call $kill (local.get 0) (local.get 1)))
      (func (export "pid") (result i32) (i32.load (i32.const 64)))
      (func (export "wait") (param i32) (result i32) (call $wait (local.get 0) (i32.const 0) (i32.const 68)))
      (func (export "status") (result i32) (i32.load (i32.const 68)))`);
    const SLEEPER = [0, 15] as const;
    const EXIT = [15, 10] as const;
    const ERRNO = {
      badf: 8,
      child: 12,
      ilseq: 25,
      inval: 28,
      perm: 63,
      srch: 71,
      notcapable: 76,
    } as const;

    const start = async (grants: readonly string[]): Promise<ChildProcess> =>
      machine
        .process(await source)
        .capabilities(grants)
        .reactor()
        .spawn();
    const call = async (child: ChildProcess, name: string, ...args: readonly number[]): Promise<number> =>
      (await child.call(name, ...args))[0] as number;

    test('what is revoked from the parent is gone from its child', async () => {
      await using parent = await start(['clock', program(guest('sleeper'))]);
      expect(await call(parent, 'start', ...SLEEPER, 1)).toBe(0);
      const pid = await call(parent, 'pid');
      const held = await parent.capabilities();
      expect(held.find(({ kind }) => kind === 'process')!.rights).toEqual(['signal', 'wait', 'inspect', 'transfer']);
      const waiting = call(parent, 'wait', pid);
      await parent.revoke('clock');
      expect(await waiting).toBe(0);
      expect(await call(parent, 'wait', pid)).toBe(ERRNO.child);
      expect((await parent.capabilities()).map(({ kind }) => kind)).not.toContain('process');
    });

    test('statuses are those of wait(2), and a child is signalled by who holds it', async () => {
      await using parent = await start(['clock', program(guest('sleeper')), program(guest('exit'))]);
      expect(await call(parent, 'start', ...EXIT, 1)).toBe(0);
      expect(await call(parent, 'wait', -1)).toBe(0);
      expect(await call(parent, 'status')).toBe(3 << 8);
      expect(await call(parent, 'start', ...SLEEPER, 1)).toBe(0);
      const pid = await call(parent, 'pid');
      expect(await call(parent, 'kill', pid, 0)).toBe(0);
      expect(await call(parent, 'kill', pid, 15)).toBe(0);
      expect(await call(parent, 'wait', pid)).toBe(0);
      expect(await call(parent, 'status')).toBe(15);
      expect(await call(parent, 'kill', pid, 15)).toBe(ERRNO.srch);
      expect(await call(parent, 'wait', -1)).toBe(ERRNO.child);
    });

    test('a directory to start in is judged as one that is opened, by the place that it is', async () => {
      using tree = temporaryTree({ 'private/secret': 'secret\n', 'public/file': 'public\n' });
      symlinkSync('private', path.join(tree.path, 'link'));
      const lister = await wat(`
        (import "host_process" "proc_spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "host_process" "proc_waitpid" (func $wait (param i32 i32 i32) (result i32)))
        (memory (export "memory") 2) (data (i32.const 0) "ls\\00.\\00")
        (func (export "list") (param $length i32) (result i32) (local $error i32)
          (local.set $error (call $spawn (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0)
            (i32.const -1) (i32.const -1) (i32.const -1) (i32.const 65536) (local.get $length) (i32.const 64)))
          (if (i32.eqz (local.get $error)) (then (drop (call $wait (i32.const -1) (i32.const 0) (i32.const 68)))))
          (local.get $error))`);
      const list = async (rules: string, cwd: string) => {
        const questions: string[] = [];
        const parent = await machine
          .process(lister)
          .capabilities([`dir:${tree.path}:/data`, 'clock', program(command('ls'))])
          .policy(
            { text: `process:\n  ${rules}` },
            {
              notify: ({ call, facts }) => {
                questions.push(`${call} ${facts.paths?.join()}`);
                return true;
              },
            },
          )
          .reactor()
          .spawn();
        await parent.write(65536, Buffer.from(cwd));
        const error = await call(parent, 'list', cwd.length);
        parent.kill('SIGKILL');
        const [text, { refused }] = await Promise.all([parent.stdout!.toArray(), parent.wait()]);
        return { error, text: Buffer.concat(text).toString(), refused: refused?.map((one) => one.facts.paths), questions };
      };
      const deny = 'denied_syscalls: [{ calls: ["@fs-read", "@fs-write"], when: { path: "/data/private/**" } }]';
      for (const cwd of ['/data/private', '/data/private/', '/data/link', '/data/public/../private', '/data/./link/.'])
        expect([cwd, await list(deny, cwd)]).toMatchObject([cwd, { error: ERRNO.perm, text: '', refused: [['/data/private']] }]);
      expect(await list(deny, '/data/public')).toMatchObject({ error: 0, text: 'file\n', refused: undefined });
      expect(await list(deny, '/data/private/../public')).toMatchObject({ error: 0, text: 'file\n' });
      expect(await list(deny, '/data/../public')).toMatchObject({ error: ERRNO.perm, text: '' });
      const allow =
        'allowed_syscalls: ["@process", "@io", "@fd", fd_readdir, { call: path_open, when: { path: "/data/public/**" } }]';
      expect(await list(allow, '/data/private')).toMatchObject({ error: ERRNO.perm, text: '' });
      const ask =
        'denied_syscalls: []\n  allowed_syscalls: ["@process", "@io", "@fd", "@clock", fd_readdir, { call: path_open, action: notify }]';
      expect((await list(ask, '/data/link')).questions[0]).toBe('path_open /data/private');
    });

    test('a number is no authority over who it belongs to', async () => {
      await using other = await start(['clock']);
      await using parent = await start(['clock', program(guest('sleeper'))]);
      for (const pid of [other.pid, 1, 0, 2 ** 31 - 1]) {
        expect(await call(parent, 'kill', pid, 9)).toBe(ERRNO.srch);
        expect(await call(parent, 'wait', pid)).toBe(ERRNO.child);
      }
      expect(other.info().state).toBe('blocked');
    });

    test('what is asked for wrongly starts nothing', async () => {
      await using parent = await start([program(guest('exit'))]);
      expect(await call(parent, 'start', ...SLEEPER, 1)).toBe(ERRNO.notcapable);
      expect(await call(parent, 'start', ...EXIT, 9)).toBe(ERRNO.badf);
      expect(await call(parent, 'start', 0, 0, 1)).toBe(ERRNO.inval);
      await parent.write(100, new Uint8Array([0xff, 0]));
      expect(await call(parent, 'start', 100, 2, 1)).toBe(ERRNO.ilseq);
      await parent.revoke(program(guest('exit')));
      expect(await call(parent, 'start', ...EXIT, 2)).toBe(ERRNO.notcapable);
      expect(await call(parent, 'wait', -1)).toBe(ERRNO.child);
    });

    test('the end of the first of a tree is the end of all of it', async () => {
      const parent = await start(['clock', program(guest('sleeper'))]);
      for (let i = 0; i < 3; i++) expect(await call(parent, 'start', ...SLEEPER, 1)).toBe(0);
      parent.kill('SIGKILL');
      await parent.wait();
      // The children have its output too: it ends when they have.
      for await (const _ of parent.stdout!) expect.unreachable();
    });
  });

  test('limits nest: a child counts against its parent\u2019s processes and memory, and ends with the tree', async () => {
    const { status } = await machine
      .process(command('env'))
      .args(['exit', '3'])
      .capabilities([program(guest('exit'))])
      .limits({ processes: 1, timeout: '20s' })
      .run();
    expect(status.reason).toBe('exit');
    expect(status.code).not.toBe(3);
    const timed = await machine
      .process(command('env'))
      .args(['sleeper', '100000'])
      .capabilities(['clock', program(guest('sleeper'))])
      .limits({ timeout: '300ms' })
      .run();
    expect(timed.status.reason).toBe('timeout');
  });
});

test('a stream that may not be handed on is no child\u2019s', () => {
  const memory = new GuestMemory();
  memory.attach(new ArrayBuffer(64));
  memory.bytes.set(Buffer.from('exit\0'));
  const start = (rights: number) => {
    const capabilities = new CapTable(3);
    for (let fd = 0; fd < 3; fd++) capabilities.insert(pipeEnds(new Pipe())[1].derive(rights, 0));
    const offspring = { program: () => ({}), place: () => undefined, spawn: () => 7 };
    const lacks = () => 'NOTCAPABLE';
    const caller = { memory, capabilities, offspring, lacks } as unknown as Caller;
    return proc_spawn(caller, 0, 5, 0, 0, 0, 1, 2, 0, 0, 16);
  };
  expect(start(RIGHT.write)).toBe('NOTCAPABLE');
  expect(start(RIGHT.write | RIGHT.transfer)).toBeUndefined();
  expect(memory.getU32(16)).toBe(7);
});
