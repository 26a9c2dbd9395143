// Many processes, one after the other, in one machine: a tenth are killed while they are blocked. Resident memory, mappings and
// descriptors of the host must stay flat after the first thousand. By hand, with a larger number than the tests have:
//   node test/soak/processes.ts [N]
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { Machine } from '../../src/index.ts';
import { flat, type Sample, sample } from './host.ts';

const total = Number(process.argv[2] ?? 100_000);
const WARM_UP = 1000;
const AT_ONCE = 50;

const text = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\08\\00\\00\\00")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))))`;

const machine = await Machine.boot({ cpus: 0 });
const program = await machine.compile(await parse(text));

async function one(i: number): Promise<void> {
  const child = await machine.process(program).spawn();
  if (i % 10 === 0) {
    while (child.info().state !== 'blocked') await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
  } else {
    child.stdin?.end();
    child.stdout?.resume();
  }
  const { reason } = await child.wait();
  if (reason !== (i % 10 === 0 ? 'signal' : 'exit')) throw new Error(`process ${i} ended by ${reason}`);
}

const samples: Sample[] = [];
const step = Math.max(AT_ONCE, Math.floor(total / 20));
for (let ended = 0; ended < total; ) {
  const next = samples.length === 0 ? WARM_UP : Math.min(total, ended + step);
  for (; ended < next; ended += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => one(ended + i)));
  const now = await sample();
  samples.push(now);
  const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  console.log(`${String(ended).padStart(8)} processes  rss ${mb(now.rss)} MB  heap ${mb(now.heap)} MB  ${now.maps} mappings`);
}

const stays = flat(samples);
console.log(stays ? 'flat' : 'not flat');
process.exitCode = stays && machine.processes.length === 0 ? 0 : 1;
