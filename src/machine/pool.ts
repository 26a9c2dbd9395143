// Pools: processes of one template, of which some are always ready to begin, and no more than so many are there at once. Who asks
// for one too many waits for its turn.
import { DEFAULT_LIMITS } from '../kernel/limits.ts';
import { ProcessBuilder, type ProcessOptions, type Spawner } from './builder.ts';
import type { ChildProcess } from './child.ts';
import type { MachineCpu } from './cpu.ts';
import { SuperosError } from './error.ts';
import { Roster } from './roster.ts';
import type { Template } from './template.ts';

export interface PoolOptions {
  /** Instances that wait for their process, all CPUs together: 1 by default. */
  readonly min?: number;
  /** Processes at once; as many as the machine has room for by default. */
  readonly max?: number;
}

export interface PoolStats {
  /** Instances that wait for their process. */
  readonly idle: number;
  /** Processes that have not ended, those that are being started included. */
  readonly running: number;
  /** Spawns that wait for their turn. */
  readonly waiting: number;
}

interface Waiting {
  readonly go: () => void;
  readonly refuse: (error: unknown) => void;
}

const GAUGE_BYTES = 4;

export class Pool implements AsyncDisposable {
  readonly template: Template;
  readonly #spawner: Spawner;
  readonly #max: number;
  /** Tells every CPU how many are to wait there. */
  readonly #warm: (count: number) => void;
  readonly #gauges: readonly Int32Array[];
  readonly #children = new Roster<ChildProcess>();
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #closed = false;
  #drained = false;
  /** What is being started is not wanted any more. */
  #killing = false;
  readonly #ended: () => void;
  readonly #empty: (() => void)[] = [];

  /** `ended`: there is no pool of the template any more. Throws SuperosError. */
  constructor(
    spawner: Spawner,
    cpus: readonly MachineCpu[],
    template: Template,
    { min = 1, max = Number.POSITIVE_INFINITY }: PoolOptions,
    ended: () => void,
  ) {
    if (!(Number.isSafeInteger(min) && min >= 0))
      throw new SuperosError('invalid-argument', `min is a whole number from 0 on, not ${min}`);
    if (!(max >= Math.max(1, min) && (Number.isSafeInteger(max) || max === Number.POSITIVE_INFINITY)))
      throw new SuperosError('invalid-argument', `max is a whole number from ${Math.max(1, min)} on, not ${max}`);
    this.#spawner = spawner;
    this.template = template;
    this.#max = max;
    this.#ended = ended;
    const gauges = cpus.map(() => new SharedArrayBuffer(GAUGE_BYTES));
    this.#gauges = gauges.map((gauge) => new Int32Array(gauge));
    this.#warm = (all) => {
      for (const [k, cpu] of cpus.entries()) {
        const count = Math.ceil((all - k) / cpus.length);
        cpu.warm(template, { count: Math.max(0, count), limits: DEFAULT_LIMITS, gauge: gauges[k]! });
      }
    };
    this.#warm(min);
  }

  /** Describes a process of the pool: its `spawn` waits while `max` are there, in the order of asking, or until its signal fires. */
  process(): ProcessBuilder {
    return new ProcessBuilder({ spawn: (options) => this.#spawn(options) }, this.template);
  }

  get stats(): PoolStats {
    const idle = this.#drained ? 0 : this.#gauges.reduce((sum, gauge) => sum + Atomics.load(gauge, 0), 0);
    return { idle, running: this.#running, waiting: this.#waiting.length };
  }

  /** Takes no more spawns. Resolves when those that wait had their turn, all processes have ended, and nothing is kept for more. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#running > 0) await new Promise<void>((resolve) => this.#empty.push(resolve));
    this.#warm(0);
    // A thread that dies before it heard of that tells no more how many there are.
    this.#drained = true;
    this.#ended();
  }

  /** Kills its processes; what waits is refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#killing = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(closed());
    for (const child of this.#children) child.kill('SIGKILL');
    await this.drain();
  }

  async #spawn(options: ProcessOptions): Promise<ChildProcess> {
    if (this.#closed) throw closed();
    options.abort?.throwIfAborted();
    if (this.#running < this.#max) this.#running++;
    else await this.#turn(options.abort);
    let child: ChildProcess;
    try {
      child = await this.#spawner.spawn(options);
    } catch (error) {
      this.#leave();
      throw error;
    }
    const gone = this.#children.add(child);
    if (this.#killing) child.kill('SIGKILL');
    child.wait().then(() => {
      gone();
      this.#leave();
    });
    return child;
  }

  #turn(abort: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => abort?.removeEventListener('abort', give);
      const one: Waiting = {
        go: () => {
          settle();
          resolve();
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      const give = () => {
        this.#waiting.splice(this.#waiting.indexOf(one), 1);
        one.refuse(abort!.reason);
      };
      abort?.addEventListener('abort', give, { once: true });
      this.#waiting.push(one);
    });
  }

  /** A process is gone: the next has its place. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.go();
      return;
    }
    this.#running--;
    if (this.#running === 0) for (const resolve of this.#empty.splice(0)) resolve();
  }
}

const closed = () => new SuperosError('closed', 'the pool has been shut down');
