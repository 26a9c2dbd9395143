// The hardware abstraction layer: all that a machine knows of its host. The kernel gets one as an argument, so that tests
// run it on a simulated one.
import type { Clock } from './clock.ts';
import type { Cpu } from './cpu.ts';
import type { Disk } from './disk.ts';
import type { Entropy } from './entropy.ts';
import type { Heap } from './heap.ts';
import type { Mmu } from './mmu.ts';
import type { Net } from './net.ts';
import type { Tick } from './tick.ts';

/** What this host can hold; V8 aborts the whole process beyond it, so the kernel refuses first. */
export interface Host {
  /** Processes alive at once: each takes kernel mappings and 8 GiB of address space. */
  readonly processesMax: number;
}

/** What only some programs are given. */
export interface Devices {
  readonly disk: Disk;
  readonly net: Net;
}

export interface Hal {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly cpu: Cpu;
  readonly tick: Tick;
  readonly mmu: Mmu;
  readonly heap: Heap;
  readonly host: Host;
  /** The same ones every time; their code is loaded when they are first asked for. */
  devices(): Promise<Devices>;
}
