import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RunQueue } from '../../../src/kernel/scheduler/runqueue.ts';

const drain = (queue: RunQueue): number[] => {
  const order: number[] = [];
  while (queue.size > 0) {
    const { first } = queue;
    expect(queue.pop()).toBe(first);
    order.push(first);
  }
  return order;
};

describe('the run queue', () => {
  test('gives the least virtual time first, and of equal ones the first that came', () => {
    const queue = new RunQueue();
    const vtimes = [5, 1, 5, 3, 1];
    for (const slot of [2, 0, 4, 3, 1]) queue.push(slot, vtimes[slot]!);
    expect(drain(queue)).toEqual([4, 1, 3, 2, 0]);
    expect([queue.first, queue.size]).toEqual([-1, 0]);
  });

  test('is a stable sort of whatever comes and goes, in line or not', () => {
    const step = fc.record({ vtime: fc.integer({ min: 0, max: 20 }), yields: fc.boolean(), taken: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new RunQueue();
        const held: { slot: number; vtime: number; yields: boolean }[] = [];
        const least = () => held.reduce((a, b) => (b.vtime < a.vtime ? b : a));
        const take = () => {
          const one = least();
          held.splice(held.indexOf(one), 1);
          expect([queue.first, queue.pop()]).toEqual([one.slot, one.slot]);
        };
        for (const [slot, { vtime, yields, taken }] of steps.entries()) {
          const before = held.findLast((one) => one.yields) ?? (held.length > 0 ? least() : undefined);
          const behind = Math.max(vtime, before?.vtime ?? 0);
          if (yields) expect(queue.append(slot, vtime)).toBe(behind);
          else queue.push(slot, vtime);
          held.push({ slot, vtime: yields ? behind : vtime, yields });
          expect(queue.size).toBe(held.length);
          if (taken) take();
        }
        while (held.length > 0) take();
        expect([queue.size, queue.first]).toEqual([0, -1]);
      }),
    );
  });
});
