// Processes with a thread of their own, against the thread that one would start for it.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Machine } from '../src/index.ts';
import { assemble, guest } from './guests.ts';
import type { Subject } from './subject.ts';

const NS_PER_MS = 1e6;
const SPARE = 2;
const LOOP = '(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))';

const nowMs = () => Number(process.hrtime.bigint()) / NS_PER_MS;
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** The pool fills up in the background. */
const FILL_MS = 100;

export async function subjects(): Promise<Subject[]> {
  const machine = await Machine.boot({ cpus: 0, spare: SPARE });
  const hello = await machine.compile(guest('hello'), 'hello', { raw: true });
  const loop = await machine.compile(await assemble(LOOP), 'loop', { raw: true });

  async function firstOutput(): Promise<number> {
    await after(FILL_MS);
    const start = nowMs();
    const child = await machine.process(hello).scheduling('dedicated').stdio('null', 'pipe', 'null').spawn();
    await once(child.stdout!, 'data');
    const taken = nowMs() - start;
    await child.wait();
    return taken;
  }
  async function firstMessage(): Promise<number> {
    await after(FILL_MS);
    const start = nowMs();
    const worker = new Worker(`require('node:worker_threads').parentPort.postMessage('hello')`, { eval: true });
    await once(worker, 'message');
    const taken = nowMs() - start;
    await worker.terminate();
    return taken;
  }
  async function kill(): Promise<number> {
    const child = await machine.process(loop).scheduling('dedicated').stdio('null').spawn();
    await after(FILL_MS);
    const start = nowMs();
    child.kill('SIGKILL');
    const { reason } = await child.wait();
    if (reason !== 'signal') throw new Error(`it ended by ${reason}`);
    return nowMs() - start;
  }
  return [
    {
      name: 'dedicated: from spawn to the first output of hello.wasm',
      unit: 'ms',
      rounds: 31,
      contenders: [
        { name: 'superos', round: firstOutput },
        { name: 'new Worker', round: firstMessage },
      ],
      target: { most: 1 / 8, of: 'new Worker' },
    },
    {
      name: 'dedicated: from kill to the end of an endless loop',
      unit: 'ms',
      rounds: 21,
      contenders: [{ name: 'superos', round: kill }],
      target: { most: 20 },
      close: () => machine[Symbol.asyncDispose](),
    },
  ];
}
