// machine.template: programs that were run to a point, and the processes that start from there, in place and on threads.
import fs from 'node:fs';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Machine, type Template } from '../../src/index.ts';
import { CPUS, until, WASI, wat } from './guests.ts';

/** Counts in a global and in memory; `initialize` and `_initialize` add to both. */
const COUNTER = `
  ${WASI('proc_exit', 'random_get', 'clock_time_get', 'path_open')}
  (memory (export "memory") 4)
  (global $count (mut i32) (i32.const 5))
  (data (i32.const 100) "image")
  (func $add (param i32)
    (global.set $count (i32.add (global.get $count) (local.get 0)))
    (i32.store (i32.const 200000) (i32.add (i32.load (i32.const 200000)) (local.get 0))))
  (func (export "_initialize") (call $add (i32.const 100)))
  (func (export "wizer.initialize") (call $add (i32.const 1000)))
  (func (export "ready") (call $add (i32.const 10000)))
  (func (export "takes") (param i32))
  (func (export "ends") (call $proc_exit (i32.const 4)))
  (func (export "traps") unreachable)
  (func (export "opens") (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 9)
    (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8))))
  (func (export "reads")
    (drop (call $random_get (i32.const 0) (i32.const 8))) (drop (call $random_get (i32.const 0) (i32.const 8)))
    (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 8))))
  (func (export "count") (result i32 i32) (call $add (i32.const 1)) (global.get $count) (i32.load (i32.const 200000)))
  (func (export "quit") (call $proc_exit (i32.const 0)))
  (func (export "_start") (call $add (i32.const 1)))`;

let machine: Machine;

const count = async (template: Template) => {
  const { results } = await machine.process(template).invoke('count').run();
  return results;
};

const placed = CPUS.flatMap((cpus) => [[cpus, 'shared'] as const, [cpus, 'dedicated'] as const]);

describe.each(CPUS)('a template of a machine with %i threads', (cpus) => {
  beforeEach(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterEach(() => machine[Symbol.asyncDispose]());

  test.each([
    [undefined, [106, 101]],
    ['wizer.initialize', [1106, 1101]],
    ['ready', [10106, 10101]],
  ])('stands at the end of %s', async (until, counts) => {
    using template = await machine.template(await wat(COUNTER), until === undefined ? {} : { until });
    expect(await count(template)).toEqual(counts);
    expect(await count(template)).toEqual(counts);
    expect(template.reads).toEqual({});
  });

  test('gives each process a state of its own, at once and one after the other', async () => {
    using template = await machine.template(await wat(COUNTER));
    const children = await Promise.all([1, 2, 3, 4].map(() => machine.process(template).stdio('null').reactor().spawn()));
    for (let round = 1; round <= 3; round++)
      for (const child of children) expect(await child.call('count')).toEqual([105 + round, 100 + round]);
    for (const child of children) expect(await child.call('quit').catch(() => 'ended')).toBe('ended');
    expect(await count(template)).toEqual([106, 101]);
  });

  test('tells what was read until then', async () => {
    using template = await machine.template(await wat(COUNTER), { until: 'reads', capabilities: ['random', 'clock'] });
    expect(template.reads).toEqual({ random_get: 2, clock_time_get: 1 });
  });

  test('holds no capability of the process that it was made by', async () => {
    using template = await machine.template(await wat(COUNTER), { capabilities: ['clock', 'tmp:/t'] });
    const child = await machine.process(template).stdio('null').capabilities([]).reactor().spawn();
    expect(await child.capabilities()).toHaveLength(3);
    await child[Symbol.asyncDispose]();
  });

  test.each([
    ['nowhere', 'invalid-argument', 'exports no function nowhere'],
    ['takes', 'invalid-argument', 'takes takes 1 arguments'],
    ['ends', 'ended', 'ends'],
    ['traps', 'ended', 'traps'],
  ])('cannot be made until %s', async (until, code, message) => {
    await expect(machine.template(await wat(COUNTER), { until })).rejects.toMatchObject({
      name: 'SuperosError',
      code,
      message: expect.stringContaining(message),
    });
    expect(machine.processes).toEqual([]);
  });

  test('cannot be made of a process that has something open', async () => {
    const made = machine.template(await wat(COUNTER), { until: 'opens', capabilities: ['tmp:/t'] });
    await expect(made).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringContaining('which it opened'),
    });
  });

  test('calls superos_reseed first in every process, and not before', async () => {
    const seeded = `${WASI('proc_exit')} (memory (export "memory") 1) (global $n (mut i32) (i32.const 0))
      (func (export "superos_reseed") (global.set $n (i32.add (global.get $n) (i32.const 7))))
      (func (export "_initialize") (global.set $n (i32.const 100)))
      (func (export "get") (result i32) (global.get $n))
      (func (export "_start") (call $proc_exit (global.get $n)))`;
    using template = await machine.template(await wat(seeded));
    for (let i = 0; i < 3; i++) {
      expect((await machine.process(template).run()).status.code).toBe(107);
      expect((await machine.process(template).invoke('get').run()).results).toEqual([107]);
    }
    const child = await machine.process(template).stdio('null').reactor().spawn();
    expect(await child.call('get')).toEqual([107]);
    await child[Symbol.asyncDispose]();
  });

  test('a reseed that traps ends the process, and only it', async () => {
    const trap = `(memory (export "memory") 1) (func (export "_initialize")) (func (export "superos_reseed") unreachable) (func (export "_start"))`;
    using template = await machine.template(await wat(trap));
    expect((await machine.process(template).run()).status).toMatchObject({ reason: 'trap' });
    expect((await machine.process(template).run()).status).toMatchObject({ reason: 'trap' });
  });

  test('links each process to the functions that it was given, and to no others', async () => {
    const ask = (value: number) => machine.hostFunction('own.ask', { params: [], results: ['i32'] }, () => value);
    const asking = `(import "own" "ask" (func $ask (result i32))) (memory (export "memory") 1)
      (func (export "_initialize")) (func (export "go") (result i32) (call $ask)) (func (export "none"))`;
    using template = await machine.template(await wat(asking));
    const given = [ask(1), undefined, ask(2), undefined, undefined];
    for (const one of [...given, ...given]) {
      const run = (name: string) =>
        machine
          .process(template)
          .capabilities(one === undefined ? [] : [one])
          .invoke(name)
          .run();
      expect((await run('none')).status.reason).toBe('exit');
      const { results, status } = await run('go');
      if (one === undefined) expect(status).toMatchObject({ reason: 'trap', message: expect.stringContaining('own.ask') });
      else expect(results).toEqual([given.indexOf(one) === 0 ? 1 : 2]);
    }
  });

  test('cannot be made of a program that was compiled without what it takes', async () => {
    const program = await machine.compile(await wat(COUNTER));
    await expect(machine.template(program)).rejects.toMatchObject({ code: 'not-supported' });
  });

  test('of a template is another that stands at the same point', async () => {
    using template = await machine.template(await wat(COUNTER));
    using again = await machine.template(template);
    expect(await count(again)).toEqual([106, 101]);
    await expect(machine.template(template, { until: 'ready' })).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

test.each(placed)('with %i threads, %s processes start from it', async (cpus, scheduling) => {
  machine = await Machine.boot({ cpus });
  using template = await machine.template(await wat(COUNTER));
  const { results } = await machine.process(template).scheduling(scheduling).invoke('count').run();
  expect(results).toEqual([106, 101]);
  await machine[Symbol.asyncDispose]();
});

/** Finalisers run in the turns after the collection that found something; true once there were some. */
function collected(): boolean {
  collect();
  return ++collections % 5 === 0;
}
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;
let collections = 0;

const descriptors = () => fs.readdirSync('/proc/self/fd').length;
const mappings = () => fs.readFileSync('/proc/self/maps', 'latin1').split('\n').length;

test.runIf(process.platform === 'linux')('what is disposed of gives back descriptors and mappings', async () => {
  machine = await Machine.boot({ cpus: 0 });
  const bytes = await wat(COUNTER);
  const life = async () => {
    using template = await machine.template(bytes);
    for (let i = 0; i < 3; i++) expect(await count(template)).toEqual([106, 101]);
  };
  // Memories that wait for their next process, and what V8 keeps.
  for (let i = 0; i < 250; i++) await life();
  await until(collected);
  const before = [descriptors(), mappings()] as const;
  for (let i = 0; i < 250; i++) await life();
  // Memories go when the garbage collector comes, which has mappings of its own: far fewer than one for each template.
  await until(collected);
  expect(descriptors()).toBeLessThanOrEqual(before[0]);
  expect(mappings()).toBeLessThan(before[1] + 150);
  await machine[Symbol.asyncDispose]();
});

test('a process is gone with the young objects, and waits for no collection of all', async () => {
  machine = await Machine.boot({ cpus: 0 });
  using template = await machine.template(await wat(COUNTER));
  const heldBytes = () => getHeapSpaceStatistics().reduce((sum, space) => sum + space.space_used_size, 0);
  const lives = async (count: number) => {
    for (let i = 1; i <= count; i++) {
      const child = await machine.process(template).stdio('null').spawn();
      await child.wait();
      // What was in use at the first is not young any more after the second.
      if (i % 10 === 0) for (const _ of ['first', 'second']) collect({ type: 'minor' });
    }
  };
  await lives(500);
  collect();
  await lives(20);
  const before = heldBytes();
  await lives(500);
  // A process and what is its own take 4 KB.
  expect((heldBytes() - before) / 500).toBeLessThan(2500);
  await machine[Symbol.asyncDispose]();
});
