// Regions as their embedder has them: shared by processes of all kernels, found by name, taken away from all at once.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { simHal } from '../../src/hal/sim/hal.ts';
import { type ChildProcess, type Grant, Machine, type MemoryRegion, SuperosError } from '../../src/index.ts';
import { nativeMmu } from '../hal/mmus.ts';
import { CPUS, temporaryTree, until, wat } from './guests.ts';

const PAGE = 65_536;

/** Maps what it finds as `region:frames`; `load` and `store` touch it, at an offset. */
const GUEST = await wat(`
  (import "superos" "cap_find" (func $find (param i32 i32 i32) (result i32)))
  (import "superos" "mem_map" (func $map (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "region:frames")
  (global $at (mut i32) (i32.const 0))
  (func (export "map") (param $access i32) (result i32) (local $error i32)
    (local.set $error (call $find (i32.const 64) (i32.const 13) (i32.const 0)))
    (if (local.get $error) (then (return (local.get $error))))
    (local.set $error (call $map (i32.load (i32.const 0)) (i32.const 0) (local.get $access) (i32.const 4)))
    (global.set $at (i32.load (i32.const 4)))
    (local.get $error))
  (func (export "load") (param i32) (result i32) (i32.load (i32.add (global.get $at) (local.get 0))))
  (func (export "store") (param i32 i32) (i32.store (i32.add (global.get $at) (local.get 0)) (local.get 1)))
  (func (export "fill") (param i32 i32) (memory.fill (i32.add (global.get $at) (local.get 0)) (i32.const 7) (local.get 1)))
  (func (export "add") (param i32) (result i32) (i32.atomic.rmw.add (i32.add (global.get $at) (local.get 0)) (i32.const 1)))
  (func (export "spin") (loop $again (drop (i32.load (global.get $at))) (br $again)))`);

/** Starts `child` with an argument, and waits for it. */
const PARENT = await wat(`
  (import "host_process" "proc_spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "host_process" "proc_waitpid" (func $wait (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "child\\00keep\\00")
  (func (export "start") (param $length i32) (result i32)
    (call $spawn (i32.const 0) (local.get $length) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 64)))
  (func (export "wait") (result i32)
    (drop (call $wait (i32.const -1) (i32.const 0) (i32.const 68))) (i32.load (i32.const 68)))`);

/** Maps the region, adds 77 to its third word, and ends; or, with an argument, goes on reading it. */
const CHILD = await wat(`
  (import "superos" "cap_find" (func $find (param i32 i32 i32) (result i32)))
  (import "superos" "mem_map" (func $map (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 64) "region:frames") (global $at (mut i32) (i32.const 0))
  (func (export "_start")
    (if (call $find (i32.const 64) (i32.const 13) (i32.const 0)) (then unreachable))
    (if (call $map (i32.load (i32.const 0)) (i32.const 0) (i32.const 2) (i32.const 4)) (then unreachable))
    (global.set $at (i32.add (i32.load (i32.const 4)) (i32.const 8)))
    (i32.store (global.get $at) (i32.add (i32.load (global.get $at)) (i32.const 77)))
    (drop (call $args (i32.const 16) (i32.const 20)))
    (if (i32.gt_u (i32.load (i32.const 16)) (i32.const 1))
      (then (loop $again (drop (i32.load (global.get $at))) (br $again)))))`);

const READ = 1;
const WRITE = 2;
const NOTCAPABLE = 76;

const fails = async (what: () => unknown): Promise<SuperosError> => {
  try {
    await what();
  } catch (error) {
    if (error instanceof SuperosError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe.skipIf(nativeMmu() === undefined).each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  const start = (region: Grant, scheduling: 'shared' | 'dedicated' = 'shared'): Promise<ChildProcess> =>
    machine.process(GUEST).capabilities([region]).scheduling(scheduling).reactor().spawn();
  const mapped = async (region: Grant, access: number, scheduling?: 'shared' | 'dedicated'): Promise<ChildProcess> => {
    const child = await start(region, scheduling);
    expect(await child.call('map', access)).toEqual([0]);
    return child;
  };
  const trapped = async (child: ChildProcess, name: string, ...args: number[]): Promise<string | null> => {
    await expect(child.call(name, ...args)).rejects.toThrow('ended');
    const status = await child.wait();
    expect(status.reason).toBe('trap');
    return status.message;
  };

  test('what a guest starts has the region that its parent has, until it is taken away', async () => {
    using tree = temporaryTree();
    const file = `${tree.path}/child`;
    fs.writeFileSync(file, CHILD);
    const region = machine.region('64k', { name: 'frames' });
    const parent = await machine
      .process(PARENT)
      .capabilities([region, `program:${file}`])
      .stdio('null')
      .reactor()
      .spawn();
    const word = new DataView(region.view.buffer);
    for (const times of [1, 2, 3]) {
      expect(await parent.call('start', 6)).toEqual([0]);
      expect(await parent.call('wait')).toEqual([0]);
      expect(word.getInt32(8, true)).toBe(77 * times);
    }
    expect(await parent.call('start', 11)).toEqual([0]);
    await until(() => word.getInt32(8, true) === 77 * 4);
    await region[Symbol.asyncDispose]();
    expect((await parent.call('wait'))[0]).not.toBe(0);
    await parent[Symbol.asyncDispose]();
  });

  test('processes of every kernel, and the embedder, have the same bytes', async () => {
    await using region = machine.region('1m', { name: 'frames' });
    expect([region.bytes, region.view.length]).toEqual([2 ** 20, 2 ** 20]);
    const children = await Promise.all([
      ...Array.from({ length: 4 }, () => mapped(region, WRITE)),
      mapped(region, WRITE, 'dedicated'),
    ]);
    for (const [i, child] of children.entries()) await child.call('store', 4 * i, 100 + i);
    const words = new DataView(region.view.buffer);
    for (const [i] of children.entries()) expect(words.getInt32(4 * i, true)).toBe(100 + i);
    region.view[2 ** 20 - 1] = 0x7f;
    for (const child of children) expect(await child.call('load', 2 ** 20 - 4)).toEqual([0x7f000000]);
    await Promise.all(children.map((child) => child.call('add', 64)));
    expect(words.getInt32(64, true)).toBe(children.length);
    for (const child of children) await child[Symbol.asyncDispose]();
  });

  test('it is found by its name, and has the rights that it was derived with', async () => {
    await using region = machine.region(PAGE, { name: 'frames' });
    const reading = region.derive({ rights: ['read'] });
    expect(reading.rights).toEqual(['read', 'map', 'transfer']);
    const child = await start(reading);
    expect(child.info().capabilities).toEqual(['region:frames']);
    expect(await child.capabilities()).toContainEqual({
      number: 2 ** 30,
      kind: 'region',
      grant: 'region:frames',
      rights: ['read', 'map', 'transfer'],
    });
    expect(await child.call('map', WRITE)).toEqual([NOTCAPABLE]);
    expect(await child.call('map', READ)).toEqual([0]);
    region.view[0] = 5;
    expect(await child.call('load', 0)).toEqual([5]);
    expect(await trapped(child, 'store', 0, 1)).toContain('region:frames');
    expect(reading.derive({ rights: ['write'] }).rights).toEqual(['read', 'map', 'transfer']);
  });

  test('once revoke resolves it is in no process; others keep what was not derived from it', async () => {
    await using region = machine.region(PAGE, { name: 'frames' });
    const reading = region.derive({ rights: ['read'] });
    const [all, one, two] = await Promise.all([mapped(region, WRITE), mapped(reading, READ), mapped(reading, READ)]);
    await reading.revoke();
    expect(await trapped(one, 'load', 0)).toMatch(/region:frames at 0x\w+-0x\w+, which was revoked/);
    expect(await trapped(two, 'load', 0)).toContain('revoked');
    await all.call('store', 0, 4);
    const again = await mapped(reading, READ);
    expect(await again.call('load', 0)).toEqual([4]);
    await region.revoke();
    expect(await trapped(all, 'fill', 0, 1)).toContain('a write of 1 bytes at 0x20000 touches region:frames');
    expect(await trapped(again, 'add', 0)).toContain('revoked');
    expect(region.view[0]).toBe(4);
    expect((await fails(() => start(reading))).code).toBe('closed');
    const last = await mapped(region, WRITE);
    await last.call('store', 0, 9);
    expect(region.view[0]).toBe(9);
    await last[Symbol.asyncDispose]();
  });

  test('a process that runs all the time loses it, too', async () => {
    await using region = machine.region(PAGE, { name: 'frames' });
    const child = await mapped(region, WRITE);
    const spinning = child.call('spin').catch((error: Error) => error.message);
    await region.revoke();
    expect(await spinning).toContain('ended');
    expect((await child.wait()).message).toContain('revoked');
  });

  test('taken from one process by its name, others have it', async () => {
    await using region = machine.region(PAGE, { name: 'frames' });
    const [one, two] = await Promise.all([mapped(region, WRITE), mapped(region, WRITE)]);
    await one.revoke('region:frames');
    expect(await trapped(one, 'load', 0)).toContain('revoked');
    expect(await two.call('load', 0)).toEqual([0]);
    await two[Symbol.asyncDispose]();
  });

  test('disposed of it is nobody\u2019s but the view\u2019s, and cannot be given', async () => {
    let kept: MemoryRegion;
    let child: ChildProcess;
    {
      await using region = machine.region(PAGE, { name: 'frames' });
      kept = region;
      child = await mapped(region, WRITE);
      await child.call('store', 0, 77);
    }
    expect(kept.view[0]).toBe(77);
    expect(await trapped(child, 'load', 0)).toContain('revoked');
    expect((await fails(() => start(kept))).code).toBe('closed');
    expect((await fails(() => kept.revoke())).code).toBe('closed');
  });

  test('what is no region of this machine is refused', async () => {
    await using other = await Machine.boot({ cpus: 0 });
    await using region = other.region(PAGE);
    expect((await fails(() => start(region))).message).toContain('another machine');
    expect((await fails(() => start({ region: 'frames' }))).message).toContain('a region is given as the object');
    for (const size of [0, '0k', '5g', -1, 'much'])
      expect((await fails(() => machine.region(size))).code).toBe('invalid-argument');
  });
});

test.skipIf(nativeMmu() === undefined).each(CPUS)('cpus: %i: nothing of the host is left of it', async (cpus) => {
  const open = () =>
    fs.readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`).includes('memfd:superos');
      } catch {
        return false;
      }
    }).length;
  const before = open();
  {
    await using machine = await Machine.boot({ cpus });
    for (let i = 0; i < 20; i++) {
      await using region = machine.region(PAGE, { name: 'frames' });
      await using child = await machine.process(GUEST).capabilities([region]).reactor().spawn();
      expect(await child.call('map', WRITE)).toEqual([0]);
      await region.revoke();
    }
    expect(open()).toBe(before);
    const left = machine.region(PAGE, { name: 'frames' });
    const child = await machine.process(GUEST).capabilities([left]).scheduling('dedicated').reactor().spawn();
    expect(await child.call('map', WRITE)).toEqual([0]);
    const spinning = child.call('spin').catch(() => undefined);
    child.kill('SIGKILL');
    await spinning;
  }
  expect(open()).toBe(before);
});

test('where the host shares no memory, that is said', async () => {
  await using machine = await Machine.boot({ hal: simHal({ seed: 1 }) });
  const error = await fails(() => machine.region('64k'));
  expect(error.code).toBe('not-supported');
  expect(error.message).toContain('portable');
});
