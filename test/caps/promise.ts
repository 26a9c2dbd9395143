// A promise of whole processes: it holds of random ones, and fails once its rule is broken.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Kernel } from '../../src/kernel/kernel.ts';
import { replace } from './mutations.ts';
import type { Held } from './probe.ts';

/** Says on how many of the runs a property does not hold; it does not stop at the first. */
async function failures<T>(runs: number, arbitrary: fc.Arbitrary<T>, holds: (value: T) => Promise<void>): Promise<number> {
  const results = await Promise.allSettled(fc.sample(arbitrary, { numRuns: runs, seed: 1 }).map(holds));
  return results.filter(({ status }) => status === 'rejected').length;
}

/** It holds always; and does not once the rule is broken. */
export function promise<T>(
  what: string,
  runs: number,
  arbitrary: fc.Arbitrary<T>,
  holds: (value: T) => Promise<void>,
  mutations: Record<string, () => () => void>,
): void {
  describe(what, () => {
    test('always', async () => {
      await fc.assert(fc.asyncProperty(arbitrary, holds), { numRuns: runs });
    }, 60_000);
    test.each(Object.entries(mutations))('fails where %s', async (_rule, apply) => {
      const mend = apply();
      try {
        expect(await failures(50, arbitrary, holds)).toBeGreaterThan(0);
      } finally {
        mend();
      }
    });
  });
}

const spawn = Kernel.prototype.spawn;
/** Another `spawn`: what it says of a request is spawned in place of what was asked. */
export const spawning = (change: (kernel: Kernel, request: Parameters<typeof spawn>[0]) => Omit<Held, 'limits'>) => () =>
  replace(
    Kernel.prototype,
    'spawn',
    () =>
      function (this: Kernel, request) {
        return spawn.call(this, { ...request, ...change(this, request) });
      },
  );
