// A gigabyte from one process to another through a region that both have mapped, a quarter of a megabyte at a time: one writes every byte, the
// other reads every byte, and what it adds up must be right. Beside it the host's own pipe between two native processes
// that do the same; and between such as look at no byte.
import { spawnSync } from 'node:child_process';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { type ChildProcess, Machine } from '../src/index.ts';
import { NO_COMPILER, type Scratch } from './scratch.ts';
import type { Subject } from './subject.ts';

const SLOT_BYTES = 2 ** 18;
const SLOTS = 4;
const PASSED = 4096;
const BYTES = PASSED * SLOT_BYTES;
const MB = 1e6;
/** Of the ring: what was ever filled, what was ever emptied, and the slots, in bytes from its start. */
const FILLED = 0;
const EMPTIED = 64;
const FIRST = 65_536;

const WAIT = '(drop (call $yield)) (br $wait)';
const PASSER = `(module
  (import "superos" "cap_find" (func $find (param i32 i32 i32) (result i32)))
  (import "superos" "mem_map" (func $map (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "region")
  (global $ring (mut i32) (i32.const 0))
  (func (export "map") (result i32) (local $errno i32)
    (local.set $errno (call $find (i32.const 64) (i32.const 6) (i32.const 0)))
    (if (i32.eqz (local.get $errno)) (then
      (local.set $errno (call $map (i32.load (i32.const 0)) (i32.const 0) (i32.const 2) (i32.const 4)))))
    (global.set $ring (i32.load (i32.const 4)))
    (local.get $errno))
  (func $slot (param $n i32) (result i32)
    (i32.add (global.get $ring)
      (i32.add (i32.const ${FIRST}) (i32.mul (i32.rem_u (local.get $n) (i32.const ${SLOTS})) (i32.const ${SLOT_BYTES})))))
  (func (export "send") (param $count i32) (local $filled i32)
    (loop $next
      (local.set $filled (i32.atomic.load offset=${FILLED} (global.get $ring)))
      (loop $wait
        (if (i32.eq (i32.sub (local.get $filled) (i32.atomic.load offset=${EMPTIED} (global.get $ring))) (i32.const ${SLOTS}))
          (then ${WAIT})))
      (memory.fill (call $slot (local.get $filled)) (local.get $count) (i32.const ${SLOT_BYTES}))
      (i32.atomic.store offset=${FILLED} (global.get $ring) (i32.add (local.get $filled) (i32.const 1)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
  (func $sum (param $at i32) (result v128) (local $end i32) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $end (i32.add (local.get $at) (i32.const ${SLOT_BYTES})))
    (loop $again
      (local.set $a (i64x2.add (local.get $a) (v128.load (local.get $at))))
      (local.set $b (i64x2.add (local.get $b) (v128.load offset=16 (local.get $at))))
      (local.set $c (i64x2.add (local.get $c) (v128.load offset=32 (local.get $at))))
      (local.set $d (i64x2.add (local.get $d) (v128.load offset=48 (local.get $at))))
      (br_if $again (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $end))))
    (i64x2.add (i64x2.add (local.get $a) (local.get $b)) (i64x2.add (local.get $c) (local.get $d))))
  (func (export "receive") (param $count i32) (result i64) (local $emptied i32) (local $sum v128)
    (loop $next
      (local.set $emptied (i32.atomic.load offset=${EMPTIED} (global.get $ring)))
      (loop $wait
        (if (i32.eq (local.get $emptied) (i32.atomic.load offset=${FILLED} (global.get $ring))) (then ${WAIT})))
      (local.set $sum (i64x2.add (local.get $sum) (call $sum (call $slot (local.get $emptied)))))
      (i32.atomic.store offset=${EMPTIED} (global.get $ring) (i32.add (local.get $emptied) (i32.const 1)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (i64.add (i64x2.extract_lane 0 (local.get $sum)) (i64x2.extract_lane 1 (local.get $sum)))))`;

/** The sum of all words of 64 bits that are sent: slot n has the byte n & 255 throughout. */
function expected(): bigint {
  let sum = 0n;
  for (let n = 1; n <= PASSED; n++) sum += 0x0101_0101_0101_0101n * BigInt(n & 255) * BigInt(SLOT_BYTES / 8);
  return BigInt.asIntN(64, sum);
}

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  const bytes = await parse(PASSER);
  return Promise.all([
    subject('on one thread', await Machine.boot({ cpus: 0 }), bytes, scratch),
    subject('on two threads', await Machine.boot({ cpus: 2 }), bytes, scratch),
  ]);
}

async function subject(where: string, machine: Machine, bytes: Uint8Array, scratch: Scratch): Promise<Subject> {
  const region = machine.region(FIRST + SLOTS * SLOT_BYTES);
  const start = async (): Promise<ChildProcess> => {
    const child = await machine.process(bytes).stdio('null').capabilities([region]).reactor().spawn();
    const [errno] = await child.call('map');
    if (errno !== 0) throw new Error(`mem_map: errno ${errno}`);
    return child;
  };
  const [sender, receiver] = [await start(), await start()];
  const sum = expected();
  return {
    name: `1 GB in pieces of 256 KB, ${where}`,
    unit: 'MB/s',
    rounds: 7,
    contenders: [
      {
        name: 'superos',
        round: async () => {
          const from = performance.now();
          const [[received]] = await Promise.all([receiver.call('receive', PASSED), sender.call('send', PASSED)]);
          if (received !== sum) throw new Error(`the sum is ${received}, not ${sum}`);
          return BYTES / MB / ((performance.now() - from) / 1e3);
        },
      },
      { name: 'native', round: () => pipe(scratch, 'touch') },
      { name: 'native, untouched', round: () => pipe(scratch) },
    ],
    target: { least: 5, of: 'native' },
    close: () => machine[Symbol.asyncDispose](),
  };
}

function pipe(scratch: Scratch, ...how: readonly string[]): number | string {
  const program = scratch.native('pipe');
  if (program === undefined) return NO_COMPILER;
  const { status, stdout } = spawnSync(program, [String(BYTES), ...how], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`native/pipe: status ${status}`);
  return Number(stdout);
}
