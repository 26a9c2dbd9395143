// SECURITY.md 11. Imports of the tag of host exceptions and of host values (CVE-2026-26956, vm2 CVE-2026-47210) are refused before
// anything runs, with an error that names them: only numbers cross between a guest and the kernel.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { guest, hostDescriptors, wat } from '../machine/guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

const launcher = path.join(import.meta.dirname, '../../bin/superos.js');

test.each(['jstag', 'externref', 'externref-global', 'externref-table'])('%s is refused', async (name) => {
  await expect(machine.process(guest(name)).spawn()).rejects.toMatchObject({
    name: 'SuperosError',
    code: 'not-runnable',
    message: expect.stringMatching(/imports \S+\.\S+, which/),
  });
  expect(machine.processes).toEqual([]);
  expect(hostDescriptors(path.dirname(guest(name)))).toBe(0);
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, 'run', '--no-cache', guest(name)], {
    encoding: 'utf8',
  });
  expect([status, stdout, stderr]).toEqual([126, '', expect.stringMatching(/^superos: .*imports .*\n$/)]);
});

const START = '(func (export "_start"))';
const REFUSED: Record<string, string> = {
  'a parameter': `(import "env" "f" (func (param externref))) ${START}`,
  'a result': `(import "env" "f" (func (result externref))) ${START}`,
  'any reference': `(import "env" "f" (func (param anyref))) ${START}`,
  'a function reference': `(import "env" "f" (func (param funcref))) ${START}`,
  'an exception': `(import "env" "f" (func (param exnref))) ${START}`,
  'a vector': `(import "env" "f" (func (param v128))) ${START}`,
  'a string of the engine': `(import "wasm:js-string" "length" (func (param externref) (result i32))) ${START}`,
  'a system call of another type': `(import "wasi_snapshot_preview1" "fd_close" (func (param externref) (result i32))) ${START}`,
  'a tag': `(import "env" "tag" (tag (param i32))) ${START}`,
  'the tag of host exceptions': `(import "wasi_snapshot_preview1" "JSTag" (tag (param externref))) ${START}`,
  'a global': `(import "env" "g" (global externref)) ${START}`,
  'a mutable global': `(import "env" "g" (global (mut externref))) ${START}`,
  'a global of functions': `(import "env" "g" (global funcref)) ${START}`,
  'a table': `(import "env" "t" (table 1 externref)) ${START}`,
  'a table of functions': `(import "env" "t" (table 1 funcref)) ${START}`,
  "the kernel's own module": `(import "superos:kernel" "wait" (func (param i32) (result f64))) ${START}`,
};

test.each(Object.entries(REFUSED))('an import of %s is refused', async (_name, fields) => {
  await expect(machine.process(await wat(fields)).spawn()).rejects.toMatchObject({ code: 'not-runnable' });
});

test('an export that takes or gives one cannot be called', async () => {
  const module = await wat(
    '(func (export "take") (param externref)) (func (export "give") (result externref) (ref.null extern)) (func (export "vector") (result v128) (v128.const i64x2 0 0))',
  );
  await using child = await machine.process(module).reactor().spawn();
  for (const name of ['take', 'give', 'vector'])
    await expect(child.call(name, ...(name === 'take' ? [1] : []))).rejects.toMatchObject({ code: 'invalid-argument' });
});

test('a guest that uses references of its own runs', async () => {
  const { results } = await machine
    .process(
      await wat(
        '(table 2 externref) (global externref (ref.null extern)) (tag (param externref)) (func (export "f") (result i32) (ref.is_null (table.get 0 (i32.const 1))))',
      ),
    )
    .invoke('f')
    .run();
  expect(results).toEqual([1]);
});
