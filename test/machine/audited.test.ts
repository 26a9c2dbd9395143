// Events of a kernel's thread: a bounded number is under way, and none is lost.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { type AuditEvent, Machine } from '../../src/index.ts';
import { EVENTS_MAX, HearingAuditor, newCount, SendingAuditor } from '../../src/machine/thread/audited.ts';
import { wat } from './guests.ts';

const event: AuditEvent = { what: 'drop', pid: 1, program: 'p' };

test('who is ahead by so many waits until one was heard', async () => {
  const heard = newCount();
  const sent = new Int32Array(new SharedArrayBuffer(4));
  // The other side hears of one once all of them were sent.
  const other = new Worker(
    `const { workerData: { heard, sent, most } } = require('node:worker_threads');
     const h = new Int32Array(heard);
     while (Atomics.load(sent, 0) < most);
     Atomics.add(h, 0, 1);
     Atomics.notify(h, 0);`,
    { eval: true, workerData: { heard, sent, most: EVENTS_MAX } },
  );
  const auditor = new SendingAuditor(() => {
    Atomics.add(sent, 0, 1);
  }, heard);
  for (let i = 1; i < EVENTS_MAX; i++) auditor.record(event);
  expect(Atomics.load(new Int32Array(heard), 0)).toBe(0);
  auditor.record(event);
  expect(Atomics.load(new Int32Array(heard), 0)).toBe(1);
  await other.terminate();
});

test('hearing lets it go on, also where the number turns over', () => {
  const heard = newCount();
  const told: AuditEvent[] = [];
  const hearing = new HearingAuditor({ record: (one) => told.push(one) }, heard);
  const sending = new SendingAuditor((one) => hearing.record(one), heard);
  for (let i = 0; i < 3 * EVENTS_MAX; i++) sending.record(event);
  expect(told).toHaveLength(3 * EVENTS_MAX);
});

test('all that a guest on a thread does is told', async () => {
  let duplicated = 0;
  const record = ({ what }: AuditEvent) => {
    if (what === 'duplicate') duplicated++;
  };
  await using machine = await Machine.boot({ cpus: 1, audit: { record } });
  const busy = await wat(`
    (import "host_process" "fd_dup" (func $dup (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $i i32)
      (loop $again
        (drop (call $dup (i32.const 1) (i32.const 0)))
        (drop (call $close (i32.load (i32.const 0))))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20000)))))`);
  expect((await machine.process(busy).run()).status.reason).toBe('exit');
  expect(duplicated).toBe(20_000);
});
