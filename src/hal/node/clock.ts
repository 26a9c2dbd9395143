// The clock driver. Reading the host's monotonic clock is most of what a clock call costs, so real time is reckoned from it
// and compared with the host's real-time clock now and then; it must never read two clocks in every call. Time is read with
// `process.hrtime`: as fast as `performance.now`, which takes 2 ms to load.
import type { Clock } from '../clock.ts';

const NS_PER_MS = 1e6;
const NS_PER_S = 1e9;
/** How long a step of the host's real-time clock may go unnoticed. */
const CHECK_NS = 100 * NS_PER_MS;
const TWO_32 = 2 ** 32;

class NodeClock implements Clock {
  readonly monotonicStepNs = 1;
  readonly realtimeStepNs = 1;
  // Nanoseconds since 1970 at monotonic 0: more than a double holds exactly, hence two halves.
  #epochHigh = 0;
  #epochLow = 0;
  #epochMs = 0;
  /** Real time is unknown until it is asked for. */
  #checkAt = 0;
  readonly #startS = process.hrtime()[0];

  monotonic(): number {
    const time = process.hrtime();
    return (time[0] - this.#startS) * NS_PER_S + time[1];
  }

  realtime(into: Uint32Array): void {
    const now = this.monotonic();
    if (now >= this.#checkAt) this.#check(now / NS_PER_MS);
    const low = this.#epochLow + now;
    // Storing keeps the low 32 bits: `low` is an integer below 2^53.
    into[0] = low;
    into[1] = this.#epochHigh + Math.floor(low / TWO_32);
  }

  #check(nowMs: number): void {
    if (this.#checkAt === 0) this.#setEpoch(performance.timeOrigin + performance.now() - nowMs);
    this.#checkAt = nowMs * NS_PER_MS + CHECK_NS;
    const wallMs = Date.now();
    // Date.now() drops the fraction of a millisecond: an exact reckoning lies 0 to 1 ms after it.
    const aheadMs = this.#epochMs + nowMs - wallMs;
    if (aheadMs < -1 || aheadMs > 2) this.#setEpoch(wallMs - nowMs);
  }

  #setEpoch(epochMs: number): void {
    const wholeMs = Math.floor(epochMs);
    // wholeMs * 1e6 is beyond 2^53, so it is split before it is multiplied.
    const highMs = Math.floor(wholeMs / TWO_32);
    const low = (wholeMs - highMs * TWO_32) * NS_PER_MS + Math.round((epochMs - wholeMs) * NS_PER_MS);
    const carry = Math.floor(low / TWO_32);
    this.#epochMs = epochMs;
    this.#epochHigh = highMs * NS_PER_MS + carry;
    this.#epochLow = low - carry * TWO_32;
  }
}

export function nodeClock(): Clock {
  return new NodeClock();
}
