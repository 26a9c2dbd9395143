// Kinds: each is one class, which the core does not know; and those that SuperOS has, in the hands of guests.
import { describe, expect, test } from 'vitest';
import { Capability } from '../../src/caps/capability.ts';
import { clockRoot } from '../../src/caps/clock.ts';
import { policyRoot } from '../../src/caps/confinement.ts';
import { entropyRoot } from '../../src/caps/entropy.ts';
import { HANDLE_BASE } from '../../src/caps/handles.ts';
import { CapObject } from '../../src/caps/object.ts';
import { Parcel, transfer } from '../../src/caps/parcel.ts';
import { PROCESS_RIGHT, type ProcessObject } from '../../src/caps/process.ts';
import { PROGRAM_RIGHT, type ProgramObject, programRoot } from '../../src/caps/program.ts';
import { CapTable } from '../../src/caps/table.ts';
import type { CallName } from '../../src/syscalls/table.ts';
import { Bench, prober } from './probe.ts';
import { ToyFile } from './toys.ts';

const ALL = 2 ** 31 - 1;

/** A lamp. Its rights are its own: one bit to see it, one to switch it. */
const LAMP_RIGHT = { see: 1, toggle: 2 } as const;
class Lamp extends CapObject {
  readonly kind = 'lamp';
  lit = false;
  smashed = false;
  protected override destroy(): void {
    this.smashed = true;
  }
}

describe('a new kind', () => {
  test('is held, found, handed on, revoked and destroyed like any other', () => {
    const [first, second] = [new CapTable(3), new CapTable(3)];
    const lamp = new Capability(new Lamp(), ALL, 0, undefined, 'lamp:desk');
    const handle = first.insertHandle(lamp.derive(LAMP_RIGHT.see | (2 ** 30), 0))!;
    expect(first.find<Lamp>('lamp')?.object).toBe(lamp.object);
    expect(first.find<Lamp>('lamp', ({ rights }) => (rights & LAMP_RIGHT.toggle) !== 0)).toBeUndefined();
    expect(transfer(first, [handle], second, 'move')).toEqual([HANDLE_BASE]);
    expect([first.lookup(handle), second.lookup(HANDLE_BASE)?.name]).toEqual([undefined, 'lamp:desk']);
    lamp.revoke();
    expect([second.lookup(HANDLE_BASE), lamp.object.smashed]).toEqual([undefined, false]);
    lamp.drop();
    expect(lamp.object.smashed).toBe(true);
  });
});

describe('handles', () => {
  test('no number names anything again: not in 16,384 turns, nor after them', () => {
    const table = new CapTable(3);
    const lamp = new Capability(new Lamp(), ALL, 0);
    const seen = new Set<number>();
    for (let i = 0; i < 40_000; i++) {
      const handle = table.insertHandle(lamp.derive(ALL, 0))!;
      expect(seen.has(handle)).toBe(false);
      seen.add(handle);
      table.closeHandle(handle);
    }
    expect(table.lookup(HANDLE_BASE)).toBeUndefined();
    expect(Math.max(...seen)).toBeLessThan(2 ** 31);
  });

  test('are bounded, and not descriptors', () => {
    const table = new CapTable(3);
    const lamp = new Capability(new Lamp(), ALL, 0);
    const free = table.handleRoom;
    for (let i = 0; i < free; i++) table.insertHandle(lamp.derive(ALL, 0));
    const one = lamp.derive(ALL, 0);
    expect([table.insertHandle(one), table.size, table.room]).toEqual([undefined, 0, 3]);
    expect(one.live).toBe(true);
    table.closeAll();
    expect([table.handleRoom, [...table.handles].length]).toEqual([free, 0]);
  });
});

describe('moving', () => {
  test('needs room for all, and changes nothing without', () => {
    const [from, to] = [new CapTable(9), new CapTable(2)];
    const top = new Capability(new ToyFile(0, 0), ALL, ALL);
    const numbers = [0, 1, 2].map(() => from.insert(top.derive(ALL, ALL))!);
    expect([transfer(from, numbers, to, 'move'), from.size, to.size]).toEqual(['MFILE', 3, 0]);
    expect(transfer(from, [0, 2], to, 'move')).toEqual([0, 1]);
    expect([from.size, to.size]).toEqual([1, 2]);
  });

  test('a parcel has a bound', () => {
    const table = new CapTable(1000);
    const top = new Capability(new ToyFile(0, 0), ALL, ALL);
    const numbers = Array.from({ length: 257 }, () => table.insert(top.derive(ALL, ALL))!);
    expect(Parcel.pack(table, numbers, 'move')).toBe('2BIG');
    expect(Parcel.pack(table, numbers.slice(1), 'move')).toBeInstanceOf(Parcel);
  });

  test('what a process that ends was about to get stays', async () => {
    const bench = new Bench();
    const top = new Capability(new ToyFile(0, 0), ALL, ALL);
    const guest = await prober();
    const [from, to] = [bench.spawn(guest, { descriptors: [top.derive(ALL, ALL)] }), bench.spawn(guest)];
    to.signal('SIGKILL');
    expect([bench.kernel.transfer(from, [0], to, 'move'), from.capabilities.size]).toEqual(['SRCH', 1]);
  });
});

test('a program is held by who may execute it, and nothing else of it is seen', () => {
  const root = programRoot({ name: 'tool.wasm' }, 'program:tool.wasm');
  const table = new CapTable(3);
  table.insertHandle(root.derive(PROGRAM_RIGHT.execute, 0) as unknown as Capability<CapObject>);
  const may = ({ object, rights }: Capability<ProgramObject>) =>
    object.program.name === 'tool.wasm' && (rights & PROGRAM_RIGHT.execute) !== 0;
  expect(table.find<ProgramObject>('program', may)?.name).toBe('program:tool.wasm');
  root.revoke();
  expect(table.find<ProgramObject>('program', may)).toBeUndefined();
});

describe('what a guest gives up is gone for good', () => {
  const hal = new Bench().hal;
  const KINDS: readonly (readonly [
    text: string,
    root: () => Capability<CapObject>,
    call: CallName,
    args: readonly (number | bigint)[],
    without: string,
  ])[] = [
    ['clock', () => clockRoot(hal.clock) as Capability<CapObject>, 'clock_time_get', [1, 0n, 64], 'NOTCAPABLE'],
    ['random', () => entropyRoot(hal.entropy) as Capability<CapObject>, 'random_get', [64, 8], 'NOTCAPABLE'],
    [
      'policy:p',
      () => policyRoot({ policy: { namespaces: {} } }, 'policy:p') as Capability<CapObject>,
      'policy_apply',
      [HANDLE_BASE],
      'BADF',
    ],
  ];

  test.each(KINDS)('%s', async (text, root, name, args, without) => {
    const bench = new Bench();
    const process = bench.spawn(await prober(name, 'cap_find', 'cap_drop'), { handles: [root()] });
    new TextEncoder().encodeInto(text, process.memory.bytes.subarray(512));
    expect(await bench.call(process, name, ...args)).toBe(0);
    expect(await bench.call(process, 'cap_find', 512, text.length, 600)).toBe(0);
    expect(await bench.call(process, 'cap_drop', process.memory.getU32(600))).toBe(0);
    expect(await bench.call(process, name, ...args)).toBe(without);
    expect(await bench.call(process, 'cap_find', 512, text.length, 600)).toBe('NOENT');
    expect(await bench.call(process, 'cap_drop', process.memory.getU32(600))).toBe('BADF');
    expect([...process.capabilities.handles]).toEqual([]);
  });

  test('a descriptor, dropped as a capability: what was opened through it stays', async () => {
    const bench = new Bench();
    const top = new Capability(new ToyFile(0, 0), ALL, ALL);
    const process = bench.spawn(await prober('fd_fdstat_get', 'fd_dup', 'cap_drop'), { descriptors: [top.derive(ALL, ALL)] });
    expect(await bench.call(process, 'fd_dup', 0, 64)).toBe(0);
    expect(await bench.call(process, 'cap_drop', 0)).toBe(0);
    expect([await bench.call(process, 'fd_fdstat_get', 0, 64), await bench.call(process, 'fd_fdstat_get', 1, 64)]).toEqual([
      'BADF',
      0,
    ]);
  });
});

describe('a process', () => {
  const SIGTERM = 15;
  const setUp = async (rights: number) => {
    const bench = new Bench();
    const target = bench.spawn(await prober());
    const root = target.capability();
    const caller = bench.spawn(await prober('proc_kill'), { handles: [root.derive(rights, 0) as Capability<CapObject>] });
    return { bench, target, root, caller };
  };

  test('is signalled by who has the right to', async () => {
    const { bench, target, caller } = await setUp(PROCESS_RIGHT.signal);
    expect(await bench.call(caller, 'proc_kill', target.pid, 0)).toBe(0);
    expect(await bench.call(caller, 'proc_kill', target.pid, SIGTERM)).toBe(0);
    expect(target.status).toMatchObject({ reason: 'signal', signal: 'SIGTERM' });
    expect(await bench.call(caller, 'proc_kill', target.pid, SIGTERM)).toBe('SRCH');
  });

  test('is not there for who has another right, or had one', async () => {
    const without = await setUp(PROCESS_RIGHT.wait | PROCESS_RIGHT.inspect);
    expect(await without.bench.call(without.caller, 'proc_kill', without.target.pid, SIGTERM)).toBe('SRCH');
    const { bench, target, root, caller } = await setUp(PROCESS_RIGHT.signal);
    root.revoke();
    expect(await bench.call(caller, 'proc_kill', target.pid, SIGTERM)).toBe('SRCH');
    expect(target.status).toBeUndefined();
  });

  test('is meant itself, not who has its number after it', async () => {
    const { bench, target, root } = await setUp(PROCESS_RIGHT.signal);
    target.signal('SIGKILL');
    await bench.hal.timeline.run();
    bench.kernel.reap(target);
    const object: ProcessObject = root.object;
    expect([object.over, object.number, await object.done]).toMatchObject([true, target.pid, { signal: 'SIGKILL' }]);
  });
});
