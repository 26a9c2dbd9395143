import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MUTATIONS } from './mutations.ts';
import { Breach, run } from './world.ts';

const steps = (maxLength: number) => fc.array(fc.noBias(fc.nat(2 ** 32 - 1)), { minLength: 8, maxLength, size: 'max' });
/** More by `npm run soak`. */
const SEQUENCES = 100_000;

describe('what capabilities promise', () => {
  test('holds after every step of any sequence', () => {
    fc.assert(
      fc.property(steps(30), (numbers) => {
        run(numbers);
      }),
      { numRuns: SEQUENCES },
    );
  }, 300_000);

  test('holds in long sequences', () => {
    fc.assert(
      fc.property(steps(300), (numbers) => {
        run(numbers);
      }),
      { numRuns: 500 },
    );
  }, 120_000);

  test('suspended calls are woken when their capability dies or leaves, and only then', async () => {
    await fc.assert(fc.asyncProperty(steps(60), woken), { numRuns: 2000 });
  });
});

describe('the properties fail where a rule is broken on purpose', () => {
  test.each(MUTATIONS.map((one) => [one.property, one.what, one] as const))('%i: %s', async (property, _what, mutation) => {
    const broken = new Set<number>();
    const mend = mutation.apply();
    try {
      for (const numbers of fc.sample(steps(60), { numRuns: 400, seed: 1 })) {
        const breach = await woken(numbers).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (breach instanceof Breach) broken.add(breach.property);
      }
    } finally {
      mend();
    }
    expect([...broken]).toContain(property);
  });

  test('and each of them has a mutation, here or where a kernel runs', () => {
    const IN_KERNELS = [12];
    const tried = new Set([...MUTATIONS.map(({ property }) => property), ...IN_KERNELS]);
    expect([...tried].sort((a, b) => a - b)).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
  });
});

async function woken(numbers: readonly number[]): Promise<void> {
  const world = run(numbers);
  await Promise.resolve();
  world.checkWoken();
}
