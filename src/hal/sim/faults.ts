// What goes wrong on a simulated machine, each with its probability per call, 0 to 1.

export interface Faults {
  /** A disk operation fails with IO. */
  readonly io: number;
  /** A disk operation that needs room fails with NOSPC. */
  readonly noSpace: number;
  /** A read or write moves fewer bytes than asked for, at least one. */
  readonly short: number;
  /** A stream or a file that is not regular gives AGAIN although it could go on. */
  readonly again: number;
  /** A memory cannot be made or grown. */
  readonly noMemory: number;
  /** A connection is refused; a connection is reset by a write; a datagram is lost. */
  readonly refused: number;
  readonly reset: number;
  readonly lost: number;
}

export const NO_FAULTS: Faults = { io: 0, noSpace: 0, short: 0, again: 0, noMemory: 0, refused: 0, reset: 0, lost: 0 };
