// SECURITY.md 20. Handles without end, buffers of the guest's size on the host, work that grows with what a guest names (wasmtime
// GHSA-852m): every descriptor counts against a limit, and what the host holds for a process stays small.
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { simHal } from '../../src/hal/sim/hal.ts';
import { Machine } from '../../src/index.ts';
import { ARGUMENT_BYTES_MAX, TABLE_ELEMENTS_MAX } from '../../src/kernel/limits.ts';
import { program, runUntil, simulated, stream } from '../kernel/machine.ts';
import { guest, hostDescriptors, temporaryTree, until, WASI, wat } from '../machine/guests.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heap = (): number => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
const MB = 2 ** 20;

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

describe('descriptors', () => {
  test.each([4, 5, 64, 500])('at most %d', async (fds) => {
    using tree = temporaryTree({ f: '' });
    const { stdout, status } = await machine
      .process(guest('handles'))
      .capabilities([{ dir: tree.path }])
      .limits({ fds })
      .run();
    // Three streams and the directory are there from the start; opening it needs room for one.
    const line = `${fds - 4} EMFILE`;
    expect([stdout.toString(), status.code]).toEqual(fds === 4 ? [`${line}\n`, 1] : [`${line}\n${line}\n`, 0]);
    expect(hostDescriptors(tree.path)).toBe(0);
  });

  test('pipes and duplicates count too', async () => {
    const module = await wat(`
      (import "host_process" "fd_pipe" (func $pipe (param i32 i32) (result i32)))
      (import "host_process" "fd_dup" (func $dup (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "pipes") (result i32) (local $n i32)
        (loop $again (if (i32.eqz (call $pipe (i32.const 0) (i32.const 4))) (then (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $again))))
        (local.get $n))
      (func (export "duplicates") (result i32) (local $n i32)
        (loop $again (if (i32.eqz (call $dup (i32.const 1) (i32.const 4))) (then (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $again))))
        (local.get $n))`);
    const call = async (name: string) => (await machine.process(module).limits({ fds: 100 }).invoke(name).run()).results;
    expect([await call('pipes'), await call('duplicates')]).toEqual([[48], [97]]);
  });

  test('a host that has none left says so, and gets all back', async () => {
    using tree = temporaryTree();
    const children = await Promise.all(
      Array.from({ length: 8 }, () =>
        machine
          .process(guest('handles'))
          .capabilities([{ dir: tree.path }])
          .limits({ fds: 300 })
          .run(),
      ),
    );
    for (const { status } of children) expect(status.reason).toBe('exit');
    expect(hostDescriptors(tree.path)).toBe(0);
  });

  test('of a process that is killed are closed', async () => {
    using tree = temporaryTree({ f: '' });
    const module = await wat(`${WASI('path_open', 'fd_read')}
      (memory (export "memory") 1) (data (i32.const 0) "f")
      (func (export "_start")
        (loop $again (br_if $again (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))))
        (i32.store (i32.const 128) (i32.const 256)) (i32.store (i32.const 132) (i32.const 8))
        (drop (call $fd_read (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 64))))`);
    const child = await machine
      .process(module)
      .capabilities([{ dir: tree.path }])
      .limits({ fds: 50 })
      .spawn();
    await until(() => child.info().state === 'blocked');
    expect(hostDescriptors(tree.path)).toBe(47);
    child.kill('SIGKILL');
    await child.wait();
    expect(hostDescriptors(tree.path)).toBe(0);
  });
});

describe('buffers', () => {
  /** A gigabyte of memory, nearly all of it in one iovec or buffer. */
  const GIGABYTE = 2 ** 30;
  const huge = (body: string) =>
    wat(`${WASI('fd_read', 'fd_write', 'fd_readdir', 'random_get')} (memory (export "memory") ${GIGABYTE / 65536})
      (func (export "f") (result i32 i32)
        (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const ${GIGABYTE - 65536}))
        ${body} (i32.load (i32.const 16)))`);

  test.each([
    ['a read', '(call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))', [0, 5]],
    ['a write', '(call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))', [0, 65536]],
    [
      'a listing',
      '(call $fd_readdir (i32.const 3) (i32.const 65536) (i32.const 1000000000) (i64.const 0) (i32.const 16))',
      [0, 24 * 3 + 4],
    ],
  ] as const)('%s of a gigabyte takes no more of the host than there is to move', async (_what, body, results) => {
    using tree = temporaryTree({ f: '' });
    const before = heap();
    const child = await machine
      .process(await huge(body))
      .capabilities([{ dir: tree.path }])
      .invoke('f')
      .spawn();
    child.stdin?.end('input');
    child.stdout?.resume();
    const status = await child.wait();
    expect([status.reason, child.results]).toEqual(['exit', results]);
    expect(heap() - before).toBeLessThan(8 * MB);
  });

  test('iovecs that name the same gigabyte a thousand times', async () => {
    const module = await wat(`${WASI('fd_write')} (memory (export "memory") ${GIGABYTE / 65536})
      (func (export "f") (param $count i32) (result i32) (local $i i32)
        (loop $next
          (i32.store (i32.add (i32.mul (local.get $i) (i32.const 8)) (i32.const 4)) (i32.const ${GIGABYTE - 1}))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $i) (i32.const 1024))))
        (call $fd_write (i32.const 1) (i32.const 0) (local.get $count) (i32.const 16384)))`);
    const call = async (count: number) => (await machine.process(module).stdio('null').invoke('f', [count]).run()).results;
    // Four of them still fit the 32 bits of a result; a list has 1,024 elements at most.
    expect([await call(4), await call(5), await call(1024), await call(1025), await call(2 ** 31), await call(-1)]).toEqual([
      [0],
      [28],
      [28],
      [28],
      [28],
      [28],
    ]);
  });

  test.each(['kill', 'timeout'])('a gigabyte of randomness, again and again, ends by %s', async (how) => {
    const module = await huge(
      '(loop $again (drop (call $random_get (i32.const 65536) (i32.const 1000000000))) (br $again)) (i32.const 0)',
    );
    const child = await machine
      .process(module)
      .invoke('f')
      .limits(how === 'timeout' ? { timeout: '10ms' } : {})
      .spawn();
    if (how === 'kill') {
      await until(() => child.info().usage.systemCalls > 0);
      child.kill('SIGKILL');
    }
    const status = await child.wait();
    expect(status.reason).toBe(how === 'kill' ? 'signal' : 'timeout');
    // It ended within the first call, or a slow host had its time over before that began.
    expect(status.usage.systemCalls).toBeLessThanOrEqual(1);
  });
});

test('polling for input that never comes holds nothing back', async () => {
  const hal = simHal({ seed: 1 });
  const simulated = await Machine.boot({ hal });
  // A millisecond each time, of virtual time.
  const module = await wat(`${WASI('poll_oneoff')}
    (memory (export "memory") 1)
    (data (i32.const 8) "\\01") (data (i32.const 64) "\\01\\00\\00\\00\\00\\00\\00\\00\\40\\42\\0f\\00")
    (func (export "_start") (loop $again (drop (call $poll_oneoff (i32.const 0) (i32.const 256) (i32.const 2) (i32.const 512))) (br $again)))`);
  const child = await simulated.process(module).capabilities(['clock']).spawn();
  const polls = async (count: number) => {
    await hal.timeline.runUntil(() => child.info().usage.systemCalls >= count);
    return heap();
  };
  const early = await polls(5_000);
  expect((await polls(55_000)) - early).toBeLessThan(2 * MB);
  child.kill('SIGKILL');
  await hal.timeline.run();
  expect(await child.wait()).toMatchObject({ reason: 'signal' });
});

test('listings of one large directory through many descriptors are not all kept', async () => {
  const module = await wat(`${WASI('path_open', 'fd_readdir', 'fd_close')} (memory (export "memory") 1) (data (i32.const 64) ".")
    (func (export "f") (param $files i32) (param $handles i32) (local $i i32)
      (loop $make
        ;; Five letters of five bits each.
        (i32.store8 (i32.const 0) (i32.add (i32.const 65) (i32.and (local.get $i) (i32.const 31))))
        (i32.store8 (i32.const 1) (i32.add (i32.const 65) (i32.and (i32.shr_u (local.get $i) (i32.const 5)) (i32.const 31))))
        (i32.store8 (i32.const 2) (i32.add (i32.const 65) (i32.and (i32.shr_u (local.get $i) (i32.const 10)) (i32.const 31))))
        (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 1) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 128)))
        (drop (call $fd_close (i32.load (i32.const 128))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $make (i32.lt_u (local.get $i) (local.get $files))))
      (local.set $i (i32.const 0))
      (loop $list
        (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 2) (i64.const 0x4000) (i64.const 0) (i32.const 0) (i32.const 128)))
        (drop (call $fd_readdir (i32.load (i32.const 128)) (i32.const 1024) (i32.const 64) (i64.const 0) (i32.const 132)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $list (i32.lt_u (local.get $i) (local.get $handles)))))`);
  await using child = await machine
    .process(module)
    .capabilities([{ tmp: '/tmp' }])
    .reactor()
    .spawn();
  await child.call('f', 20_000, 1);
  const before = heap();
  await child.call('f', 1, 150);
  expect(heap() - before).toBeLessThan(32 * MB);
});

test('a process that lists a large directory again and again can be ended soon', async () => {
  using tree = temporaryTree(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, ''])));
  const module = await wat(`${WASI('fd_write', 'fd_readdir')} (memory (export "memory") 1) (data (i32.const 4) "\\01")
    (func (export "_start")
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (loop $again (br_if $again (i32.eqz (call $fd_readdir (i32.const 3) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 8))))))`);
  const child = await machine
    .process(module)
    .capabilities([{ dir: tree.path }])
    .spawn();
  await once(child.stdout!, 'data');
  child.kill();
  expect((await child.wait()).usage.systemCalls).toBeLessThan(100);
});

test('processes that waited for what never comes leave nothing at it when they are gone', async () => {
  const { hal, kernel, spawn } = simulated();
  const never = new Promise<void>(() => undefined);
  const waits = await program(
    `${WASI('fd_read')} (memory (export "memory") 1) (data (i32.const 4) "\\01") (func (export "_start") (drop (call $fd_read (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 16))))`,
  );
  const generation = async (): Promise<number> => {
    const waiting = Array.from(
      { length: 500 },
      () => spawn(waits, { descriptors: [stream({ read: () => 'AGAIN', ready: () => never })] }).process,
    );
    await runUntil(hal, () => waiting.every(({ state }) => state === 'blocked'));
    for (const process of waiting) process.signal('SIGKILL');
    await runUntil(hal, () => waiting.every(({ status }) => status !== undefined));
    for (const process of waiting) kernel.reap(process);
    return heap();
  };
  await generation();
  const early = await generation();
  await generation();
  // A thread with its lists takes more than 8 KB.
  expect((await generation()) - early).toBeLessThan(MB);
});

test('arguments and environment are bounded', async () => {
  const half = 'x'.repeat(ARGUMENT_BYTES_MAX / 2);
  await expect(machine.process(guest('hello')).args([half, half]).spawn()).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(machine.process(guest('hello')).args([half]).env({ A: half }).spawn()).rejects.toMatchObject({
    code: 'invalid-argument',
  });
  await expect(machine.process(guest('hello')).args(Array(ARGUMENT_BYTES_MAX).fill('')).spawn()).rejects.toMatchObject({
    code: 'invalid-argument',
  });
  const { status } = await machine.process(guest('hello')).args([half]).run();
  expect(status.code).toBe(0);
});

test('one call moves a bounded number of bytes, however many are asked for and in however many pieces', async () => {
  const module = await wat(`${WASI('fd_pwrite', 'path_open')}
    (memory (export "memory") 4096) (data (i32.const 0) "zero")
    (func (export "ask") (param $count i32) (param $length i32) (result i32) (local $i i32)
      (loop $fill
        (i32.store (i32.add (i32.const 1024) (i32.mul (local.get $i) (i32.const 8))) (i32.const 65536))
        (i32.store (i32.add (i32.const 1028) (i32.mul (local.get $i) (i32.const 8))) (local.get $length))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $fill (i32.lt_u (local.get $i) (local.get $count))))
      (drop (call $fd_pwrite (i32.const 4) (i32.const 1024) (local.get $count) (i64.const 0) (i32.const 512)))
      (i32.load (i32.const 512)))
    (func (export "open") (result i32)
      (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 1) (i64.const 0x46) (i64.const 0) (i32.const 0) (i32.const 600)))`);
  await using child = await machine
    .process(module)
    .capabilities([{ tmp: '/tmp', size: '600m' }])
    .reactor()
    .spawn();
  expect(await child.call('open')).toEqual([0]);
  expect(await child.call('ask', 1, 5 * MB)).toEqual([5 * MB]);
  expect(await child.call('ask', 1, 200 * MB)).toEqual([16 * MB]);
  expect(await child.call('ask', 100, 5 * MB)).toEqual([16 * MB]);
});

test('the elements of all tables count together', async () => {
  const half = TABLE_ELEMENTS_MAX / 2;
  const module = await wat(`(table $a 1 funcref) (table $b 0 20 externref)
    (func (export "a") (param i32) (result i32) (table.grow $a (ref.null func) (local.get 0)))
    (func (export "b") (param i32) (result i32) (table.grow $b (ref.null extern) (local.get 0)))`);
  await using child = await machine.process(module).reactor().spawn();
  expect(await child.call('a', half)).toEqual([1]);
  expect(await child.call('b', half)).toEqual([-1]);
  // What V8 refused, since it is more than the table declares, is taken by nothing.
  expect(await child.call('b', half - 1)).toEqual([-1]);
  expect(await child.call('b', 20)).toEqual([0]);
  expect(await child.call('a', half)).toEqual([-1]);
  expect(await child.call('a', half - 21)).toEqual([half + 1]);
  expect(await child.call('a', 1)).toEqual([-1]);
});

test('what a guest asks for a child has bounds, which are looked at before it is read', async () => {
  const [E2BIG, ENAMETOOLONG] = [1, 37];
  await using parent = await machine
    .process(
      await wat(`
        (import "host_process" "proc_spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 513)
        (func (export "start") (param i32 i32 i32) (result i32)
          (i32.store (i32.const 0) (i32.const 0x74697865))
          (call $spawn (i32.const 0) (local.get 0) (i32.const 65536) (local.get 1) (i32.const -1) (i32.const -1) (i32.const -1)
            (i32.const 65536) (local.get 2) (i32.const 64)))`),
    )
    .capabilities([`program:${guest('exit')}`])
    .reactor()
    .spawn();
  const start = async (...lengths: readonly number[]) => (await parent.call('start', ...lengths))[0];
  const begun = process.cpuUsage();
  expect(await start(2 ** 25, 0, 0)).toBe(E2BIG);
  expect(await start(5, 2 ** 21, 0)).toBe(E2BIG);
  expect(await start(5, 2 ** 25, 0)).toBe(E2BIG);
  // Bytes are not all that a variable takes.
  expect(await start(5, 65_536, 0)).toBe(E2BIG);
  expect(await start(5, 0, 4097)).toBe(ENAMETOOLONG);
  expect(await start(5, 0, 2 ** 25)).toBe(ENAMETOOLONG);
  // Nothing of it was read: 32 MB as text takes seconds.
  expect(process.cpuUsage(begun).user / 1e6).toBeLessThan(1);
});
