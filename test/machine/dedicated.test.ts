// Processes with a thread of their own: raw code, which nothing but the end of the thread stops, and the threads kept for it.
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endTickLine, tickLine } from '../../src/hal/node/tick.ts';
import { simHal } from '../../src/hal/sim/hal.ts';
import { type AuditEvent, Machine, type Program } from '../../src/index.ts';
import { pidShare } from '../../src/machine/pids.ts';
import { DedicatedPool } from '../../src/machine/thread/dedicated.ts';
import type { KernelThread } from '../../src/machine/thread/host.ts';
import { rehearse } from '../../src/machine/thread/rehearsal.ts';
import { CPUS, guest, hostDescriptors, temporaryTree, until, WASI, wat } from './guests.ts';

const LOOP = '(memory (export "memory") 1) (func (export "_start") (loop $again (br $again)))';
/** Says so, then never turns to the kernel again. */
const SAYS = `${WASI('fd_write')} (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00hi\\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (loop $again (br $again)))`;

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  let loop: Program;
  let says: Program;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus, spare: 1 });
    loop = await machine.compile(await wat(LOOP), 'loop', { raw: true });
    says = await machine.compile(await wat(SAYS), 'says', { raw: true });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  test('a program runs, with streams, arguments and an end, one after the other', async () => {
    for (let i = 0; i < 5; i++) {
      const { stdout, status } = await machine.process(guest('cat')).scheduling('dedicated').input(`input ${i}`).run();
      expect([stdout.toString(), status.reason, status.code]).toEqual([`input ${i}`, 'exit', 0]);
    }
    const { status } = await machine.process(guest('proc')).args(['exit', '3']).scheduling('raw').run();
    expect(status).toMatchObject({ reason: 'exit', code: 3 });
  });

  test('what is raw and may share its thread has none of its own', async () => {
    const started: Worker[] = [];
    const note = (worker: Worker) => worker.threadName === 'superos dedicated' && started.push(worker);
    process.on('worker', note);
    const { stdout } = await machine.process(guest('hello')).scheduling('raw', { share: true }).run();
    process.off('worker', note);
    expect([stdout.toString(), started]).toEqual(['Hello from C\n', []]);
  });

  test('what it wrote is there at once, though it never turns to its kernel again; a kill ends it and its streams', async () => {
    using tree = temporaryTree();
    const child = await machine
      .process(says)
      .capabilities([{ dir: tree.path }])
      .scheduling('dedicated')
      .spawn();
    expect(String((await once(child.stdout!, 'data'))[0])).toBe('hi\n');
    await until(() => child.info().usage.cpuMs > 5);
    expect([child.info().state, hostDescriptors(tree.path)]).toEqual(['running', 1]);
    const broken = once(child.stdin!, 'error');
    child.stdin!.write(Buffer.alloc(1_000_000));
    child.kill('SIGKILL');
    const status = await child.wait();
    expect(status).toMatchObject({ reason: 'signal', signal: 'SIGKILL', code: null });
    expect(status.usage.cpuMs).toBeGreaterThan(5);
    expect(await child.stdout!.toArray()).toEqual([]);
    expect((await broken)[0]).toMatchObject({ code: 'EPIPE' });
    expect([child.info().state, hostDescriptors(tree.path)]).toEqual(['terminated', 0]);
  });

  test('SIGTERM ends it too, and what it would ignore does not', async () => {
    const child = await machine.process(loop).scheduling('dedicated').spawn();
    child.kill('SIGWINCH');
    await until(() => child.info().usage.cpuMs > 20);
    expect(child.info().state).toBe('running');
    child.kill();
    expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGTERM' });
  });

  test('its time is over', async () => {
    const child = await machine.process(loop).scheduling('dedicated').limits({ timeout: 50 }).spawn();
    const { reason, usage } = await child.wait();
    expect(reason).toBe('timeout');
    expect(usage.wallMs).toBeGreaterThanOrEqual(50);
  });

  test('its CPU time is used up', async () => {
    const hard = await machine.process(loop).scheduling('dedicated').limits({ cpuTime: 50 }).spawn();
    const { reason, usage } = await hard.wait();
    expect(reason).toBe('cpu-limit');
    expect(usage.cpuMs).toBeGreaterThanOrEqual(50);
    const soft = await machine
      .process(loop)
      .scheduling('dedicated')
      .limits({ cpuTime: { soft: 20, hard: 10_000 } })
      .spawn();
    expect(await soft.wait()).toMatchObject({ reason: 'signal', signal: 'SIGXCPU' });
  });

  test('one that waits uses no CPU time, and ends as any other', async () => {
    const child = await machine.process(guest('reader')).scheduling('dedicated').limits({ cpuTime: 5_000 }).spawn();
    await until(() => child.info().state === 'blocked');
    child.stdin!.end('x');
    expect(await child.wait()).toMatchObject({ reason: 'exit', code: 0 });
  });
});

test('the end of a machine ends what shares a thread and never turns to its kernel', async () => {
  const machine = await Machine.boot({ cpus: 1 });
  const child = await machine
    .process(await wat(LOOP))
    .scheduling('raw', { share: true })
    .spawn();
  await machine[Symbol.asyncDispose]();
  expect(await child.wait()).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });
});

test('a machine on hardware of its own has none', async () => {
  await using machine = await Machine.boot({ hal: simHal({ seed: 1 }) });
  await expect(machine.process(guest('hello')).scheduling('dedicated').spawn()).rejects.toMatchObject({ code: 'not-supported' });
  expect(() => machine.process(guest('hello')).scheduling('fast' as 'raw')).toThrow(/shared, raw, dedicated/);
});

/** Threads that start and run nothing. */
function pool(most: number, spare: number) {
  const threads: { load: number; over: boolean; end: () => void }[] = [];
  const shares = Array.from({ length: most }, (_, k) => pidShare(1 + k, 1));
  const rehearsals: (Program | undefined)[] = [];
  const made = new DedicatedPool(shares, spare, (_, rehearsal) => {
    rehearsals.push(rehearsal);
    const gone = Promise.withResolvers<void>();
    const thread = {
      ready: Promise.resolve(),
      gone: gone.promise,
      greatestPid: 0,
      load: 0,
      over: false,
      async spawn() {
        const done = Promise.withResolvers<void>();
        thread.load = 1;
        return {
          done: done.promise,
          limits: { cpuNs: Number.POSITIVE_INFINITY },
          end: () => {
            thread.load = 0;
            done.resolve();
          },
        };
      },
      async close() {
        thread.end();
      },
      end() {
        thread.over = true;
        gone.resolve();
      },
    };
    threads.push(thread);
    return thread as unknown as KernelThread;
  });
  return { pool: made, threads, rehearsals };
}

test('a thread that waits has rehearsed, one that somebody waits for has not', async () => {
  const { pool: made, rehearsals } = pool(4, 1);
  await made.spawn({} as Parameters<typeof made.spawn>[0], {});
  await until(() => made.size === 2);
  expect(rehearsals.map((one) => one?.layout.preempt)).toEqual([undefined, false]);
  await made.close(false);
});

test('a rehearsal goes through whole lives, of which nobody hears', async () => {
  const { pool: made, rehearsals } = pool(1, 1);
  await made.fill();
  await made.close(false);
  const [program] = rehearsals as [Program];
  let lives = 0;
  const counted: Program = {
    ...program,
    get module() {
      lives++;
      return program.module;
    },
  };
  const tick = tickLine();
  const busy = new SharedArrayBuffer(16);
  const start = {
    role: 'kernel',
    pids: pidShare(1, 1),
    tick,
    quantumNs: 5e6,
    processesMax: 1,
    protect: [],
    dns: undefined,
  } as const;
  await rehearse({ ...start, heard: undefined, alone: true, rehearsal: counted, busy }, counted);
  endTickLine(tick);
  expect(lives).toBeGreaterThanOrEqual(10);
  expect([...new Float64Array(busy)]).toEqual([0, 0]);
});

test('what a thread rehearsed is not seen, neither among processes nor in the audit', async () => {
  const events: AuditEvent[] = [];
  await using machine = await Machine.boot({ cpus: 0, spare: 1, audit: { record: (event) => events.push(event) } });
  expect([events, machine.processes]).toEqual([[], []]);
  const child = await machine.process(guest('hello')).scheduling('dedicated').spawn();
  await child.wait();
  expect(events.filter(({ pid }) => pid !== child.pid)).toEqual([]);
});

test('the pool keeps its threads, starts others in the background, and never has more than there can be', async () => {
  const { pool: made, threads } = pool(4, 2);
  await made.fill();
  expect([made.size, made.load]).toEqual([2, 0]);
  const order = {} as Parameters<typeof made.spawn>[0];
  await made.spawn(order, {});
  // It is replaced once who asked has been served.
  expect(made.size).toBe(2);
  await until(() => made.size === 3);
  for (let i = 0; i < 3; i++) await made.spawn(order, {});
  await expect(made.spawn(order, {})).rejects.toMatchObject({ code: 'again' });
  expect([made.size, made.load]).toEqual([4, 4]);
  threads[0]!.load = 0;
  threads[0]!.end();
  await until(() => threads.length === 5);
  expect(made.size).toBe(4);
  await made.close(false);
  await until(() => made.size === 0);
});
