import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

test('5,000 processes leave nothing behind: memory, mappings and descriptors of the host stay flat', () => {
  const script = path.join(import.meta.dirname, '../soak/processes.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '5000'], { encoding: 'utf8', timeout: 55_000 });
  expect([status, stderr, stdout.trim().split('\n').at(-1)]).toEqual([0, '', 'flat']);
});

test('10,000 lives from templates and pools leave nothing behind: memory, mappings and descriptors of the host stay flat', () => {
  const script = path.join(import.meta.dirname, '../soak/template.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '10000'], { encoding: 'utf8', timeout: 55_000 });
  expect([status, stderr, stdout.trim().split('\n').at(-1)]).toEqual([0, '', 'flat']);
});
