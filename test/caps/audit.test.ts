// What an auditor is told of capabilities: who, what, which, why. And that nothing is told, or kept, where nobody audits.
import { expect, test } from 'vitest';
import { Audit, type AuditEvent } from '../../src/caps/audit.ts';
import { Capability } from '../../src/caps/capability.ts';
import { clockRoot } from '../../src/caps/clock.ts';
import { OpenDirectory } from '../../src/caps/directory.ts';
import { HANDLE_BASE } from '../../src/caps/handles.ts';
import { RIGHT } from '../../src/caps/rights.ts';
import { RamDisk } from '../../src/hal/ramdisk.ts';
import { OFLAG } from '../../src/syscalls/table.ts';
import { Bench, prober } from './probe.ts';

const ALL = 2 ** 31 - 1;

test('each change is told, with the process, the grant it came from, and why; as plain data', async () => {
  const bench = new Bench();
  const events: AuditEvent[] = [];
  bench.kernel.auditor = { record: (event) => events.push(structuredClone(event)) };
  const told = () => events.splice(0).map(({ what, pid, kind, name, number, how }) => [what, pid, kind, name, number, how]);
  const disk = new RamDisk({ clock: bench.hal.clock, device: 1n, bytes: 1e6, entries: 10 }).open('/');
  if (typeof disk === 'string') throw new Error(disk);
  const root = new Capability(new OpenDirectory(disk, '/'), ALL, ALL, '/', 'tmp:/');
  const clock = clockRoot(bench.hal.clock);
  const names = ['path_open', 'fd_dup', 'fd_close', 'fd_fdstat_set_rights'] as const;
  const guest = await prober(...names);
  const process = bench.spawn(guest, { descriptors: [root.derive(ALL, ALL)], handles: [clock.derive(RIGHT.read, 0)] });
  const { pid } = process;
  expect(told()).toEqual([
    ['grant', pid, 'directory', 'tmp:/', 0, undefined],
    ['grant', pid, 'clock', 'clock', HANDLE_BASE, undefined],
  ]);
  process.memory.setU8(512, 97);
  expect(await bench.call(process, 'path_open', 0, 0, 512, 1, OFLAG.creat, BigInt(RIGHT.write), 0n, 0, 64)).toBe(0);
  expect(await bench.call(process, 'fd_dup', 1, 64)).toBe(0);
  expect(await bench.call(process, 'fd_fdstat_set_rights', 2, 0n, 0n)).toBe(0);
  expect(await bench.call(process, 'fd_close', 1)).toBe(0);
  expect(told()).toEqual([
    ['open', pid, 'file', 'tmp:/', undefined, 'from 0'],
    ['duplicate', pid, 'file', 'tmp:/', undefined, 'from 1'],
    ['derive', pid, 'file', 'tmp:/', 2, 'narrowed'],
    ['drop', pid, 'file', 'tmp:/', 1, 'drop'],
  ]);
  const other = bench.spawn(guest);
  expect(bench.kernel.transfer(process, [2], other, 'move')).toEqual([0]);
  root.revoke();
  expect(told()).toEqual([
    ['transfer', pid, 'file', 'tmp:/', 2, 'move'],
    ['transfer', other.pid, 'file', 'tmp:/', 0, 'received'],
    ['revoke', pid, 'directory', 'tmp:/', 0, 'revoke'],
    ['revoke', other.pid, 'file', 'tmp:/', 0, 'revoke'],
  ]);
  process.signal('SIGKILL');
  await bench.hal.timeline.run();
  expect(told()).toEqual([['drop', pid, 'clock', 'clock', HANDLE_BASE, 'exit']]);
});

test('refusals of many kinds are told apart up to a number, and then by their call and rule; the rest at the end', () => {
  const events: AuditEvent[] = [];
  const audit = new Audit({ record: (event) => events.push(event) }, 1, 'p');
  const refuse = (path: string) => audit.record('refuse', { call: 'path_open', rule: '@fs', place: 'p.yaml:1', paths: path });
  for (let i = 0; i < 10_000; i++) refuse(`/${i}`);
  for (let i = 0; i < 2; i++) refuse('/0');
  expect(events.filter((one) => one['paths'] !== undefined)).toHaveLength(257);
  const more = events.filter((one) => one['more'] === true);
  expect(more.map((one) => one['count'])).toEqual([undefined, ...Array.from({ length: 13 }, (_, i) => 2 ** (i + 1))]);
  events.length = 0;
  audit.close();
  expect(events).toEqual([
    { what: 'refuse', pid: 1, program: 'p', call: 'path_open', rule: '@fs', place: 'p.yaml:1', paths: '/0', count: 3 },
    expect.objectContaining({ what: 'refuse', call: 'path_open', rule: '@fs', place: 'p.yaml:1', more: true, count: 9744 }),
  ]);
  audit.record('drop', {});
  audit.record('drop', {});
  expect(events.filter(({ what }) => what === 'drop')).toHaveLength(2);
});
