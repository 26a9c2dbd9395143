// SECURITY.md 23. 100,000 processes asked for at once, many pipes, many timers: `again` beyond what the host holds, nothing lost of
// those that were made, nothing left of those that were not, and the host alive.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { nodeHal } from '../../src/hal/node/hal.ts';
import { simHal } from '../../src/hal/sim/hal.ts';
import { type ChildProcess, Machine } from '../../src/index.ts';
import { guest, hostDescriptors, temporaryTree, until, WASI, wat } from '../machine/guests.ts';

const HELD = 50;
const blocks = (fields = '') =>
  wat(`${WASI('fd_read')} (memory (export "memory") 1) ${fields} (data (i32.const 0) "\\40\\00\\00\\00\\08\\00\\00\\00")
    (func (export "_start") (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))))`);

test('100,000 at once on a machine that holds a few', async () => {
  using tree = temporaryTree();
  const machine = await Machine.boot({ hal: { ...nodeHal(), host: { processesMax: HELD } } });
  const program = await machine.compile(await blocks());
  // What opens directories is loaded for the first that is given one, which would not be among those that there is room for.
  const first = await machine
    .process(program)
    .capabilities([{ dir: tree.path }])
    .spawn();
  first.stdin?.end('x');
  await first.wait();
  const children: ChildProcess[] = [];
  const refused = new Map<string, number>();
  const attempt = async (i: number) => {
    try {
      // Some of them with what must be given back.
      children.push(
        await machine
          .process(program)
          .capabilities(i % 100 === 0 ? [{ dir: tree.path }] : [])
          .spawn(),
      );
    } catch (error) {
      const { code } = error as { code: string };
      refused.set(code, (refused.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 100_000 }, (_, i) => attempt(i)));
  expect([children.length, [...refused]]).toEqual([HELD, [['again', 100_000 - HELD]]]);
  expect(new Set(children.map(({ pid }) => pid)).size).toBe(HELD);
  expect(hostDescriptors(tree.path)).toBe(1);

  // Each of those that were made does its work, and makes room for one more.
  await until(() => children.every((child) => child.info().state === 'blocked'));
  for (const child of children) {
    child.stdin?.end('x');
    expect(await child.wait()).toMatchObject({ reason: 'exit', code: 0 });
  }
  expect(hostDescriptors(tree.path)).toBe(0);
  expect(machine.processes).toEqual([]);
  children.length = 0;
  refused.clear();
  await Promise.all(Array.from({ length: HELD + 1 }, (_, i) => attempt(i)));
  expect([children.length, [...refused]]).toEqual([HELD, [['again', 1]]]);
  await machine[Symbol.asyncDispose]();
});

test('a host without memory says so, and recovers', async () => {
  const hal = simHal({ seed: 1, pages: 105 });
  const machine = await Machine.boot({ hal });
  // Room for ten, and for the first memory of one more.
  const program = await machine.compile(await blocks('(memory 9)'));
  const spawned = await Promise.allSettled(Array.from({ length: 30 }, () => machine.process(program).spawn()));
  const children = spawned.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(children.length).toBe(10);
  expect(new Set(spawned.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : [])))).toEqual(new Set(['no-memory']));
  expect(hal.mmu.live).toBe(20);
  for (const child of children) child.kill('SIGKILL');
  await hal.timeline.run();
  expect([hal.mmu.live, hal.mmu.pagesFree]).toEqual([0, 105]);
});

test('many timers at once, each of its own process: all come, and in order', async () => {
  const hal = simHal({ seed: 1 });
  const machine = await Machine.boot({ hal });
  const program = await machine.compile(
    await wat(`(import "host_process" "sleep_ms" (func $sleep (param i32) (result i32))) (memory (export "memory") 0)
      (func (export "f") (param i32) (drop (call $sleep (local.get 0))))`),
  );
  const woken: number[] = [];
  const times = Array.from({ length: 2000 }, (_, i) => ((i * 7919) % 2000) + 1);
  await Promise.all(
    times.map(async (ms) => {
      const child = await machine.process(program).invoke('f', [ms]).stdio('null').spawn();
      void child.wait().then(() => woken.push(ms));
    }),
  );
  await hal.timeline.run();
  expect(woken).toEqual(times.toSorted((a, b) => a - b));
  expect(hal.timeline.nowNs).toBe(2000 * 1e6);
});

test('this host, filled until it refuses', () => {
  // In a process of its own: beyond what the kernel counts, V8 would abort it.
  const child = path.join(import.meta.dirname, 'crowd-child.ts');
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child, guest('reader')], {
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect([status, signal, stderr]).toEqual([0, null, '']);
  expect(JSON.parse(stdout)).toMatchObject({ codes: ['again'], alive: true, left: 0 });
});
