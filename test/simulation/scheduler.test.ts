import { describe, expect, test } from 'vitest';
import { SchedulerSimulation } from './scheduler.ts';

const STEPS = 100_000;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

describe('threads get their share, and none is forgotten', () => {
  test.each(SEEDS)('seed %d', async (seed) => {
    const simulation = new SchedulerSimulation(seed);
    await simulation.run(STEPS);
    // Seconds over which shares were compared among them.
    for (const happened of ['preempted', 'yields', 'waits', 'waits again', 'ends'])
      expect(simulation.tally[happened], happened).toBeGreaterThan(0);
    expect(simulation.tally['windows']).toBeGreaterThan(2);
  });
});
