// Lives of processes that start from templates, one after the other and at once, through a pool: they return, trap, are killed, grow
// their memory. Resident memory, mappings and descriptors of the host must stay flat after the first thousands. By hand:
//   node test/soak/template.ts [N]
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { Machine, type Pool, type Template } from '../../src/index.ts';
import { flat, type Sample, sample } from './host.ts';

const total = Number(process.argv[2] ?? 1_000_000);
const WARM_UP = Math.min(20_000, Math.ceil(total / 5));
const AT_ONCE = 20;
const SAMPLES = 20;
/** One in so many does not end by itself. */
const ODD = 50;

/** `more`: what makes it one whose instances are recycled, or not. */
const text = (more: string) => `(module
  (memory (export "memory") 32 40)
  (global $state (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $state (i32.const 5)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 200000)))
  (func $check
    (if (i32.ne (global.get $state) (i32.const 5)) (then (loop $wrong (br $wrong))))
    (if (i32.ne (i32.load (i32.const 131072)) (i32.const 0x01010101)) (then (loop $wrong (br $wrong))))
    (global.set $state (i32.const 6))
    (i32.store (i32.const 131072) (i32.const 2)))
  (func (export "_start") (call $check))
  (func (export "trap") (call $check) unreachable)
  (func (export "grow") (call $check) (drop (memory.grow (i32.const 1))))
  (func (export "spin") (call $check) (loop $on (br $on)))
  ${more})`;

const machine = await Machine.boot({ cpus: 0 });
const recycled = await machine.template(await parse(text('')));
const renewed = await machine.template(
  await parse(text('(table $t 1 funcref) (elem declare func $f) (func $f (table.set $t (i32.const 0) (ref.func $f)))')),
);
const pools = [machine.pool(recycled, { min: 8, max: AT_ONCE }), machine.pool(renewed, { min: 2, max: AT_ONCE })];

const expected = { _start: 'exit', trap: 'trap', grow: 'exit', spin: 'signal' } as const;

async function one(from: Pool | Template, what: keyof typeof expected): Promise<void> {
  const builder = 'process' in from ? from.process() : machine.process(from);
  builder.stdio('null');
  if (what !== '_start') builder.invoke(what);
  const child = await builder.spawn();
  if (what === 'spin') child.kill('SIGKILL');
  const { reason, message } = await child.wait();
  if (reason !== expected[what]) throw new Error(`${what} ended by ${reason}: ${message}`);
}

const odd = ['trap', 'grow', 'spin'] as const;
const froms = [pools[0]!, pools[0]!, pools[0]!, recycled, pools[1]!, renewed];

const samples: Sample[] = [];
const step = Math.ceil((total - WARM_UP) / SAMPLES / AT_ONCE) * AT_ONCE;
for (let ended = 0; ended < total; ) {
  const next = samples.length === 0 ? WARM_UP : Math.min(total, ended + step);
  for (; ended < next; ended += AT_ONCE) {
    const lives = Array.from({ length: AT_ONCE }, (_, i) => {
      const number = ended + i;
      const what = number % ODD === 0 ? odd[(number / ODD) % odd.length]! : '_start';
      return one(froms[number % froms.length]!, what);
    });
    await Promise.all(lives);
  }
  const now = await sample();
  samples.push(now);
  const mb = (now.rss / 2 ** 20).toFixed(1);
  console.log(`${String(ended).padStart(8)} lives  rss ${mb} MB  ${now.maps} mappings  ${now.fds} descriptors`);
}

const stays = flat(samples);
console.log(stays ? 'flat' : 'not flat');
process.exitCode = stays && machine.processes.length === 0 ? 0 : 1;
await machine[Symbol.asyncDispose]();
