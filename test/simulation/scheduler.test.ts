import { describe, expect, test } from 'vitest';
import { SchedulerSimulation } from './scheduler.ts';

const STEPS = 100_000;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

describe('threads get their share, and none is forgotten', () => {
  /** How often each thing happened, over all seeds. */
  const tally: Record<string, number> = {};

  test.each(SEEDS)('seed %d', async (seed) => {
    const simulation = new SchedulerSimulation(seed);
    await simulation.run(STEPS);
    for (const [what, times] of Object.entries(simulation.tally)) tally[what] = (tally[what] ?? 0) + (times ?? 0);
    // Seconds over which shares were compared among them.
    expect(simulation.tally['windows']).toBeGreaterThan(2);
  });

  test('all that a thread can do was done', () => {
    for (const what of ['preempted', 'yields', 'waits', 'waits again', 'ends']) expect(tally[what], what).toBeGreaterThan(0);
  });
});
