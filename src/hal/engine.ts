// The engine that runs guests' code, as far as what it does differs between hosts.

export interface Engine {
  /**
   * Whether a store of several bytes at a page of a memory that may not be written traps. Where not, V8 compares addresses with the
   * memory's size itself and takes a fault for one of its own, which ends the host: on ARM64, but on macOS, since that architecture
   * leaves open what a store that is partly out of bounds writes (kPartialOOBWritesAreNoops in V8).
   */
  readonly storesTrap: boolean;
}
