// A simulated machine: time, randomness, memory, disk and failures all follow from one seed, so that a run that went wrong can
// be run again. It must never read anything of the host it runs on.
import type { Clock } from '../clock.ts';
import type { Alarm, Cpu } from '../cpu.ts';
import type { Disk } from '../disk.ts';
import type { Entropy } from '../entropy.ts';
import type { Hal } from '../hal.ts';
import { RamDisk } from '../ramdisk.ts';
import { SimDisk } from './disk.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { SimHeap } from './heap.ts';
import { SimMmu } from './mmu.ts';
import { SimNet } from './net.ts';
import { Random } from './random.ts';
import { SimStream } from './stream.ts';
import { SimTick } from './tick.ts';
import { Timeline } from './timeline.ts';

export interface SimOptions {
  /** 32 bits; the same seed gives the same run. */
  readonly seed: number;
  /** The disk that the machine's failures befall; without one, an empty tree in memory. */
  readonly disk?: Disk;
  readonly faults?: Partial<Faults>;
  /** Events of one moment happen in an order that the seed decides, rather than the one they came in. */
  readonly shuffle?: boolean;
  /** Pages of 64 KiB for all processes together. */
  readonly pages?: number;
  readonly processesMax?: number;
  /** Of the engine's heap. */
  readonly heapBytes?: number;
  /** Nanoseconds since 1970 when the machine starts. */
  readonly epochNs?: bigint;
}

export interface SimHal extends Hal {
  readonly timeline: Timeline;
  readonly mmu: SimMmu;
  readonly heap: SimHeap;
  readonly disk: Disk;
  readonly net: SimNet;
  /** A stream whose other end the test holds. */
  stream(capacity?: number): SimStream;
}

const PAGES = 65_536;
const PROCESSES_MAX = 10_000;
const DISK_BYTES = 64 * 2 ** 20;
const HEAP_BYTES = 2 ** 30;
const DISK_ENTRIES = 10_000;
/** 2026-01-01 UTC. */
const EPOCH_NS = 1_767_225_600_000_000_000n;

export function simHal(options: SimOptions): SimHal {
  const random = new Random(options.seed);
  const faults = { ...NO_FAULTS, ...options.faults };
  // One generator for each part: a draw more in one does not shift the others.
  const [entropy, order, memory, disk, streams] = [random.fork(), random.fork(), random.fork(), random.fork(), random.fork()];
  const net = random.fork();
  const timeline = new Timeline(options.shuffle ? order : undefined);
  const clock = new SimClock(timeline, options.epochNs ?? EPOCH_NS);
  const inner = options.disk ?? new RamDisk({ clock, device: 1n, bytes: DISK_BYTES, entries: DISK_ENTRIES });
  const devices = { disk: new SimDisk(inner, faults, disk), net: new SimNet(timeline, faults, net) };
  return {
    ...devices,
    timeline,
    clock,
    entropy: new SimEntropy(entropy),
    cpu: new SimCpu(timeline),
    tick: new SimTick(),
    heap: new SimHeap(options.heapBytes ?? HEAP_BYTES),
    mmu: new SimMmu(options.pages ?? PAGES, faults.noMemory, memory),
    host: { processesMax: options.processesMax ?? PROCESSES_MAX },
    devices: async () => devices,
    stream: (capacity) => new SimStream(timeline, faults, streams.fork(), capacity),
  };
}

class SimClock implements Clock {
  readonly monotonicStepNs = 1;
  readonly realtimeStepNs = 1;
  readonly #timeline: Timeline;
  readonly #epochNs: bigint;

  constructor(timeline: Timeline, epochNs: bigint) {
    this.#timeline = timeline;
    this.#epochNs = epochNs;
  }

  monotonic(): number {
    return this.#timeline.nowNs;
  }

  monotonicTime(): bigint {
    return BigInt(this.#timeline.nowNs);
  }

  threadTime(): number {
    return this.#timeline.nowNs;
  }

  realtime(): bigint {
    return this.#epochNs + BigInt(this.#timeline.nowNs);
  }
}

class SimEntropy implements Entropy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  fill(into: Uint8Array, at: number, length: number): void {
    for (let i = 0; i < length; i++) into[at + i] = this.#random.next();
  }
}

class SimCpu implements Cpu {
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  defer(task: () => void): void {
    this.#timeline.add(0, task);
  }

  after(delayNs: number, task: () => void): Alarm {
    return { cancel: this.#timeline.add(Math.ceil(delayNs), task) };
  }
}
