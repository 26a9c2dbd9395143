import { expect, test } from 'vitest';
import { SimTick } from '../../../src/hal/sim/tick.ts';
import { QUANTUM_NS } from '../../../src/kernel/limits.ts';
import { type Runnable, Scheduler } from '../../../src/kernel/scheduler/scheduler.ts';

test('one that is woken while it is charged asks for no second turn of the event loop', async () => {
  let nowNs = 0;
  const clock = {
    monotonic: () => nowNs,
    monotonicTime: () => 0n,
    realtime: () => 0n,
    threadTime: () => nowNs,
    monotonicStepNs: 1,
    realtimeStepNs: 1,
  };
  const deferred: (() => void)[] = [];
  const cpu = { defer: (task: () => void) => void deferred.push(task), after: () => ({ cancel: () => undefined }) };
  const scheduler = new Scheduler({ clock, cpu, tick: new SimTick() });
  const thread = (charge: (ns: number) => void): Runnable => ({ fresh: false, dispatch: () => 'running', charge });
  let ended = 0;
  const limited = scheduler.add(
    thread(() => {
      // As a process does that has used up its CPU time while it waits.
      if (ended++ === 0) scheduler.wake(limited);
    }),
    0,
  );
  const other = scheduler.add(
    thread(() => undefined),
    0,
  );
  scheduler.wake(limited);
  scheduler.wake(other);
  await Promise.resolve();
  nowNs += QUANTUM_NS;
  scheduler.block(limited);
  expect([ended, deferred.length, scheduler.ready]).toEqual([1, 1, 2]);
});
