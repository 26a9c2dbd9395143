// A running process from its embedder's side: streams with back-pressure, signals, waiting, calls of a reactor, information.
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { CPUS, guest, until, WASI, wat } from './guests.ts';

const PAGE = 65_536;
const MB = 2 ** 20;

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  /** Writes so many pieces of 64 KiB to its output, and ends. */
  const writes = (pieces: number) =>
    wat(`${WASI('fd_write')} (memory (export "memory") 2) (data (i32.const 0) "\\00\\00\\01\\00\\00\\00\\01\\00")
    (func (export "_start") (local $left i32)
      (local.set $left (i32.const ${pieces * 65_536}))
      (loop $again
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (local.set $left (i32.sub (local.get $left) (i32.load (i32.const 16))))
        (br_if $again (local.get $left))))`);

  describe('streams', () => {
    test('a guest that writes 100 MB waits for a slow reader, and the host holds little of it', async () => {
      const child = await machine.process(await writes(1600)).spawn();
      let received = 0;
      let most = 0;
      for await (const chunk of child.stdout!) {
        received += (chunk as Buffer).length;
        // Slower than the guest: whole turns of the event loop for each piece.
        await new Promise((resolve) => setImmediate(resolve));
        most = Math.max(most, child.info().usage.bytesWritten - received);
      }
      expect(received).toBe(100 * MB);
      // What the pipe holds, and what the stream has read ahead.
      expect(most).toBeLessThan(MB / 2);
      expect(await child.wait()).toMatchObject({ reason: 'exit', code: 0, usage: { bytesWritten: 100 * MB } });
    });

    test('one whose output nobody reads waits, and goes on when somebody does', async () => {
      const child = await machine.process(await writes(10)).spawn();
      await until(() => child.info().state === 'blocked');
      expect(child.info().usage.bytesWritten).toBeLessThan(5 * 65_536);
      child.stdout?.resume();
      expect(await child.wait()).toMatchObject({ code: 0 });
    });

    test('output that is not read in time is still there after the end', async () => {
      const child = await machine.process(guest('hello')).spawn();
      await child.wait();
      expect((await child.stdout!.toArray()).join('')).toBe('Hello from C\n');
    });

    test('a writer to a guest that does not read is held up, then told that it is gone', async () => {
      const child = await machine.process(guest('sleeper')).args(['1000000']).spawn();
      const error = once(child.stdin!, 'error');
      // As much as the pipe holds, and as much again.
      child.stdin!.write(Buffer.alloc(65_536));
      expect(child.stdin!.write(Buffer.alloc(65_536))).toBe(false);
      await until(() => child.info().state === 'blocked' && child.stdin!.writableLength === 65_536);
      child.kill('SIGKILL');
      expect((await error)[0]).toMatchObject({ code: 'EPIPE', syscall: 'write' });
    });

    test('a guest that writes to a reader that is gone is told', async () => {
      const module =
        await wat(`${WASI('fd_write', 'fd_read')} (memory (export "memory") 1) (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
      (func (export "f") (result i32)
        (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
        (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))`);
      const child = await machine.process(module).invoke('f').spawn();
      child.stdout?.destroy();
      await once(child.stdout!, 'close');
      child.stdin?.end();
      await child.wait();
      expect(child.results).toEqual([64]);
    });

    test('two guests, one into the other', async () => {
      const [source, sink] = await Promise.all([
        machine.process(await writes(32)).spawn(),
        machine.process(guest('cat')).spawn(),
      ]);
      source.stdout!.pipe(sink.stdin!);
      let received = 0;
      for await (const chunk of sink.stdout!) received += (chunk as Buffer).length;
      expect(received).toBe(32 * 65_536);
      expect(await sink.wait()).toMatchObject({ code: 0, usage: { bytesRead: 32 * 65_536 } });
    });

    test('null: an end to read, nothing of what is written', async () => {
      const child = await machine.process(guest('cat')).stdio('null').spawn();
      expect([child.stdin, child.stdout, child.stderr]).toEqual([null, null, null]);
      expect(await child.wait()).toMatchObject({ code: 0 });
      const mixed = await machine.process(guest('hello')).stdio('null', 'pipe', 'null').spawn();
      expect([mixed.stdin, mixed.stdout === null, mixed.stderr]).toEqual([null, false, null]);
    });
  });

  describe('run', () => {
    test('gives input, and collects both outputs, status and results', async () => {
      const { stdout, stderr, status, results } = await machine.process(guest('cat')).input('text \u00e4').run();
      expect([stdout.toString(), stderr.length, status.reason, status.code, results]).toEqual([
        'text \u00e4',
        0,
        'exit',
        0,
        undefined,
      ]);
      const bytes = Buffer.alloc(3 * MB, 7);
      expect((await machine.process(guest('cat')).input(bytes).run()).stdout).toEqual(bytes);
    });

    test('a guest that does not read its input is no error', async () => {
      const { status } = await machine.process(guest('hello')).input(Buffer.alloc(MB)).run();
      expect(status.code).toBe(0);
    });

    test.each([
      ['exit', '0'],
      ['exit', '255'],
      ['exit', '4294967295'],
      ['return'],
      ['trap'],
      ['abort'],
      ['raise', '6'],
      ['raise', '15'],
      ['raise', '9'],
    ])('%s %s', async (...args) => {
      const { status } = await machine.process(guest('proc')).args(args).run();
      const [how, number] = args;
      if (how === 'exit') expect(status).toMatchObject({ reason: 'exit', code: Number(number), signal: null, message: null });
      else if (how === 'return') expect(status).toMatchObject({ reason: 'exit', code: 0 });
      else if (how === 'raise')
        expect(status).toMatchObject({
          reason: 'signal',
          code: null,
          signal: { 6: 'SIGABRT', 15: 'SIGTERM', 9: 'SIGKILL' }[number!],
        });
      else expect(status).toMatchObject({ reason: 'trap', code: null, message: expect.stringContaining('unreachable\n    at ') });
    });
  });

  describe('signals and waiting', () => {
    test('kill tells whether there was something to kill', async () => {
      const child = await machine.process(guest('reader')).spawn();
      expect(child.kill('SIGWINCH')).toBe(true);
      expect(child.kill()).toBe(true);
      expect(await child.wait()).toMatchObject({ signal: 'SIGTERM' });
      expect(child.kill()).toBe(false);
      expect(await child.wait()).toBe(await child.wait());
    });

    test('an AbortSignal kills, before the start prevents it, and is let go of at the end', async () => {
      const controller = new AbortController();
      const child = await machine.process(guest('reader')).signal(controller.signal).spawn();
      controller.abort();
      expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
      await expect(machine.process(guest('reader')).signal(controller.signal).spawn()).rejects.toThrow(/abort/);
      expect(machine.processes).toEqual([]);
      const lasting = new AbortController();
      expect((await machine.process(guest('hello')).signal(lasting.signal).run()).status.code).toBe(0);
      lasting.abort();
    });

    test('await using ends a process with the scope', async () => {
      let kept: { wait(): Promise<unknown> };
      {
        await using child = await machine.process(guest('reader')).spawn();
        kept = child;
      }
      expect(await kept.wait()).toMatchObject({ signal: 'SIGKILL' });
    });
  });

  describe('a reactor', () => {
    test('is initialised once, and called as often as one likes, in order', async () => {
      await using child = await machine.process(guest('reactor')).reactor().spawn();
      expect(await child.call('add', 2, 3)).toEqual([5]);
      expect(await Promise.all([child.call('count'), child.call('count'), child.call('count')])).toEqual([[1], [2], [3]]);
      expect(await child.call('initializations')).toEqual([1]);
      expect(await child.call('add', '7', 4294967295)).toEqual([6]);
      await expect.poll(() => child.info().state).toBe('blocked');
    });

    test.each([
      ['none', []],
      ['add', [1]],
      ['add', [1, 2, 3]],
      ['add', [1, 'two']],
      ['memory', []],
    ])('%s(%j) cannot be called', async (name, args) => {
      await using child = await machine.process(guest('reactor')).reactor().spawn();
      await expect(child.call(name, ...args)).rejects.toMatchObject({ code: 'invalid-argument' });
      expect(await child.call('add', 1, 1)).toEqual([2]);
    });

    test('that traps rejects the call under way and those after it', async () => {
      const module = await wat(
        '(memory (export "memory") 1) (func (export "trap") unreachable) (func (export "ok") (result i32) (i32.const 1))',
      );
      const child = await machine.process(module).reactor().spawn();
      const calls = await Promise.allSettled([child.call('ok'), child.call('trap'), child.call('ok')]);
      expect(calls.map((one) => (one.status === 'rejected' ? one.reason.code : one.value))).toEqual([[1], 'ended', 'ended']);
      expect(await child.wait()).toMatchObject({ reason: 'trap' });
      await expect(child.call('ok')).rejects.toMatchObject({ code: 'ended' });
    });

    test('that is killed while it rests, or while a call waits', async () => {
      const resting = await machine.process(guest('reactor')).reactor().spawn();
      await resting.call('count');
      resting.kill('SIGKILL');
      expect(await resting.wait()).toMatchObject({ reason: 'signal' });
      const waiting = await machine
        .process(
          await wat(
            `${WASI('fd_read')} (memory (export "memory") 1) (data (i32.const 4) "\\04") (func (export "wait") (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))))`,
          ),
        )
        .reactor()
        .spawn();
      const call = expect(waiting.call('wait')).rejects.toMatchObject({ code: 'ended' });
      await until(() => waiting.info().usage.switches.voluntary > 0);
      waiting.kill('SIGKILL');
      await call;
    });

    test('has a memory to read and write, within its bounds, as long as it lives', async () => {
      const module = await wat(
        '(memory (export "memory") 1 2) (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0))) (func (export "grow") (drop (memory.grow (i32.const 1))))',
      );
      const child = await machine.process(module).reactor().spawn();
      await child.write(65_535, Uint8Array.of(9));
      expect(await child.call('get', 65_535)).toEqual([9]);
      const copy = await child.read(65_534, 2);
      copy[0] = 1;
      expect(await child.read(65_534, 2)).toEqual(Uint8Array.of(0, 9));
      for (const [address, length] of [
        [65_535, 2],
        [-1, 1],
        [0, -1],
        [2 ** 32, 1],
        [Number.NaN, 1],
        [0, Number.NaN],
      ] as const)
        await expect(child.read(address, length)).rejects.toThrow(/no .* bytes/);
      await child.call('grow');
      await child.write(65_535, Uint8Array.of(1, 2));
      child.kill('SIGKILL');
      await child.wait();
      await expect(child.read(0, 1)).rejects.toThrow(/no .* bytes/);
    });
  });

  test('information tells what a process is and has used', async () => {
    const child = await machine.process(guest('reader')).limits({ memory: '1m', timeout: '1h', fds: 10 }).spawn();
    await until(() => child.info().state === 'blocked');
    const info = child.info();
    expect(info).toMatchObject({
      pid: child.pid,
      ppid: 0,
      state: 'blocked',
      program: 'reader.wasm',
      threads: [{ state: 'blocked' }],
      limits: {
        memory: { soft: MB, hard: MB, used: 2 * PAGE, peak: 2 * PAGE },
        fds: { soft: 10, hard: 10, used: 3, peak: 3 },
        cpuTime: { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY },
        processes: { used: 1 },
        threads: { used: 1 },
        timeout: 3600e3,
      },
    });
    const [thread] = info.threads;
    expect(Object.values(thread!.times).every((ns) => ns >= 0)).toBe(true);
    expect(machine.processes).toEqual([child]);
    child.stdin?.end('12345');
    const { usage } = await child.wait();
    expect(child.info()).toMatchObject({ state: 'terminated', usage });
    expect(usage.bytesRead).toBe(5);
    expect(usage.calls['fd_read']).toBeGreaterThan(0);
    expect(Object.values(usage.calls).reduce((sum, count) => sum + count)).toBe(usage.systemCalls);
    expect(usage.wallMs).toBeGreaterThanOrEqual(usage.cpuMs);
    expect(machine.processes).toEqual([]);
    // One that hardly runs may be charged nothing where the host had other work.
    const busy = await machine.process(guest('spin-calls')).spawn();
    await until(() => busy.info().threads[0]!.times.running > 0);
    busy.kill('SIGKILL');
    await busy.wait();
  });
});
