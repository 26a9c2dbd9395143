// One thread shared: endless loops beside a process that waits for input and the host's own timers; and loops of different niceness.
import { once } from 'node:events';
import { type ChildProcess, Machine, type Program } from '../src/index.ts';
import { assemble } from './guests.ts';
import { median, type Subject } from './subject.ts';

const SPAN_MS = 2000;
const TIMER_MS = 10;
const INPUT_MS = 50;
const QUANTUM_MS = 5;
const ROUNDS = 3;
const NS_PER_MS = 1e6;
/** A step of niceness is a fourth more or less. */
const NICE = 10;
const NICE_RATIO = 1.25 ** NICE;

const LOOP = '(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))';

/** Answers each byte with a byte. */
const ECHO = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
  (func (export "_start")
    (loop $again
      (br_if 1 (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br_if 1 (i32.eqz (i32.load (i32.const 16))))
      (br_if $again (i32.eqz (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))))`;

/** What one span showed. */
interface Span {
  /** CPU time of each loop in milliseconds. */
  readonly cpuMs: readonly number[];
  readonly answersMs: readonly number[];
  /** How late each of the host's timer events came. */
  readonly lateMs: readonly number[];
}

const nowMs = () => Number(process.hrtime.bigint()) / NS_PER_MS;
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (values: readonly number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.ceil(part * values.length) - 1]!;

async function span(machine: Machine, loop: Program, echo: Program, nice: readonly number[]): Promise<Span> {
  const loops = await Promise.all(nice.map((one) => machine.process(loop).stdio('null').nice(one).spawn()));
  const reader = await machine.process(echo).spawn();
  // The first moments are those of the tick's own start.
  await after(200);
  const before = loops.map(cpuMs);
  const lateMs: number[] = [];
  let dueMs = nowMs() + TIMER_MS;
  const timer = setInterval(() => {
    lateMs.push(Math.max(0, nowMs() - dueMs));
    dueMs = nowMs() + TIMER_MS;
  }, TIMER_MS);
  const answersMs: number[] = [];
  for (const end = nowMs() + SPAN_MS; nowMs() < end; ) {
    await after(INPUT_MS);
    const asked = nowMs();
    reader.stdin?.write('x');
    await once(reader.stdout!, 'data');
    answersMs.push(nowMs() - asked);
  }
  clearInterval(timer);
  const used = loops.map((child, i) => cpuMs(child) - before[i]!);
  for (const child of [...loops, reader]) child.kill('SIGKILL');
  await Promise.all([...loops, reader].map((child) => child.wait()));
  return { cpuMs: used, answersMs, lateMs };
}

const cpuMs = (child: ChildProcess): number => child.info().usage.cpuMs;

export async function subjects(): Promise<Subject[]> {
  const machine = await Machine.boot({ cpus: 0 });
  const [loop, echo] = await Promise.all([LOOP, ECHO].map(async (text) => machine.compile(await assemble(text))));
  const spans: Span[] = [];
  const shared = async (round: number) => {
    spans[round] ??= await span(machine, loop!, echo!, [0, 0, 0]);
    return spans[round];
  };
  /** Each subject looks at the same spans: its rounds count along with the others'. */
  const subject = (name: string, unit: Subject['unit'], most: number, figure: (span: Span) => number): Subject => {
    let round = 0;
    return {
      name: `fairness: ${name}`,
      unit,
      rounds: ROUNDS,
      contenders: [{ name: 'superos', round: async () => figure(await shared(round++)) }],
      target: { most },
    };
  };
  const spread = (values: readonly number[]) => (100 * (Math.max(...values) - Math.min(...values))) / median(values);
  return [
    subject('spread of the CPU time of three endless loops', '%', 5, ({ cpuMs }) => spread(cpuMs)),
    subject('a reader beside them answers, at worst', 'ms', 15, ({ answersMs }) => Math.max(...answersMs)),
    subject("the host's timers beside them are late, 99th percentile", 'ms', 2 * QUANTUM_MS, ({ lateMs }) =>
      percentile(lateMs, 0.99),
    ),
    {
      name: `fairness: nice 0 to ${NICE} off the ${NICE_RATIO.toFixed(2)} of their weights`,
      unit: '%',
      rounds: ROUNDS,
      contenders: [
        {
          name: 'superos',
          round: async () => {
            const { cpuMs } = await span(machine, loop!, echo!, [0, NICE]);
            return 100 * Math.abs(cpuMs[0]! / cpuMs[1]! / NICE_RATIO - 1);
          },
        },
      ],
      target: { most: 5 },
      close: () => machine[Symbol.asyncDispose](),
    },
  ];
}
