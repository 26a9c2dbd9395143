// SECURITY.md 10. Whatever a guest does without end, a kill, a timeout and a limit of CPU time end it, and the others go on.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChildProcess, Machine, type Program } from '../../src/index.ts';
import { CALLING, ENDLESS, WAITING } from '../machine/endless.ts';
import { until, wat } from '../machine/guests.ts';

const all = Object.entries({ ...ENDLESS, ...CALLING, ...WAITING });
const busy = Object.entries({ ...ENDLESS, ...CALLING });

describe.each([{ cpus: 0 }, { cpus: 2 }])('with %o', ({ cpus }) => {
  let machine: Machine;
  const programs = new Map<string, Program>();
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
    for (const [name, text] of all) programs.set(name, await machine.compile(await wat(text), name));
  });
  afterAll(() => machine[Symbol.asyncDispose]());
  const process = (name: string) => machine.process(programs.get(name)!).stdio('pipe');
  /** Resolves when the process is in the middle of what it does. */
  const underWay = (child: ChildProcess): Promise<void> =>
    until(() => child.info().state === 'blocked' || child.info().usage.cpuMs > 10);

  test.each(all)('a kill ends %s', async (name) => {
    const child = await process(name).spawn();
    await underWay(child);
    expect(child.kill('SIGKILL')).toBe(true);
    expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
  });

  test.each(all)('a timeout ends %s', async (name) => {
    const child = await process(name).limits({ timeout: '50ms' }).spawn();
    expect(await child.wait()).toMatchObject({ reason: 'timeout', signal: 'SIGKILL' });
  });

  test.each(busy)('a limit of CPU time ends %s', async (name) => {
    const child = await process(name).limits({ cpuTime: '50ms' }).spawn();
    expect(await child.wait()).toMatchObject({ reason: 'cpu-limit', signal: 'SIGKILL' });
  });

  test('one that works is not held up by those that never end', async () => {
    const hogs = await Promise.all(Object.keys(ENDLESS).map((name) => process(name).spawn()));
    const worker = await machine.compile(await wat('(memory (export "memory") 1) (func (export "_start"))'), 'worker');
    for (let i = 0; i < 5; i++)
      expect(await (await machine.process(worker).spawn()).wait()).toMatchObject({ reason: 'exit', code: 0 });
    for (const hog of hogs) hog.kill('SIGKILL');
    for (const hog of hogs) expect(await hog.wait()).toMatchObject({ reason: 'signal' });
  });
});
