// Programs loaded on a thread of their own, which is started with the first: reading, rewriting and compiling hold up neither
// the embedder nor any guest. Those still in use are shared by all who load the same file again.
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileIdentity } from '../../hal/node/program-file.ts';
import type { HostThread, Message, ThreadEvents } from '../../hal/node/thread.ts';
import type { LoadOptions } from '../../runtime/loader.ts';
import type { Program } from '../../runtime/program.ts';
import { SuperosError } from '../error.ts';
import { type ProgramLoader, type ProgramSource, refuseModule } from '../source.ts';
import type { FromLoader, ToLoader } from './protocol.ts';

interface Request {
  readonly resolve: (program: Program) => void;
  readonly reject: (error: Error) => void;
}

export class LoaderThread implements ProgramLoader {
  readonly #start: (events: ThreadEvents) => HostThread;
  #thread: HostThread | undefined;
  readonly #requests = new Map<number, Request>();
  #nextRequest = 0;
  /** By what identifies a file's content, and the options. */
  readonly #alive = new Map<string, WeakRef<Program>>();
  readonly #loading = new Map<string, Promise<Program>>();

  constructor(start: (events: ThreadEvents) => HostThread) {
    this.#start = start;
  }

  async load(source: ProgramSource, options: LoadOptions, name = 'program'): Promise<Program> {
    if (source instanceof WebAssembly.Module) throw refuseModule();
    // Copied once, since their owner may use them again; the copy changes hands.
    if (source instanceof ArrayBuffer) return this.#ask({ bytes: new Uint8Array(source.slice()) }, options, name);
    if (source instanceof Uint8Array) return this.#ask({ bytes: new Uint8Array(source) }, options, name);
    if (typeof source === 'object' && !(source instanceof URL)) return source;
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
    await this.#thread?.end();
    this.#fail('the machine has been shut down');
  }

  #ask(source: ToLoader['source'], options: LoadOptions, name: string): Promise<Program> {
    const { promise, resolve, reject } = Promise.withResolvers<Program>();
    this.#thread ??= this.#start({
      message: (message: Message) => this.#answered(message as FromLoader),
      died: (why) => this.#fail(`the loader's thread died: ${why}`),
    });
    const request = this.#nextRequest++;
    this.#requests.set(request, { resolve, reject });
    this.#thread.hold();
    const order: ToLoader = { request, name, source, options };
    this.#thread.send(order, 'bytes' in source ? [source.bytes.buffer] : []);
    return promise;
  }

  #answered(answer: FromLoader): void {
    const { resolve, reject } = this.#requests.get(answer.request)!;
    this.#requests.delete(answer.request);
    this.#thread?.release();
    if ('program' in answer) resolve(answer.program);
    else if ('bug' in answer) reject(new Error(answer.bug));
    else reject(new SuperosError(answer.code, answer.message));
  }

  /** Another thread is started with the next program. */
  #fail(why: string): void {
    this.#thread = undefined;
    for (const { reject } of this.#requests.values()) reject(new SuperosError('ended', why));
    this.#requests.clear();
  }
}
