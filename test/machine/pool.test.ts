// Pools: warm processes of a template, at most so many at once, in place and on threads.
import { afterEach, describe, expect, test } from 'vitest';
import { type ChildProcess, Machine, type Pool, type Template } from '../../src/index.ts';
import { CPUS, until, WASI, wat } from './guests.ts';

/** Counts the calls of `count`; a command returns at once, `trap` traps. */
const COUNTER = `
  ${WASI('proc_exit')}
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $count (i32.const 40)))
  (func (export "count") (result i32) (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
  (func (export "quit") (call $proc_exit (i32.const 0)))
  (func (export "trap") unreachable)
  (func (export "_start")))`;

let machine: Machine;
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

async function template(cpus: number, fields = COUNTER.replace(/\)$/, '')): Promise<Template> {
  machine = await Machine.boot({ cpus });
  return machine.template(await wat(fields));
}

const reactor = (pool: Pool, signal?: AbortSignal): Promise<ChildProcess> => {
  const builder = pool.process().stdio('null').reactor();
  return (signal === undefined ? builder : builder.signal(signal)).spawn();
};

const end = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL');
  await child.wait();
};

describe.each(CPUS)('a pool of a machine with %i threads', (cpus) => {
  test('has instances that wait, and makes others for those that were taken', async () => {
    const made = await template(cpus);
    await using pool = machine.pool(made, { min: 4 });
    await until(() => pool.stats.idle === 4);
    expect(pool.stats).toEqual({ idle: 4, running: 0, waiting: 0 });
    const children = await Promise.all([1, 2, 3].map(() => reactor(pool)));
    expect(pool.stats.running).toBe(3);
    for (const child of children) expect(await child.call('count')).toEqual([41]);
    await until(() => pool.stats.idle >= 4);
    await Promise.all(children.map(end));
    await until(() => pool.stats.running === 0 && pool.stats.idle >= 4);
  });

  test('replaces what failed: a trap, a kill', async () => {
    const made = await template(cpus);
    await using pool = machine.pool(made, { min: 2 });
    for (let round = 0; round < 6; round++) {
      await until(() => pool.stats.idle >= 2);
      const child = await reactor(pool);
      expect(await child.call('count')).toEqual([41]);
      if (round % 2 === 0) await end(child);
      else {
        await expect(child.call('trap')).rejects.toMatchObject({ code: 'ended' });
        expect(await child.wait()).toMatchObject({ reason: 'trap' });
      }
    }
    await until(() => pool.stats.idle >= 2);
  });

  test('one instance serves processes of one policy one after another', async () => {
    const made = await template(cpus);
    const policy = await machine.policy('compute');
    await using pool = machine.pool(made, { min: 1 });
    await until(() => pool.stats.idle > 0);
    for (let i = 0; i < 12; i++) {
      const { status } = await pool.process().stdio('null').policy(policy).run();
      expect(status).toMatchObject({ reason: 'exit' });
    }
    await until(() => pool.stats.running === 0);
    // Each CPU had one, and each made at most one more.
    expect(pool.stats.idle).toBeLessThanOrEqual(2 * Math.max(1, cpus));
  });

  test('starts no more than max at once: the next waits for its turn, in the order of asking', async () => {
    const made = await template(cpus);
    await using pool = machine.pool(made, { min: 1, max: 2 });
    const [one, two] = await Promise.all([reactor(pool), reactor(pool)]);
    const order: string[] = [];
    const waiting = ['three', 'four', 'five'].map(async (name) => {
      const child = await reactor(pool);
      order.push(name);
      return child;
    });
    expect(pool.stats).toMatchObject({ running: 2, waiting: 3 });
    await end(one!);
    const three = await waiting[0]!;
    expect(order).toEqual(['three']);
    await end(two!);
    await waiting[1];
    await end(three);
    await waiting[2];
    expect(order).toEqual(['three', 'four', 'five']);
    expect(pool.stats).toMatchObject({ running: 2, waiting: 0 });
  });

  test('lets go of who gives up waiting', async () => {
    const made = await template(cpus);
    await using pool = machine.pool(made, { max: 1 });
    const child = await reactor(pool);
    const abort = new AbortController();
    const [given, patient] = [reactor(pool, abort.signal), reactor(pool)];
    expect(pool.stats.waiting).toBe(2);
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    expect(pool.stats.waiting).toBe(1);
    await end(child);
    expect(await (await patient).call('count')).toEqual([41]);
    await expect(reactor(pool, AbortSignal.abort(new Error('never')))).rejects.toThrow('never');
    expect(pool.stats).toMatchObject({ running: 1, waiting: 0 });
  });

  test('drains: those that wait have their turn, nothing new begins', async () => {
    const made = await template(cpus);
    const pool = machine.pool(made, { min: 1, max: 1 });
    const child = await reactor(pool);
    const waiting = reactor(pool);
    const drained = pool.drain();
    await expect(reactor(pool)).rejects.toMatchObject({ code: 'closed' });
    await end(child);
    await end(await waiting);
    await drained;
    await until(() => pool.stats.idle === 0);
    expect(pool.stats).toEqual({ idle: 0, running: 0, waiting: 0 });
  });

  test('that goes out of scope kills what runs and refuses what waits', async () => {
    const made = await template(cpus);
    let child: ChildProcess;
    let waiting: Promise<ChildProcess>;
    {
      await using pool = machine.pool(made, { max: 1 });
      child = await reactor(pool);
      waiting = reactor(pool);
      waiting.catch(() => undefined);
      expect(() => machine.pool(made)).toThrow('has a pool already');
    }
    await expect(waiting).rejects.toMatchObject({ code: 'closed' });
    expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
    await using again = machine.pool(made);
    expect(await (await reactor(again)).call('count')).toEqual([41]);
  });

  test('runs a thousand lives, and nothing of one is in the next', async () => {
    const made = await template(cpus);
    await using pool = machine.pool(made, { min: 4, max: 8 });
    const one = async () => {
      const { results, status } = await pool.process().invoke('count').run();
      expect(status.reason).toBe('exit');
      return results;
    };
    const results = await Promise.all(Array.from({ length: 1000 }, one));
    expect(new Set(results.map(String))).toEqual(new Set(['41']));
    expect(pool.stats).toMatchObject({ running: 0, waiting: 0 });
  });

  test.each([
    [{ min: -1 }, 'min'],
    [{ min: 1.5 }, 'min'],
    [{ max: 0 }, 'max'],
    [{ min: 3, max: 2 }, 'max'],
    [{ max: Number.NaN }, 'max'],
  ])('cannot be %j', async (options, name) => {
    const made = await template(cpus);
    expect(() => machine.pool(made, options)).toThrow(`${name} is a whole number`);
  });
});
