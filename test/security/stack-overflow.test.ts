// A stack in linear memory that overflows, as in hosts where it grows into the program's own data: the process traps, with a message that
// says so, before anything below the stack is changed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine, type Protect } from '../../src/index.ts';
import { WASI, wat } from '../machine/guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

/** Recurses to the depth that its data names, and exits with the first byte of the data below the stack. */
const guest = (depth: number, data: number): Promise<Uint8Array> =>
  wat(`${WASI('proc_exit')} (memory (export "memory") 4) (global $sp (mut i32) (i32.const 65536))
    (global (export "__data_end") i32 (i32.const ${data < 65536 ? data + 4 : 65536}))
    (data (i32.const ${data}) "\\07\\00\\00\\00")
    (func $frame (param $depth i32) (local $sp i32)
      (global.set $sp (local.tee $sp (i32.sub (global.get $sp) (i32.const 4096))))
      (memory.fill (local.get $sp) (i32.const 255) (i32.const 4096))
      (if (local.get $depth) (then (call $frame (i32.sub (local.get $depth) (i32.const 1)))))
      (global.set $sp (i32.add (local.get $sp) (i32.const 4096))))
    (func (export "_start") (call $frame (i32.const ${depth})) (call $proc_exit (i32.load8_u (i32.const ${data}))))`);
const run = async (bytes: Uint8Array, protect: Protect = {}) =>
  (
    await machine
      .process(bytes)
      .protect({ aslr: false, ...protect })
      .run()
  ).status;

describe('a stack over data', () => {
  test('traps with a message that names it, and the frames', async () => {
    const status = await run(await guest(20, 8192));
    expect(status).toMatchObject({ reason: 'trap', code: null });
    expect(status.message).toMatch(/^the stack of 57328 bytes overflowed, by \d+ bytes\n {4}at frame /);
  });

  test('one that fits runs', async () => {
    expect(await run(await guest(10, 8192))).toMatchObject({ reason: 'exit', code: 7 });
  });

  test('without the checks it grows into the data', async () => {
    expect(await run(await guest(13, 8192), { stack: false, canary: false })).toMatchObject({ reason: 'exit', code: 255 });
  });
});

describe('a stack below all data', () => {
  test('leaves memory where it ends, which is told as what it is', async () => {
    const { reason, message } = await run(await guest(20, 65536));
    expect(reason).toBe('trap');
    expect(message).toMatch(/^the stack of 65536 bytes overflowed: memory access out of bounds/);
  });

  test('another access out of bounds is no overflow of it', async () => {
    const bytes = await wat(`(memory (export "memory") 4) (global (export "__stack_pointer") (mut i32) (i32.const 65536))
      (data (i32.const 65536) "x") (func (export "_start") (i32.store (i32.const -8) (i32.const 1)))`);
    expect((await run(bytes)).message).toMatch(/^memory access out of bounds/);
  });

  test('with checks on request a frame larger than what is below traps too', async () => {
    expect((await run(await guest(20, 65536), { stack: true })).message).toMatch(/^the stack of 65536 bytes overflowed, by/);
  });
});
