// A process as its embedder sees it.
import type { Readable, Writable } from 'node:stream';
import { nodeMmu } from '../hal/node/mmu/mmu.ts';
import type { HeldCapability } from '../kernel/grants.ts';
import { printable } from '../kernel/printable.ts';
import type { ProcessState } from '../kernel/process.ts';
import { nullPageOf, type ProcessProtection, type Protect, protectionOf } from '../kernel/protection.ts';
import { refusedCall } from '../kernel/refusal.ts';
import type { ThreadInfo } from '../kernel/scheduler/states.ts';
import type { ExitStatus } from '../kernel/status.ts';
import type { Usage } from '../kernel/usage.ts';
import type { Sealed } from '../runtime/program.ts';
import type { Signal } from '../syscalls/caller.ts';
import type { Running } from './cpu.ts';
import { SuperosError } from './error.ts';
import { formatGrant, parseGrant } from './grammar.ts';
import { type Argument, invocation } from './invocation.ts';
import { type ProcessLimits, processLimits } from './limits.ts';

export interface ProcessInfo {
  readonly pid: number;
  /** 0 where the machine itself is the parent. */
  readonly ppid: number;
  readonly state: ProcessState;
  readonly program: string;
  readonly threads: readonly ThreadInfo[];
  /** What it was granted and was not revoked since, as text: see `formatGrant`. */
  readonly capabilities: readonly string[];
  readonly limits: ProcessLimits;
  readonly usage: Usage;
  readonly protection: ProcessProtection;
}

export class ChildProcess implements AsyncDisposable {
  readonly pid: number;
  /** The embedder's ends of the standard streams that are pipes; null for others. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly #process: Running;
  readonly #protect: Protect;
  #granted: readonly string[];

  /** `granted`: what it was granted, as text. */
  constructor(process: Running, granted: readonly string[], protect: Protect) {
    this.#process = process;
    this.#protect = protect;
    this.#granted = granted;
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

  /** How far a reactor has come: what `machine.template` makes templates of. Undefined where it ended before. */
  seal(): Promise<Sealed | string | undefined> {
    return this.#process.seal();
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
      capabilities: this.#granted,
      limits: processLimits(live.limits, limits.timeoutNs),
      usage: status?.usage ?? live.usage,
      protection: protectionOf(program.layout, this.#protect, nullPageOf(program.layout, nodeMmu())),
    };
  }

  /**
   * What the process holds now: its descriptors and handles, what it was granted and what it made of that. Nothing once it has
   * ended.
   */
  capabilities(): Promise<readonly HeldCapability[]> {
    return this.#process.capabilities();
  }

  /**
   * Takes a capability away, with all that was derived from it or opened through it, in other processes too: a grant by its
   * text, or one capability by its number. Once this resolves nothing of it works; a call that waits on it fails. Rejects with
   * SuperosError where the process has no such thing. What it gives up by itself, it closes.
   */
  async revoke(what: string | number): Promise<void> {
    const name = typeof what === 'string' ? formatGrant(parseGrant(what)) : what;
    const revoked = await this.#process.revoke(name);
    this.#granted = this.#granted.filter((one) => one !== name);
    if (revoked || this.#process.status !== undefined) return;
    throw new SuperosError(
      'invalid-argument',
      `the process has no capability ${name}; it was granted ${this.#granted.join(', ')}`,
    );
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
