// The page of a process that a kernel on a thread shares with its machine: what changes while the process lives, as numbers,
// written by the kernel and read by the machine without asking. A reader never sees half of a write, but of a kernel that was
// ended while it wrote.
import type { Standing } from '../../kernel/account.ts';
import { RESOURCES, type Resource } from '../../kernel/limits.ts';
import type { Process } from '../../kernel/process.ts';
import { STATES, type ThreadInfo, type ThreadState } from '../../kernel/scheduler/states.ts';
import type { Spent, Usage } from '../../kernel/usage.ts';
import { CALLS } from '../../syscalls/table.ts';
import type { Live } from '../cpu.ts';

const THREAD_STATES: readonly ThreadState[] = [...STATES, 'terminated'];
const NUMBER: ReadonlyMap<string, number> = new Map(CALLS.map((name, number) => [name, number]));
const SPENT_NUMBERS = 6 + CALLS.length;
const STANDING_NUMBERS = 4 * RESOURCES.length;
/** When it was written, ppid, state, wallMs; the state of its thread and the times in each; of the process, of its children; of each resource. */
const NUMBERS = 4 + 1 + STATES.length + 2 * SPENT_NUMBERS + STANDING_NUMBERS;
/** Before the numbers: a count that is odd while they are being written. */
const HEAD_BYTES = 8;
/** A writer that takes longer was ended while it wrote. */
const TRIES = 1000;

const now = (): number => Number(process.hrtime.bigint());

export const newPage = (): SharedArrayBuffer => new SharedArrayBuffer(HEAD_BYTES + NUMBERS * Float64Array.BYTES_PER_ELEMENT);

/** The kernel's side. */
export class PageWriter {
  readonly #count: Int32Array;
  readonly #numbers: Float64Array;
  #at = 0;

  constructor(page: SharedArrayBuffer) {
    this.#count = new Int32Array(page, 0, 1);
    this.#numbers = new Float64Array(page, HEAD_BYTES);
  }

  write(of: Process): void {
    const usage = of.status?.usage ?? of.usage();
    const limits = of.getLimits();
    Atomics.add(this.#count, 0, 1);
    this.#at = 0;
    this.#put(now());
    this.#put(of.parent?.pid ?? 0);
    this.#put(THREAD_STATES.indexOf(of.state));
    this.#put(usage.wallMs);
    this.#putThread(of.threads[0]!);
    this.#putSpent(usage);
    this.#putSpent(usage.children);
    for (const resource of RESOURCES) {
      const { soft, hard, used, peak } = limits[resource];
      for (const number of [soft, hard, used, peak]) this.#put(number);
    }
    Atomics.add(this.#count, 0, 1);
  }

  #putThread({ state, times }: ThreadInfo): void {
    this.#put(THREAD_STATES.indexOf(state));
    for (const name of STATES) this.#put(times[name]);
  }

  #putSpent({ cpuMs, memoryPeak, calls, bytesRead, bytesWritten, switches }: Spent): void {
    for (const number of [cpuMs, memoryPeak, bytesRead, bytesWritten, switches.voluntary, switches.involuntary])
      this.#put(number);
    // Of the many calls that there are few are made.
    this.#numbers.fill(0, this.#at, this.#at + CALLS.length);
    for (const name in calls) this.#numbers[this.#at + NUMBER.get(name)!] = calls[name]!;
    this.#at += CALLS.length;
  }

  #put(number: number): void {
    this.#numbers[this.#at++] = number;
  }
}

/** The machine's side. */
export class PageReader {
  readonly #count: Int32Array;
  readonly #shared: Float64Array;
  readonly #numbers = new Float64Array(NUMBERS);
  #at = 0;

  constructor(page: SharedArrayBuffer) {
    this.#count = new Int32Array(page, 0, 1);
    this.#shared = new Float64Array(page, HEAD_BYTES);
  }

  /** `busySinceNs`: since when the process is known to have had the CPU, which it may not have turned to its kernel from; or 0. */
  read(busySinceNs: number): Live {
    this.#copy();
    this.#at = 0;
    const [written, ppid, state, wallMs] = [this.#take(), this.#take(), this.#take(), this.#take()];
    const since = (from: number) => (written === 0 ? 0 : Math.max(0, now() - from) / 1e6);
    const thread = this.#takeThread();
    const own = this.#takeSpent();
    const children = this.#takeSpent();
    const limits = Object.fromEntries(RESOURCES.map((name) => [name, this.#takeStanding()])) as Record<Resource, Standing>;
    const running = busySinceNs > 0 && THREAD_STATES[state] !== 'terminated';
    const usage: Usage = {
      ...own,
      cpuMs: own.cpuMs + (running ? since(Math.max(busySinceNs, written)) : 0),
      wallMs: wallMs + since(written),
      children,
    };
    return { ppid, state: running ? 'running' : THREAD_STATES[state]!, threads: [thread], usage, limits };
  }

  #copy(): void {
    for (let i = 0; i < TRIES; i++) {
      const before = Atomics.load(this.#count, 0);
      this.#numbers.set(this.#shared);
      if (before % 2 === 0 && Atomics.load(this.#count, 0) === before) return;
    }
  }

  /** As it was when the page was written. */
  #takeThread(): ThreadInfo {
    const state = THREAD_STATES[this.#take()] ?? 'created';
    const [created, ready, running, blocked] = [this.#take(), this.#take(), this.#take(), this.#take()];
    return { state, times: { created, ready, running, blocked } };
  }

  #takeSpent(): Spent {
    const numbers = Array.from({ length: 6 }, () => this.#take());
    const [cpuMs, memoryPeak, bytesRead, bytesWritten, voluntary, involuntary] = numbers as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const calls: Record<string, number> = {};
    let systemCalls = 0;
    for (const name of CALLS) {
      const count = this.#take();
      if (count > 0) calls[name] = count;
      systemCalls += count;
    }
    return { cpuMs, memoryPeak, systemCalls, calls, bytesRead, bytesWritten, switches: { voluntary, involuntary } };
  }

  #takeStanding(): Standing {
    const [soft, hard, used, peak] = [this.#take(), this.#take(), this.#take(), this.#take()];
    return { soft, hard, used, peak };
  }

  #take(): number {
    return this.#numbers[this.#at++]!;
  }
}
