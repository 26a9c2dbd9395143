// A clock as an object: that of the host, or one that shows less.
import type { Clock } from '../hal/clock.ts';
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT, readable } from './rights.ts';
import type { CapTable } from './table.ts';

/** The step of a coarse clock: what programs live with, and no side channel is timed by. */
const COARSE_NS = 1_000_000;

export class ClockObject extends CapObject {
  readonly kind = 'clock';
  readonly clock: Clock;

  constructor(clock: Clock) {
    super();
    this.clock = clock;
  }
}

/**
 * A clock whose readings are rounded down to a step. All of them move at the same moments, those of the monotonic clock:
 * where each moved at its own, two together would be finer than either.
 */
export class CoarseClock implements Clock {
  readonly monotonicStepNs: number;
  readonly realtimeStepNs: number;
  readonly #clock: Clock;

  constructor(clock: Clock, stepNs: number = COARSE_NS) {
    this.#clock = clock;
    this.monotonicStepNs = stepNs;
    this.realtimeStepNs = stepNs;
  }

  monotonic(): number {
    const now = this.#clock.monotonic();
    return now - (now % this.monotonicStepNs);
  }
  monotonicTime(): bigint {
    return this.#round(this.#clock.monotonicTime());
  }
  realtime(): bigint {
    return this.#round(this.#clock.realtime());
  }
  threadTime(): number {
    const spent = this.#clock.threadTime();
    return spent - (spent % this.monotonicStepNs);
  }

  /** Back to when the monotonic clock last moved, then down to whole steps. */
  #round(time: bigint): bigint {
    const moved = time - BigInt(Math.floor(this.#clock.monotonic() % this.monotonicStepNs));
    return moved - (moved % BigInt(this.monotonicStepNs));
  }
}

/** The clock that a process reads: the first that it may. */
export const clockOf = (table: CapTable): Capability<ClockObject> | undefined => table.find<ClockObject>('clock', readable);

/** When a clock will show this moment of its monotonic time, or be past it: what it shows moves in steps. */
export const nextStep = ({ monotonicStepNs: step }: Clock, ns: number): number => Math.ceil(ns / step) * step;

/** The right to read a clock. */
export const clockRoot = (clock: Clock, name = 'clock'): Capability<ClockObject> =>
  new Capability(new ClockObject(clock), RIGHT.read | RIGHT.transfer, 0, undefined, name);
