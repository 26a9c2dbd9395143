// `superos inspect`: what is told of a program, to people and to other programs.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspect } from '../../src/cli/inspect.ts';
import { guest, WASI, wat } from '../machine/guests.ts';

let directory: string;
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'superos-inspect-'));
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

async function written(program: string, json: boolean): Promise<string[]> {
  const lines: string[] = [];
  expect(await inspect(program, json, (some) => lines.push(...some))).toBe(0);
  return lines;
}

async function reported(text: string): Promise<Record<string, unknown>> {
  const file = path.join(directory, 'guest.wasm');
  fs.writeFileSync(file, await wat(text));
  const lines = await written(file, true);
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

test('imports with their groups and what they need', async () => {
  const { imports } = await reported(`${WASI('fd_write', 'clock_time_get')} (import "env" "own" (func (param f64)))
    (memory (export "memory") 1) (func (export "_start"))`);
  expect(imports).toEqual([
    { module: 'wasi_snapshot_preview1', name: 'fd_write', groups: ['io'], needs: ['descriptor'] },
    { module: 'wasi_snapshot_preview1', name: 'clock_time_get', groups: expect.any(Array), needs: [] },
    { module: 'env', name: 'own', needs: [] },
  ]);
});

test('the signatures that indirect calls can reach, with counts', async () => {
  const { indirect } = await reported(`(type $a (func (param i32) (result i32))) (type $b (func)) (table 4 funcref) (memory 1)
    (elem (i32.const 0) $f $g $h) (func $f (type $a) (local.get 0)) (func $g (type $a) (local.get 0)) (func $h (type $b)) (func $i (type $a) (local.get 0))
    (func (export "x") (drop (call_indirect (type $a) (i32.const 1) (i32.const 0)))
      (drop (call_indirect (type $a) (i32.const 1) (i32.const 1))))`);
  expect(indirect).toEqual([{ type: '(i32) -> (i32)', calls: 2, functions: 2 }]);
});

describe('features', () => {
  test.each([
    ['SIMD', '(memory 1) (func (drop (v128.load (i32.const 0))))'],
    ['atomics', '(memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0))))'],
    ['shared memory', '(memory 1 1 shared)'],
    ['memory64', '(memory i64 1)'],
    ['several memories', '(memory 1) (memory 1)'],
    ['GC', '(type (struct (field i32)))'],
    ['exceptions', '(tag $t) (func (throw_ref (ref.null exn)))'],
    ['tail calls', '(func $f (return_call $f))'],
    ['bulk memory', '(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 9)))'],
  ])('%s', async (name, text) => {
    expect((await reported(text))['features']).toContain(name);
  });
});

test('the stack and what protects it', async () => {
  const { stack, protection } = await reported(`(memory 4) (data (i32.const 8192) "data")
    (global (export "__stack_pointer") (mut i32) (i32.const 65536)) (global (export "__data_end") i32 (i32.const 8196))`);
  expect(stack).toEqual({ global: 0, by: 'export', low: 8208, high: 65536, exact: true });
  expect(protection).toMatchObject({
    stack: { bytes: 57328, exact: true, by: 'check' },
    canary: { address: 8208, entropyBits: 32 },
    aslr: { stackBits: 8 },
    writeXorExecute: true,
  });
});

test('what is not found is said, with the reason', async () => {
  const { stack, protection, recyclable } = await reported('(memory 1) (func (export "_start"))');
  expect(stack).toMatch(/^no global is decreased and restored/);
  expect(protection).toMatchObject({ stack: 'no stack was found', canary: 'no stack was found', aslr: 'no stack was found' });
  expect(recyclable).toBe(true);
});

test('for people: a table that says the same', async () => {
  const text = (await written(guest('hello-rust'), false)).join('\n');
  for (const line of [
    /^program +hello-rust\.wasm, \d+ bytes/m,
    /^imports wasi_snapshot_preview1 +fd_write: @io/m,
    /^stack guard +/m,
    /^W\^X +/m,
  ])
    expect(text).toMatch(line);
  expect(text).toMatch(/^indirect calls +\(i32 i32\) -> \(i32\): \d+ calls can reach \d+ functions$/m);
});

test.each([
  ['/nowhere/x.wasm', 127, /there is no program/],
  [import.meta.filename, 126, /no valid WebAssembly module/],
  [guest('externref'), 0, undefined],
  ['-', 125, /path/],
])('errors are those of other commands: %s', async (program, status, message) => {
  const outcome = await inspect(program, true, () => {}).catch((error: { status: number; message: string }) => error);
  if (message === undefined) expect(outcome).toBe(status);
  else expect(outcome).toMatchObject({ status, message: expect.stringMatching(message) });
});
