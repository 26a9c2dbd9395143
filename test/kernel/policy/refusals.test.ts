// What is kept of refusals is bounded, whatever a guest asks for.
import { expect, test } from 'vitest';
import { Refusals } from '../../../src/kernel/policy/refusals.ts';

test('calls alike are one entry; of others a bounded number', () => {
  const refusals = new Refusals();
  for (let i = 0; i < 1000; i++) refusals.addLack('proc_spawn', {}, `give it program:${i % 500}`);
  expect(refusals.list).toHaveLength(256);
  expect(refusals.list[0]).toMatchObject({ call: 'proc_spawn', remedy: 'give it program:0', count: 2 });
});

test('so are the names in them', () => {
  const refusals = new Refusals();
  for (let i = 0; i < 100; i++) refusals.addLack('proc_spawn', {}, `${i}${'x'.repeat(100_000)}`);
  expect(refusals.list).toHaveLength(10);
});
