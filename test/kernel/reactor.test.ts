// A reactor between two calls: it rests, and neither old events nor its own end may take it for one that waits.
import { expect, test } from 'vitest';
import { WASI } from '../machine/guests.ts';
import { program, runUntil, simulated } from './machine.ts';
import { ticking } from './ticking.ts';

const nop = () => program('(memory (export "memory") 1) (func (export "nop"))');

// Two subscriptions: to the descriptor 0, and to 20 ms of the monotonic clock.
const poller = () =>
  program(`${WASI('poll_oneoff')} (memory (export "memory") 1)
    (func (export "poll") (result i32)
      (i32.store8 (i32.const 8) (i32.const 1)) (i32.store (i32.const 16) (i32.const 0))
      (i32.store8 (i32.const 56) (i32.const 0)) (i32.store (i32.const 64) (i32.const 1)) (i64.store (i32.const 72) (i64.const 20000000))
      (call $poll_oneoff (i32.const 0) (i32.const 256) (i32.const 2) (i32.const 512)))`);

test('an event that comes after the call that waited for it wakes nobody', async () => {
  const { hal, spawn } = simulated();
  const { process, stdin } = spawn(await poller(), { task: 'reactor' });
  const first = process.call({ name: 'poll', args: [] });
  await hal.timeline.advance(30e6);
  expect(await first).toEqual([0]);
  stdin.object.write(Uint8Array.of(1), 0, 1);
  await hal.timeline.advance(1e6);
  expect(process.state).toBe('blocked');
  const second = process.call({ name: 'poll', args: [] });
  await hal.timeline.advance(30e6);
  expect(await second).toEqual([0]);
});

test('a CPU limit that is found between two calls ends the process once', async () => {
  const time = ticking(1000);
  const { hal, kernel, spawn } = simulated({}, time.change);
  const { process } = spawn(await nop(), { task: 'reactor', limits: { cpuNs: 1 } });
  const calls = Promise.allSettled([1, 2, 3].map(() => process.call({ name: 'nop', args: [] })));
  await runUntil(hal, () => process.status !== undefined);
  expect(process.status).toMatchObject({ reason: 'cpu-limit' });
  expect((await calls).some(({ status }) => status === 'rejected')).toBe(true);
  expect(kernel.scheduler.ready).toBe(0);
  // The slot is another's now, and in the queue once.
  const { process: next } = spawn(await program('(memory (export "memory") 1) (func (export "_start"))'));
  await runUntil(hal, () => next.status !== undefined);
  expect([next.status?.reason, kernel.scheduler.ready]).toEqual(['exit', 0]);
});

test('the time between calls is not CPU time', async () => {
  const { hal, spawn } = simulated();
  const { process } = spawn(await nop(), { task: 'reactor', limits: { cpuNs: 1e6 } });
  for (let i = 0; i < 3; i++) {
    await hal.timeline.advance(1e9);
    const call = process.call({ name: 'nop', args: [] });
    await hal.timeline.advance(1);
    await call;
  }
  expect(process.status).toBeUndefined();
  expect(process.thread.times).toMatchObject({ running: 0, blocked: 3e9 + 3 });
});
