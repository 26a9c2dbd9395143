// The tick: what makes a guest that neither waits nor calls look up. A word in memory that every guest of a kernel reads at
// its checks; nonzero asks the guest to turn to the kernel.

export interface Tick {
  /** Shared, one page; no guest can write to it. Made when first asked for. */
  readonly epoch: WebAssembly.Memory;
  /** The epoch memory as 32-bit words: the one at 0 is looked at by guests and calls. */
  readonly words: Int32Array;
  /** Gets ready whatever sets the word; otherwise that comes with the first guest that runs for long, a little late for it. */
  start(): void;
  /** Guests are about to run: from now on the word is set once a quantum until they stop. */
  arm(): void;
  /** The kernel looked around: the word is cleared until the next tick, where there is something to set it again. */
  acknowledge(): void;
  /** The running guest is to turn to the kernel at its next check. */
  interrupt(): void;
  /** No guest will run any more. */
  close(): void;
}
