// The CPU driver "in place": the kernel runs on the thread that made it, between turns of Node's event loop.
import type { Alarm, Cpu } from '../cpu.ts';

const NS_PER_MS = 1e6;
const MS_PER_S = 1e3;
/** The longest that one Node timer waits; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** `performance.now` would take 2 ms to load. */
function nowMs(): number {
  const [seconds, ns] = process.hrtime();
  return seconds * MS_PER_S + ns / NS_PER_MS;
}

class NodeAlarm implements Alarm {
  readonly #dueMs: number;
  readonly #task: () => void;
  #timer: NodeJS.Timeout;

  constructor(delayMs: number, task: () => void) {
    this.#dueMs = nowMs() + delayMs;
    this.#task = task;
    this.#timer = this.#arm(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  #arm(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#fire(), Math.min(Math.ceil(delayMs), TIMER_MS_MAX));
  }

  /** Node counts from when its loop last read the clock, which may be long before the timer was set. */
  #fire(): void {
    const leftMs = this.#dueMs - nowMs();
    if (leftMs <= 0) this.#task();
    else this.#timer = this.#arm(leftMs);
  }
}

class NodeCpu implements Cpu {
  defer(task: () => void): void {
    setImmediate(task);
  }

  after(delayNs: number, task: () => void): Alarm {
    return new NodeAlarm(delayNs / NS_PER_MS, task);
  }
}

export function nodeCpu(): Cpu {
  return new NodeCpu();
}
