// The kernel's clock tick, for the cost bench: a thread that sets the epoch word once a quantum, and the answer to a program that saw it.
import { Worker } from 'node:worker_threads';

const QUANTUM_MS = 5;
/** The argument of `wait` that says "preempt". */
const PREEMPT = -0x8000_0000;

const THREAD = `
const { workerData: { epoch, quantum } } = require('node:worker_threads');
const word = new Int32Array(epoch);
const never = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  Atomics.wait(never, 0, 0, quantum);
  Atomics.store(word, 0, 1);
}`;

export class Tick implements AsyncDisposable {
  readonly epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  readonly #word = new Int32Array(this.epoch.buffer);
  readonly #thread = new Worker(THREAD, { eval: true, workerData: { epoch: this.epoch.buffer, quantum: QUANTUM_MS } });
  /** How often a program saw the tick. */
  seen = 0;

  /** What `wait` returns to a program that goes on: there is no other to switch to. */
  answer(raw: number): number {
    if (raw !== PREEMPT) return raw;
    this.seen++;
    this.#word[0] = 0;
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }
}
