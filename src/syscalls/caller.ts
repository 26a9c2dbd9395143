// What a system call sees of the thread and process that made it. The kernel implements it; handlers know nothing else.
import type { Capability } from '../caps/capability.ts';
import type { PolicyObject } from '../caps/confinement.ts';
import type { CapObject, Counted } from '../caps/object.ts';
import type { Facts } from '../caps/policy/policy.ts';
import type { ProgramObject } from '../caps/program.ts';
import type { RegionObject } from '../caps/region.ts';
import type { CapTable } from '../caps/table.ts';
import type { Clock } from '../hal/clock.ts';
import type { Directory } from '../hal/disk.ts';
import type { Entropy } from '../hal/entropy.ts';
import type { Errno } from '../hal/errno.ts';
import type { Access } from '../hal/mmu.ts';
import type { Iovecs } from './iovecs.ts';
import type { GuestMemory } from './memory.ts';
import type { CallName } from './table.ts';

/** The call goes on later: the stub in the guest asks the kernel for its result. */
export const BLOCKED: unique symbol = Symbol('blocked');
export type Result<E extends Errno = Errno> = E | undefined | typeof BLOCKED;

export type Signal =
  | 'SIGHUP'
  | 'SIGINT'
  | 'SIGQUIT'
  | 'SIGILL'
  | 'SIGTRAP'
  | 'SIGABRT'
  | 'SIGBUS'
  | 'SIGFPE'
  | 'SIGKILL'
  | 'SIGUSR1'
  | 'SIGSEGV'
  | 'SIGUSR2'
  | 'SIGPIPE'
  | 'SIGALRM'
  | 'SIGTERM'
  | 'SIGCHLD'
  | 'SIGCONT'
  | 'SIGSTOP'
  | 'SIGTSTP'
  | 'SIGTTIN'
  | 'SIGTTOU'
  | 'SIGURG'
  | 'SIGXCPU'
  | 'SIGXFSZ'
  | 'SIGVTALRM'
  | 'SIGPROF'
  | 'SIGWINCH'
  | 'SIGPOLL'
  | 'SIGPWR'
  | 'SIGSYS';

/** What a process may write, and has written, to what counts: standard streams and files; and what is kept for it. */
export interface Writing {
  /** Nothing bounds it: `writable` need not be asked. */
  readonly boundless: boolean;
  /** Bytes that may still be written. */
  writable(what: Counted): number;
  wrote(what: Counted, bytes: number): void;
  /** Room for buffers; to be called once they are given back. Undefined where there is none. */
  hold(bytes: number): (() => void) | undefined;
}

/** Bytes of arguments and environment together (Linux: a quarter of the stack, 2 MiB). */
export const ARGUMENT_BYTES_MAX = 2 ** 21;

/** A directory that a process has the name of. */
export interface Place {
  readonly through: Capability;
  readonly directory: Directory;
  /** From there on; without links. */
  readonly rest: string;
  /** What the process calls it. */
  readonly path: string;
}

/** What a process asks for its child. */
export interface ChildRequest {
  readonly program: Capability<ProgramObject>;
  /** From argv[0] on. */
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly environment: readonly string[];
  /** Its descriptors 0, 1, 2 are derived from these. */
  readonly streams: readonly Capability[];
  /** Its working directory, where it is not its parent's. */
  readonly cwd: Place | undefined;
}
export type SpawnErrno =
  | 'NOTCAPABLE'
  | 'AGAIN'
  | 'NOMEM'
  | 'NOEXEC'
  | 'MFILE'
  | 'INVAL'
  | '2BIG'
  | 'NOENT'
  | 'NOTDIR'
  | 'LOOP'
  | 'ACCES'
  | 'PERM'
  | 'NAMETOOLONG'
  | 'IO';

/** How a child ended: its exit code, or null and the signal that ended it. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: Signal;
}

/** The children that a process started by itself. */
export interface Offspring {
  /** The children that it starts from now on are under this policy as well. NOTSUP: it gives them pids of their own. */
  confine(policy: Capability<PolicyObject>): 'NOTSUP' | undefined;
  /** The program of this name, as far as the process may execute one. */
  program(name: string): Capability<ProgramObject> | undefined;
  /** Where a path leads that a child is to start in; undefined where that is where it starts anyway. */
  place(cwd: string): Place | SpawnErrno | undefined;
  /** The number of the new child. */
  spawn(request: ChildRequest): number | SpawnErrno;
  /** How a child ended, which is then forgotten; or what to wait for. `pid` undefined: any. */
  wait(pid: number | undefined): ChildEnd | { readonly waiting: readonly Promise<void>[] } | 'CHILD';
}

/** What is mapped into the memory of a process. Addresses and lengths in bytes; where lengths are no whole pages of the host, they are taken for more. */
export interface MemoryMapper {
  /** Where the region is now: at a free address, or at `at` in place of what is mapped there. The rights of the capability have been checked. */
  map(region: Capability<RegionObject>, at: number, access: Access): number | 'INVAL' | 'NOMEM' | 'NOTSUP';
  /** Where so many zero bytes are now. */
  allocate(bytes: number, access: Access): number | 'INVAL' | 'NOMEM' | 'NOTSUP';
  unmap(from: number, bytes: number): 'INVAL' | 'NOMEM' | undefined;
  protect(from: number, bytes: number, access: Access): 'INVAL' | 'NOMEM' | 'ACCES' | undefined;
}

/** What a call was refused for: rights that no capability of the process gives it. */
export interface Lack {
  readonly call: CallName;
  /** The capability that has not all the rights that it takes; absent where there is none of its kind. */
  readonly by?: Capability<CapObject>;
  /** Those that it has not, as bits of its kind's. */
  readonly rights?: number;
  /** The grant that would do, where it does not follow from the capability. */
  readonly grant?: string;
  /** What it asked for by name. */
  readonly wanted?: string;
  readonly facts?: Facts;
}

export interface Caller {
  readonly pid: number;
  readonly memory: GuestMemory;
  readonly capabilities: CapTable;
  /** Arguments and environment (`NAME=value`), encoded, each with its NUL; and the bytes they take together. */
  readonly args: readonly Uint8Array[];
  readonly argBytes: number;
  readonly environment: readonly Uint8Array[];
  readonly environmentBytes: number;
  /** Absent where the process was given no such capability. */
  readonly clock: Clock | undefined;
  readonly entropy: Entropy | undefined;
  /** Filled by the dispatcher for the call at hand; `copy` it to keep it beyond. */
  readonly iovecs: Iovecs;

  /** Calls made, by number in CALLS; counted by the dispatcher. */
  readonly counts: Float64Array;
  /** The word at 0 is nonzero when the kernel wants attention: see the HAL's tick. */
  readonly epoch: Int32Array;
  bytesRead: number;
  bytesWritten: number;
  readonly account: Writing;

  /** CPU time of the process in nanoseconds. */
  cpuTime(): number;
  /**
   * Suspends the calling thread until one of `events` settles or the monotonic clock reaches `deadlineNs`, then goes on
   * with `retry`, which may block again; a number is what the call returns. Whatever `retry` uses of the guest's memory must have been checked or copied.
   */
  block(events: readonly Promise<void>[], deadlineNs: number | undefined, retry: () => Result | number): typeof BLOCKED;
  /** Lets others run, then goes on. */
  yield(): typeof BLOCKED;
  /** Ends the process with this status; the thread never goes on. */
  exit(code: number): typeof BLOCKED;
  /** It may write no more: SIGXFSZ, and FBIG where that does not end it, as POSIX has it. */
  overflow(what: Counted): 'FBIG' | typeof BLOCKED;
  /** Sends a signal to the process itself. */
  raise(signal: Signal): Result;
  /** The epoch word is set: the thread goes on with `result` once the kernel has looked around. Returns what the import returns. */
  breathe(result: number): number;
  /** An internal error: it ends the process, never the kernel. Returns what the import returns. */
  fault(error: unknown): number;
  /** A call is refused for want of a capability: tells who watches over the process. */
  lacks(lack: Lack): 'NOTCAPABLE';
  /** Both ends of a new pipe: where to read, where to write. NFILE where its pipes may hold no more. */
  pipe(): readonly [Capability, Capability] | 'NFILE';
  /**
   * What a call is about is known now, before anything is done: goes on with `go`, or not, as the process's policy has it. That may
   * take its time, and ends with BADF once `by` is gone.
   */
  review(call: CallName, facts: Facts, go: () => Result, by?: Capability<CapObject>): Result;
  /** Before a name is looked up, which tells others of it: goes on with `go` unless the policy refuses whatever addresses it has. */
  preview(call: CallName, facts: Facts, go: () => Result): Result;
  readonly offspring: Offspring;
  readonly mappings: MemoryMapper;
  /** Where an absolute or relative path of the process leads: the preopened directory and what is left of the path. */
  resolve(path: string): { readonly capability: Capability; readonly directory: Directory; readonly rest: string } | undefined;
}
