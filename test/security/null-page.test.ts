// SECURITY.md 13. Every opcode that touches memory, at a protected page, compiled by each tier: a trap, and the host lives. System calls
// whose pointers lead there are refused. A program that leaves the first page free traps at a null pointer.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeMmu } from '../../src/hal/node/mmu/mmu.ts';
import { Machine, type Protect } from '../../src/index.ts';
import { WASI, wat } from '../machine/guests.ts';

const native = nodeMmu().driver === 'native';
const child = path.join(import.meta.dirname, 'null-page-child.ts');
const OPCODES = 118;

describe.skipIf(!native).each([
  ['Liftoff', '--liftoff-only'],
  ['TurboFan', '--no-liftoff'],
])('%s', (_, flag) => {
  const run = async (...args: readonly string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', flag, child, ...args], { timeout: 60_000 });
    return stdout.trim().split('\n');
  };

  test.each([[[]], [['shared']], [['probed']]])('an inaccessible page: every opcode traps %s', async (how) => {
    const lines = await run('none', ...how);
    expect(lines.filter((line) => !/ trap: memory access out of bounds /.test(line))).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(OPCODES);
  });

  test('a page that can be read: what stores traps, and nothing else', async () => {
    const lines = await run('read');
    expect(lines.filter((line) => line.startsWith('store') !== / trap: memory access out of bounds /.test(line))).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(OPCODES);
  });
});

describe.skipIf(!native)('a program that leaves the first page free', () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus: 0 });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  const guest = (body: string): Promise<Uint8Array> =>
    wat(`${WASI('fd_write', 'random_get', 'proc_exit')} (memory (export "memory") 4)
      (global $sp (export "__stack_pointer") (mut i32) (i32.const 131072))
      (data (i32.const 4096) "\\00\\00\\00\\00\\04\\00\\00\\00") (func (export "_start") (local i32) ${body})`);
  const run = async (body: string, protect: Protect = {}) =>
    (
      await machine
        .process(await guest(body))
        .protect(protect)
        .run()
    ).status;

  test.each([
    ['load', '(drop (i32.load (local.get 0)))'],
    ['store', '(i32.store offset=40 (local.get 0) (i32.const 1))'],
    ['fill', '(memory.fill (local.get 0) (i32.const 0) (i32.const 8))'],
    ['load, after growth', '(drop (memory.grow (i32.const 3))) (drop (i32.load (local.get 0)))'],
  ])('a %s through null traps', async (_, body) => {
    expect(await run(body)).toMatchObject({
      reason: 'trap',
      message: expect.stringMatching(/^memory access out of bounds: through null, or beyond the end of a memory\n/),
    });
    expect(await run(body, { 'null-page': false })).toMatchObject({ reason: 'exit' });
    const beyond = await run('(drop (i32.load (i32.const -8)))', { 'null-page': false });
    expect(beyond).toMatchObject({ reason: 'trap', message: expect.stringMatching(/^memory access out of bounds\n/) });
  });

  test('a system call that is to write or read there is refused: EFAULT', async () => {
    const fault = (call: string) => `(call $proc_exit ${call})`;
    const calls = [
      '(call $random_get (i32.const 0) (i32.const 8))',
      '(call $random_get (i32.const 4090) (i32.const 8))',
      '(call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 4112))',
      '(call $fd_write (i32.const 1) (i32.const 4096) (i32.const 1) (i32.const 4112))',
      '(call $fd_write (i32.const 1) (i32.const 8192) (i32.const 1) (i32.const 0))',
    ];
    for (const call of calls) expect(await run(fault(call))).toMatchObject({ reason: 'exit', code: 21 });
    expect(await run(fault('(call $random_get (i32.const 0) (i32.const 0))'))).toMatchObject({ code: 0 });
  });

  test('the clones of a template, and what serves one after another, trap as well', async () => {
    await using template = await machine.template(
      await wat(`(memory (export "memory") 4) (global (export "__stack_pointer") (mut i32) (i32.const 131072))
        (data (i32.const 4096) "data") (func (export "_initialize") (i32.store (i32.const 4096) (i32.const 5)))
        (func (export "five") (result i32) (i32.load (i32.const 4096)))
        (func (export "null") (param i32) (result i32) (i32.load (local.get 0)))`),
    );
    for (let i = 0; i < 4; i++) {
      expect((await machine.process(template).invoke('five').run()).results).toEqual([5]);
      expect((await machine.process(template).invoke('null', [0]).run()).status).toMatchObject({ reason: 'trap' });
    }
  });

  test('what served a process that wanted none is nothing for one that does', async () => {
    await using template = await machine.template(
      await wat(`(memory (export "memory") 4) (global (export "__stack_pointer") (mut i32) (i32.const 131072))
        (data (i32.const 4096) "data") (func (export "_initialize"))
        (func (export "null") (result i32) (i32.load (i32.const 0)))`),
    );
    const read = (protect: Protect) => machine.process(template).invoke('null').protect(protect).run();
    for (let i = 0; i < 4; i++) {
      expect((await read({ 'null-page': false })).results).toEqual([0]);
      expect((await read({})).status).toMatchObject({ reason: 'trap' });
    }
  });

  test('it is told', async () => {
    const protection = async (protect: Protect) => {
      const running = await machine
        .process(await guest(''))
        .protect(protect)
        .spawn();
      await running.wait();
      return running.info().protection.nullPage;
    };
    expect(await protection({})).toBe(true);
    expect(await protection({ 'null-page': false })).toBe('turned off');
  });
});
