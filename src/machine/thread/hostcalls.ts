// Calls of functions of the embedder from a kernel on a thread: the call, what the function reads and writes meanwhile, and its
// answer are messages; the guest is suspended until the last one.
import type { HostCaller, HostInvoke, HostValue } from '../../caps/hostfunction.ts';
import { reasonText } from '../../kernel/reason.ts';
import type { HostFunctions } from '../hostfunction.ts';

/** A call under way, as both sides call it. */
type CallId = number;

export type FromCaller =
  | {
      readonly what: 'call';
      readonly call: CallId;
      readonly function: number;
      readonly pid: number;
      readonly args: readonly HostValue[];
    }
  /** The process that called has ended: nobody waits for the answer. */
  | { readonly what: 'over'; readonly call: CallId }
  | { readonly what: 'reached'; readonly request: number; readonly value: Uint8Array | boolean | undefined };

export type ToCaller =
  | { readonly what: 'answer'; readonly call: CallId; readonly value: unknown }
  | { readonly what: 'failed'; readonly call: CallId; readonly message: string }
  | { readonly what: 'read'; readonly call: CallId; readonly request: number; readonly address: number; readonly length: number }
  | {
      readonly what: 'write';
      readonly call: CallId;
      readonly request: number;
      readonly address: number;
      readonly bytes: Uint8Array;
    };

interface Waiting {
  readonly caller: HostCaller;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** On the kernel's thread. */
export class CallingSide {
  readonly #send: (message: FromCaller) => void;
  readonly #waiting = new Map<CallId, Waiting>();
  #next = 0;

  constructor(send: (message: FromCaller) => void) {
    this.#send = send;
  }

  /** What calls the function of this number. */
  invoke(id: number): HostInvoke {
    return (caller, args) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const call = this.#next++;
      this.#waiting.set(call, { caller, resolve, reject });
      this.#send({ what: 'call', call, function: id, pid: caller.pid, args });
      caller.done.then(() => {
        if (this.#waiting.delete(call)) this.#send({ what: 'over', call });
      });
      return promise;
    };
  }

  receive(message: ToCaller): void {
    const waiting = this.#waiting.get(message.call);
    switch (message.what) {
      case 'answer':
        this.#waiting.delete(message.call);
        waiting?.resolve(message.value);
        return;
      case 'failed':
        this.#waiting.delete(message.call);
        waiting?.reject(new Error(message.message));
        return;
      case 'read': {
        const value = waiting?.caller.read(message.address, message.length);
        this.#send({ what: 'reached', request: message.request, value });
        return;
      }
      case 'write': {
        const value = waiting?.caller.write(message.address, message.bytes);
        this.#send({ what: 'reached', request: message.request, value });
      }
    }
  }
}

/** On the machine's thread, for one kernel. */
export class AnsweringSide {
  readonly #functions: HostFunctions;
  readonly #send: (message: ToCaller) => void;
  /** What tells that the process of a call has ended. */
  readonly #calls = new Map<CallId, () => void>();
  readonly #requests = new Map<number, (value: Uint8Array | boolean | undefined) => void>();
  #next = 0;

  constructor(functions: HostFunctions, send: (message: ToCaller) => void) {
    this.#functions = functions;
    this.#send = send;
  }

  receive(message: FromCaller): void {
    switch (message.what) {
      case 'call':
        void this.#call(message);
        return;
      case 'over':
        this.#calls.get(message.call)?.();
        this.#calls.delete(message.call);
        return;
      case 'reached':
        this.#requests.get(message.request)?.(message.value);
        this.#requests.delete(message.request);
    }
  }

  /** The thread is gone, and its processes with it. */
  lose(): void {
    for (const over of this.#calls.values()) over();
    for (const settle of this.#requests.values()) settle(undefined);
    this.#calls.clear();
    this.#requests.clear();
  }

  async #call({ call, function: id, pid, args }: Extract<FromCaller, { what: 'call' }>): Promise<void> {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#calls.set(call, resolve);
    const reach = {
      pid,
      done,
      read: (address: number, length: number) =>
        this.#ask<Uint8Array | undefined>((request) => ({ what: 'read', call, request, address, length })),
      write: async (address: number, bytes: Uint8Array) =>
        (await this.#ask<boolean | undefined>((request) => ({ what: 'write', call, request, address, bytes }))) === true,
    };
    let answer: ToCaller;
    try {
      answer = { what: 'answer', call, value: sendable(await this.#functions.call(id, reach, args)) };
    } catch (error) {
      answer = { what: 'failed', call, message: reasonText(error) };
    }
    this.#calls.delete(call);
    this.#send(answer);
  }

  #ask<T extends Uint8Array | boolean | undefined>(message: (request: number) => ToCaller): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const request = this.#next++;
    this.#requests.set(request, resolve as (value: Uint8Array | boolean | undefined) => void);
    this.#send(message(request));
    return promise;
  }
}

/** What is no number is refused on the other side, by its type; much of it could not be sent. */
const sendable = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? {} : typeof value === 'function' || typeof value === 'symbol' ? {} : value;
