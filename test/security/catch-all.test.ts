// SECURITY.md 10. A guest that swallows every exception, in a loop around calls that end or block it, cannot survive exit, kill or
// timeout: those are no exceptions.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { guest, until, WASI, wat } from '../machine/guests.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
});
afterAll(() => machine[Symbol.asyncDispose]());

const VARIANTS = ['catch-all', 'catch-all-legacy'];

describe.each(VARIANTS)('%s', (program) => {
  test('exits', async () => {
    const { stdout, status } = await machine.process(guest(program)).args(['exit']).run();
    expect([stdout.toString(), status]).toEqual(['', expect.objectContaining({ reason: 'exit', code: 7 })]);
  });

  test('raises a signal that kills it', async () => {
    const { stdout, status } = await machine.process(guest(program)).args(['raise']).run();
    expect([stdout.toString(), status]).toEqual(['', expect.objectContaining({ reason: 'signal', signal: 'SIGKILL' })]);
  });

  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('is ended by %s while it is blocked', async (signal) => {
    const child = await machine.process(guest(program)).args(['read']).spawn();
    await until(() => child.info().state === 'blocked');
    child.kill(signal);
    expect(await child.wait()).toMatchObject({ reason: 'signal', signal });
    expect(child.stdout?.read()).toBe(null);
  });

  test.each(['clock', 'yield'])('is ended by a kill in a loop of %s calls', async (how) => {
    const child = await machine.process(guest(program)).args([how]).spawn();
    await until(() => child.info().usage.systemCalls > 100_000);
    child.kill('SIGKILL');
    expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
    expect(child.stdout?.read()).toBe(null);
  });

  test.each(['read', 'clock', 'yield'])('is ended by its timeout in %s', async (how) => {
    const child = await machine.process(guest(program)).args([how]).limits({ timeout: '20ms' }).spawn();
    expect(await child.wait()).toMatchObject({ reason: 'timeout', signal: 'SIGKILL' });
    expect(child.stdout?.read()).toBe(null);
  });

  test('catches its own exceptions', async () => {
    const { status } = await machine.process(guest(program)).args(['own']).run();
    expect(status).toMatchObject({ reason: 'exit', code: 0 });
  });
});

/** Each body is a call that fails, waits or works; the module repeats it for ever, swallowing all. */
const BODIES: Record<string, string> = {
  'poll for an hour': '(call $poll_oneoff (i32.const 64) (i32.const 256) (i32.const 1) (i32.const 512))',
  'poll for input': '(call $poll_oneoff (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 512))',
  'read input': '(call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 512))',
  'close no descriptor': '(call $fd_close (i32.const 999))',
  'read no descriptor': '(call $fd_read (i32.const 999) (i32.const 0) (i32.const 1) (i32.const 512))',
  'read without rights': '(call $fd_read (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 512))',
  'a clock that is none': '(call $clock_time_get (i32.const 77) (i64.const 0) (i32.const 512))',
  'a result out of memory': '(call $fd_fdstat_get (i32.const 0) (i32.const -1))',
  'iovecs out of memory': '(call $fd_read (i32.const 0) (i32.const -8) (i32.const 1) (i32.const 512))',
  'flags that are none': '(call $fd_fdstat_set_flags (i32.const 0) (i32.const -1))',
  'a path that is no text':
    '(call $path_open (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 1) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 512))',
  randomness: '(call $random_get (i32.const 1024) (i32.const 4096))',
  yield: '(call $sched_yield)',
};

const forever = (body: string) =>
  wat(`${WASI('poll_oneoff', 'fd_read', 'fd_close', 'clock_time_get', 'fd_fdstat_get', 'fd_fdstat_set_flags', 'path_open', 'random_get', 'sched_yield')}
    (memory (export "memory") 1)
    (data (i32.const 0) "\\00\\04\\00\\00\\10\\00\\00\\00")
    ;; A clock in an hour, and input: see WASI's subscription.
    (data (i32.const 64) "\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\\00\\a0\\b8\\30\\46\\03\\00\\00")
    (data (i32.const 136) "\\01")
    (data (i32.const 200) "\\ff")
    (func (export "_start")
      (loop $again
        (block $caught (try_table (catch_all $caught) (drop ${body})))
        (br $again)))`);

describe.each(Object.entries(BODIES))('%s, for ever', (_name, body) => {
  test('is ended by a kill', async () => {
    const child = await machine
      .process(await forever(body))
      .capabilities(['clock', 'random', { tmp: '/tmp' }])
      .spawn();
    await until(() => child.info().state === 'blocked' || child.info().usage.systemCalls > 10_000);
    child.kill('SIGKILL');
    expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
  });

  test('is ended by its timeout', async () => {
    const child = await machine
      .process(await forever(body))
      .capabilities(['clock', 'random', { tmp: '/tmp' }])
      .limits({ timeout: '20ms' })
      .spawn();
    expect(await child.wait()).toMatchObject({ reason: 'timeout' });
  });
});
