// A process on another thread, as the machine reaches it: its streams, its calls, and its end, which comes whatever becomes of
// the thread.

import type { Invocation } from '../../kernel/execution.ts';
import type { HeldCapability } from '../../kernel/grants.ts';
import type { Limits } from '../../kernel/limits.ts';
import type { Question } from '../../kernel/policy/supervisor.ts';
import type { Cause, ExitStatus } from '../../kernel/status.ts';
import type { Program, Sealed } from '../../runtime/program.ts';
import type { Signal } from '../../syscalls/caller.ts';
import type { Attendant } from '../attendant.ts';
import type { ChildStreams, Live, Running } from '../cpu.ts';
import type { Order } from '../order.ts';
import { PageReader } from './page.ts';
import type { FromKernel, ToKernel } from './protocol.ts';
import { InputEnd, OutputEnd, type StreamPort } from './streams.ts';

interface Request {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** What a process's own messages are given to; `id` is added. */
export interface Line {
  send(message: ToKernel, transfer?: readonly ArrayBuffer[]): void;
  /** The kernel has no other process. */
  readonly alone: boolean;
  /** Since when guests run there; 0 while none does. */
  busySinceNs(): number;
  /** How many were ready there when pages were last written. */
  ready(): number;
}

type Told = Exclude<FromKernel, { type: 'ready' | 'spawned' | 'refused' | 'closed' | 'audit' | 'host' }>;

export class RemoteProcess implements Running {
  readonly id: number;
  readonly program: Program;
  readonly limits: Limits;
  readonly streams: ChildStreams;
  readonly done: Promise<ExitStatus>;
  pid = 0;
  status: ExitStatus | undefined;
  results: readonly unknown[] | undefined;
  readonly #line: Line;
  readonly #ends: readonly [InputEnd | undefined, OutputEnd | undefined, OutputEnd | undefined];
  readonly #requests = new Map<number, Request>();
  #nextRequest = 0;
  /** Withdraw the questions that wait for an answer. */
  readonly #asked = new Map<number, () => void>();
  readonly #reader: PageReader;
  readonly #attendant: Attendant;
  readonly #resolve: (status: ExitStatus) => void;

  /** `page`: what its kernel writes of it. */
  constructor(id: number, line: Line, page: SharedArrayBuffer, { program, limits, stdio }: Order, attendant: Attendant) {
    this.id = id;
    this.#reader = new PageReader(page);
    this.#line = line;
    this.program = program;
    this.limits = limits;
    this.#attendant = attendant;
    const { promise, resolve } = Promise.withResolvers<ExitStatus>();
    this.done = promise;
    this.#resolve = resolve;
    const [stdin, stdout, stderr] = stdio;
    this.#ends = [
      stdin === 'pipe' ? new InputEnd(this.#port(0)) : undefined,
      stdout === 'pipe' ? new OutputEnd(this.#port(1)) : undefined,
      stderr === 'pipe' ? new OutputEnd(this.#port(2)) : undefined,
    ];
    const [input, output, error] = this.#ends;
    this.streams = { stdin: input?.stream ?? null, stdout: output?.stream ?? null, stderr: error?.stream ?? null };
  }

  signal(signal: Signal): void {
    this.#send({ type: 'signal', id: this.id, signal });
  }

  async call(invocation: Invocation): Promise<readonly unknown[]> {
    return (await this.#ask((request) => this.#send({ type: 'call', id: this.id, request, invocation }))) as readonly unknown[];
  }

  async read(address: number, length: number): Promise<Uint8Array | undefined> {
    if (this.status !== undefined) return undefined;
    const ask = (request: number) => this.#send({ type: 'peek', id: this.id, request, address, length });
    return (await this.#ask(ask).catch(() => undefined)) as Uint8Array | undefined;
  }

  async write(address: number, bytes: Uint8Array): Promise<boolean> {
    if (this.status !== undefined) return false;
    // Its owner may use it again.
    const { buffer } = new Uint8Array(bytes);
    const ask = (request: number) => this.#send({ type: 'poke', id: this.id, request, address, bytes: buffer }, [buffer]);
    return (await this.#ask(ask).catch(() => false)) as boolean;
  }

  async capabilities(): Promise<readonly HeldCapability[]> {
    const ask = (request: number) => this.#send({ type: 'held', id: this.id, request });
    return (await this.#ask(ask).catch(() => [])) as readonly HeldCapability[];
  }

  async revoke(what: string | number): Promise<boolean> {
    const ask = (request: number) => this.#send({ type: 'revoke', id: this.id, request, what });
    return (await this.#ask(ask).catch(() => false)) as boolean;
  }

  async seal(): Promise<Sealed | string | undefined> {
    if (this.status !== undefined) return undefined;
    const ask = (request: number) => this.#send({ type: 'seal', id: this.id, request });
    return (await this.#ask(ask).catch(() => undefined)) as Sealed | string | undefined;
  }

  live(): Live {
    const { alone } = this.#line;
    const live = this.#reader.read(alone ? this.#line.busySinceNs() : 0);
    // While pages are written nobody runs: who was ready alone is what runs now.
    const runs = !alone && live.state === 'ready' && this.#line.ready() === 1 && this.#line.busySinceNs() > 0;
    return runs ? { ...live, state: 'running' } : live;
  }

  /** What its kernel tells of it. */
  receive(message: Told): void {
    switch (message.type) {
      case 'ended':
        // What descends from it, and has its streams too, ends with it.
        for (const end of this.#ends) end?.shut();
        this.#end(message.status, message.results);
        return;
      case 'answer':
        this.#answered(message.request)?.resolve(message.value);
        return;
      case 'failed':
        this.#answered(message.request)?.reject(new Error(message.message));
        return;
      case 'data':
        (this.#ends[message.fd] as OutputEnd).data(message.bytes);
        return;
      case 'taken':
        this.#ends[0]?.taken();
        return;
      case 'shut':
        this.#ends[message.fd]?.shut();
        return;
      case 'soft':
        this.#attendant.onSoftLimit?.(message.resource);
        return;
      case 'ask':
        this.#answer(message.request, message.question);
        return;
      case 'withdrawn':
        this.#asked.get(message.request)?.();
        this.#asked.delete(message.request);
        return;
      case 'observed':
        this.#attendant.observe?.(message.observations, message.by);
    }
  }

  #answer(request: number, question: Question): void {
    const { promise: withdrawn, resolve: withdraw } = Promise.withResolvers<void>();
    this.#asked.set(request, withdraw);
    const answer = (allowed: boolean) => {
      if (this.#asked.delete(request)) this.#send({ type: 'verdict', id: this.id, request, allowed });
    };
    (this.#attendant.ask?.(question, withdrawn) ?? Promise.resolve(false)).then(
      (allowed) => answer(allowed === true),
      () => answer(false),
    );
  }

  /** It is gone with its thread. */
  lost(cause: Cause): void {
    if (this.status !== undefined) return;
    const { usage } = this.live();
    for (const end of this.#ends) end?.shut();
    this.#end({ ...cause, usage }, undefined);
  }

  #end(status: ExitStatus, results: readonly unknown[] | undefined): void {
    this.status = status;
    this.results = results;
    for (const { reject } of this.#requests.values()) reject(new Error('the process ended before it answered'));
    this.#requests.clear();
    for (const withdraw of this.#asked.values()) withdraw();
    this.#asked.clear();
    this.#resolve(status);
  }

  #ask(send: (request: number) => void): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (this.status !== undefined) reject(new Error('the process takes no calls'));
    else {
      const request = this.#nextRequest++;
      this.#requests.set(request, { resolve, reject });
      send(request);
    }
    return promise;
  }

  #answered(request: number): Request | undefined {
    const found = this.#requests.get(request);
    this.#requests.delete(request);
    return found;
  }

  #port(fd: number): StreamPort {
    const { id } = this;
    return {
      data: (bytes) => this.#send({ type: 'data', id, bytes }, [bytes]),
      credit: (bytes) => this.#send({ type: 'credit', id, fd, bytes }),
      shut: () => this.#send({ type: 'shut', id, fd }),
    };
  }

  #send(message: ToKernel, transfer?: readonly ArrayBuffer[]): void {
    if (this.status === undefined) this.#line.send(message, transfer);
  }
}
