import { describe, expect, test } from 'vitest';
import { AccountSimulation } from './accounts.ts';
import { guests } from './guests.ts';

const STEPS = 100_000;
const SEEDS = [1, 2, 3];

describe('what trees of processes hold and use is conserved and bounded', () => {
  const loaded = guests();

  test.each(SEEDS)('seed %d', async (seed) => {
    const simulation = new AccountSimulation(seed, await loaded);
    await simulation.run(STEPS);
    // Every kind of thing happened, refusals and ends of all reasons among them.
    for (const happened of [
      'spawn',
      'grow: over the limit',
      'pipe: over the limit',
      'output: over the limit',
      'cpu: cpu-limit',
      'cpu: signal',
      'reap',
      'kill',
      'spawn: AGAIN',
      'spawn: memory-limit',
    ])
      expect(simulation.tally[happened], happened).toBeGreaterThan(2);
  });
});
