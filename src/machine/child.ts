// A process as its embedder sees it.
import type { Readable, Writable } from 'node:stream';
import { refusedCall } from '../kernel/kernel.ts';
import { printable } from '../kernel/printable.ts';
import type { Process, ProcessState } from '../kernel/process.ts';
import type { ExitStatus } from '../kernel/status.ts';
import type { Usage } from '../kernel/usage.ts';
import type { Signal } from '../syscalls/caller.ts';
import { SuperosError } from './error.ts';
import { type Argument, invocation } from './invocation.ts';
import { type ProcessLimits, processLimits } from './limits.ts';

export interface ProcessInfo {
  readonly pid: number;
  /** 0 where the machine itself is the parent. */
  readonly ppid: number;
  readonly state: ProcessState;
  readonly program: string;
  readonly limits: ProcessLimits;
  readonly usage: Usage;
}

export interface ChildStreams {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
}

export class ChildProcess implements AsyncDisposable {
  readonly pid: number;
  /** The embedder's ends of the standard streams that are pipes; null for others. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly #process: Process;

  constructor(process: Process, streams: ChildStreams) {
    this.#process = process;
    this.pid = process.pid;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
  }

  /** Sends a signal; false when the process has ended. A signal that it does not ignore ends it where it waits or makes a call. */
  kill(signal: Signal = 'SIGTERM'): boolean {
    if (this.#process.status !== undefined) return false;
    this.#process.signal(signal);
    return true;
  }

  /** Resolves when the process has ended and holds nothing any more. Never rejects. */
  wait(): Promise<ExitStatus> {
    return this.#process.done;
  }

  /** What the invoked export returned, once it has. */
  get results(): readonly unknown[] | undefined {
    return this.#process.results;
  }

  /**
   * Calls an export of a reactor, after the calls before it, and gives what it returns. Rejects with SuperosError: where the
   * export cannot be called so, or when the process ends first.
   */
  async call(name: string, ...args: readonly Argument[]): Promise<readonly (number | bigint)[]> {
    const call = invocation(this.#process.program, { name, args });
    const refused = refusedCall(this.#process.program.layout, call);
    if (refused !== undefined) throw new SuperosError('invalid-argument', refused);
    try {
      return (await this.#process.call(call)) as readonly (number | bigint)[];
    } catch (error) {
      throw new SuperosError('ended', `${printable(name)}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** A copy of `length` bytes of the process's memory. */
  read(address: number, length: number): Uint8Array {
    this.#check(address, length);
    return this.#process.memory.bytes.slice(address, address + length);
  }

  /** Writes to the process's memory. */
  write(address: number, bytes: Uint8Array): void {
    this.#check(address, bytes.length);
    this.#process.memory.bytes.set(bytes, address);
  }

  #check(address: number, length: number): void {
    if (!(address >= 0 && length >= 0 && this.#process.memory.has(address, length))) {
      throw new SuperosError('invalid-argument', `the process has no ${length} bytes at ${address}`);
    }
  }

  info(): ProcessInfo {
    const { pid, parent, state, program } = this.#process;
    const limits = processLimits(this.#process.getLimits(), this.#process.limits.timeoutNs);
    const usage = this.#process.status?.usage ?? this.#process.usage();
    return { pid, ppid: parent?.pid ?? 0, state, program: program.name, limits, usage };
  }

  /** Kills the process where it still runs, and waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.wait();
  }
}
