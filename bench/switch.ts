// From one process to another on one thread, by sched_yield. Beside it: two stacks of V8's that nobody schedules or accounts
// for; two native processes and a pipe; two threads of Node's and messages.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Machine } from '../src/index.ts';
import { assemble } from './guests.ts';
import type { Scratch } from './scratch.ts';
import { nanoseconds, type Subject } from './subject.ts';

/** Of each process in a round: so many that its start does not count. */
const TURNS = 1000;
/** In a round, at least. */
const SWITCHES = 100_000;
/** Fewer, since each takes so much longer. */
const SLOW_SWITCHES = 2_000;
const PROCESSES = [2, 1000];

const YIELDER = `(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (memory (export "memory") 1)
  (func (export "spin") (param $n i32) (result i32) (local $errno i32)
    (loop $again
      (local.set $errno (i32.or (local.get $errno) (call $yield)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errno)))`;

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  const bytes = await assemble(YIELDER);
  const machine = await Machine.boot({ cpus: 0 });
  const program = await machine.compile(bytes, 'yielder');
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads'); parentPort.on('message', (m) => parentPort.postMessage(m));`,
    {
      eval: true,
    },
  );
  worker.unref();
  const close = async () => {
    await worker.terminate();
    await machine[Symbol.asyncDispose]();
  };
  const made = await Promise.all(
    PROCESSES.map(async (count): Promise<Subject> => {
      const turns = Math.max(TURNS, SWITCHES / count);
      const switches = turns * count;
      const children = await Promise.all(
        Array.from({ length: count }, () => machine.process(program).stdio('null').reactor().spawn()),
      );
      const bare = bareStacks(bytes, count);
      const superos = async () => {
        for (const [errno] of await Promise.all(children.map((child) => child.call('spin', turns))))
          if (errno !== 0) throw new Error(`sched_yield: errno ${errno}`);
      };
      return {
        name: `switch: ${count} processes`,
        unit: 'ns',
        rounds: 21,
        contenders: [
          { name: 'superos', round: () => nanoseconds(switches, superos) },
          { name: 'bare stacks', round: () => nanoseconds(switches, () => bare(turns)) },
          { name: 'native', round: () => scratch.nativeRound('switch', SLOW_SWITCHES) },
          { name: 'worker_threads', round: () => nanoseconds(SLOW_SWITCHES, () => messages(worker, SLOW_SWITCHES)) },
        ],
        target: { most: 1.4, of: 'bare stacks' },
      };
    }),
  );
  return made.map((subject, i) => (i === made.length - 1 ? { ...subject, close } : subject));
}

/** Suspends and resumes stacks in turn, as cheaply as the JavaScript API of V8 allows. */
function bareStacks(bytes: Uint8Array, count: number): (turns: number) => Promise<void> {
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const ready: ((errno: number) => void)[] = [];
  const sched_yield = new WebAssembly.Suspending(() => new Promise<number>((resume) => ready.push(resume)));
  const spins = Array.from({ length: count }, () =>
    WebAssembly.promising(
      new WebAssembly.Instance(module, { wasi_snapshot_preview1: { sched_yield } }).exports[
        'spin'
      ] as WebAssembly.ExportedFunction,
    ),
  );
  return async (turns) => {
    let live = true;
    const all = Promise.all(spins.map((spin) => spin(turns))).then(() => {
      live = false;
    });
    while (live) {
      for (let n = ready.length; n > 0; n--) ready.shift()!(0);
      await null;
      await null;
      await null;
    }
    await all;
  };
}

async function messages(worker: Worker, switches: number): Promise<void> {
  for (let i = 0; i < switches; i += 2) {
    worker.postMessage(i);
    await once(worker, 'message');
  }
}
