// Clocks: what time it is. Nothing in the core reads a time elsewhere.

export interface Clock {
  /** Nanoseconds since some fixed moment; never goes back. A double, exact below 2^53 (104 days). */
  monotonic(): number;
  /** The same clock as an unsigned 64-bit number, counted from a fixed moment of its own. */
  monotonicTime(): bigint;
  /** Nanoseconds since 1970-01-01 UTC, an unsigned 64-bit number. */
  realtime(): bigint;
  /** CPU time in nanoseconds that the host's thread under the kernel has had; dearer to read than the others. */
  threadTime(): number;
  /** The steps in which each clock is seen to advance, in nanoseconds. */
  readonly monotonicStepNs: number;
  readonly realtimeStepNs: number;
}
