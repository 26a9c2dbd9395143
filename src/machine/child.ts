// A process as its embedder sees it.
import type { Readable, Writable } from 'node:stream';
import { refusedCall } from '../kernel/kernel.ts';
import { printable } from '../kernel/printable.ts';
import type { ProcessState } from '../kernel/process.ts';
import type { ThreadInfo } from '../kernel/scheduler/states.ts';
import type { ExitStatus } from '../kernel/status.ts';
import type { Usage } from '../kernel/usage.ts';
import type { Signal } from '../syscalls/caller.ts';
import type { Running } from './cpu.ts';
import { SuperosError } from './error.ts';
import { type Argument, invocation } from './invocation.ts';
import { type ProcessLimits, processLimits } from './limits.ts';

export interface ProcessInfo {
  readonly pid: number;
  /** 0 where the machine itself is the parent. */
  readonly ppid: number;
  readonly state: ProcessState;
  readonly program: string;
  readonly threads: readonly ThreadInfo[];
  readonly limits: ProcessLimits;
  readonly usage: Usage;
}

export class ChildProcess implements AsyncDisposable {
  readonly pid: number;
  /** The embedder's ends of the standard streams that are pipes; null for others. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly #process: Running;

  constructor(process: Running) {
    this.#process = process;
    this.pid = process.pid;
    this.stdin = process.streams.stdin;
    this.stdout = process.streams.stdout;
    this.stderr = process.streams.stderr;
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

  /** A copy of `length` bytes of the process's memory. Rejects with SuperosError where it has no such bytes. */
  async read(address: number, length: number): Promise<Uint8Array> {
    const bytes = address >= 0 && length >= 0 ? await this.#process.read(address, length) : undefined;
    return bytes ?? absent(address, length);
  }

  /** Writes to the process's memory. Rejects with SuperosError where it has no such bytes. */
  async write(address: number, bytes: Uint8Array): Promise<void> {
    if (!(address >= 0 && (await this.#process.write(address, bytes)))) absent(address, bytes.length);
  }

  /** What the process is and uses. Where its kernel runs on a thread, that is as of at most a quantum ago. */
  info(): ProcessInfo {
    const { pid, program, status, limits } = this.#process;
    const live = this.#process.live();
    return {
      pid,
      ppid: live.ppid,
      state: status === undefined ? live.state : 'terminated',
      program: program.name,
      threads: live.threads,
      limits: processLimits(live.limits, limits.timeoutNs),
      usage: status?.usage ?? live.usage,
    };
  }

  /** Kills the process where it still runs, and waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.wait();
  }
}

function absent(address: number, length: number): never {
  throw new SuperosError('invalid-argument', `the process has no ${length} bytes at ${address}`);
}
