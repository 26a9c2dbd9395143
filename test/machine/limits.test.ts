// Limits as an embedder says them, and what becomes of programs that meet them.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LimitName, type LimitOptions, Machine, SuperosError } from '../../src/index.ts';
import { CPUS, guest, temporaryTree, WASI, wat } from './guests.ts';

const MB = 2 ** 20;
const PAGE = 65_536;
const NONE = Number.POSITIVE_INFINITY;

/** Writes `bytes` from its memory to a descriptor once, and ends with the errno. */
const writes = (fd: number, bytes: number) =>
  wat(`${WASI('fd_write', 'proc_exit')} (memory (export "memory") ${Math.ceil(bytes / PAGE) + 1})
    (func (export "_start")
      (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const ${bytes}))
      (call $proc_exit (call $fd_write (i32.const ${fd}) (i32.const 0) (i32.const 1) (i32.const 8))))`);

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  test.each<LimitOptions>([
    { memory: '64q' },
    { timeout: 'soon' },
    { cpuTime: -1 },
    { processes: 1.5 },
    { threads: -1 },
    { fds: Number.NaN },
    { output: '' },
    { memory: { soft: '2m', hard: '1m' } },
    { fds: { soft: 2, hard: 1 } },
  ])('%j is none', (limits) => {
    expect(() => machine.process(guest('hello')).limits(limits)).toThrow(SuperosError);
  });

  test('are told back, in bytes, counts and milliseconds', async () => {
    const child = await machine
      .process(guest('reader'))
      .limits({ memory: '4m', fds: { soft: 5, hard: 10 }, cpuTime: { soft: '1s', hard: 2000 } })
      // What is said later replaces what was said of the same resource.
      .limits({ fds: 20, output: { soft: 1, hard: NONE } })
      .spawn();
    const { limits } = child.info();
    child.kill();
    expect(limits).toMatchObject({
      memory: { soft: 4 * MB, hard: 4 * MB },
      fds: { soft: 20, hard: 20, used: 3 },
      cpuTime: { soft: 1000, hard: 2000 },
      output: { soft: 1, hard: NONE },
      processes: { used: 1 },
      timeout: undefined,
    });
    await child.wait();
  });

  describe('output', () => {
    test('beyond it is not written, and SIGXFSZ ends the program', async () => {
      const run = async (bytes: number) =>
        machine
          .process(await writes(1, bytes))
          .limits({ output: 1000 })
          .run();
      expect([(await run(1000)).stdout.length, (await run(1000)).status.code]).toEqual([1000, 0]);
      // A write is cut short first, as POSIX has it; the next one is one too many.
      expect([(await run(1001)).stdout.length, (await run(1001)).status.code]).toEqual([1000, 0]);
      const { stdout, status } = await machine.process(guest('spin-write')).args(['300']).limits({ output: 1000 }).run();
      expect(stdout.length).toBe(1000);
      expect(status).toMatchObject({ reason: 'signal', signal: 'SIGXFSZ', message: expect.stringMatching(/output/) });
    });

    test('standard error counts with it', async () => {
      const both = await wat(`${WASI('fd_write')} (memory (export "memory") 1)
        (func $write (param i32) (drop (call $fd_write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8))))
        (func (export "_start")
          (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 600))
          (call $write (i32.const 1)) (call $write (i32.const 2)) (call $write (i32.const 1)))`);
      const { stdout, stderr, status } = await machine.process(both).limits({ output: 1000 }).run();
      expect([stdout.length, stderr.length, status.signal]).toEqual([600, 400, 'SIGXFSZ']);
    });

    test('that is collected is bounded where nothing is said', async () => {
      const { stdout, status } = await machine.process(guest('spin-write')).args(['65536']).run();
      expect([stdout.length, status.signal]).toEqual([64 * MB, 'SIGXFSZ']);
    });

    test('that is read by its embedder is not', async () => {
      const child = await machine.process(guest('spin-write')).args(['65536']).spawn();
      let received = 0;
      for await (const chunk of child.stdout!) {
        received += (chunk as Buffer).length;
        if (received > 65 * MB) break;
      }
      child.kill('SIGKILL');
      expect(await child.wait()).toMatchObject({ signal: expect.stringMatching(/SIGKILL|SIGPIPE/) });
    });

    test('beyond a soft limit gives the signal after the call', async () => {
      const { stdout, status } = await machine
        .process(guest('spin-write'))
        .args(['300'])
        .limits({ output: { soft: 500, hard: NONE } })
        .run();
      expect([stdout.length, status.signal]).toEqual([600, 'SIGXFSZ']);
    });
  });

  describe('bytes written to files', () => {
    const writer = wat(`${WASI('path_open', 'fd_write', 'proc_exit')} (memory (export "memory") 1) (data (i32.const 100) "f")
      (func (export "_start") (local $errno i32)
        (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 20)))
        (i32.store (i32.const 0) (i32.const 200)) (i32.store (i32.const 4) (i32.const 300))
        (loop $again (br_if $again (i32.eqz (local.tee $errno (call $fd_write (i32.load (i32.const 20)) (i32.const 0) (i32.const 1) (i32.const 8))))))
        (call $proc_exit (local.get $errno)))`);

    test('are so many at most', async () => {
      using tree = temporaryTree({ f: '' });
      const { status } = await machine
        .process(await writer)
        .capabilities([{ dir: tree.path }])
        .limits({ written: 1000 })
        .run();
      expect(status).toMatchObject({ signal: 'SIGXFSZ', message: expect.stringMatching(/files/), usage: { bytesWritten: 1000 } });
      expect(fs.statSync(`${tree.path}/f`).size).toBe(1000);
    });

    test('count what is allocated', async () => {
      using tree = temporaryTree({ f: '' });
      const module =
        await wat(`${WASI('path_open')} (import "wasi_snapshot_preview1" "fd_allocate" (func $allocate (param i32 i64 i64) (result i32)))
        (memory (export "memory") 1) (data (i32.const 100) "f")
        (func (export "allocate") (param i64) (result i32)
          (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 0) (i64.const 256) (i64.const 0) (i32.const 0) (i32.const 20)))
          (call $allocate (i32.load (i32.const 20)) (i64.const 0) (local.get 0)))`);
      const allocate = (bytes: bigint) =>
        machine
          .process(module)
          .capabilities([{ dir: tree.path }])
          .limits({ written: 10_000 })
          .invoke('allocate', [bytes])
          .run();
      expect((await allocate(10_000n)).results).toEqual([0]);
      expect((await allocate(10_001n)).status.signal).toBe('SIGXFSZ');
      expect(fs.statSync(`${tree.path}/f`).size).toBe(10_000);
    });

    test('do not count what goes to streams', async () => {
      const { stdout } = await machine
        .process(await writes(1, 2000))
        .limits({ written: 1000 })
        .run();
      expect(stdout.length).toBe(2000);
    });
  });

  test('pipes: no more than may hold so much', async () => {
    const module =
      await wat(`(import "host_process" "fd_pipe" (func $pipe (param i32 i32) (result i32))) (memory (export "memory") 1)
      (func (export "errno") (param $n i32) (result i32) (local $errno i32)
        (loop $again
          (local.set $errno (call $pipe (i32.const 0) (i32.const 4)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $again (i32.and (i32.eqz (local.get $errno)) (i32.ne (local.get $n) (i32.const 0)))))
        (local.get $errno))`);
    const last = async (n: number) =>
      (await machine.process(module).limits({ pipes: '256k' }).invoke('errno', [n]).run()).results;
    const NFILE = 41;
    expect([await last(4), await last(5)]).toEqual([[0], [NFILE]]);
  });

  describe('CPU time', () => {
    const spin = wat('(func (export "_start") (loop $again (br $again)))');

    test('ends the program when it is used up', async () => {
      const { status } = await machine
        .process(await spin)
        .limits({ cpuTime: '30ms' })
        .run();
      expect(status).toMatchObject({
        code: null,
        reason: 'cpu-limit',
        signal: 'SIGKILL',
        message: expect.stringMatching(/30 ms/),
      });
      expect(status.usage.cpuMs).toBeGreaterThanOrEqual(30);
    });

    test('beyond a soft limit gives SIGXCPU', async () => {
      const { status } = await machine
        .process(await spin)
        .limits({ cpuTime: { soft: 20, hard: '1h' } })
        .run();
      expect(status).toMatchObject({ reason: 'signal', signal: 'SIGXCPU' });
    });

    test('does not pass while it waits', async () => {
      const { status } = await machine.process(guest('sleeper')).args(['100']).limits({ cpuTime: '90ms' }).run();
      expect(status.reason).toBe('exit');
    });
  });

  test.each(['processes', 'threads'] as const)('%s: a program is one itself', async (resource) => {
    expect(
      (
        await machine
          .process(guest('hello'))
          .limits({ [resource]: 1 })
          .run()
      ).status.code,
    ).toBe(0);
    const refused = machine
      .process(guest('hello'))
      .limits({ [resource]: 0 })
      .run();
    await expect(refused).rejects.toMatchObject({ code: 'again', message: expect.stringMatching(resource) });
  });

  test('a soft limit without a signal is told of', async () => {
    const grow = await wat(
      `(memory (export "memory") 1) (func (export "_start") (drop (memory.grow (i32.const 2))) (drop (memory.grow (i32.const 2))))`,
    );
    const told: LimitName[] = [];
    const { status } = await machine
      .process(grow)
      .limits({ memory: { soft: 2 * PAGE, hard: NONE }, fds: { soft: 2, hard: 10 } })
      .onSoftLimit((limit) => told.push(limit))
      .run();
    expect([status.usage.memoryPeak, told]).toEqual([5 * PAGE, expect.arrayContaining(['memory'])]);
    expect(told.filter((limit) => limit === 'memory')).toEqual(['memory']);
  });
});
