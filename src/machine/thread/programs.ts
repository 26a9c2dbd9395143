// Programs loaded on a thread of their own, which is started with the first: reading, rewriting and compiling hold up neither
// the embedder nor any guest. One is loaded at a time, and none for longer than the deadline: then the thread ends, and another
// goes on with the next. Those still in use are shared by all who load the same file again.
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileIdentity } from '../../hal/node/program-file.ts';
import type { HostThread, Message, ThreadEvents } from '../../hal/node/thread.ts';
import type { LoadOptions } from '../../runtime/plan.ts';
import type { Program } from '../../runtime/program.ts';
import { SuperosError } from '../error.ts';
import { isLoaded, type ProgramLoader, type ProgramSource, refuseModule } from '../source.ts';
import type { FromLoader, ToLoader } from './protocol.ts';

/** Milliseconds that the loading of one program may take: some 50 times what the largest that people run needs. */
const LOAD_MS_MAX = 60_000;

/** The part of a thread that is used here. */
type Thread = Pick<HostThread, 'send' | 'hold' | 'release' | 'end'>;

interface Request {
  readonly order: ToLoader;
  readonly resolve: (program: Program) => void;
  readonly reject: (error: Error) => void;
}

export class LoaderThread implements ProgramLoader {
  readonly #start: (events: ThreadEvents) => Thread;
  readonly #deadlineMs: number;
  #thread: Thread | undefined;
  /** The first is being loaded. */
  readonly #requests: Request[] = [];
  #nextRequest = 0;
  #timer: NodeJS.Timeout | undefined;
  /** By what identifies a file's content, and the options. */
  readonly #alive = new Map<string, WeakRef<Program>>();
  readonly #loading = new Map<string, Promise<Program>>();

  constructor(start: (events: ThreadEvents) => Thread, deadlineMs = LOAD_MS_MAX) {
    this.#start = start;
    this.#deadlineMs = deadlineMs;
  }

  async load(source: ProgramSource, options: LoadOptions, name = 'program'): Promise<Program> {
    if (isLoaded(source)) return source;
    if (source instanceof WebAssembly.Module) throw refuseModule();
    // Copied once, since their owner may use them again; the copy changes hands.
    if (source instanceof ArrayBuffer) return this.#ask({ bytes: new Uint8Array(source.slice()) }, options, name);
    if (source instanceof Uint8Array) return this.#ask({ bytes: new Uint8Array(source) }, options, name);
    const path = source instanceof URL ? fileURLToPath(source) : source;
    const identity = fileIdentity(path);
    if (identity === undefined) return this.#ask({ path }, options, name);
    const key = `${JSON.stringify(options)} ${identity} ${basename(path)}`;
    const known = this.#alive.get(key)?.deref() ?? (await this.#loading.get(key));
    if (known !== undefined) return known;
    const loading = this.#ask({ path }, options, name);
    this.#loading.set(key, loading);
    try {
      const program = await loading;
      for (const [other, reference] of this.#alive) if (reference.deref() === undefined) this.#alive.delete(other);
      // Only what stayed the same meanwhile may be found by its identity.
      if (fileIdentity(path) === identity) this.#alive.set(key, new WeakRef(program));
      return program;
    } finally {
      this.#loading.delete(key);
    }
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    for (const request of this.#requests.splice(0)) request.reject(new SuperosError('ended', 'the machine has been shut down'));
    clearTimeout(this.#timer);
    await thread?.end();
  }

  #ask(source: ToLoader['source'], options: LoadOptions, name: string): Promise<Program> {
    const { promise, resolve, reject } = Promise.withResolvers<Program>();
    this.#requests.push({ order: { request: this.#nextRequest++, name, source, options }, resolve, reject });
    if (this.#requests.length === 1) this.#next();
    return promise;
  }

  /** Loads the first of those asked for. */
  #next(): void {
    const first = this.#requests[0];
    if (first === undefined) return;
    const { order } = first;
    this.#thread ??= this.#started();
    const thread = this.#thread;
    thread.hold();
    thread.send(order, 'bytes' in order.source ? [order.source.bytes.buffer] : []);
    this.#timer = setTimeout(() => this.#late(order.name), this.#deadlineMs);
  }

  #started(): Thread {
    const thread: Thread = this.#start({
      message: (message: Message) => {
        if (thread === this.#thread) this.#answered(message as FromLoader);
      },
      died: (why) => {
        if (thread === this.#thread) this.#lost(new SuperosError('ended', `the loader's thread died: ${why}`));
      },
    });
    return thread;
  }

  #answered(answer: FromLoader): void {
    this.#thread?.release();
    const { resolve, reject } = this.#taken();
    if ('program' in answer) resolve(answer.program);
    else if ('bug' in answer) reject(new Error(answer.bug));
    else reject(new SuperosError(answer.code, answer.message));
    this.#next();
  }

  #late(name: string): void {
    void this.#thread?.end();
    const seconds = this.#deadlineMs / 1000;
    this.#lost(new SuperosError('not-runnable', `${name}: loading it takes more than ${seconds} s`));
  }

  /** The thread is gone, and with it what it loaded; another goes on with the rest. */
  #lost(why: SuperosError): void {
    this.#thread = undefined;
    this.#taken().reject(why);
    this.#next();
  }

  /** The request that was under way, which is no more. */
  #taken(): Request {
    clearTimeout(this.#timer);
    return this.#requests.shift()!;
  }
}
