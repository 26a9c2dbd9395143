// A stray write over the end of the stack is found before the process writes or ends; the word is random, and another in each process.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Machine, type Protect } from '../../src/index.ts';
import { WASI, wat } from '../machine/guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

const LAYOUT = `(memory (export "memory") 4) (global $sp (export "__stack_pointer") (mut i32) (i32.const 65536))
  (data (i32.const 65536) "\\f0\\00\\01\\00\\04\\00\\00\\00")`;
const SMASH = '(i32.store (i32.const 0) (i32.const 1))';
/** Writes four bytes of `from` after `body`. */
const writer = (body: string, from = 0x100f0): Promise<Uint8Array> =>
  wat(`${WASI('fd_write', 'proc_exit')} ${LAYOUT} (func $write (i32.store (i32.const 65536) (i32.const ${from}))
    (drop (call $fd_write (i32.const 1) (i32.const 65536) (i32.const 1) (i32.const 65552))))
    (func (export "_start") ${body})`);
const run = async (bytes: Uint8Array, protect: Protect = {}) => machine.process(bytes).protect(protect).run();
const OVERWRITTEN = {
  reason: 'trap',
  message: expect.stringMatching(/^the canary at 0x0, the end of the stack, was overwritten/),
};

test('nothing is written after it was overwritten', async () => {
  const { stdout, status } = await run(await writer(`(call $write) ${SMASH} (call $write)`));
  expect(stdout).toHaveLength(4);
  expect(status).toMatchObject(OVERWRITTEN);
});

test.each([
  ['by a call', '(call $proc_exit (i32.const 0))'],
  ['by returning', ''],
])('no success is told of a process that ends %s', async (_, end) => {
  expect((await run(await writer(`${SMASH} ${end}`))).status).toMatchObject(OVERWRITTEN);
});

test('without it the process goes on', async () => {
  const { stdout, status } = await run(await writer(`${SMASH} (call $write)`), { canary: false });
  expect(stdout).toHaveLength(4);
  expect(status).toMatchObject({ reason: 'exit', code: 0 });
});

test('it is random, and another in each process', async () => {
  const bytes = await writer('(call $write)', 0);
  const words = await Promise.all(Array.from({ length: 8 }, async () => (await run(bytes)).stdout.readUInt32LE()));
  expect(new Set(words).size).toBeGreaterThan(6);
  expect((await run(bytes, { canary: false })).stdout.readUInt32LE()).toBe(0);
});

test('the clones of a template have one each, and each its own place for the stack', async () => {
  await using template = await machine.template(
    await wat(`${WASI('fd_write')} ${LAYOUT} (func (export "_initialize"))
      (func (export "canary") (result i32) (i32.load (i32.const 0))) (func (export "sp") (result i32) (global.get $sp))`),
  );
  const seen = async (name: string) => {
    const found = new Set<unknown>();
    for (let i = 0; i < 8; i++) found.add((await machine.process(template).invoke(name).run()).results?.[0]);
    return found.size;
  };
  expect(await seen('canary')).toBeGreaterThan(6);
  expect(await seen('sp')).toBeGreaterThan(4);
});

test('the stack begins at random places, lower by at most an eighth, aligned; not where that is off', async () => {
  const bytes = await wat(`${LAYOUT} (func (export "sp") (result i32) (global.get $sp))`);
  const start = async (protect: Protect) =>
    (await machine.process(bytes).protect(protect).invoke('sp').run()).results?.[0] as number;
  const places = await Promise.all(Array.from({ length: 12 }, () => start({})));
  expect(new Set(places).size).toBeGreaterThan(6);
  for (const place of places) {
    expect(place % 16).toBe(0);
    expect(place).toBeLessThanOrEqual(65536);
    expect(place).toBeGreaterThan(65536 - 8192);
  }
  expect(await start({ aslr: false })).toBe(65536);
});

test('a stack whose end is not known gives up little of what may be all it has', async () => {
  const bytes =
    await wat(`(memory 16) (global $sp (export "__stack_pointer") (mut i32) (i32.const 589824)) (data (i32.const 1024) "x")
    (func (export "sp") (result i32) (global.get $sp))`);
  const places = await Promise.all(
    Array.from({ length: 12 }, async () => (await machine.process(bytes).invoke('sp').run()).results?.[0] as number),
  );
  expect(new Set(places).size).toBeGreaterThan(3);
  for (const place of places) expect(place).toBeGreaterThan(589824 - 1024);
});
