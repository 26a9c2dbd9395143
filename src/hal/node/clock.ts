// The clock driver. Reading the host's monotonic clock is most of what a clock call costs, so real time is reckoned from it
// and compared with the host's real-time clock now and then; it must never read two clocks in every call. Time is read with
// `process.hrtime.bigint`: 64-bit numbers that go no further than a store or an addition never become objects in optimised
// code, and nothing else is as near to the host's own (27 ns against 22; `performance.now` takes 39, and 2 ms to load).
import type { Clock } from '../clock.ts';

const read = process.hrtime.bigint;

/**
 * A 64-bit number on its way to a double, by its halves: `Number(bigint)` makes an object and calls out of the code (67 ns with the
 * reading of the clock, against 39).
 */
const whole = new BigInt64Array(1);
const halves = new Uint32Array(whole.buffer);
const HALF = 2 ** 32;

const NS_PER_US = 1e3;
const NS_PER_MS = 1e6;
/** How long a step of the host's real-time clock may go unnoticed. */
const CHECK_NS = 100_000_000n;

/** Clocks that are read one after the other show the same moment, give or take so much. */
const APART_NS = 500_000n;

class NodeClock implements Clock {
  readonly monotonicStepNs = 1;
  readonly realtimeStepNs = 1;
  readonly #startNs = read();
  /** What to add to monotonic time. Real time is unknown until it is asked for. */
  #epochNs = 0n;
  #checkAtNs = 0n;

  monotonic(): number {
    whole[0] = read() - this.#startNs;
    return halves[1]! * HALF + halves[0]!;
  }

  monotonicTime(): bigint {
    return read();
  }

  threadTime(): number {
    const { user, system } = process.threadCpuUsage();
    return (user + system) * NS_PER_US;
  }

  realtime(): bigint {
    const now = read();
    if (now >= this.#checkAtNs) this.#check(now);
    return BigInt.asUintN(64, now + this.#epochNs);
  }

  #check(now: bigint): void {
    if (this.#checkAtNs === 0n) this.#epochNs = toNs(performance.timeOrigin + performance.now()) - now;
    const wallMs = Date.now();
    // The thread lost the CPU between the two clocks, which tells nothing: the next reading checks again.
    if (read() - now > APART_NS) return;
    this.#checkAtNs = now + CHECK_NS;
    // Date.now() drops the fraction of a millisecond: an exact reckoning lies 0 to 1 ms after it.
    const aheadMs = Number(now + this.#epochNs - toNs(wallMs)) / NS_PER_MS;
    if (aheadMs < -1 || aheadMs > 2) this.#epochNs = toNs(wallMs) - now;
  }
}

/** Milliseconds since 1970 in nanoseconds: more than a double holds exactly, so it is split before it is multiplied. */
function toNs(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * NS_PER_MS));
}

export function nodeClock(): Clock {
  return new NodeClock();
}
