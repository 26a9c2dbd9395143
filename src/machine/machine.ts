// The machine: a kernel on this host's hardware, with the programs and processes of one embedder.
import { streamRights } from '../caps/rights.ts';
import { OpenStream } from '../caps/stream.ts';
import { Capability } from '../caps/table.ts';
import type { CodeCache } from '../hal/cache.ts';
import type { Console, Stream } from '../hal/console.ts';
import type { Hal } from '../hal/hal.ts';
import { nodeConsole } from '../hal/node/console.ts';
import { nodeHal } from '../hal/node/hal.ts';
import { SpawnError } from '../kernel/error.ts';
import { Kernel } from '../kernel/kernel.ts';
import { DEFAULT_LIMITS } from '../kernel/limits.ts';
import type { Process } from '../kernel/process.ts';
import { type Program, Programs } from '../runtime/program.ts';
import { ProcessBuilder, type ProcessOptions, type Stdio } from './builder.ts';
import { ChildProcess } from './child.ts';
import { SuperosError, type SuperosErrorCode } from './error.ts';
import { grant } from './grant.ts';
import { invocation } from './invocation.ts';
import { limitName } from './limits.ts';
import { compile, loadSource, type ProgramSource } from './source.ts';
import { readable, writable } from './streams.ts';

export interface MachineOptions {
  /** Threads that run kernels. 0, so far the only choice: the kernel runs on the thread that booted it. */
  readonly cpus?: 0;
  /** The hardware; this host's by default. */
  readonly hal?: Hal;
  /** Where rewritten programs are kept between runs; nowhere by default. */
  readonly cache?: CodeCache;
}

const CODES: Partial<Record<SpawnError['errno'], SuperosErrorCode>> = {
  AGAIN: 'again',
  NOMEM: 'no-memory',
  NOEXEC: 'not-runnable',
};

/** Milliseconds between turns of a timer that only keeps Node's event loop alive. */
const KEEPALIVE_MS = 2 ** 30;
/** Milliseconds that output of a process that was ended by force may take to be written. */
const GRACE_MS = 250;

export class Machine implements AsyncDisposable {
  readonly #kernel: Kernel;
  readonly #programs: Programs;
  readonly #children = new Set<ChildProcess>();
  #console: Console | undefined;
  #keepalive: NodeJS.Timeout | undefined;
  #closed = false;
  /** A process was ended, and did not end by itself. */
  #forced = false;

  private constructor(hal: Hal, cache: CodeCache | undefined) {
    this.#kernel = new Kernel(hal);
    this.#programs = new Programs(cache);
  }

  static async boot({ cpus = 0, cache, hal = hardware(cache) }: MachineOptions = {}): Promise<Machine> {
    if (cpus !== 0)
      throw new SuperosError('not-supported', `kernels on threads of their own are not there yet: cpus is 0, not ${cpus}`);
    return new Machine(hal, cache);
  }

  /** Describes a process to be: nothing happens before `spawn` or `run`. */
  process(source: ProgramSource): ProcessBuilder {
    return new ProcessBuilder(this, source);
  }

  /** Loads a program once, to be spawned many times. */
  compile(bytes: Uint8Array, name = 'program'): Program {
    return compile(name, bytes, this.#programs);
  }

  get processes(): readonly ChildProcess[] {
    return [...this.#children];
  }

  /** Carries out what a ProcessBuilder describes. */
  async spawn(options: ProcessOptions): Promise<ChildProcess> {
    if (this.#closed) throw new SuperosError('closed', 'the machine has been shut down');
    const program = await loadSource(options.source, this.#programs);
    // It may have been shut down while the program was read.
    if (this.#closed) throw new SuperosError('closed', 'the machine has been shut down');
    options.abort?.throwIfAborted();
    const task = typeof options.task === 'string' ? options.task : invocation(program, options.task);
    // The terminal by name is for a process that has both its directions anyway.
    const [input, output] = options.stdio;
    const terminal = input === 'inherit' && output === 'inherit' ? this.#host : undefined;
    const granted = grant(this.#kernel.hal, terminal, options.grants, options.cwd);
    const [stdin, stdout, stderr] = options.stdio.map((how, fd) => this.#stream(how, fd)) as [Ends, Ends, Ends];
    const { onSoftLimit } = options;
    let process: Process;
    try {
      process = this.#kernel.spawn({
        program,
        args: [options.argv0 ?? program.name, ...options.args],
        environment: options.environment,
        descriptors: [stdin.inner, stdout.inner, stderr.inner, ...granted.directories],
        clock: granted.clock,
        entropy: granted.entropy,
        limits: { ...DEFAULT_LIMITS, ...options.limits },
        nice: options.nice,
        ...(onSoftLimit && { onSoftLimit: (resource) => onSoftLimit(limitName(resource)) }),
        task,
      });
    } catch (error) {
      for (const end of [stdin, stdout, stderr]) end.outer?.object.release();
      if (!(error instanceof SpawnError)) throw error;
      throw new SuperosError(CODES[error.errno] ?? 'invalid-argument', `${program.name}: ${error.message}`, { cause: error });
    }
    const child = new ChildProcess(process, {
      stdin: stdin.outer === undefined ? null : writable(stdin.outer),
      stdout: stdout.outer === undefined ? null : readable(stdout.outer),
      stderr: stderr.outer === undefined ? null : readable(stderr.outer),
    });
    this.#adopt(child, process, options.abort);
    return child;
  }

  /** Kills what still runs, and waits until it is gone and what it wrote is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#children].map((child) => child[Symbol.asyncDispose]()));
    if (this.#console === undefined) return;
    const { stdin, stdout, stderr } = this.#console;
    // What a process wrote to the machine's own console may still be on its way out. One that was ended by force is not
    // waited for longer than a moment: its reader may never read on.
    const drained = Promise.all([stdout.ready('write'), stderr.ready('write')]);
    if (this.#forced) await within(GRACE_MS, drained);
    else await drained;
    // One that waits for input would keep the host from exiting.
    for (const stream of [stdin, stdout, stderr]) stream.close();
  }

  get #host(): Console {
    this.#console ??= nodeConsole();
    return this.#console;
  }

  #adopt(child: ChildProcess, process: Process, abort: AbortSignal | undefined): void {
    this.#children.add(child);
    this.#keepalive ??= setInterval(() => undefined, KEEPALIVE_MS);
    const kill = () => child.kill('SIGKILL');
    abort?.addEventListener('abort', kill, { once: true });
    process.done.then(({ reason }) => {
      if (reason !== 'exit' && reason !== 'trap') this.#forced = true;
      abort?.removeEventListener('abort', kill);
      this.#kernel.reap(process);
      this.#children.delete(child);
      if (this.#children.size > 0) return;
      clearInterval(this.#keepalive);
      this.#keepalive = undefined;
    });
  }

  #stream(how: Stdio, fd: number): Ends {
    if (how === 'pipe') {
      const [reader, writer] = this.#kernel.pipe();
      return fd === 0 ? { inner: reader, outer: writer } : { inner: writer, outer: reader };
    }
    const stream = how === 'null' ? NOTHING : keep([this.#host.stdin, this.#host.stdout, this.#host.stderr][fd]!);
    return {
      inner: new Capability(new OpenStream(stream), streamRights(stream.type === 'terminal')),
      outer: undefined,
    };
  }
}

/** This host, on which no guest reaches the machine's own cache. */
const hardware = (cache: CodeCache | undefined): Hal =>
  nodeHal({ disk: { protect: cache?.directory === undefined ? [] : [cache.directory] } });

/** A standard stream: the process's end, and the embedder's where there is one. */
interface Ends {
  readonly inner: Capability;
  readonly outer: Capability | undefined;
}

const NOTHING: Stream = {
  type: 'character-device',
  read: () => 0,
  write: (_from, _at, length) => length,
  ready: () => undefined,
  close: () => undefined,
};

/** The machine's console outlives the processes that use it. */
const keep = (stream: Stream): Stream => ({
  type: stream.type,
  read: (into, at, length) => stream.read(into, at, length),
  write: (from, at, length) => stream.write(from, at, length),
  ready: (event) => stream.ready(event),
  close: () => undefined,
});

async function within(milliseconds: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([done, over]);
  clearTimeout(timer);
}
