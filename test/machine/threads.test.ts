// Kernels on threads, as only they can be seen: where processes are placed, what dies with a thread and what does not, and that
// nothing holds up the embedder. What is the same in place is tested over both elsewhere.
import fs from 'node:fs';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChildProcess, Machine } from '../../src/index.ts';
import { guest, hostDescriptors, temporaryTree, until, WASI, wat } from './guests.ts';

const LOOP = '(memory (export "memory") 1) (func (export "_start") (loop $again (br $again)))';

/** Every thread that is started meanwhile. */
async function watched<T>(work: (workers: readonly Worker[]) => Promise<T>): Promise<readonly [T, Worker[]]> {
  const workers: Worker[] = [];
  const note = (worker: Worker) => workers.push(worker);
  process.on('worker', note);
  const done = await work(workers);
  process.off('worker', note);
  return [done, workers];
}

const kernels = (workers: readonly Worker[]) => workers.filter(({ threadName }) => threadName?.startsWith('superos cpu'));

describe('two kernels', () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus: 2 });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  test('give different numbers to their processes', async () => {
    const children = await Promise.all(Array.from({ length: 20 }, () => machine.process(guest('reader')).spawn()));
    expect(new Set(children.map(({ pid }) => pid)).size).toBe(20);
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => child.wait()));
  });

  test('a program is loaded once, and not by the embedder', async () => {
    const settled = new Date(Date.now() - 60_000);
    using tree = temporaryTree();
    const path = `${tree.path}/hello.wasm`;
    fs.copyFileSync(guest('hello'), path);
    fs.utimesSync(path, settled, settled);
    const [statuses] = await watched(() => Promise.all([1, 2, 3].map(() => machine.process(path).run())));
    expect(statuses.map(({ stdout }) => stdout.toString())).toEqual(Array(3).fill('Hello from C\n'));
  });

  test('what is written changes hands: nobody else has the bytes', async () => {
    const [own, workers] = await watched(() => Machine.boot({ cpus: 1 }));
    const sent: ArrayBuffer[] = [];
    for (const worker of kernels(workers)) {
      const post = worker.postMessage.bind(worker);
      worker.postMessage = (message: unknown, transfer?: unknown) => {
        post(message, transfer as []);
        const { type, bytes } = message as { type: string; bytes: ArrayBuffer };
        if (type === 'data') sent.push(bytes);
      };
    }
    const input = Buffer.alloc(1_000_000, 7);
    const { stdout } = await own.process(guest('cat')).input(input).run();
    expect(stdout).toEqual(input);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.every(({ detached }) => detached)).toBe(true);
    // The embedder's own bytes stay the embedder's.
    expect(input.length).toBe(1_000_000);
    await own[Symbol.asyncDispose]();
  });

  test('guests that loop hold up neither the embedder nor each other', async () => {
    const bytes = await wat(LOOP);
    const hogs = await Promise.all([1, 2, 3, 4].map(() => machine.process(bytes).stdio('null').spawn()));
    await until(() => hogs.every((hog) => hog.info().usage.cpuMs > 10));
    const { stdout } = await machine.process(guest('hello')).run();
    expect(stdout.toString()).toBe('Hello from C\n');
    for (const hog of hogs) hog.kill('SIGKILL');
    for (const hog of hogs) expect(await hog.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
  });
});

describe('a thread that dies', () => {
  const DEATHS: Record<string, (worker: Worker) => unknown> = {
    'by force': (worker) => worker.terminate(),
    'by an error of ours': (worker) => worker.postMessage({ type: 'spawn' }),
  };

  test.each(Object.entries(DEATHS))('%s takes only its own processes, and another takes its place', async (_how, kill) => {
    const [machine, workers] = await watched(() => Machine.boot({ cpus: 2 }));
    const [doomed] = kernels(workers);
    using tree = temporaryTree({ f: '' });
    const reader = () =>
      machine
        .process(guest('reader'))
        .capabilities([{ dir: tree.path }])
        .spawn();
    const children = [await reader(), await reader(), await reader(), await reader()];
    await until(() => children.every((child) => child.info().state === 'blocked'));
    expect(hostDescriptors(tree.path)).toBe(4);
    const ended: ChildProcess[] = [];
    for (const child of children) void child.wait().then(() => ended.push(child));
    await watched(async (successors) => {
      await kill(doomed!);
      await until(() => ended.length === 2 && kernels(successors).length === 1);
    });
    for (const child of ended) {
      expect(await child.wait()).toMatchObject({ reason: 'crash', code: null, message: expect.stringContaining('thread died') });
      expect(child.info().state).toBe('terminated');
      expect(await child.stdout!.toArray()).toEqual([]);
      expect(child.kill()).toBe(false);
    }
    // Its descriptors are closed, and those of the other thread are not.
    expect(hostDescriptors(tree.path)).toBe(2);
    const later = [await reader(), await reader(), await reader()];
    const all = [...children, ...later];
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(all.length);
    const alive = all.filter((child) => !ended.includes(child));
    for (const child of alive) child.stdin!.end('x');
    for (const child of alive) expect(await child.wait()).toMatchObject({ code: 0 });
    await machine[Symbol.asyncDispose]();
    expect(hostDescriptors(tree.path)).toBe(0);
  });

  test('leaves a pool to the one that takes its place', async () => {
    const [machine, workers] = await watched(() => Machine.boot({ cpus: 1 }));
    const counter = `(memory (export "memory") 1) (global $count (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $count (i32.const 40)))
      (func (export "count") (result i32) (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))`;
    const template = await machine.template(await wat(counter));
    const pool = machine.pool(template, { min: 3 });
    const dropped = machine.pool(await machine.template(await wat(counter)), { min: 2 });
    await until(() => pool.stats.idle === 3 && dropped.stats.idle === 2);
    await dropped.drain();
    await watched(async (successors) => {
      await kernels(workers)[0]!.terminate();
      await until(() => pool.stats.idle === 0);
      await until(() => kernels(successors).length === 1);
    });
    await until(() => pool.stats.idle === 3);
    expect(dropped.stats.idle).toBe(0);
    for (let i = 0; i < 5; i++) {
      const child = await pool.process().stdio('null').reactor().spawn();
      expect(await child.call('count')).toEqual([41]);
      child.kill();
      await child.wait();
    }
    await pool[Symbol.asyncDispose]();
    await machine[Symbol.asyncDispose]();
  });

  test('fails what was asked of it and has not been answered', async () => {
    const [machine, workers] = await watched(() => Machine.boot({ cpus: 1 }));
    const module = `${WASI('fd_read')} (memory (export "memory") 1) (data (i32.const 4) "\\04")
      (func (export "wait") (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))))`;
    const child = await machine
      .process(await wat(module))
      .reactor()
      .spawn();
    const call = expect(child.call('wait')).rejects.toMatchObject({ code: 'ended' });
    const spawning = expect(
      machine.process(await machine.compile(fs.readFileSync(guest('reader')))).spawn(),
    ).rejects.toMatchObject({
      code: 'ended',
    });
    await kernels(workers)[0]!.terminate();
    await Promise.all([call, spawning]);
    await expect(child.read(0, 1)).rejects.toMatchObject({ code: 'invalid-argument' });
    expect((await machine.process(guest('hello')).run()).status.code).toBe(0);
    await machine[Symbol.asyncDispose]();
  });
});
