// What a process is to be, said step by step; nothing happens before `spawn`.
import { COLLECTED_BYTES, type Limits, NICE_MAX, NICE_MIN } from '../kernel/limits.ts';
import type { Observer } from '../kernel/policy/supervisor.ts';
import { PROTECTIONS, type Protect } from '../kernel/protection.ts';
import type { ExitStatus } from '../kernel/status.ts';
import { checkPolicy, shown } from './checks.ts';
import type { ChildProcess } from './child.ts';
import { SuperosError } from './error.ts';
import { canonicalGrant } from './grammar.ts';
import type { Grant } from './grants.ts';
import { HostFunction } from './hostfunction.ts';
import type { Argument, Call } from './invocation.ts';
import { type LimitName, type LimitOptions, mergeLimits, parseLimits } from './limits.ts';
import type { Stdio } from './order.ts';
import type { NotifyHandler, PolicyMode, PolicyOptions, PolicySource } from './policy.ts';
import { MemoryRegion } from './region.ts';
import type { ProgramSource } from './source.ts';

/**
 * How a process gets the CPU. Shared: it takes turns with others, and is preempted. Raw: without checks, so that it runs as it was
 * compiled; nothing else runs on its thread unless `share` is said. Dedicated: raw, on a thread of its own that is kept ready.
 */
export type Scheduling = 'shared' | 'raw' | 'dedicated';

const SCHEDULING: readonly Scheduling[] = ['shared', 'raw', 'dedicated'];

export interface RunResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly status: ExitStatus;
  /** What the invoked export returned. */
  readonly results: readonly unknown[] | undefined;
}

/** Everything that was said, for the machine to carry out. */
export interface ProcessOptions {
  readonly source: ProgramSource;
  argv0: string | undefined;
  args: readonly string[];
  environment: ReadonlyMap<string, string>;
  /** Undefined: what there is when nothing is said. */
  grants: readonly Grant[] | undefined;
  stdio: readonly [Stdio, Stdio, Stdio];
  cwd: string | undefined;
  limits: Partial<Limits>;
  nice: number;
  protect: Protect;
  scheduling: Scheduling;
  /** Raw, on a thread that others use too. */
  share: boolean;
  onSoftLimit: ((limit: LimitName) => void) | undefined;
  policy: PolicySource | undefined;
  policyMode: PolicyMode;
  onNotify: NotifyHandler | undefined;
  onObserved: Observer | undefined;
  task: 'command' | 'reactor' | Call;
  abort: AbortSignal | undefined;
}

/** What carries out a description: the machine, or a pool. */
export interface Spawner {
  spawn(options: ProcessOptions): Promise<ChildProcess>;
}

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

export class ProcessBuilder {
  readonly #machine: Spawner;
  readonly #options: ProcessOptions;
  #input: string | Uint8Array | undefined;

  constructor(machine: Spawner, source: ProgramSource) {
    this.#machine = machine;
    this.#options = {
      source,
      argv0: undefined,
      args: [],
      environment: NO_VARIABLES,
      grants: undefined,
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: undefined,
      limits: {},
      nice: 0,
      protect: {},
      scheduling: 'shared',
      share: false,
      onSoftLimit: undefined,
      policy: undefined,
      policyMode: 'enforce',
      onNotify: undefined,
      onObserved: undefined,
      task: 'command',
      abort: undefined,
    };
  }

  /** Arguments from argv[1] on. */
  args(args: readonly string[]): this {
    this.#options.args = [...args];
    return this;
  }

  /** argv[0]; the program's file name by default. */
  argv0(name: string): this {
    this.#options.argv0 = name;
    return this;
  }

  /** Adds variables. Nothing is inherited. */
  env(variables: Readonly<Record<string, string>>): this {
    const environment = new Map(this.#options.environment);
    for (const [name, value] of Object.entries(variables)) {
      if (name === '' || name.includes('=') || name.includes('\0') || value.includes('\0')) {
        throw new SuperosError('invalid-argument', `no variable can be named or set so: ${JSON.stringify(name)}`);
      }
      environment.set(name, value);
    }
    this.#options.environment = environment;
    return this;
  }

  /** All that the process is given besides its standard streams; without this call: clock, random. */
  capabilities(grants: readonly (Grant | string)[]): this {
    if (!Array.isArray(grants)) throw new SuperosError('invalid-argument', `capabilities are a list, not ${shown(grants)}`);
    this.#options.grants = grants.map((grant) =>
      grant instanceof HostFunction || grant instanceof MemoryRegion ? grant : canonicalGrant(grant),
    );
    return this;
  }

  /**
   * What the process may do with what it is given: a policy in YAML by path, the name of one that SuperOS brings (`cli`,
   * `strict`...), its text, or one that was read before. With `mode: 'audit'` what it refuses goes on, and is told in `status.refused`
   * all the same. `notify` answers where the policy says so: without one the answer is no.
   */
  policy(source: PolicySource, options?: PolicyOptions): this {
    checkPolicy(source, options);
    const { mode = 'enforce', notify } = options ?? {};
    this.#options.policy = source;
    this.#options.policyMode = mode;
    this.#options.onNotify = notify;
    return this;
  }

  /**
   * Calls this at the end of the process, before `wait` resolves, with the kinds of calls that it made; and at the end of each process
   * that descends from it, with those of that one.
   */
  observe(listener: Observer): this {
    this.#options.onObserved = listener;
    return this;
  }

  /** The directory that the program knows as `.`, among those it is given. */
  cwd(directory: string): this {
    this.#options.cwd = directory;
    return this;
  }

  /** Bounds of the process together with all that descend from it; those not named stay as they are. */
  limits(limits: LimitOptions): this {
    this.#options.limits = mergeLimits(this.#options.limits, parseLimits(limits));
    return this;
  }

  /** Calls this whenever the process and all that descend from it begin to use more than a soft limit that has no signal. */
  onSoftLimit(listener: (limit: LimitName) => void): this {
    this.#options.onSoftLimit = listener;
    return this;
  }

  /**
   * Turns protections on or off by name, for it and what descends from it; those not named are as its program and the host allow.
   * `child.info().protection` tells what applies.
   */
  protect(protections: Protect): this {
    const unknown = Object.keys(protections).find((name) => !(PROTECTIONS as readonly string[]).includes(name));
    if (unknown !== undefined)
      throw new SuperosError('invalid-argument', `a protection is ${PROTECTIONS.join(', ')}, not ${JSON.stringify(unknown)}`);
    this.#options.protect = { ...this.#options.protect, ...protections };
    return this;
  }

  /** Its weight among the processes that share a thread, as POSIX has it: -20 (most) to 19 (least), 0 by default. */
  nice(nice: number): this {
    if (!(Number.isInteger(nice) && nice >= NICE_MIN && nice <= NICE_MAX))
      throw new SuperosError('invalid-argument', `a niceness from ${NICE_MIN} to ${NICE_MAX} is expected, not ${nice}`);
    this.#options.nice = nice;
    return this;
  }

  /**
   * How it gets the CPU: `shared` by default. A `raw` one holds up whatever else is on its thread for as long as it makes no
   * calls, and cannot be ended meanwhile: with `{ share: true }` that may be other processes, or the embedder itself.
   */
  scheduling(scheduling: Scheduling, { share = false }: { readonly share?: boolean } = {}): this {
    if (!SCHEDULING.includes(scheduling))
      throw new SuperosError('invalid-argument', `scheduling is ${SCHEDULING.join(', ')}, not ${String(scheduling)}`);
    this.#options.scheduling = scheduling;
    this.#options.share = share;
    return this;
  }

  /** Standard input, output and error, each or all: pipes by default. */
  stdio(stdin: Stdio, stdout: Stdio = stdin, stderr: Stdio = stdout): this {
    if (stdin === 'stderr') throw new SuperosError('invalid-argument', 'standard input is pipe, inherit or null, not stderr');
    this.#options.stdio = [stdin, stdout, stderr];
    return this;
  }

  /** What the process reads from standard input, with `run`. */
  input(bytes: string | Uint8Array): this {
    this.#input = bytes;
    return this;
  }

  /** Calls this export instead of `_start`, after `_initialize` where there is one. Text is read as the export's types ask. */
  invoke(name: string, args: readonly Argument[] = []): this {
    this.#options.task = { name, args: [...args] };
    return this;
  }

  /** Keeps the process after `_initialize`, for its exports to be called one after the other with `child.call`. */
  reactor(): this {
    this.#options.task = 'reactor';
    return this;
  }

  /** Kills the process when this signal fires. */
  signal(abort: AbortSignal): this {
    this.#options.abort = abort;
    return this;
  }

  /** Starts the process. Rejects with SuperosError where that cannot be done. */
  spawn(): Promise<ChildProcess> {
    return this.#start(this.#options.limits);
  }

  /**
   * Starts the process, gives it `input`, collects what it writes, and waits. A program that writes more than 64 MiB, or what
   * `limits({ output })` says, is ended by SIGXFSZ; what it wrote until then is in the result.
   */
  async run(): Promise<RunResult> {
    const input = this.#input ?? '';
    const { stdio, limits } = this.#options;
    const collecting = stdio[1] === 'pipe' || stdio[2] === 'pipe';
    const child = await this.#start(collecting ? { output: COLLECTED_BYTES, ...limits } : limits);
    // A program that does not read its input to the end is no error of ours: it closes the pipe, and EPIPE says so.
    child.stdin?.on('error', () => child.stdin?.destroy());
    child.stdin?.end(input);
    const [stdout, stderr, status] = await Promise.all([collect(child.stdout), collect(child.stderr), child.wait()]);
    return { stdout, stderr, status, results: child.results };
  }

  #start(limits: Partial<Limits>): Promise<ChildProcess> {
    // What is said from now on is for the next one.
    return this.#machine.spawn({ ...this.#options, limits });
  }
}

async function collect(stream: AsyncIterable<Buffer> | null): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (stream !== null) for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
