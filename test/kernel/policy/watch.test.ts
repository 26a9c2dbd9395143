// How a child is watched: by its parent's policy and its own.
import { describe, expect, test } from 'vitest';
import { narrow } from '../../../src/caps/policy/narrow.ts';
import { within } from '../../../src/kernel/policy/watch.ts';
import { policyOf } from './policies.ts';

const [a, b] = [policyOf({}), policyOf({})];

describe('two policies', () => {
  test('that are enforced are one, the same each time', () => {
    const both = within({ policy: a, enforce: true }, { policy: b, enforce: true });
    expect(both).toMatchObject({ enforce: true, policy: { layers: [...a.layers, ...b.layers] } });
    expect(within({ policy: a, enforce: true }, { policy: b, enforce: true })?.policy).toBe(both?.policy);
  });

  test('of which one is only told of: the other one holds', () => {
    expect(within({ policy: a, enforce: false }, { policy: b, enforce: true })).toMatchObject({ policy: b, enforce: true });
    expect(within({ policy: a, enforce: true }, { policy: b, enforce: false })).toMatchObject({ policy: a, enforce: true });
  });

  test('have no layer twice, however often one comes', () => {
    expect(narrow(narrow(a, b), b).layers).toEqual([...a.layers, ...b.layers]);
    expect(narrow(a, a).layers).toEqual(a.layers);
  });
});

test('who asks and hears is the child\u2019s own, or its parent\u2019s', () => {
  const [one, other] = [{ ask: () => Promise.resolve(true) }, { ask: () => Promise.resolve(true) }];
  expect(within({ enforce: true, supervisor: one }, { policy: a, enforce: true })?.supervisor).toBe(one);
  expect(within({ enforce: true, supervisor: one }, { enforce: true, supervisor: other })?.supervisor).toBe(other);
  expect(within(undefined, undefined)).toBeUndefined();
});
