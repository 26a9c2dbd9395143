// Some generated programs of each kind: most that make GC objects when they are instantiated cannot be captured.
import { expect, test } from 'vitest';
import { cloning } from './cloning.ts';

test('clones of generated programs go on as the originals do', async () => {
  const { captured, lines, differences } = await cloning(1, 100, { flags: ['--disable-gc'] });
  expect(differences).toEqual([]);
  expect(captured).toBeGreaterThan(60);
  expect(lines).toBeGreaterThan(1000);
}, 300_000);

test('clones of generated programs with GC objects', async () => {
  const { captured, differences } = await cloning(2, 60);
  expect(differences).toEqual([]);
  expect(captured).toBeGreaterThan(10);
}, 300_000);

test('generated programs that are recycled do the same again', async () => {
  const flags = ['gc', 'threads', 'reference-types', 'exception-handling'].map((name) => `--disable-${name}`);
  const { recycled, differences } = await cloning(3, 60, { flags });
  expect(differences).toEqual([]);
  expect(recycled).toBeGreaterThan(30);
}, 300_000);
