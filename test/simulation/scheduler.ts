// Threads without code on a simulated machine: a seed decides how long each runs, waits, yields, and how nice it is. What the
// scheduler does with them is checked whenever something happens.
import { type SimHal, simHal } from '../../src/hal/sim/hal.ts';
import { Random } from '../../src/hal/sim/random.ts';
import { QUANTUM_NS } from '../../src/kernel/limits.ts';
import { type Runnable, Scheduler } from '../../src/kernel/scheduler/scheduler.ts';
import { Timers } from '../../src/kernel/scheduler/timers.ts';

/** A guest looks whether the kernel wants it at least so often: far less often than real ones do. */
const CHECK_NS = 200_000;
/** Shares are looked at over so long a time. */
const WINDOW_NS = 1e9;
const SHARE = 0.05;
const NICE = [-5, 0, 0, 0, 3, 5, 10];
const THREADS_MAX = 12;
const weight = (nice: number) => 1.25 ** -nice;

type State = 'ready' | 'running' | 'blocked' | 'over';

/** What a thread is like: one that never waits, one that waits often, one that does for long and then wants much, one that asks for turns. */
const KINDS = ['hog', 'sleeper', 'idler', 'yielder'] as const;

class Fake implements Runnable {
  readonly name: number;
  readonly kind: (typeof KINDS)[number];
  readonly nice: number;
  readonly #simulation: SchedulerSimulation;
  slot = -1;
  fresh = true;
  state: State = 'ready';
  readySinceNs = 0;
  /** Until it does something else than run. */
  burstNs = 0;
  ranNs = 0;
  chargedNs = 0;
  /** Of the window at hand: undefined where it was not there, or not ready, all the time. */
  windowNs: number | undefined;

  constructor(name: number, kind: Fake['kind'], nice: number, simulation: SchedulerSimulation) {
    this.name = name;
    this.kind = kind;
    this.nice = nice;
    this.#simulation = simulation;
  }

  dispatch(): 'running' | 'blocked' | 'ready' {
    return this.#simulation.dispatched(this);
  }

  charge(ns: number): void {
    if (!(ns > 0)) throw new Error(`${this.name} is charged ${ns} ns`);
    this.chargedNs += ns;
  }
}

export class SchedulerSimulation {
  readonly tally: Record<string, number> = {};
  readonly #random: Random;
  readonly #hal: SimHal;
  readonly #scheduler: Scheduler;
  readonly #timers: Timers;
  readonly #threads: Fake[] = [];
  readonly #chargedOfEnded = { ns: 0 };
  #names = 0;
  #running: Fake | undefined;
  #sinceNs = 0;
  #sliceStartNs = 0;
  /** When the CPU was last given back. */
  #leftNs = 0;
  #busyNs = 0;
  #endedNs = 0;
  /** A tick or the kernel asked for attention. */
  #asked = false;
  #tickNs = Number.POSITIVE_INFINITY;
  #windowStartNs = 0;
  #servedNs = 0;
  #failure: Error | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#hal = simHal({ seed, shuffle: true });
    const { clock, cpu } = this.#hal;
    this.#scheduler = new Scheduler({
      clock,
      // The host is served whenever it is asked for a turn of its own.
      cpu: {
        defer: (task) => {
          cpu.defer(() => {
            this.#servedNs = this.#nowNs;
            task();
          });
        },
        after: (ns, task) => cpu.after(ns, task),
      },
      tick: {
        epoch: new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true }),
        words: new Int32Array(1),
        start: () => undefined,
        close: () => undefined,
        arm: () => {
          if (this.#tickNs === Number.POSITIVE_INFINITY) this.#tickNs = clock.monotonic() + QUANTUM_NS;
        },
        acknowledge: () => {
          this.#asked = false;
        },
        interrupt: () => {
          this.#asked = true;
        },
      },
    });
    this.#timers = new Timers(clock, cpu);
  }

  get #nowNs(): number {
    return this.#hal.timeline.nowNs;
  }

  async run(steps: number): Promise<void> {
    for (let i = 0; i < 6; i++) this.#start();
    let step = 0;
    await this.#hal.timeline.runUntil(() => {
      this.#guarded(() => this.#check());
      // Shares are compared among those that always want to run.
      if (this.#threads.filter(({ kind }) => kind === 'hog').length < 2) this.#start('hog');
      return this.#failure !== undefined || step++ === steps;
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The scheduler gave the CPU to this thread. */
  dispatched(thread: Fake): 'running' | 'blocked' | 'ready' {
    this.#expect(this.#running === undefined, 'two threads run at once');
    this.#expect(thread.state === 'ready', `${thread.name} is run, and was ${thread.state}`);
    const waitedNs = this.#nowNs - thread.readySinceNs;
    this.#expect(waitedNs <= this.#bound(thread), `${thread.name} was ready for ${waitedNs} ns`);
    if (thread.fresh) thread.fresh = false;
    else if (thread.kind === 'sleeper' && this.#random.chance(0.1)) {
      // What it waited for was not it: it waits on.
      this.#tally('waits again');
      this.#sleep(thread);
      return 'blocked';
    }
    // While nothing ran, the host had all the time.
    if (this.#nowNs > this.#leftNs) this.#servedNs = this.#nowNs;
    thread.state = 'running';
    this.#running = thread;
    this.#sinceNs = this.#nowNs;
    if (thread.burstNs <= 0) thread.burstNs = this.#burst(thread);
    this.#slice(thread);
    return 'running';
  }

  #burst({ kind }: Fake): number {
    const random = this.#random;
    if (kind === 'hog') return 1e6 + random.below(50e6);
    if (kind === 'idler') return 100e6 + random.below(200e6);
    return kind === 'sleeper' ? 1000 + random.below(random.chance(0.1) ? 20e6 : 500_000) : 1000 + random.below(200_000);
  }

  /** The running thread runs to its next check, or to the end of its burst. */
  #slice(thread: Fake): void {
    const ns = Math.min(thread.burstNs, 1 + this.#random.below(CHECK_NS));
    this.#sliceStartNs = this.#nowNs;
    this.#hal.timeline.add(ns, () => this.#guarded(() => this.#ran(thread, ns)));
  }

  #ran(thread: Fake, ns: number): void {
    this.#expect(this.#running === thread, `${thread.name} runs without the CPU`);
    thread.burstNs -= ns;
    thread.ranNs += ns;
    if (thread.windowNs !== undefined) thread.windowNs += ns;
    this.#busyNs += ns;
    this.#sliceStartNs = this.#nowNs;
    const unservedNs = this.#nowNs - this.#servedNs;
    this.#expect(unservedNs <= 2 * QUANTUM_NS, `the host was not served for ${unservedNs} ns`);
    if (this.#nowNs >= this.#tickNs) {
      this.#asked = true;
      this.#tickNs = this.#nowNs + QUANTUM_NS;
    }
    if (thread.burstNs <= 0) this.#act(thread);
    else if (this.#asked) {
      this.#asked = false;
      if (!this.#scheduler.spent()) {
        this.#slice(thread);
        return;
      }
      this.#tally('preempted');
      this.#leave(thread, 'ready');
      this.#scheduler.yield(thread.slot, false);
    } else this.#slice(thread);
  }

  /** The burst is over. */
  #act(thread: Fake): void {
    const random = this.#random;
    if (random.chance(0.002)) {
      this.#tally('ends');
      this.#leave(thread, 'over');
      this.#threads.splice(this.#threads.indexOf(thread), 1);
      this.#endedNs += this.#scheduler.remove(thread.slot).running;
      this.#chargedOfEnded.ns += thread.chargedNs;
      return;
    }
    if (this.#threads.length < THREADS_MAX && random.chance(0.003)) this.#start();
    if (thread.kind === 'sleeper' || thread.kind === 'idler') {
      this.#tally('waits');
      this.#leave(thread, 'blocked');
      this.#sleep(thread);
      this.#scheduler.block(thread.slot);
    } else if (thread.kind === 'yielder') {
      this.#tally('yields');
      this.#leave(thread, 'ready');
      this.#scheduler.yield(thread.slot, true);
    } else {
      thread.burstNs = this.#burst(thread);
      this.#slice(thread);
    }
  }

  #leave(thread: Fake, state: State): void {
    this.#running = undefined;
    this.#leftNs = this.#nowNs;
    thread.state = state;
    thread.readySinceNs = this.#nowNs;
    if (state !== 'ready') thread.windowNs = undefined;
  }

  #sleep(thread: Fake): void {
    thread.state = 'blocked';
    thread.windowNs = undefined;
    const long = thread.kind === 'idler' || this.#random.chance(0.05);
    const dueNs = this.#nowNs + this.#random.below(long ? 500e6 : 3e6);
    this.#timers.at(dueNs, () =>
      this.#guarded(() => {
        this.#expect(this.#nowNs >= dueNs, `a timer fires ${dueNs - this.#nowNs} ns early`);
        thread.state = 'ready';
        thread.readySinceNs = this.#nowNs;
        this.#scheduler.wake(thread.slot);
      }),
    );
  }

  #start(kind?: Fake['kind']): void {
    const random = this.#random;
    const thread = new Fake(this.#names++, kind ?? KINDS[random.below(KINDS.length)]!, NICE[random.below(NICE.length)]!, this);
    this.#tally(thread.kind);
    thread.slot = this.#scheduler.add(thread, thread.nice);
    thread.readySinceNs = this.#nowNs;
    this.#threads.push(thread);
    this.#scheduler.wake(thread.slot);
  }

  /** No thread is ready for longer: each of the others runs as long as its weight allows, and a quantum more. */
  #bound({ nice }: Fake): number {
    const weights = this.#threads.reduce((sum, other) => sum + weight(other.nice), 0);
    return 2 * QUANTUM_NS * (weights / weight(nice) + this.#threads.length + 1);
  }

  #check(): void {
    const scheduler = this.#scheduler;
    this.#expect(scheduler.current === this.#running, 'another thread runs than the scheduler knows');
    let runningNs = this.#endedNs;
    let chargedNs = this.#chargedOfEnded.ns;
    let ready = 0;
    for (const thread of this.#threads) {
      this.#expect(
        scheduler.state(thread.slot) === thread.state,
        `${thread.name} is ${thread.state}, not ${scheduler.state(thread.slot)}`,
      );
      if (thread.state === 'ready') ready++;
      const { running } = scheduler.times(thread.slot);
      const sliceNs = thread === this.#running ? this.#nowNs - this.#sinceNs : 0;
      runningNs += running;
      chargedNs += thread.chargedNs;
      this.#expect(thread.chargedNs <= running + 1, `${thread.name} is charged ${thread.chargedNs} ns of ${running}`);
      this.#expect(sliceNs <= running + 1, `${thread.name} runs for ${sliceNs} ns, but has ${running}`);
    }
    this.#expect(ready === scheduler.ready, `${ready} threads are ready, not ${scheduler.ready}`);
    // What was handed out is what passed while a thread had the CPU.
    const pendingNs = this.#running === undefined ? 0 : this.#nowNs - this.#sliceStartNs;
    this.#expect(
      Math.abs(runningNs - this.#busyNs - pendingNs) < 1,
      `${runningNs} ns are handed out, ${this.#busyNs + pendingNs} ns ran`,
    );
    this.#expect(chargedNs <= runningNs + 1, `${chargedNs} ns are charged, ${runningNs} ns ran`);
    if (this.#nowNs - this.#windowStartNs >= WINDOW_NS) this.#window();
  }

  /** Threads that were ready or ran throughout have shares as their weights say. */
  #window(): void {
    const there = this.#threads.filter(({ windowNs }) => windowNs !== undefined);
    const ranNs = there.reduce((sum, thread) => sum + thread.windowNs!, 0);
    const weights = there.reduce((sum, { nice }) => sum + weight(nice), 0);
    for (const { name, nice, windowNs } of there) {
      const due = (ranNs * weight(nice)) / weights;
      const within = Math.max(SHARE * due, 2 * QUANTUM_NS);
      this.#expect(Math.abs(windowNs! - due) <= within, `${name} ran ${windowNs} ns of a second, ${due} ns are its share`);
    }
    if (there.length > 1) this.#tally('windows');
    this.#windowStartNs = this.#nowNs;
    for (const thread of this.#threads) thread.windowNs = thread.kind === 'hog' && thread.state !== 'blocked' ? 0 : undefined;
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  #tally(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  #expect(holds: boolean, otherwise: string): void {
    if (!holds) throw new Error(`at ${this.#nowNs} ns: ${otherwise}`);
  }
}
