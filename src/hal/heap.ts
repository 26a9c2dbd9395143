// The heap of the JavaScript engine, where the GC objects of guests live beside the host's own. The host as a whole dies when it is
// full, so the kernel must end a process before.

export interface Heap {
  /** Bytes that the heap may hold before the engine gives up, and the host with it. */
  readonly bound: number;
  /** Bytes in use, garbage that nobody has collected included. */
  used(): number;
  /** Calls `gone` some time after a collection found `object` dead: never while a guest runs. */
  watch(object: object, gone: () => void): void;
  /**
   * Collects all garbage now, which takes about a millisecond a megabyte of what lives. Calls `told` once `gone` has been called for
   * everything that was found dead.
   */
  settle(told: () => void): void;
}
