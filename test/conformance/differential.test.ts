// Some of what `fuzz.js` runs by the ten thousand.
import { expect, test } from 'vitest';
import { differential } from './differential.ts';

test('200 generated modules do the same, rewritten or not', async () => {
  const { modules, attended, differences } = await differential(1, 200);
  expect(differences).toEqual([]);
  // V8 takes nearly all of them, and their checks do call the kernel.
  expect(modules).toBeGreaterThan(190);
  expect(attended).toBeGreaterThan(1000);
}, 300_000);
