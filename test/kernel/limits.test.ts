// Limits of real guests on a simulated machine: what nests, who is told, what ends, and what is left to those that survive.
import { describe, expect, test } from 'vitest';
import { SpawnError } from '../../src/kernel/error.ts';
import { DEFAULT_LIMITS, PIPE_BYTES, type Resource, WASM_PAGE } from '../../src/kernel/limits.ts';
import type { Process } from '../../src/kernel/process.ts';
import { WASI } from '../machine/guests.ts';
import { program, runUntil, simulated } from './machine.ts';

const NONE = Number.POSITIVE_INFINITY;
const IOVEC = '(data (i32.const 0) "\\40\\00\\00\\00\\08\\00\\00\\00") (data (i32.const 64) "12345678")';
const READ = '(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))';
const reader = () => program(`${WASI('fd_read')} (memory (export "memory") 1) ${IOVEC} (func (export "_start") ${READ})`);
const grower = () =>
  program(`${WASI('fd_read')} (memory (export "memory") 1) ${IOVEC}
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))`);

describe('memory', () => {
  test('a subtree has no more than its root may', async () => {
    const { hal, spawn } = simulated();
    const code = await grower();
    const { process: parent } = spawn(code, { task: 'reactor', limits: { memory: 10 * WASM_PAGE } });
    const { process: child } = spawn(code, { task: 'reactor', parent, limits: { memory: 8 * WASM_PAGE } });
    const grow = async (process: Process, pages: number) => {
      const [size] = await Promise.all([process.call({ name: 'grow', args: [pages] }), hal.timeline.run()]);
      return size;
    };
    expect([await grow(child, 8), await grow(child, 6), await grow(parent, 3), await grow(parent, 2)]).toEqual([
      [-1],
      [1],
      [-1],
      [1],
    ]);
    expect([parent, child].map((one) => one.getLimits().memory)).toMatchObject([
      { hard: 10 * WASM_PAGE, used: 10 * WASM_PAGE },
      { hard: 8 * WASM_PAGE, used: 7 * WASM_PAGE },
    ]);
    child.signal('SIGKILL');
    await hal.timeline.run();
    expect(await grow(parent, 7)).toEqual([3]);
  });

  test('a declared minimum beyond what an ancestor has left ends the process', async () => {
    const { hal, spawn } = simulated();
    const { process: parent } = spawn(await reader(), { limits: { memory: 3 * WASM_PAGE } });
    const { process } = spawn(await program('(memory 3) (func (export "_start"))'), { parent });
    await hal.timeline.run();
    expect(process.status).toMatchObject({
      reason: 'memory-limit',
      signal: 'SIGKILL',
      message: expect.stringMatching(/196608 bytes/),
    });
    expect(parent.getLimits().memory.used).toBe(WASM_PAGE);
  });

  test('tables count as memory', async () => {
    const { hal, spawn } = simulated();
    const code = await program(
      '(table $t 10 funcref) (func (export "grow") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))',
    );
    const { process } = spawn(code, { task: 'reactor', limits: { memory: 1_000_000 } });
    const grow = async (elements: number) =>
      (await Promise.all([process.call({ name: 'grow', args: [elements] }), hal.timeline.run()]))[0];
    expect([await grow(39_990), await grow(1), process.getLimits().memory.used]).toEqual([[10], [-1], 1_000_000]);
    const { process: large } = spawn(code, { task: 'reactor', limits: { memory: 249 } });
    await hal.timeline.run();
    expect(large.status?.reason).toBe('memory-limit');
  });
});

describe('processes, threads and descriptors', () => {
  test.each(['processes', 'threads'] as const)('%s of a subtree', async (resource) => {
    const { hal, kernel, spawn } = simulated();
    const code = await reader();
    const { process: root } = spawn(code, { limits: { [resource]: 3 } });
    const { process: child } = spawn(code, { parent: root });
    const { process: grandchild } = spawn(code, { parent: child });
    expect(() => spawn(code, { parent: child })).toThrow(SpawnError);
    expect(() => spawn(code, { parent: root })).toThrow(resource);
    grandchild.signal('SIGKILL');
    await hal.timeline.run();
    // A zombie is a process still.
    const again = () => spawn(code, { parent: root });
    if (resource === 'processes') expect(again).toThrow(SpawnError);
    kernel.reap(grandchild);
    again();
    expect(root.getLimits()[resource].used).toBe(3);
  });

  test('descriptors of a subtree', async () => {
    const { hal, spawn } = simulated();
    const code = await reader();
    const { process: root } = spawn(code, { limits: { fds: 10 } });
    const { process: child } = spawn(code, { parent: root });
    expect([root.capabilities.room, child.capabilities.room]).toEqual([4, 4]);
    expect(() => {
      spawn(code, { parent: child });
      spawn(code, { parent: child });
    }).toThrow(SpawnError);
    child.signal('SIGKILL');
    await hal.timeline.run();
    expect(root.capabilities.room).toBe(4);
  });

  test('a process that cannot be made leaves nothing in any account', async () => {
    const { spawn } = simulated({ pages: 4 });
    const code = await program('(memory (export "memory") 3) (func (export "_start"))');
    const { process: root } = spawn(await reader(), { limits: { threads: 3 } });
    const before = root.getLimits();
    expect(() => spawn(code, { parent: root, limits: { fds: 2 } })).toThrow('descriptors');
    expect(() => spawn(code, { parent: root, args: ['\0'] })).toThrow('NUL');
    expect(() => spawn(code, { parent: root, limits: { threads: 0 } })).toThrow('threads');
    spawn(code, { parent: root });
    expect(() => spawn(code, { parent: root })).toThrow('room');
    expect(root.getLimits().threads.used).toBe(2);
    expect(root.getLimits().fds.used).toBe(before.fds.used + 3);
  });
});

describe('pipes', () => {
  test('count against their maker until nobody holds them', async () => {
    const { hal, spawn } = simulated();
    const { process: root } = spawn(await reader());
    const { process } = spawn(await reader(), { parent: root, limits: { pipes: 2 * PIPE_BYTES } });
    const [first, second] = [process.pipe(), process.pipe()];
    expect(process.pipe()).toBe('NFILE');
    if (first === 'NFILE' || second === 'NFILE') throw new Error('no pipe');
    first[0].drop();
    expect(root.getLimits().pipes.used).toBe(2 * PIPE_BYTES);
    first[1].drop();
    process.capabilities.insert(second[0]);
    process.signal('SIGKILL');
    await hal.timeline.run();
    // The writer outlives the process.
    expect(root.getLimits().pipes.used).toBe(PIPE_BYTES);
    second[1].drop();
    expect(root.getLimits().pipes).toMatchObject({ used: 0, peak: 2 * PIPE_BYTES });
  });
});

describe('CPU time', () => {
  test('ends whoever uses it when it is over, whose bound ever it is', async () => {
    const { hal, spawn } = simulated();
    const code = await reader();
    const { process: root } = spawn(code, { limits: { cpuNs: 1e9 } });
    const { process: child } = spawn(code, { parent: root });
    child.charge(0.9e9);
    expect([root.cpuLeftNs, child.cpuLeftNs, child.ending]).toEqual([0.1e9, 0.1e9, undefined]);
    child.charge(0.1e9);
    await hal.timeline.run();
    expect(child.status).toMatchObject({ reason: 'cpu-limit', signal: 'SIGKILL', message: expect.stringMatching(/1000 ms/) });
    expect(root.ending).toBeUndefined();
    root.charge(1);
    await hal.timeline.run();
    expect(root.status?.reason).toBe('cpu-limit');
  });

  test('beyond a soft limit gives SIGXCPU to whose limit it is', async () => {
    const { hal, spawn } = simulated();
    const code = await reader();
    const { process: root } = spawn(code, { limits: { cpuNs: NONE, soft: { cpuNs: 1e6 } } });
    const { process: child } = spawn(code, { parent: root });
    child.charge(2e6);
    await hal.timeline.run();
    expect(root.status).toMatchObject({ reason: 'signal', signal: 'SIGXCPU', message: expect.stringMatching(/soft/) });
    expect(child.status).toBeUndefined();
  });
});

describe('whoever outlives its parent', () => {
  test('counts on against all above, and no longer than it lives', async () => {
    const { hal, kernel, spawn } = simulated();
    const code = await reader();
    const { process: root } = spawn(code, { limits: { cpuNs: 5e6 } });
    const { process: parent } = spawn(code, { parent: root, limits: { cpuNs: 2e6, processes: 2 } });
    const { process: child } = spawn(code, { parent });
    parent.signal('SIGKILL');
    await hal.timeline.run();
    kernel.reap(parent);
    expect([child.parent, root.getLimits().processes.used]).toEqual([root, 2]);
    // The bounds of the dead one hold.
    child.charge(2e6);
    await hal.timeline.run();
    expect(child.status?.reason).toBe('cpu-limit');
    kernel.reap(child);
    expect(root.getLimits()).toMatchObject({
      processes: { used: 1 },
      threads: { used: 1 },
      fds: { used: 3 },
      cpuNs: { used: 2e6 },
    });
  });

  test('is over when its parent would have been', async () => {
    const { hal, kernel, spawn } = simulated();
    const code = await reader();
    const { process: parent } = spawn(code, { limits: { timeoutNs: 1e9 } });
    const { process: child } = spawn(code, { parent, limits: { timeoutNs: 10e9 } });
    parent.signal('SIGKILL');
    await hal.timeline.advance(1e9 - 1);
    kernel.reap(parent);
    expect(child.status).toBeUndefined();
    await hal.timeline.advance(1);
    expect(child.status?.reason).toBe('timeout');
  });
});

describe('what children used', () => {
  test('is added to their parent when they are reaped', async () => {
    const { hal, kernel, spawn } = simulated();
    const root = spawn(await reader());
    const { process: child } = spawn(
      await program(`${WASI('fd_write')} (memory (export "memory") 2) ${IOVEC}
        (func (export "_start") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))`),
      { parent: root.process },
    );
    const { process: other, stdin } = spawn(await reader(), { parent: root.process });
    stdin.object.write(Uint8Array.of(1, 2, 3), 0, 3);
    child.charge(3e6);
    await runUntil(hal, () => child.status !== undefined && other.status !== undefined);
    expect(root.process.usage().children).toMatchObject({ cpuMs: 0, systemCalls: 0, calls: {} });
    kernel.reap(child);
    kernel.reap(child);
    kernel.reap(other);
    root.stdin.drop();
    await hal.timeline.run();
    const { children, calls } = root.process.status!.usage;
    expect(calls).toEqual({ fd_read: 1 });
    expect(children).toMatchObject({
      systemCalls: 2,
      calls: { fd_write: 1, fd_read: 1 },
      bytesRead: 3,
      bytesWritten: 8,
      memoryPeak: 2 * WASM_PAGE,
    });
  });
});

describe('a soft limit without a signal', () => {
  test('is told of, and growth goes on to the hard one', async () => {
    const { hal, kernel } = simulated();
    const told: Resource[] = [];
    const process = kernel.spawn({
      program: await grower(),
      args: [],
      environment: new Map(),
      descriptors: [],
      handles: [],
      limits: { ...DEFAULT_LIMITS, memory: 10 * WASM_PAGE, soft: { memory: 4 * WASM_PAGE } },
      task: 'reactor',
      onSoftLimit: (resource) => told.push(resource),
    });
    const grow = async (pages: number) =>
      (await Promise.all([process.call({ name: 'grow', args: [pages] }), hal.timeline.run()]))[0];
    expect([await grow(3), told.length, await grow(1), await grow(5), await grow(1)]).toEqual([[1], 0, [4], [5], [-1]]);
    expect(told).toEqual(['memory']);
    expect(process.getLimits().memory).toMatchObject({ soft: 4 * WASM_PAGE, used: 10 * WASM_PAGE });
  });
});
