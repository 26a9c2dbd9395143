// `--no-protect`: protections are turned off by name, one at a time.
import { expect, test } from 'vitest';
import { parseRun } from '../../src/cli/parse.ts';
import { PROTECTIONS } from '../../src/kernel/protection.ts';

test('names add up, and those of the program are its own', () => {
  const request = parseRun(['--no-protect', 'stack', '--no-protect=canary', 'x.wasm', '--no-protect', 'aslr']);
  expect(request).toMatchObject({ unprotected: ['stack', 'canary'], program: 'x.wasm', args: ['--no-protect', 'aslr'] });
  for (const name of PROTECTIONS) expect(parseRun(['--no-protect', name, 'x.wasm'])).toMatchObject({ unprotected: [name] });
});

test.each(['', 'Stack', 'nullpage', 'all'])('%j is none', (name) => {
  expect(() => parseRun([`--no-protect=${name}`, 'x.wasm'])).toThrow('stack, canary, null-page, aslr is expected');
});
