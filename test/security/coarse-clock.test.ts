// Row 26: a program that was given a coarse clock times nothing finer by it, by none of the ways to the time.
import { describe, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { CPUS, WASI, wat } from '../machine/guests.ts';

const STEP_NS = 1_000_000n;

/** Writes what clocks show, 8 bytes each, 200 times each: 0 to 3 by `clock_time_get`, then when a file was last changed. */
const READINGS = 200;
const source = await wat(`
  ${WASI('clock_time_get', 'path_open', 'fd_write')}
  (import "wasi_snapshot_preview1" "clock_res_get" (func $clock_res_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "file")
  (func $put (param $at i32) (param $length i32) (param $fd i32)
    (i32.store (i32.const 32) (local.get $at)) (i32.store (i32.const 36) (local.get $length))
    (if (call $fd_write (local.get $fd) (i32.const 32) (i32.const 1) (i32.const 40)) (then unreachable)))
  (func $times (param $id i32) (local $i i32)
    (loop $again
      (if (call $clock_time_get (local.get $id) (i64.const 1) (i32.const 48)) (then unreachable))
      (call $put (i32.const 48) (i32.const 8) (i32.const 1))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${READINGS})))))
  (func (export "_start") (local $i i32)
    (loop $clock
      (if (call $clock_res_get (local.get $i) (i32.const 48)) (then unreachable))
      (call $put (i32.const 48) (i32.const 8) (i32.const 1))
      (call $times (local.get $i))
      (br_if $clock (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 1) (i64.const 0x200042) (i64.const 0) (i32.const 0) (i32.const 56)) (then unreachable))
    (local.set $i (i32.const 0))
    (loop $file
      (call $put (i32.const 0) (i32.const 4) (i32.load (i32.const 56)))
      (if (call $fd_filestat_get (i32.load (i32.const 56)) (i32.const 128)) (then unreachable))
      (call $put (i32.const 168) (i32.const 8) (i32.const 1))
      (br_if $file (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${READINGS})))))`);

const CLOCKS = ['realtime', 'monotonic', 'process CPU', 'thread CPU'];

async function readings(
  machine: Machine,
  grants: readonly string[],
): Promise<{ steps: bigint[]; clocks: bigint[][]; file: bigint[] }> {
  const { stdout, status } = await machine.process(source).capabilities(grants).run();
  expect(status).toMatchObject({ code: 0 });
  const all = Array.from({ length: stdout.length / 8 }, (_, i) => stdout.readBigUInt64LE(i * 8));
  const per = 1 + READINGS;
  return {
    steps: CLOCKS.map((_, i) => all[i * per]!),
    clocks: CLOCKS.map((_, i) => all.slice(i * per + 1, (i + 1) * per)),
    file: all.slice(CLOCKS.length * per),
  };
}

const fine = (values: readonly bigint[]): bigint[] => values.filter((value) => value % STEP_NS !== 0n);

describe.each(CPUS)('cpus: %i', (cpus) => {
  test('clock:coarse moves in whole milliseconds, by every clock and by the times of files in memory', async () => {
    await using machine = await Machine.boot({ cpus });
    const { steps, clocks, file } = await readings(machine, ['clock:coarse', 'tmp:/t']);
    for (const [i, step] of steps.entries()) expect([CLOCKS[i], step]).toEqual([CLOCKS[i], STEP_NS]);
    for (const [i, values] of clocks.entries()) expect([CLOCKS[i], fine(values)]).toEqual([CLOCKS[i], []]);
    expect(file).toHaveLength(READINGS);
    expect(fine(file)).toEqual([]);
  });

  test('clock is finer: the test would notice', async () => {
    await using machine = await Machine.boot({ cpus });
    const { steps, clocks, file } = await readings(machine, ['clock', 'tmp:/t']);
    expect(steps.every((step) => step < STEP_NS)).toBe(true);
    for (const [what, values] of [
      ['realtime', clocks[0]!],
      ['monotonic', clocks[1]!],
      ['file', file],
    ] as const)
      expect([what, values.length, fine(values).length > READINGS / 2]).toEqual([what, READINGS, true]);
  });

  test('without any clock the times of files in memory are as coarse', async () => {
    await using machine = await Machine.boot({ cpus });
    const quiet = await wat(`${WASI('fd_write', 'path_open')}
      (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $i i32)
        (loop $again
          (if (call $fd_filestat_get (i32.const 3) (i32.const 128)) (then unreachable))
          (i32.store (i32.const 32) (i32.const 168)) (i32.store (i32.const 36) (i32.const 8))
          (if (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)) (then unreachable))
          (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3)))))`);
    const { stdout } = await machine.process(quiet).capabilities(['tmp:/t']).run();
    expect(stdout.length).toBe(24);
    expect(stdout.readBigUInt64LE(0) % STEP_NS).toBe(0n);
  });
});
