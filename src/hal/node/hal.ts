// The machine that Node runs on: every driver of this directory, composed. Making one opens nothing and reads nothing.
import type { Hal } from '../hal.ts';
import { cacheHome } from './cache-home.ts';
import { nodeClock } from './clock.ts';
import { nodeCpu } from './cpu.ts';
import { type NodeDiskOptions, nodeDisk } from './disk/disk.ts';
import { nodeEntropy } from './entropy.ts';
import { nodeHeap } from './heap.ts';
import { nodeHost } from './host.ts';
import { nodeMmu } from './mmu/mmu.ts';
import { type NodeNetOptions, nodeNet } from './net/net.ts';
import { nodeTick, type TickLine } from './tick.ts';

export interface NodeHalOptions {
  readonly disk?: NodeDiskOptions;
  readonly net?: NodeNetOptions;
  /** Where a tick thread for this kernel runs already. */
  readonly tick?: TickLine;
  /** Milliseconds between ticks. */
  readonly quantumMs?: number;
  /** This kernel's share of what the host holds. */
  readonly processesMax?: number;
}

export function nodeHal(options: NodeHalOptions = {}): Hal {
  const caches = cacheHome();
  const protect = [...(caches === undefined ? [] : [caches]), ...(options.disk?.protect ?? [])];
  const host = options.processesMax === undefined ? nodeHost() : { processesMax: options.processesMax };
  return {
    clock: nodeClock(),
    entropy: nodeEntropy(),
    disk: nodeDisk({ ...options.disk, protect }),
    cpu: nodeCpu(),
    tick: nodeTick(options.tick, options.quantumMs),
    mmu: nodeMmu(() => host.processesMax),
    heap: nodeHeap(),
    net: nodeNet(options.net),
    host,
  };
}
