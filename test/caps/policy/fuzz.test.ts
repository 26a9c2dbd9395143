import { expect, test } from 'vitest';
import { fuzz } from './fuzzer.ts';

test('random and mutated policies are read or refused, and decide as the reference does', () => {
  const report = fuzz(1, 3000);
  expect(report.differences.slice(0, 3)).toEqual([]);
  // That all of it was about something.
  expect(report.read).toBeGreaterThan(1200);
  expect(report.refused).toBeGreaterThan(600);
  expect(Object.keys(report.actions).sort()).toEqual(['allow', 'errno', 'kill', 'log', 'notify', 'trap']);
});
