// Kernels on threads: what they do at once, and what the embedder notices of them.
import { type ChildProcess as HostProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Machine } from '../src/index.ts';
import { assemble } from './guests.ts';
import { NO_COMPILER, type Scratch } from './scratch.ts';
import type { Subject } from './subject.ts';

const CPUS = 2;
const HOGS = 4;
const SPAN_MS = 2000;
const TIMER_MS = 5;
const SETTLE_MS = 200;
const NS_PER_MS = 1e6;

const LOOP = '(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))';
/** Some 200 ms of a linear congruential generator. */
const WORK = `(module (memory (export "memory") 1)
  (func (export "_start") (local $n i32) (local $x i64)
    (local.set $n (i32.const 100_000_000))
    (loop $again
      (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.store (i32.const 0) (local.get $x))))`;

const nowMs = () => Number(process.hrtime.bigint()) / NS_PER_MS;
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (values: readonly number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.ceil(part * values.length) - 1]!;

/** How late this thread's timers come: the 99th percentile, in milliseconds. */
async function lateness(): Promise<number> {
  await after(SETTLE_MS);
  const late: number[] = [];
  for (const end = nowMs() + SPAN_MS; nowMs() < end; ) {
    const due = nowMs() + TIMER_MS;
    await after(TIMER_MS);
    late.push(Math.max(0, nowMs() - due));
  }
  return percentile(late, 0.99);
}

export async function subjects(scratch: Scratch): Promise<Subject[]> {
  const machine = await Machine.boot({ cpus: CPUS });
  const [work, loop] = await Promise.all([WORK, LOOP].map(async (text) => machine.compile(await assemble(text))));
  const together = async (count: number) => {
    const start = nowMs();
    const children = await Promise.all(Array.from({ length: count }, () => machine.process(work!).stdio('null').spawn()));
    for (const child of children) if ((await child.wait()).code !== 0) throw new Error('it did not end by itself');
    return nowMs() - start;
  };
  const besideGuests = async () => {
    const hogs = await Promise.all(Array.from({ length: HOGS }, () => machine.process(loop!).stdio('null').spawn()));
    const late = await lateness();
    for (const hog of hogs) hog.kill('SIGKILL');
    await Promise.all(hogs.map((hog) => hog.wait()));
    return late;
  };
  const besideNative = async (program: string) => {
    const hogs: HostProcess[] = Array.from({ length: HOGS }, () => spawn(program, { stdio: 'ignore' }));
    const late = await lateness();
    await Promise.all(hogs.map((hog) => [hog.kill('SIGKILL'), once(hog, 'exit')][1]));
    return late;
  };
  const spin = scratch.native('spin');
  const few = `not run (${availableParallelism()} CPU)`;
  return [
    {
      name: 'cpus: two busy guests on two kernels',
      unit: 'ms',
      rounds: 9,
      contenders: [
        { name: 'superos', round: () => (availableParallelism() < CPUS ? few : together(CPUS)) },
        { name: 'one guest', round: () => together(1) },
      ],
      target: { most: 1.15, of: 'one guest' },
    },
    {
      name: `cpus: how much later the embedder's timers are beside ${HOGS} loops than beside native ones, 99th percentile`,
      unit: 'ms',
      rounds: 3,
      contenders: [
        {
          name: 'superos',
          round: async () =>
            spin === undefined ? NO_COMPILER : Math.max(0, (await besideGuests()) - (await besideNative(spin))),
        },
      ],
      target: { most: 1 },
      close: () => machine[Symbol.asyncDispose](),
    },
  ];
}
