import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/hal/clock.ts';
import { Batch } from '../../../src/kernel/scheduler/batch.ts';
import { Slots } from '../../../src/kernel/scheduler/slots.ts';

const MS = 1e6;

/** A batch at a time, on a thread whose CPU clock the test moves. */
function batches() {
  const slots = new Slots();
  let threadNs = 0;
  const charged: [slot: number, ns: number, overNs: number][] = [];
  const clock = { threadTime: () => threadNs } as unknown as Clock;
  const batch = new Batch(slots, clock, (slot, ns, overNs) => charged.push([slot, ns, overNs]));
  let now = 0;
  for (const slot of [0, 1]) {
    slots.clear(slot);
    slots.state[slot] = 1;
  }
  return {
    /** Runs slot 0 and then slot 1 for so long each, of which the thread's clock shows `cpuMs`. */
    run(firstMs: number, secondMs: number, cpuMs: number) {
      batch.begin(now);
      for (const [slot, ms] of [firstMs, secondMs].entries()) {
        if (ms === 0) continue;
        slots.start(slot, 2, now);
        now += ms * MS;
        if (slots.stop(slot, 1, now) === 0) batch.add(slot);
      }
      threadNs += cpuMs * MS;
      batch.settle(now);
      return charged.splice(0).map(([slot, ns, overNs]) => [slot, ns / MS, overNs / MS]);
    },
  };
}

describe('a batch', () => {
  test('is charged by the wall where the thread had all of it', () => {
    const { run } = batches();
    expect(run(3, 2, 5)).toEqual([
      [0, 3, 0],
      [1, 2, 0],
    ]);
  });

  test('whose CPU clock is behind by a tick of the host is charged in full', () => {
    const { run } = batches();
    // Two reads without news, then all at once.
    for (const cpuMs of [0, 0, 15]) expect(run(5, 0, cpuMs)).toEqual([[0, 5, 0]]);
    expect(run(5, 0, 0)).toEqual([[0, 5, 0]]);
  });

  test('on a host that gives half its time to others is charged half, in proportion', () => {
    const { run } = batches();
    for (let i = 0; i < 4; i++) run(3, 2, 2.5);
    expect(run(3, 2, 2.5)).toEqual([
      [0, 1.5, 1.5],
      [1, 1, 1],
    ]);
  });

  test('is never charged for what it did not run, or less than nothing', () => {
    const { run } = batches();
    for (let i = 0; i < 10; i++) run(5, 0, 0);
    expect(run(5, 0, 0)).toEqual([[0, 0, 5]]);
    // The embedder's own work is nobody's.
    expect(run(5, 0, 50)).toEqual([[0, 5, 0]]);
  });
});
