// Templates and recycling on the simulated machine: where processes begin, and that none finds anything of another.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test, vi } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/kernel/limits.ts';
import type { Process } from '../../src/kernel/process.ts';
import { loadProgram, type Program } from '../../src/runtime/program.ts';
import { wat } from '../machine/guests.ts';
import { runUntil, type Simulated, simulated } from './machine.ts';
import { policyOf } from './policy/policies.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const load = async (fields: string): Promise<Program> => loadProgram(await wat(fields), undefined, { snapshot: true });

/** Counts in a global and in memory; `grow` makes its memory larger, `trap` traps, `exit` ends it. */
const COUNTER = `
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (memory (export "memory") 2 10)
  (global $count (mut i32) (i32.const 5))
  (data (i32.const 100) "image")
  (func (export "_initialize") (global.set $count (i32.const 100)) (i32.store (i32.const 0) (i32.const 7)))
  (func (export "count") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (i32.add (global.get $count) (i32.mul (i32.const 1000) (i32.load (i32.const 0)))))
  (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "poke") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "clock") (result i32) (call $clock (i32.const 1) (i64.const 0) (i32.const 8)))
  (func (export "trap") unreachable)
  (func (export "_start") (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 8))) (i32.store8 (i32.const 9000) (i32.const 1)))
  (func (export "quit") (call $exit (i32.const 3)))`;

/** It may write to a table, which is not put back. */
const UNRECYCLED = `${COUNTER} (global $own (mut i32) (i32.const 7)) (table $t 2 funcref) (elem declare func $f)
  (func $f (table.set $t (i32.const 0) (ref.func $f)))
  (func (export "mark") (result i32) (local i32)
    (local.set 0 (i32.or (global.get $own) (i32.shl (ref.is_null (table.get $t (i32.const 0))) (i32.const 8))))
    (global.set $own (i32.const 99)) (call $f) (local.get 0))`;

const call = async (process: Process, name: string, ...args: number[]) => (await process.call({ name, args }))[0];

/** The program, run until it was initialised. */
async function begun(machine: Simulated, program: Program): Promise<Program> {
  const { process } = machine.spawn(program, { task: 'reactor' });
  await call(process, 'peek', 0);
  const sealed = await process.seal();
  if (typeof sealed !== 'object') throw new Error(sealed);
  process.signal('SIGKILL');
  await process.done;
  machine.kernel.reap(process);
  return { ...program, sealed };
}

/** Ends by itself, as a reactor only can by proc_exit. */
async function quit(machine: Simulated, process: Process): Promise<void> {
  await process.call({ name: 'quit', args: [] }).catch(() => undefined);
  expect(await process.done).toMatchObject({ reason: 'exit', code: 3 });
  machine.kernel.reap(process);
}

/** A process that made this call and ended. */
async function ended(machine: Simulated, program: Program, made: string): Promise<Process> {
  const { process } = machine.spawn(program, { task: 'reactor' });
  await call(process, made);
  await quit(machine, process);
  return process;
}

describe('a template', () => {
  test('is where processes begin, each with a state of its own', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(COUNTER));
    const [one, two] = [machine.spawn(template, { task: 'reactor' }), machine.spawn(template, { task: 'reactor' })];
    expect(await call(one.process, 'count')).toBe(101 + 8000);
    expect(await call(one.process, 'count')).toBe(102 + 9000);
    expect(await call(two.process, 'count')).toBe(101 + 8000);
    expect(await call(two.process, 'peek', 100)).toBe('i'.charCodeAt(0));
    await call(one.process, 'poke', 100, 0);
    expect(await call(two.process, 'peek', 100)).toBe('i'.charCodeAt(0));
  });

  test('of a memory that grew has the size that it had', async () => {
    const machine = simulated();
    const program = await load(COUNTER);
    const { process } = machine.spawn(program, { task: 'reactor' });
    expect(await call(process, 'grow', 3)).toBe(2);
    await call(process, 'poke', 4 * 65_536, 9);
    const sealed = await process.seal();
    if (typeof sealed !== 'object') throw new Error(sealed);
    const clone = machine.spawn({ ...program, sealed }, { task: 'reactor' }).process;
    expect(await call(clone, 'grow', 0)).toBe(5);
    expect(await call(clone, 'peek', 4 * 65_536)).toBe(9);
  });

  test('tells why a program cannot be one', async () => {
    const machine = simulated();
    const exception = await load(`(memory (export "memory") 1) (tag $t) (global $caught (mut exnref) (ref.null exn))
      (func (export "_initialize")
        (block $h (result exnref) (try_table (catch_all_ref $h) (throw $t)) (unreachable)) (global.set $caught))`);
    const { process } = machine.spawn(exception, { task: 'reactor' });
    expect(await process.seal()).toContain('global');
    const plain = machine.spawn(await loadProgram(await wat('(memory (export "memory") 1)')), { task: 'reactor' }).process;
    expect(typeof (await plain.seal())).toBe('string');
  });

  test('is none of a process that ends first', async () => {
    const machine = simulated();
    const ending = await load('(memory (export "memory") 1) (func (export "_initialize") unreachable)');
    expect(await machine.spawn(ending, { task: 'reactor' }).process.seal()).toBeUndefined();
  });
});

describe('what one process ran in', () => {
  test('serves the next, which finds nothing of it', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(COUNTER));
    for (let round = 0; round < 5; round++) {
      const { process } = machine.spawn(template, { task: 'reactor' });
      expect(await call(process, 'count')).toBe(101 + 8000);
      expect(await call(process, 'peek', 70_000)).toBe(0);
      expect(await call(process, 'peek', 100)).toBe('i'.charCodeAt(0));
      await call(process, 'poke', 70_000, 1);
      await call(process, 'poke', 100, 1);
      await quit(machine, process);
      expect(machine.kernel.recycler.size).toBe(1);
      expect(process.memory.bytes.length).toBe(0);
      expect(process.grants.held()).toEqual([]);
      expect(process.threads[0]).toMatchObject({ state: 'terminated' });
    }
  });

  test('counts for each alone: calls, memory, descriptors', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(COUNTER));
    for (let round = 0; round < 3; round++) {
      const { process } = machine.spawn(template);
      const status = await process.done;
      expect(status).toMatchObject({
        reason: 'exit',
        usage: { calls: { clock_time_get: 1 }, systemCalls: 1, memoryPeak: 131_072 },
      });
      expect(process.usage()).toBe(status.usage);
      machine.kernel.reap(process);
    }
    expect(machine.kernel.recycler.size).toBe(1);
  });

  const ENDS: readonly (readonly [string, (process: Process) => Promise<unknown>])[] = [
    ['grew', async (process) => void (await call(process, 'grow', 1))],
    ['trapped', (process) => process.call({ name: 'trap', args: [] }).catch(() => undefined)],
    ['was killed', async (process) => void process.signal('SIGKILL')],
  ];
  test.each(ENDS.flatMap((one) => [COUNTER, UNRECYCLED].map((text) => [...one, text] as const)))(
    'is given up where it %s',
    async (_, end, text) => {
      const machine = simulated();
      const template = await begun(machine, await load(text));
      const { process } = machine.spawn(template, { task: 'reactor' });
      await call(process, 'count');
      await end(process);
      if (process.ending === undefined) await quit(machine, process);
      await process.done;
      expect(machine.kernel.recycler.size).toBe(0);
      expect(await call(machine.spawn(template, { task: 'reactor' }).process, 'count')).toBe(101 + 8000);
    },
  );

  test.each([
    ['its instance', COUNTER],
    ['what its imports are bound to', UNRECYCLED],
  ])('under one policy never serves under another: %s', async (_, text) => {
    const machine = simulated();
    const template = await begun(machine, await load(text));
    const policy = policyOf({ denied: ['clock_time_get'] });
    const start = (watch?: { policy: typeof policy; enforce: boolean }) =>
      machine.spawn(template, { task: 'reactor', ...(watch && { watch }) }).process;
    const denied = start({ policy, enforce: true });
    expect(await call(denied, 'clock')).toBe(63);
    await quit(machine, denied);
    expect(machine.kernel.recycler.size).toBe(1);
    const free = start();
    expect(await call(free, 'clock')).toBe(0);
    expect(machine.kernel.recycler.size).toBe(1);
    const audited = start({ policy, enforce: false });
    expect(await call(audited, 'clock')).toBe(0);
    expect(machine.kernel.recycler.size).toBe(1);
    const again = start({ policy, enforce: true });
    expect(machine.kernel.recycler.size).toBe(0);
    expect(await call(again, 'clock')).toBe(63);
    await quit(machine, again);
    expect((await again.done).refused).toMatchObject([{ call: 'clock_time_get', count: 1 }]);
  });

  test('is not kept where its template went first', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(COUNTER));
    const { process } = machine.spawn(template, { task: 'reactor' });
    await call(process, 'count');
    machine.kernel.forget(template);
    await quit(machine, process);
    expect(machine.kernel.recycler.size).toBe(0);
  });

  test('goes with its template', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(COUNTER));
    await ended(machine, template, 'count');
    machine.kernel.forget(template);
    expect(machine.kernel.recycler.size).toBe(0);
  });
});

describe('what a process ran in whose instance cannot serve another', () => {
  test('serves the next with an instance of its own, which finds nothing of it', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(UNRECYCLED));
    const memories = new Set<unknown>();
    for (let round = 0; round < 5; round++) {
      const { process } = machine.spawn(template, { task: 'reactor' });
      expect(machine.kernel.recycler.size).toBe(0);
      expect(await call(process, 'mark')).toBe(7 + 256);
      expect(await call(process, 'mark')).toBe(99);
      expect(await call(process, 'count')).toBe(101 + 8000);
      expect(await call(process, 'peek', 70_000)).toBe(0);
      memories.add(process.memory.bytes.buffer);
      await call(process, 'poke', 70_000, 1);
      await quit(machine, process);
      expect(machine.kernel.recycler.size).toBe(1);
    }
    expect(memories.size).toBe(1);
  });

  test('needs room for the tables of its instance as the first did', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(UNRECYCLED));
    await ended(machine, template, 'mark');
    vi.spyOn(machine.kernel.heap, 'hasRoomFor').mockReturnValue(false);
    const refused = machine.spawn(template, { task: 'reactor' }).process;
    expect(await refused.done).toMatchObject({ reason: 'memory-limit' });
    expect(machine.kernel.recycler.size).toBe(0);
  });

  test('makes room where the host has none for another process', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(UNRECYCLED));
    await ended(machine, template, 'mark');
    const plain = await load(COUNTER);
    const allocate = vi.spyOn(machine.hal.mmu, 'allocate').mockReturnValueOnce(undefined);
    expect(await call(machine.spawn(plain, { task: 'reactor' }).process, 'count')).toBe(101 + 8000);
    expect(machine.kernel.recycler.size).toBe(0);
    allocate.mockReturnValue(undefined);
    expect(() => machine.spawn(plain, { task: 'reactor' })).toThrow('no room');
  });

  test('is given back where the next process cannot be made', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(UNRECYCLED));
    await ended(machine, template, 'mark');
    expect(() => machine.spawn(template, { task: 'reactor', args: ['a\0b'] })).toThrow('NUL');
    expect(machine.kernel.recycler.size).toBe(0);
    expect(await call(machine.spawn(template, { task: 'reactor' }).process, 'mark')).toBe(7 + 256);
  });

  test('is not kept where its program allocates on the engine’s heap, which is metered for the process', async () => {
    const machine = simulated();
    const metered = `${COUNTER} (type $s (struct (field i32))) (func (export "make") (drop (struct.new $s (i32.const 1))))`;
    const template = await begun(machine, await load(metered));
    await ended(machine, template, 'make');
    expect(machine.kernel.recycler.size).toBe(0);
  });

  test.each([
    ['began in one made before', 1],
    ['made it itself', 0],
  ])('keeps nothing of the instance of a process that %s', async (_, count) => {
    const machine = simulated();
    const template = await begun(machine, await load(UNRECYCLED));
    const made: WeakRef<WebAssembly.Instance>[] = [];
    const { Instance } = WebAssembly;
    WebAssembly.Instance = class extends Instance {
      constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
        super(module, imports);
        made.push(new WeakRef(this));
      }
    };
    const kept: Process[] = [];
    try {
      if (count > 0) {
        machine.kernel.warm.keep(template, { count, limits: DEFAULT_LIMITS, gauge: new SharedArrayBuffer(4) });
        await runUntil(machine.hal, () => machine.kernel.recycler.size === count);
      }
      const { process } = machine.spawn(template, { task: 'reactor', args: ['a', 'b'] });
      expect(process.args.bytes).toBeGreaterThan(0);
      await call(process, 'mark');
      await quit(machine, process);
      kept.push(process);
    } finally {
      WebAssembly.Instance = Instance;
    }
    expect(made.length).toBeGreaterThan(0);
    const [first] = made;
    await vi.waitFor(() => {
      collect();
      expect(first!.deref() === undefined).toBe(true);
    });
    expect(machine.kernel.recycler.size).toBeGreaterThan(0);
    const [process] = kept;
    expect(process!.status).toMatchObject({ reason: 'exit' });
    expect([process!.args.bytes, process!.environment.bytes, process!.memory.bytes.length]).toEqual([0, 0, 0]);
  });

  test('waits as no instance does', async () => {
    const machine = simulated();
    const program = await begun(machine, await load(UNRECYCLED));
    const template = machine.kernel.templates.of(program, program.sealed!)!;
    const { recycler } = machine.kernel;
    const process = await ended(machine, program, 'count');
    expect([recycler.size, recycler.idle(template)]).toEqual([1, 0]);
    const bare = recycler.take(template, undefined, DEFAULT_LIMITS.memory, {})!;
    expect(bare.ready).toBeUndefined();
    const ready = { ...bare, ready: { instance: process as never, entries: new Map(), reset: () => undefined } };
    for (const cell of [ready, bare]) recycler.keep(cell);
    expect([recycler.accepts(template, 0), recycler.accepts(template, 2 ** 26)]).toEqual([true, false]);
    expect([recycler.size, recycler.idle(template)]).toEqual([2, 1]);
    expect(recycler.take(template, undefined, DEFAULT_LIMITS.memory, {})).toBe(ready);
    expect(recycler.takeBare(template, undefined, DEFAULT_LIMITS.memory, {})).toBe(bare);
    expect(recycler.size).toBe(0);
  });

  test('is one of few, and those that nobody asks for are given back', async () => {
    const machine = simulated();
    const program = await begun(machine, await load(UNRECYCLED));
    const { recycler } = machine.kernel;
    const processes = Array.from({ length: 70 }, () => machine.spawn(program, { task: 'reactor' }).process);
    for (const process of processes) {
      await call(process, 'count');
      await quit(machine, process);
    }
    expect(recycler.size).toBe(64);
    for (let round = 0; round < 300; round++) await ended(machine, program, 'count');
    expect(recycler.size).toBeLessThan(64);
    machine.kernel.forget(program);
    expect(recycler.size).toBe(0);
  });
});

describe('what is made before there is a process for it', () => {
  /** So many cells wait, once the machine has come to rest. */
  const settled = (machine: Simulated, idle: number) =>
    runUntil(machine.hal, () => machine.kernel.recycler.size === idle && [...machine.kernel.processes].length === 0);

  test.each([
    ['that can be recycled', ''],
    ['that cannot', '(table $t 2 funcref) (elem declare func $f) (func $f (table.set $t (i32.const 0) (ref.func $f)))'],
  ])('serves processes of a template %s, and is made anew', async (_, more) => {
    const machine = simulated();
    const template = await begun(machine, await load(`${COUNTER} ${more}`));
    const gauge = new SharedArrayBuffer(4);
    machine.kernel.warm.keep(template, { count: 3, limits: DEFAULT_LIMITS, gauge });
    await settled(machine, 3);
    for (let round = 0; round < 5; round++) {
      const { process } = machine.spawn(template, { task: 'reactor' });
      expect(new Int32Array(gauge)[0]).toBeLessThanOrEqual(2);
      expect(await call(process, 'count')).toBe(101 + 8000);
      expect(await call(process, 'peek', 70_000)).toBe(0);
      await call(process, 'poke', 70_000, 1);
      if (round % 2 === 0) await quit(machine, process);
      else {
        process.signal('SIGKILL');
        await process.done;
        machine.kernel.reap(process);
      }
      await runUntil(machine.hal, () => new Int32Array(gauge)[0]! >= 3);
    }
    machine.kernel.forget(template);
    expect(machine.kernel.recycler.size).toBe(0);
    expect(new Int32Array(gauge)[0]).toBe(0);
  });

  test('runs no code of the guest, and a function that seeds anew runs first in every process', async () => {
    const machine = simulated();
    const template = await begun(
      machine,
      await load(`${COUNTER} (global $seeds (mut i32) (i32.const 0))
        (func (export "superos_reseed") (global.set $seeds (i32.add (global.get $seeds) (i32.const 1))))
        (func (export "seeds") (result i32) (global.get $seeds))`),
    );
    machine.kernel.warm.keep(template, { count: 1, limits: DEFAULT_LIMITS, gauge: new SharedArrayBuffer(4) });
    for (let round = 0; round < 3; round++) {
      await settled(machine, 1);
      const { process } = machine.spawn(template, { task: 'reactor' });
      expect(await call(process, 'seeds')).toBe(1);
      await quit(machine, process);
    }
  });

  test('that nobody is told of never serves a process that somebody watches', async () => {
    const machine = simulated();
    const template = await begun(machine, await load(COUNTER));
    const policy = policyOf({ denied: ['clock_time_get'] });
    const quiet = machine.spawn(template, { task: 'reactor', watch: { policy, enforce: true } }).process;
    await call(quiet, 'count');
    await quit(machine, quiet);
    expect(machine.kernel.recycler.size).toBe(1);
    const told: unknown[] = [];
    const supervisor = { observe: (observations: readonly unknown[]) => void told.push(...observations) };
    const { process } = machine.spawn(template, { task: 'reactor', watch: { policy, enforce: true, supervisor } });
    await call(process, 'clock');
    await quit(machine, process);
    expect(told.length).toBeGreaterThan(0);
  });
});
