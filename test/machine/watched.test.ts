// What an embedder is told of processes and of what descends from them, what it is asked, and what its own mistakes there do: the
// same in place and on threads.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditEvent, type Doer, Machine, type Observation } from '../../src/index.ts';
import { CPUS, guest, temporaryTree, WASI, wat } from './guests.ts';

const coreutils = path.join(import.meta.dirname, '../../node_modules/@rivet-dev/agent-os-coreutils/wasm');
const env = path.join(coreutils, 'env');

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  const events: AuditEvent[] = [];
  beforeAll(async () => {
    machine = await Machine.boot({ cpus, audit: { record: (event) => events.push(event) } });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  /** What was thrown in a turn of its own while `action` went on. */
  const uncaught = async (action: () => Promise<void>): Promise<string[]> => {
    const found: string[] = [];
    const usual = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => found.push(error.message));
    try {
      await action();
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of usual) process.on('uncaughtException', listener);
    }
    return found;
  };

  test('a listener that throws is an error of its own; the process ends all the same', async () => {
    const found = await uncaught(async () => {
      const { status } = await machine
        .process(guest('hello'))
        .observe(() => {
          throw new Error('observed');
        })
        .run();
      expect(status).toMatchObject({ reason: 'exit', code: 0 });
    });
    expect(found).toEqual(['observed']);
  });

  test('so is one of a soft limit', async () => {
    const grower = await wat('(memory (export "memory") 1) (func (export "_start") (drop (memory.grow (i32.const 9))))');
    const found = await uncaught(async () => {
      const { status } = await machine
        .process(grower)
        .limits({ memory: { soft: '128k', hard: '64m' } })
        .onSoftLimit(() => {
          throw new Error('soft');
        })
        .run();
      expect(status).toMatchObject({ reason: 'exit', code: 0 });
    });
    expect(found).toEqual(['soft']);
  });

  test('each process of a tree is observed, and named', async () => {
    const seen: [Doer, readonly Observation[]][] = [];
    const child = await machine
      .process(env)
      .capabilities(['clock', `program:${env}`, `program:${guest('args-env')}`])
      .args(['env', 'args-env'])
      .observe((observations, by) => seen.push([by, observations]))
      .spawn();
    await child.wait();
    expect(seen.map(([{ program }]) => program).sort()).toEqual(['args-env.wasm', 'env', 'env']);
    expect(new Set(seen.map(([{ pid }]) => pid)).size).toBe(3);
    expect(seen.at(-1)![0]).toEqual({ pid: child.pid, program: 'env' });
    const calls = ([, observations]: (typeof seen)[number]) => observations.map(({ call }) => call);
    expect(calls(seen[0]!)).toContain('args_get');
    expect(calls(seen[0]!)).not.toContain('proc_spawn');
    expect(calls(seen.at(-1)!)).toContain('proc_spawn');
  });

  test('what a descendant was refused is in the status of the first, with its name; alike from several is one', async () => {
    const policy = { text: 'process: { denied_syscalls: [{ call: fd_write, when: { kind: pipe } }] }', file: 'p.yaml' };
    const { status } = await machine
      .process(env)
      .args(['args-env', 'x'])
      .capabilities([`program:${guest('args-env')}`])
      .policy(policy)
      .run();
    expect(status.refused).toMatchObject([
      { call: 'fd_write', program: 'args-env.wasm', pid: expect.any(Number), remedy: expect.stringContaining('p.yaml:1') },
    ]);
  });

  test('what is left when the first of a tree ends was observed, too', async () => {
    const seen: string[] = [];
    const starter = await wat(`
      (import "host_process" "proc_spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "sleeper\\00100000\\00")
      (func (export "start") (result i32)
        (call $spawn (i32.const 0) (i32.const 15) (i32.const 0) (i32.const 0)
          (i32.const -1) (i32.const 1) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 64)))`);
    const child = await machine
      .process(starter)
      .capabilities(['clock', `program:${guest('sleeper')}`])
      .observe((_, { program }) => seen.push(program))
      .reactor()
      .spawn();
    expect(await child.call('start')).toEqual([0]);
    expect(await child.call('start')).toEqual([0]);
    child.kill('SIGKILL');
    await child.wait();
    expect(seen.sort()).toEqual(['program', 'sleeper.wasm', 'sleeper.wasm']);
  });

  test('who outlives its parent is forgotten at its end, where nobody else may wait for it', async () => {
    using tree = temporaryTree();
    const spawner = (name: string) => `
      (import "host_process" "proc_spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (import "host_process" "proc_waitpid" (func $wait (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "${name}\\00")
      (func $start (result i32)
        (call $spawn (i32.const 0) (i32.const ${name.length + 1}) (i32.const 0) (i32.const 0)
          (i32.const -1) (i32.const 1) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 64)))`;
    fs.writeFileSync(path.join(tree.path, 'leaf.wasm'), await wat('(memory (export "memory") 1) (func (export "_start"))'));
    fs.writeFileSync(
      path.join(tree.path, 'middle.wasm'),
      await wat(`${spawner('leaf')} (func (export "_start") (drop (call $start)))`),
    );
    const parent = await wat(`${spawner('middle')}
      (func (export "generations") (param $n i32) (result i32) (local $error i32)
        (loop $again
          (if (local.tee $error (call $start)) (then (return (local.get $error))))
          (drop (call $wait (i32.load (i32.const 64)) (i32.const 0) (i32.const 68)))
          (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (i32.const 0))`);
    const { results } = await machine
      .process(parent)
      .capabilities(['middle', 'leaf'].map((name) => `program:${tree.path}/${name}.wasm`))
      .limits({ processes: 8, timeout: '20s' })
      .invoke('generations', ['100'])
      .run();
    expect(results).toEqual([0]);
  });

  test('refusals alike are told a few times, however many there are', async () => {
    const insisting = await wat(`
      ${WASI('clock_time_get', 'random_get')} (memory (export "memory") 1)
      (func (export "_start") (local $i i32)
        (loop $again
          (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 0)))
          (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))
        (drop (call $random_get (i32.const 0) (i32.const 1))))`);
    events.length = 0;
    expect((await machine.process(insisting).capabilities([]).run()).status.reason).toBe('exit');
    const refused = events.filter(({ what }) => what === 'refuse');
    expect(refused.filter(({ call }) => call === 'random_get')).toHaveLength(1);
    const counts = refused.filter(({ call }) => call === 'clock_time_get').map(({ count }) => count);
    expect(counts).toEqual([undefined, ...Array.from({ length: 16 }, (_, i) => 2 ** (i + 1)), 100_000]);
  });

  test('a question is withdrawn when the process ends', async () => {
    const signal = Promise.withResolvers<AbortSignal>();
    const child = await machine
      .process(guest('database'))
      .policy(
        { text: 'process: { allowed_syscalls: [fd_write, { call: fd_read, action: notify }] }' },
        {
          notify: (question) => {
            signal.resolve(question.signal);
            return new Promise(() => undefined);
          },
        },
      )
      .spawn();
    const { aborted } = await signal.promise;
    expect(aborted).toBe(false);
    const over = new Promise<void>((resolve) => signal.promise.then((one) => one.addEventListener('abort', () => resolve())));
    child.kill('SIGKILL');
    await child.wait();
    await over;
  });

  test('one that was answered is not', async () => {
    const signals: AbortSignal[] = [];
    await machine
      .process(guest('database'))
      .input('now\n')
      .policy(
        { text: 'process: { denied_syscalls: [], allowed_syscalls: ["@io", { call: clock_time_get, action: notify }] }' },
        {
          notify: ({ signal }) => {
            signals.push(signal);
            return true;
          },
        },
      )
      .run();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });
});
