// What a system call sees of the process that made it: the process, as handlers know it. How a call waits is the thread's affair.
import type { Capability } from '../caps/capability.ts';
import { clockOf } from '../caps/clock.ts';
import { entropyOf } from '../caps/entropy.ts';
import type { CapObject, Counted } from '../caps/object.ts';
import type { Facts } from '../caps/policy/policy.ts';
import type { CapTable } from '../caps/table.ts';
import type { Clock } from '../hal/clock.ts';
import type { Directory } from '../hal/disk.ts';
import type { Entropy } from '../hal/entropy.ts';
import {
  BLOCKED,
  type Caller,
  type Lack,
  type MemoryMapper,
  type Offspring,
  type Result,
  type Signal,
  type Writing,
} from '../syscalls/caller.ts';
import type { Iovecs } from '../syscalls/iovecs.ts';
import type { GuestMemory } from '../syscalls/memory.ts';
import { CALLS, type CallName } from '../syscalls/table.ts';
import { tellLack } from './lacks.ts';
import type { Process } from './process.ts';
import { exited } from './status.ts';

const SCHED_YIELD = CALLS.indexOf('sched_yield');

export abstract class ProcessCaller implements Caller {
  /** Another one where the stack serves one process after another. */
  process: Process;
  readonly memory: GuestMemory;
  readonly capabilities: CapTable;
  /** What the process's capabilities give it now. */
  clock: Clock | undefined;
  entropy: Entropy | undefined;
  readonly iovecs: Iovecs;
  account: Writing;
  offspring: Offspring;
  readonly counts = new Float64Array(CALLS.length);
  /** Of sched_yield those that are not among the counts yet: a switch touches as little memory as it can. */
  protected yields = 0;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(process: Process) {
    this.process = process;
    this.memory = process.memory;
    this.capabilities = process.capabilities;
    this.capabilities.watcher = this;
    this.changed('clock');
    this.changed('entropy');
    this.iovecs = process.kernel.iovecs;
    this.account = process.account;
    this.offspring = process.offspring;
  }

  /** From now on calls are another process's, whose memory and table of capabilities are the same objects. */
  protected adopt(process: Process): void {
    this.process = process;
    this.changed('clock');
    this.changed('entropy');
    this.account = process.account;
    this.offspring = process.offspring;
    this.counts.fill(0);
    this.yields = 0;
    this.bytesRead = 0;
    this.bytesWritten = 0;
  }

  /** All of the counts. */
  get counted(): Float64Array {
    this.counts[SCHED_YIELD]! += this.yields;
    this.yields = 0;
    return this.counts;
  }

  abstract cpuTime(): number;
  abstract block(events: readonly Promise<void>[], deadlineNs: number | undefined, retry: () => Result | number): typeof BLOCKED;
  abstract yield(): typeof BLOCKED;
  abstract breathe(result: number): number;

  /** A capability of this kind has come or gone. */
  changed(kind: string): void {
    if (kind === 'clock') this.clock = clockOf(this.capabilities)?.object.clock;
    else if (kind === 'entropy') this.entropy = entropyOf(this.capabilities)?.object.entropy;
  }

  get mappings(): MemoryMapper {
    return this.process.mappings;
  }
  get pid(): number {
    return this.process.number;
  }
  get args(): readonly Uint8Array[] {
    return this.process.args.strings;
  }
  get argBytes(): number {
    return this.process.args.bytes;
  }
  get environment(): readonly Uint8Array[] {
    return this.process.environment.strings;
  }
  get environmentBytes(): number {
    return this.process.environment.bytes;
  }
  /** System calls made. */
  get calls(): number {
    return this.counted.reduce((sum, count) => sum + count, 0);
  }
  get epoch(): Int32Array {
    return this.process.kernel.hal.tick.words;
  }

  exit(code: number): typeof BLOCKED {
    this.process.end(exited(code));
    return BLOCKED;
  }

  raise(signal: Signal): Result {
    const failed = this.process.signal(signal);
    return this.process.ending === undefined ? failed : BLOCKED;
  }

  fault(error: unknown): number {
    this.process.crash(error);
    return -1;
  }

  overflow(what: Counted): 'FBIG' | typeof BLOCKED {
    return this.process.overflow(what);
  }

  lacks(lack: Lack): 'NOTCAPABLE' {
    tellLack(this.process, lack);
    return 'NOTCAPABLE';
  }

  pipe(): readonly [Capability, Capability] | 'NFILE' {
    return this.process.pipe();
  }

  review(call: CallName, facts: Facts, go: () => Result, by?: Capability<CapObject>): Result {
    const { gate } = this.process;
    return gate === undefined ? go() : gate.review(call, this, facts, go, by);
  }

  preview(call: CallName, facts: Facts, go: () => Result): Result {
    const { gate } = this.process;
    return gate === undefined ? go() : gate.preview(call, this, facts, go);
  }

  resolve(path: string): { capability: Capability; directory: Directory; rest: string } | undefined {
    return this.process.resolve(path);
  }
}
