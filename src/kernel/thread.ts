// A thread: a stack of its own (JSPI) in a process, and what system calls see of it. A stack is never dropped: a thread that
// is to end is resumed, and traps.
import type { Capability, CapTable } from '../caps/table.ts';
import type { Clock } from '../hal/clock.ts';
import type { Alarm } from '../hal/cpu.ts';
import type { Directory } from '../hal/disk.ts';
import type { Entropy } from '../hal/entropy.ts';
import { BLOCKED, type Caller, type Result, type Signal } from '../syscalls/caller.ts';
import { ERRNO } from '../syscalls/errno.ts';
import type { Iovecs } from '../syscalls/iovecs.ts';
import type { GuestMemory } from '../syscalls/memory.ts';
import { CALL_BUDGET } from './limits.ts';
import type { Process } from './process.ts';
import { exited } from './status.ts';

export type ThreadState = 'created' | 'ready' | 'running' | 'blocked' | 'terminated';

/** What a stub in the guest takes for "unwind": see the loader's unwind pass. */
const UNWIND = Number.NaN;

/** What a call that asked for attention waits for. */
interface Wait {
  readonly events: readonly Promise<void>[];
  readonly deadlineNs: number | undefined;
  /** Goes on with the call; undefined: its result is known. */
  readonly retry: (() => Result) | undefined;
}

export class Thread implements Caller {
  readonly process: Process;
  readonly memory: GuestMemory;
  readonly capabilities: CapTable;
  readonly clock: Clock | undefined;
  readonly entropy: Entropy | undefined;
  readonly iovecs: Iovecs;
  calls = 0;
  budget = CALL_BUDGET;
  bytesRead = 0;
  bytesWritten = 0;

  #state: ThreadState = 'created';
  #wait: Wait | undefined;
  /** What the interrupted call will return. */
  #result = 0;
  #resume: ((result: number) => void) | undefined;
  #start: (() => void) | undefined;
  #alarm: Alarm | undefined;
  /** Events that already wake this thread when they settle. */
  #watched: WeakSet<Promise<void>> | undefined;
  #runningSinceNs = 0;
  #cpuNs = 0;
  voluntary = 0;
  involuntary = 0;

  constructor(process: Process) {
    this.process = process;
    this.memory = process.memory;
    this.capabilities = process.capabilities;
    this.clock = process.clock;
    this.entropy = process.entropy;
    this.iovecs = process.kernel.iovecs;
  }

  get state(): ThreadState {
    return this.#state;
  }
  get pid(): number {
    return this.process.pid;
  }
  get args(): readonly Uint8Array[] {
    return this.process.args.strings;
  }
  get argBytes(): number {
    return this.process.args.bytes;
  }
  get environment(): readonly Uint8Array[] {
    return this.process.environment.strings;
  }
  get environmentBytes(): number {
    return this.process.environment.bytes;
  }

  /** Makes the thread ready to run `start`, which must not throw and says when it is over by calling `finish`. */
  begin(start: () => void): void {
    this.#start = start;
    this.#ready();
  }

  /** The guest's code returned, and more may be begun. */
  rest(): void {
    this.#stopClock();
    this.#state = 'blocked';
    this.process.kernel.scheduler.leave(this);
  }

  /** The guest's code returned or trapped. */
  finish(): void {
    this.#stopClock();
    this.#waker.wake = undefined;
    this.#state = 'terminated';
    this.process.kernel.scheduler.leave(this);
  }

  /** The scheduler gives this thread the CPU; false when it gave it back at once. */
  dispatch(): boolean {
    const { ending } = this.process;
    if (this.#start !== undefined) {
      const start = this.#start;
      this.#start = undefined;
      this.#run();
      start();
      return this.#state === 'running';
    }
    const wait = this.#wait;
    this.#wait = undefined;
    if (ending === undefined && wait?.retry !== undefined) {
      this.#run();
      const result = this.#guarded(wait.retry);
      if (result === BLOCKED && this.process.ending === undefined) {
        this.#suspend();
        return false;
      }
      this.#result = result === BLOCKED || result === undefined ? 0 : ERRNO[result];
    } else this.#run();
    this.#deliver();
    return true;
  }

  /** The suspending import: a stub whose call returned `raw`, a negative number, turns to the kernel here. */
  attend(raw: number): number | Promise<number> {
    if (this.process.ending !== undefined) return UNWIND;
    if (this.#wait === undefined) return raw;
    return new Promise<number>((resolve) => {
      this.#resume = resolve;
      this.#suspend();
      this.process.kernel.scheduler.leave(this);
    });
  }

  /** The process is to end: whatever this thread waits for, it unwinds. */
  unwind(): void {
    this.#cancelAlarm();
    if (this.#state === 'blocked') this.#ready();
  }

  block(events: readonly Promise<void>[], deadlineNs: number | undefined, retry: () => Result): typeof BLOCKED {
    this.#wait = { events, deadlineNs, retry };
    return BLOCKED;
  }

  yield(): typeof BLOCKED {
    this.#result = 0;
    this.#wait = { events: [], deadlineNs: undefined, retry: undefined };
    return BLOCKED;
  }

  exit(code: number): typeof BLOCKED {
    this.process.end(exited(code));
    return BLOCKED;
  }

  raise(signal: Signal): Result {
    const failed = this.process.signal(signal);
    return this.process.ending === undefined ? failed : BLOCKED;
  }

  breathe(result: number): number {
    this.budget = CALL_BUDGET;
    if (!this.process.kernel.scheduler.overdue()) return result;
    this.involuntary++;
    this.#result = result;
    this.#wait = { events: [], deadlineNs: undefined, retry: undefined };
    return -1;
  }

  fault(error: unknown): number {
    this.process.crash(error);
    return -1;
  }

  cpuTime(): number {
    const { clock } = this.process.kernel.hal;
    return this.#cpuNs + (this.#state === 'running' ? clock.monotonic() - this.#runningSinceNs : 0);
  }

  pipe(): readonly [Capability, Capability] {
    return this.process.kernel.pipe();
  }

  resolve(path: string): { capability: Capability; directory: Directory; rest: string } | undefined {
    return this.process.resolve(path);
  }

  #guarded(retry: () => Result): Result {
    try {
      return retry();
    } catch (error) {
      this.process.crash(error);
      return BLOCKED;
    }
  }

  /** Waits for what `#wait` says, or takes its turn behind the others. */
  #suspend(): void {
    this.#stopClock();
    const { events, deadlineNs } = this.#wait!;
    if (events.length === 0 && deadlineNs === undefined) {
      this.#ready();
      return;
    }
    this.voluntary++;
    this.#state = 'blocked';
    const waker = this.#waker;
    for (const event of events) {
      this.#watched ??= new WeakSet();
      if (this.#watched.has(event)) continue;
      this.#watched.add(event);
      event.then(() => waker.wake?.());
    }
    if (deadlineNs !== undefined) {
      const { clock, cpu } = this.process.kernel.hal;
      this.#alarm = cpu.after(Math.max(0, deadlineNs - clock.monotonic()), this.#wake);
    }
  }

  /** An event came, or the deadline, or it was an old one: the call looks again. */
  readonly #wake = (): void => {
    this.#cancelAlarm();
    if (this.#state === 'blocked') this.#ready();
  };

  /** What events hold of this thread: one that others wait for too may come after its end, or never. */
  readonly #waker: { wake: (() => void) | undefined } = { wake: this.#wake };

  #ready(): void {
    this.#state = 'ready';
    this.process.kernel.scheduler.enqueue(this);
  }

  #run(): void {
    this.#state = 'running';
    this.budget = CALL_BUDGET;
    this.#runningSinceNs = this.process.kernel.hal.clock.monotonic();
  }

  #deliver(): void {
    const resume = this.#resume!;
    this.#resume = undefined;
    resume(this.process.ending === undefined ? this.#result : UNWIND);
  }

  #stopClock(): void {
    if (this.#state === 'running') this.#cpuNs += this.process.kernel.hal.clock.monotonic() - this.#runningSinceNs;
  }

  #cancelAlarm(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }
}
