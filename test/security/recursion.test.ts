// SECURITY.md 16. Recursion without end, at every depth of suspended stacks (CVE-2025-59466), ends the guest that recurses and
// nothing else.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { guest, until, WASI, wat } from '../machine/guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

const MODES = ['plain', 'calls', 'wide', 'mutual', 'caught', 'storm'];
const EXHAUSTED = { reason: 'trap', code: null, message: expect.stringMatching(/call stack/) };

describe.each(MODES)('%s', (mode) => {
  test('ends with a trap', async () => {
    const { stdout, status } = await machine.process(guest('recurse')).args([mode]).run();
    expect(status).toMatchObject(EXHAUSTED);
    expect(stdout.toString()).toBe('');
    // What a person is told stays short, however deep it went.
    expect(status.message!.length).toBeLessThan(4096);
  });
});

test('as an export that is invoked, and in a reactor', async () => {
  const { status } = await machine.process(guest('recurse')).invoke('plain').run();
  expect(status).toMatchObject(EXHAUSTED);
  const child = await machine.process(guest('recurse')).reactor().spawn();
  await expect(child.call('mutual')).rejects.toMatchObject({ code: 'ended' });
  expect(await child.wait()).toMatchObject(EXHAUSTED);
});

test('many at once, while others are suspended and wake up between', async () => {
  const program = await machine.compile(await (await import('node:fs/promises')).readFile(guest('recurse')), 'recurse');
  const readers = await Promise.all(Array.from({ length: 20 }, () => machine.process(guest('reader')).spawn()));
  await until(() => readers.every((reader) => reader.info().state === 'blocked'));
  const recursers = await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      machine
        .process(program)
        .args([MODES[i % MODES.length]!])
        .spawn(),
    ),
  );
  for (const [i, reader] of readers.entries()) if (i % 2 === 0) reader.stdin?.write('between\n');
  for (const child of recursers) expect(await child.wait()).toMatchObject(EXHAUSTED);
  for (const reader of readers) {
    expect(reader.info().state).toBe('blocked');
    reader.stdin?.end('after\n');
    expect(await reader.wait()).toMatchObject({ reason: 'exit', code: 0 });
  }
});

test('at any depth of a stack that was suspended deep down', async () => {
  const module = await wat(`${WASI('fd_read')}
    (memory (export "memory") 1) (data (i32.const 0) "\\40\\00\\00\\00\\08\\00\\00\\00")
    (func $deep (param $left i32)
      (if (local.get $left)
        (then (call $deep (i32.sub (local.get $left) (i32.const 1))))
        (else (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))) (call $endless)))
      (i32.store (i32.const 128) (local.get $left)))
    (func $endless (call $endless) (i32.store (i32.const 128) (i32.const 1)))
    (func (export "deep") (param i32) (call $deep (local.get 0)))`);
  const depths = [0, 10, 100, 1000, 5000];
  const children = await Promise.all(depths.map((depth) => machine.process(module).invoke('deep', [depth]).spawn()));
  await until(() => children.every((child) => child.info().state === 'blocked'));
  for (const child of children) {
    child.stdin?.end('x');
    expect(await child.wait()).toMatchObject(EXHAUSTED);
  }
});

test('the machine goes on', async () => {
  const { stdout, status } = await machine.process(guest('hello')).run();
  expect([stdout.toString(), status.code]).toEqual(['Hello from C\n', 0]);
});
