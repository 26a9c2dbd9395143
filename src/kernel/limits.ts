// All bounds in one place: those of the kernel itself, and those of a process.

/** Bytes that a pipe holds (Linux: 64 KiB). */
export const PIPE_BYTES = 65_536;
/** Nanoseconds for which guests may keep the thread before the host's event loop is served. */
export const QUANTUM_NS = 5_000_000;
/** Units of about 50 ns that a thread's calls may take before the kernel looks at the time. */
export const CALL_BUDGET = 8_192;
/** Elements that a process's tables may have together: V8 takes up to 25 bytes for each. */
export const TABLE_ELEMENTS_MAX = 10_000_000;
/** Bytes of arguments and environment together (Linux: a quarter of the stack, 2 MiB). */
export const ARGUMENT_BYTES_MAX = 2 ** 21;

/** Memories of one program: each reserves 8 GiB of the host's address space, whatever its size. */
export const MEMORIES_MAX = 64;

export const WASM_PAGE = 65_536;
/** What a 32-bit address reaches. */
export const PAGES_MAX = 65_536;

/** Bounds of one process. */
export interface Limits {
  /** Bytes of linear memory, all memories together. */
  readonly memory: number;
  /** Nanoseconds from start to end by the clock on the wall; undefined: none. */
  readonly timeoutNs: number | undefined;
  /** Open descriptors. */
  readonly fds: number;
}

export const DEFAULT_LIMITS: Limits = { memory: PAGES_MAX * WASM_PAGE, timeoutNs: undefined, fds: 1024 };
/** The most descriptors that a process may be given: the table itself must stay small. */
export const FDS_MAX = 65_536;
