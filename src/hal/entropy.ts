// Entropy: random bytes fit for keys.

export interface Entropy {
  /** Fills `into[at .. at + length)`, which may be guest memory. */
  fill(into: Uint8Array, at: number, length: number): void;
}
