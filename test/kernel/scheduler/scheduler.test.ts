import { describe, expect, test } from 'vitest';
import type { SimHal } from '../../../src/hal/sim/hal.ts';
import { QUANTUM_NS } from '../../../src/kernel/limits.ts';
import type { Process } from '../../../src/kernel/process.ts';
import { WASI } from '../../machine/guests.ts';
import { drained, program, runUntil, simulated, stream } from '../machine.ts';
import { ticking } from '../ticking.ts';

const IOVEC = '(memory (export "memory") 1) (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00") (data (i32.const 64) "x")';
const WRITE = (fd: number) => `(drop (call $fd_write (i32.const ${fd}) (i32.const 0) (i32.const 1) (i32.const 16)))`;
const READ = '(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))';
const writer = () => program(`${WASI('fd_write')} ${IOVEC} (func (export "_start") ${WRITE(1)})`);
const reader = () => program(`${WASI('fd_read', 'fd_write')} ${IOVEC} (func (export "_start") ${READ} ${WRITE(1)})`);
const sleeper = () =>
  program(
    '(import "host_process" "sleep_ms" (func $sleep (param i32) (result i32))) (func (export "sleep") (param i32) (drop (call $sleep (local.get 0)))) (memory (export "memory") 0)',
  );
const forever = (body: string) =>
  program(
    `${WASI('sched_yield', 'clock_time_get', 'fd_write')} ${IOVEC} (func (export "_start") (loop $again ${body} (br $again)))`,
  );

describe('states', () => {
  test('are ready, running, blocked, and terminated', async () => {
    const { hal, spawn } = simulated();
    const seen: string[] = [];
    const probe = stream({
      write: (_from, _at, length) => {
        seen.push(process.state, process.thread.state);
        return length;
      },
    });
    const { process, stdin }: { process: Process; stdin: ReturnType<typeof stream> } = spawn(
      await program(`${WASI('fd_read', 'fd_write')} ${IOVEC} (func (export "_start") ${WRITE(3)} ${READ} ${WRITE(3)})`),
      { descriptors: [probe] },
    );
    expect(process.state).toBe('ready');
    await hal.timeline.run();
    expect([seen.splice(0), process.state]).toEqual([['running', 'running'], 'blocked']);
    stdin.drop();
    await hal.timeline.run();
    expect([seen, process.state, process.thread.state]).toEqual([['running', 'running'], 'terminated', 'terminated']);
  });

  test('one thread runs at a time, and the scheduler knows which', async () => {
    const { hal, kernel, spawn } = simulated();
    const processes: Process[] = [];
    let checks = 0;
    const probe = () =>
      stream({
        write(_from, _at, length) {
          const running = processes.filter(({ state }) => state === 'running');
          expect(running.map(({ thread }) => thread)).toEqual([kernel.scheduler.current]);
          checks++;
          return length;
        },
      });
    const code = await program(
      `${WASI('fd_write', 'sched_yield')} ${IOVEC} (func (export "_start") ${`${WRITE(3)} (drop (call $sched_yield))`.repeat(5)})`,
    );
    for (let i = 0; i < 20; i++) processes.push(spawn(code, { descriptors: [probe()] }).process);
    await runUntil(hal, () => processes.every(({ status }) => status !== undefined));
    expect([checks, kernel.scheduler.current]).toEqual([100, undefined]);
    expect(processes.every(({ status }) => status?.code === 0)).toBe(true);
  });

  test('threads that yield take turns', async () => {
    const { hal, spawn } = simulated();
    const order: number[] = [];
    const code = await program(
      `${WASI('fd_write', 'sched_yield')} ${IOVEC} (func (export "_start") ${`${WRITE(3)} (drop (call $sched_yield))`.repeat(3)})`,
    );
    for (let i = 0; i < 4; i++)
      spawn(code, {
        descriptors: [
          stream({
            write: (_from, _at, length) => {
              order.push(i);
              return length;
            },
          }),
        ],
      });
    await runUntil(hal, () => order.length === 12);
    expect(order).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
  });
});

describe('time', () => {
  test('a deadline comes when it should, and not before', async () => {
    const { hal, spawn } = simulated();
    const { process } = spawn(await sleeper(), { task: { name: 'sleep', args: [1500] } });
    await hal.timeline.advance(1_499_999_999);
    expect(process.state).toBe('blocked');
    await hal.timeline.advance(1);
    expect(process.status).toMatchObject({ reason: 'exit', usage: { wallMs: 1500 } });
  });

  test('a timeout ends what is blocked, at its time', async () => {
    const { hal, spawn } = simulated();
    const { process } = spawn(await sleeper(), { task: { name: 'sleep', args: [1_000_000] }, limits: { timeoutNs: 5e9 } });
    await hal.timeline.advance(5e9 - 1);
    expect(process.status).toBeUndefined();
    await hal.timeline.advance(1);
    expect(process.status).toMatchObject({ reason: 'timeout', signal: 'SIGKILL' });
  });

  test('one that ends before its timeout leaves no alarm', async () => {
    const { hal, spawn } = simulated();
    spawn(await writer(), { limits: { timeoutNs: 1e12 } });
    await hal.timeline.run();
    expect(hal.timeline.nowNs).toBe(0);
  });
});

describe('fairness', () => {
  test.each([
    ['calls', 100, '(drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 128)))'],
    ['calls that are refused', 50_000, '(drop (call $clock_time_get (i32.const 99) (i64.const 0) (i32.const 128)))'],
    ['yields', 50_000, '(drop (call $sched_yield))'],
  ])('a loop of %s lets the event loop be served each quantum', async (_what, stepNs, body) => {
    const time = ticking(stepNs);
    const { hal, spawn } = simulated({}, time.change);
    const { process } = spawn(await forever(body));
    for (let turn = 1; turn < 20; turn++) {
      await runUntil(hal, () => time.turns() >= turn);
      expect(process.state).not.toBe('terminated');
    }
    // Once a quantum, give or take what is done between two looks at the time.
    expect(time.elapsedNs() / time.turns()).toBeLessThan(2 * QUANTUM_NS);
    process.signal('SIGKILL');
    await runUntil(hal, () => process.status !== undefined);
    expect(process.status).toMatchObject({ reason: 'signal' });
  });

  test('a longer quantum: fewer turns of the event loop', async () => {
    const turnsIn = async (quantumNs: number) => {
      const time = ticking(1000);
      const { hal, spawn } = simulated({}, time.change, quantumNs);
      const { process } = spawn(await forever('(drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 128)))'));
      await runUntil(hal, () => time.elapsedNs() > 40 * QUANTUM_NS);
      process.signal('SIGKILL');
      await runUntil(hal, () => process.status !== undefined);
      return time.turns();
    };
    expect((await turnsIn(QUANTUM_NS)) / (await turnsIn(4 * QUANTUM_NS))).toBeGreaterThan(2.5);
  });

  test('data of many megabytes is applied in pieces, between which a limit ends the process', async () => {
    const time = ticking(QUANTUM_NS / 4);
    const { hal, spawn } = simulated({}, time.change);
    const code = await program(
      `${WASI('fd_write')} (memory (export "memory") 512) (data (i32.const 0) "${'x'.repeat(2 ** 24)}") (func (export "_start") ${WRITE(1)})`,
    );
    const { process, stdout } = spawn(code, { limits: { cpuNs: 2 * QUANTUM_NS } });
    await runUntil(hal, () => process.status !== undefined);
    expect([process.status, drained(stdout)]).toEqual([expect.objectContaining({ reason: 'cpu-limit' }), '']);
    expect(process.usage().systemCalls).toBe(0);
  });

  test('two loops of calls get about as many', async () => {
    const time = ticking(1000);
    const { hal, spawn } = simulated({}, time.change);
    const code = await forever('(drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 128)))');
    const [a, b] = [spawn(code).process, spawn(code).process];
    await runUntil(hal, () => time.turns() >= 40);
    expect(a.thread.calls / b.thread.calls).toBeGreaterThan(0.8);
    expect(a.thread.calls / b.thread.calls).toBeLessThan(1.25);
    expect(a.usage().switches.involuntary).toBeGreaterThan(10);
    for (const process of [a, b]) process.signal('SIGKILL');
    await runUntil(hal, () => a.status !== undefined && b.status !== undefined);
  });
});

describe('a kill', () => {
  const KILLED = { reason: 'signal', signal: 'SIGKILL' };

  test('of one that has not run yet: it never does', async () => {
    const { hal, spawn } = simulated();
    const { process, stdout } = spawn(await writer());
    process.signal('SIGKILL');
    await hal.timeline.run();
    expect([process.status, drained(stdout)]).toEqual([expect.objectContaining(KILLED), '']);
    expect(process.status?.usage.systemCalls).toBe(0);
  });

  test('of one that runs, from within its own call: the call is its last', async () => {
    const { hal, spawn } = simulated();
    let writes = 0;
    const probe = stream({
      write(_from, _at, length) {
        writes++;
        process.signal('SIGKILL');
        return length;
      },
    });
    const { process }: { process: Process } = spawn(
      await program(`${WASI('fd_write', 'fd_read')} ${IOVEC} (func (export "_start") ${WRITE(3)} ${READ} ${WRITE(3)})`),
      { descriptors: [probe] },
    );
    await hal.timeline.run();
    expect([process.status, writes]).toEqual([expect.objectContaining(KILLED), 1]);
  });

  test('of one that waits: it does not see what it waited for', async () => {
    const { hal, spawn } = simulated();
    const { process, stdin, stdout } = spawn(await reader());
    await hal.timeline.run();
    process.signal('SIGKILL');
    stdin.object.write(Uint8Array.of(1), 0, 1);
    await hal.timeline.run();
    expect([process.status, drained(stdout)]).toEqual([expect.objectContaining(KILLED), '']);
  });

  test('of one that was woken and is ready', async () => {
    const { hal, spawn } = simulated();
    const { process, stdin, stdout } = spawn(await reader());
    await hal.timeline.run();
    stdin.object.write(Uint8Array.of(1), 0, 1);
    // The event's own turn makes it ready; the scheduler's is the next.
    await Promise.resolve();
    expect(process.state).toBe('ready');
    process.signal('SIGKILL');
    await hal.timeline.run();
    expect([process.status, drained(stdout)]).toEqual([expect.objectContaining(KILLED), '']);
  });

  test('of one that waits takes nothing more from what it waited for', async () => {
    const { hal, spawn } = simulated();
    let reads = 0;
    const ready = Promise.withResolvers<void>();
    const shared = stream({
      read() {
        reads++;
        return 'AGAIN';
      },
      ready: () => ready.promise,
    });
    const code = await program(
      `${WASI('fd_read')} ${IOVEC} (func (export "_start") (drop (call $fd_read (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 16))))`,
    );
    const { process } = spawn(code, { descriptors: [shared] });
    await hal.timeline.run();
    process.signal('SIGKILL');
    ready.resolve();
    await hal.timeline.run();
    expect([process.status, reads]).toEqual([expect.objectContaining(KILLED), 1]);
  });

  test('of one that has ended changes nothing, and the first of two counts', async () => {
    const { hal, spawn } = simulated();
    const { process } = spawn(await writer());
    await hal.timeline.run();
    process.signal('SIGKILL');
    expect(process.status).toMatchObject({ reason: 'exit', code: 0 });
    const { process: twice } = spawn(await reader());
    await hal.timeline.run();
    twice.signal('SIGTERM');
    twice.signal('SIGKILL');
    await hal.timeline.run();
    expect(twice.status).toMatchObject({ reason: 'signal', signal: 'SIGTERM' });
  });

  test('with a signal that is ignored or would stop it does not end it', async () => {
    const { hal, spawn } = simulated();
    const { process } = spawn(await reader());
    await hal.timeline.run();
    expect([process.signal('SIGCHLD'), process.signal('SIGWINCH'), process.signal('SIGSTOP'), process.signal('SIGTSTP')]).toEqual(
      [undefined, undefined, 'NOTSUP', 'NOTSUP'],
    );
    await hal.timeline.run();
    expect(process.state).toBe('blocked');
  });
});

describe('an error inside the kernel', () => {
  const broken = (hal: SimHal): SimHal => ({
    ...hal,
    entropy: {
      fill() {
        throw new Error('the device is on fire');
      },
    },
  });

  test('in a call ends the process that made it, as a crash, and no other', async () => {
    const { hal, spawn } = simulated({}, broken);
    const other = spawn(await reader());
    const { process, stdout } = spawn(
      await program(
        `${WASI('random_get', 'fd_write')} ${IOVEC} (func (export "_start") (drop (call $random_get (i32.const 128) (i32.const 8))) ${WRITE(1)})`,
      ),
    );
    await hal.timeline.run();
    expect(process.status).toMatchObject({
      reason: 'crash',
      code: null,
      message: expect.stringContaining('the device is on fire'),
    });
    expect(drained(stdout)).toBe('');
    other.stdin.object.write(Uint8Array.of(1), 0, 1);
    await hal.timeline.run();
    expect(other.process.status).toMatchObject({ reason: 'exit', code: 0 });
  });

  test('in a call that goes on after a wait, too', async () => {
    const { hal, spawn } = simulated();
    let reads = 0;
    const probe = stream({
      read() {
        if (reads++ === 0) return 'AGAIN';
        throw new Error('later');
      },
      ready: () => Promise.resolve(),
    });
    const { process } = spawn(
      await program(
        `${WASI('fd_read')} ${IOVEC} (func (export "_start") (drop (call $fd_read (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 16))))`,
      ),
      { descriptors: [probe] },
    );
    await hal.timeline.run();
    expect(process.status).toMatchObject({ reason: 'crash', message: expect.stringContaining('later') });
  });
});

test('usage adds up', async () => {
  const time = ticking(500);
  const { hal, spawn } = simulated({}, time.change);
  const { process, stdin } = spawn(
    await program(
      `${WASI('fd_read', 'fd_write')} (memory (export "memory") 3) (data (i32.const 0) "\\40\\00\\00\\00\\05\\00\\00\\00") (func (export "_start") (drop (memory.grow (i32.const 4))) ${READ} ${READ} ${WRITE(1)})`,
    ),
  );
  await hal.timeline.run();
  stdin.object.write(new Uint8Array(3), 0, 3);
  await hal.timeline.run();
  stdin.object.write(new Uint8Array(4), 0, 4);
  await hal.timeline.run();
  const { usage } = process.status!;
  expect(usage).toMatchObject({
    memoryPeak: 7 * 65_536,
    systemCalls: 3,
    bytesRead: 7,
    bytesWritten: 5,
    switches: { voluntary: 2, involuntary: 0 },
  });
  expect(usage.cpuMs).toBeGreaterThan(0);
  expect(usage.wallMs).toBeGreaterThan(usage.cpuMs);
});

test('children of one that ends get its parent, and are forgotten when reaped', async () => {
  const { hal, kernel, spawn } = simulated();
  const code = await reader();
  const grandparent = spawn(code).process;
  const parent = spawn(code, { parent: grandparent });
  const child = spawn(code, { parent: parent.process });
  await hal.timeline.run();
  parent.process.signal('SIGKILL');
  await hal.timeline.run();
  expect(child.process.parent).toBe(grandparent);
  expect([...grandparent.children]).toEqual([parent.process, child.process]);
  kernel.reap(child.process);
  expect(kernel.process(child.process.pid)).toBe(child.process);
  kernel.reap(parent.process);
  expect([kernel.process(parent.process.pid), [...grandparent.children]]).toEqual([undefined, [child.process]]);
});
