// The tick driver: one thread for the whole host process that sets the epoch words of all kernels whose guests run, once in
// each one's quantum. It sleeps where none does, and is started only when the first guest has run for a while: a short program never
// pays for it.
import type { Worker } from 'node:worker_threads';
import type { Tick } from '../tick.ts';

const DEFAULT_MS = 5;
/** Milliseconds without a running guest after which the thread sleeps. */
const IDLE_MS = 200;
/** A guest that has looked up for so long is worth a thread that starts in a few milliseconds. */
const START_AFTER_NS = 1_000_000n;

const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
/** Words of an epoch memory: what guests check, whether guests have run since the last tick, whether none will any more. */
const EPOCH = 0;
const ARMED = 1;
const CLOSED = 2;
/** The one word of the control memory: whether the thread sleeps. */
const ASLEEP = 0;

/** What a kernel on any thread needs to be ticked: its own epoch memory, known to the tick thread, and the control memory of all. */
export interface TickLine {
  readonly epoch: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
}

interface TickThread {
  readonly control: SharedArrayBuffer;
  readonly worker: Worker;
}

/** What the thread is started with. */
interface Settings {
  readonly control: SharedArrayBuffer;
  readonly idleMs: number;
}

/** What it is told of each kernel. */
interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly everyMs: number;
}

let thread: TickThread | undefined;

/** The thread's whole program; it must name nothing of this module, whose text it is sent without. */
function main(): void {
  const { receiveMessageOnPort, workerData, parentPort } = process.getBuiltinModule('node:worker_threads');
  const { control, idleMs } = workerData as Settings;
  const sleep = new Int32Array(control);
  let kernels: { readonly words: Int32Array; readonly everyMs: number; dueMs: number }[] = [];
  let stepMs = 1;
  for (let busyMs = performance.now(); ; ) {
    Atomics.wait(sleep, 1, 0, stepMs);
    for (let news = receiveMessageOnPort(parentPort!); news !== undefined; news = receiveMessageOnPort(parentPort!)) {
      const { memory, everyMs } = news.message as Kernel;
      kernels = kernels.filter(({ words }) => Atomics.load(words, 2) === 0);
      kernels.push({ words: new Int32Array(memory.buffer), everyMs, dueMs: 0 });
      stepMs = Math.min(...kernels.map((kernel) => kernel.everyMs));
    }
    const nowMs = performance.now();
    for (const kernel of kernels) {
      // A step is about as long as the shortest quantum, not to the nanosecond.
      if (nowMs < kernel.dueMs - stepMs / 2) continue;
      kernel.dueMs = nowMs + kernel.everyMs;
      if (Atomics.exchange(kernel.words, 1, 0) === 0) continue;
      Atomics.store(kernel.words, 0, 1);
      busyMs = nowMs;
    }
    if (nowMs - busyMs < idleMs) continue;
    Atomics.store(sleep, 0, 1);
    // Whoever armed since the last look may not have seen that nobody is awake.
    if (kernels.every(({ words }) => Atomics.load(words, 1) === 0)) Atomics.wait(sleep, 0, 1);
    Atomics.store(sleep, 0, 0);
    busyMs = performance.now();
  }
}

/** Starts the thread, if it does not run; it never keeps the host process alive. */
function start(): TickThread {
  if (thread !== undefined) return thread;
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  const control = new SharedArrayBuffer(2 * WORD_BYTES);
  const settings: Settings = { control, idleMs: IDLE_MS };
  const worker = new Worker(`(${main})()`, {
    eval: true,
    name: 'superos tick',
    workerData: settings,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2, codeRangeSizeMb: 4 },
  });
  worker.unref();
  // A guest that never looks up would hang its kernel: better no host process than one that pretends.
  worker.on('error', (error) => {
    throw error;
  });
  thread = { control, worker };
  return thread;
}

const wake = (control: Int32Array): void => {
  Atomics.store(control, ASLEEP, 0);
  Atomics.notify(control, ASLEEP);
};

function register(epoch: WebAssembly.Memory, everyMs: number): TickLine {
  const { control, worker } = start();
  const kernel: Kernel = { memory: epoch, everyMs };
  worker.postMessage(kernel);
  wake(new Int32Array(control));
  return { epoch, control };
}

/** Where a kernel of this process is ticked from. To be called on the thread that lives longest: the host's main one. */
export const tickLine = (quantumMs = DEFAULT_MS): TickLine => register(epochMemory(), quantumMs);

/** The kernel of this line is no more. */
export const endTickLine = ({ epoch }: Pick<TickLine, 'epoch'>): void => {
  Atomics.store(new Int32Array(epoch.buffer), CLOSED, 1);
};

const epochMemory = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });

class NodeTick implements Tick {
  #epoch: WebAssembly.Memory | undefined;
  #words: Int32Array | undefined;
  /** Undefined until the tick thread runs. */
  #control: Int32Array | undefined;
  #firstNs: bigint | undefined;

  readonly #quantumMs: number;
  #closed = false;

  constructor(line: TickLine | undefined, quantumMs: number) {
    this.#quantumMs = quantumMs;
    if (line !== undefined) this.#attach(line);
  }

  get epoch(): WebAssembly.Memory {
    if (this.#epoch === undefined) {
      this.#epoch = epochMemory();
      // Guests turn to the kernel at every check until there is somebody to set the word.
      new Int32Array(this.#epoch.buffer)[EPOCH] = 1;
    }
    return this.#epoch;
  }

  get words(): Int32Array {
    this.#words ??= new Int32Array(this.epoch.buffer);
    return this.#words;
  }

  start(): void {
    if (this.#control !== undefined || this.#closed) return;
    this.#attach(register(this.epoch, this.#quantumMs));
    this.acknowledge();
  }

  arm(): void {
    const control = this.#control;
    if (control === undefined) return;
    // In this order for every thread: the tick thread says that it sleeps, and then looks who is armed.
    Atomics.store(this.words, ARMED, 1);
    if (Atomics.load(control, ASLEEP) === 1) wake(control);
  }

  acknowledge(): void {
    if (this.#control === undefined) {
      const now = process.hrtime.bigint();
      this.#firstNs ??= now;
      if (now - this.#firstNs < START_AFTER_NS) return;
      this.start();
      return;
    }
    this.words[EPOCH] = 0;
    this.arm();
  }

  interrupt(): void {
    this.words[EPOCH] = 1;
  }

  close(): void {
    this.#closed = true;
    if (this.#control !== undefined) endTickLine(this);
  }

  #attach({ epoch, control }: TickLine): void {
    this.#epoch = epoch;
    this.#control = new Int32Array(control);
  }
}

/** The tick of one kernel; with a line where a thread for it runs already. */
export function nodeTick(line?: TickLine, quantumMs = DEFAULT_MS): Tick {
  return new NodeTick(line, quantumMs);
}
