// A process as its embedder sees it.
import type { Readable, Writable } from 'node:stream';
import type { Limits } from '../kernel/limits.ts';
import type { Process, ProcessState } from '../kernel/process.ts';
import type { ExitStatus, Usage } from '../kernel/status.ts';
import type { Signal } from '../syscalls/caller.ts';

export interface ProcessInfo {
  readonly pid: number;
  /** 0 where the machine itself is the parent. */
  readonly ppid: number;
  readonly state: ProcessState;
  readonly program: string;
  readonly limits: Limits;
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

  info(): ProcessInfo {
    const { pid, parent, state, program, limits } = this.#process;
    const usage = this.#process.status?.usage ?? this.#process.usage();
    return { pid, ppid: parent?.pid ?? 0, state, program: program.name, limits, usage };
  }

  /** Kills the process where it still runs, and waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.wait();
  }
}
