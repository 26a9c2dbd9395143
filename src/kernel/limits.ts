// All bounds in one place: those of the kernel itself, and those of a process.

/** Bytes that a pipe holds (Linux: 64 KiB). */
export const PIPE_BYTES = 65_536;
/** Nanoseconds for which guests may keep the thread before the host's event loop is served. */
export const QUANTUM_NS = 5_000_000;
/** Elements that a process's tables may have together: V8 makes them in one go, at up to 20 ns and 25 bytes each. */
export const TABLE_ELEMENTS_MAX = 1_000_000;
/** What V8 takes for each, at most; it counts as memory. */
export const TABLE_ELEMENT_BYTES = 25;
/** Bytes that a program allocates on the engine's heap between two calls that tell of it, on average. */
export const HEAP_BATCH = 2 ** 18;
/** Parts of the engine's heap: one near which a process is ended, one that leaves no time to choose well, one that spares nobody. */
export const HEAP_NEAR = 0.7;
export const HEAP_FULL = 0.85;
export const HEAP_LAST = 0.95;
export { ARGUMENT_BYTES_MAX } from '../syscalls/caller.ts';

/** Memories of one program: each reserves 8 GiB of the host's address space, whatever its size. */
export const MEMORIES_MAX = 64;

export const WASM_PAGE = 65_536;
/** What a 32-bit address reaches. */
export const PAGES_MAX = 65_536;

/** What is counted and bounded, for a process together with all that descend from it. */
export const RESOURCE = {
  /** Bytes of linear memory, and of tables. */
  memory: 0,
  /** Those not yet reaped. */
  processes: 1,
  threads: 2,
  /** Open descriptors. */
  fds: 3,
  /** Bytes of the buffers of pipes that they made, and of sockets. */
  pipes: 4,
  /** Bytes ever written to streams that lead out of the machine: standard output and error. */
  output: 5,
  /** Bytes ever written to files. */
  written: 6,
  /** Nanoseconds of CPU time ever used. */
  cpuNs: 7,
} as const;
export type Resource = keyof typeof RESOURCE;
export type ResourceNumber = (typeof RESOURCE)[Resource];
export const RESOURCES = Object.keys(RESOURCE) as readonly Resource[];

/** Bounds of one process and its descendants; Infinity: none. */
export interface Limits extends Readonly<Record<Resource, number>> {
  /** Nanoseconds from start to end by the clock on the wall; undefined: none. */
  readonly timeoutNs: number | undefined;
  /** Beyond these a process is told, and goes on up to its bound: by SIGXCPU, SIGXFSZ, or by the event that its embedder gets. */
  readonly soft?: Partial<Readonly<Record<Resource, number>>>;
}

export const DEFAULT_LIMITS: Limits = {
  memory: PAGES_MAX * WASM_PAGE,
  processes: 1024,
  threads: 1024,
  fds: 1024,
  pipes: 256 * 2 ** 20,
  output: Number.POSITIVE_INFINITY,
  written: Number.POSITIVE_INFINITY,
  cpuNs: Number.POSITIVE_INFINITY,
  timeoutNs: undefined,
};
/** Bytes of output that are collected for an embedder who has not said otherwise. */
export const COLLECTED_BYTES = 64 * 2 ** 20;
/** The most descriptors that a process may be given: the table itself must stay small. */
export const FDS_MAX = 65_536;

/** POSIX nice values: the weight among processes that share a thread. */
export const NICE_MIN = -20;
export const NICE_MAX = 19;
