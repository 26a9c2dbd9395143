import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RunQueue } from '../../src/kernel/runqueue.ts';

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

  test('is a stable sort of whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }), fc.array(fc.boolean()), (vtimes, takes) => {
        const queue = new RunQueue();
        const held: { slot: number; vtime: number }[] = [];
        const take = () => {
          const least = held.reduce((a, b) => (b.vtime < a.vtime ? b : a));
          held.splice(held.indexOf(least), 1);
          expect(queue.pop()).toBe(least.slot);
        };
        for (const [slot, vtime] of vtimes.entries()) {
          queue.push(slot, vtime);
          held.push({ slot, vtime });
          if (takes[slot] === true) take();
        }
        while (held.length > 0) take();
        expect(queue.size).toBe(0);
      }),
    );
  });
});
