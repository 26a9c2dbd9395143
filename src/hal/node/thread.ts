// The CPU driver "worker thread": threads of the host's that run a program of ours and are known by their messages. When one
// is over, however that came, what it held of the host is freed here: a thread that is ended from outside does nothing more.
import type { Worker } from 'node:worker_threads';
import { closeHeld, record, recorder } from './held.ts';

export type Message = NonNullable<unknown>;

export interface ThreadEvents {
  message(message: Message): void;
  /** It is over without having been asked to: what it was doing will not be done. */
  died(why: string): void;
}

export interface ThreadOptions {
  readonly entry: URL;
  readonly name: string;
  /** What the program is started with. */
  readonly data: Message;
  readonly events: ThreadEvents;
  /** Told when it is over, however that came. */
  readonly over?: () => void;
}

/** What a thread's program is given. */
interface Start {
  readonly data: Message;
  readonly held: SharedArrayBuffer;
}

export class HostThread {
  readonly #worker: Worker;
  readonly #held = recorder();
  readonly #over: Promise<void>;
  #holds = 0;
  #ending = false;

  constructor({ entry, name, data, events, over }: ThreadOptions) {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    const start: Start = { data, held: this.#held };
    this.#worker = new Worker(entry, {
      name,
      workerData: start,
      execArgv: [],
      // The thread records its descriptors itself: Node does not see those that it opens and closes through the C library.
      trackUnmanagedFds: false,
    });
    this.#worker.unref();
    let why = 'it ended by itself';
    this.#worker.on('message', (message: Message) => events.message(message));
    this.#worker.on('error', (error) => {
      why = error instanceof Error ? error.message : String(error);
    });
    this.#over = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        closeHeld(this.#held);
        over?.();
        resolve();
        if (!this.#ending) events.died(why);
      });
    });
  }

  /** Messages arrive in order; buffers in `transfer` change hands. */
  send(message: Message, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** The host stays alive until this is released as often as it was held. */
  hold(): void {
    if (this.#holds++ === 0) this.#worker.ref();
  }

  release(): void {
    if (--this.#holds === 0) this.#worker.unref();
  }

  /** Ends the thread, whatever it does. Resolves when it is gone. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.#worker.terminate();
    await this.#over;
  }
}

/** On a thread: what it was started with, and how it talks to the one that started it. */
export interface ThreadPort {
  readonly data: Message;
  send(message: Message, transfer?: readonly ArrayBuffer[]): void;
}

/** To be called once by a thread's program. */
export function threadPort(receive: (message: Message) => void): ThreadPort {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
  if (parentPort === null) throw new Error('this program runs on a thread of its own');
  const { data, held } = workerData as Start;
  record(held);
  parentPort.on('message', receive);
  return { data, send: (message, transfer = []) => parentPort.postMessage(message, [...transfer]) };
}
