// Clocks: what time it is. Nothing in the core reads a time elsewhere.

export interface Clock {
  /** Nanoseconds since some fixed moment; never goes back. A double, exact below 2^53 (104 days). */
  monotonic(): number;
  /** Writes the nanoseconds since 1970-01-01 UTC, a 64-bit number: its low half to `into[0]`, its high half to `into[1]`. */
  realtime(into: Uint32Array): void;
  /** The steps in which each clock is seen to advance, in nanoseconds. */
  readonly monotonicStepNs: number;
  readonly realtimeStepNs: number;
}
