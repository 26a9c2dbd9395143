// The machine that Node runs on: every driver of this directory, composed. Making one opens nothing and reads nothing.
import type { Devices, Hal } from '../hal.ts';
import { nodeClock } from './clock.ts';
import { nodeCpu } from './cpu.ts';
import type { NodeDevicesOptions } from './devices.ts';
import { nodeEntropy } from './entropy.ts';
import { nodeHeap } from './heap.ts';
import { nodeHost } from './host.ts';
import { nodeMmu } from './mmu/mmu.ts';
import { nodeTick, type TickLine } from './tick.ts';

export interface NodeHalOptions extends NodeDevicesOptions {
  /** Where a tick thread for this kernel runs already. */
  readonly tick?: TickLine;
  /** Milliseconds between ticks. */
  readonly quantumMs?: number;
  /** This kernel's share of what the host holds. */
  readonly processesMax?: number;
}

export function nodeHal(options: NodeHalOptions = {}): Hal {
  let devices: Promise<Devices> | undefined;
  const host = options.processesMax === undefined ? nodeHost() : { processesMax: options.processesMax };
  return {
    clock: nodeClock(),
    entropy: nodeEntropy(),
    cpu: nodeCpu(),
    tick: nodeTick(options.tick, options.quantumMs),
    mmu: nodeMmu(() => host.processesMax),
    heap: nodeHeap(),
    host,
    devices() {
      devices ??= import('./devices.ts').then(({ nodeDevices }) => nodeDevices(options));
      return devices;
    },
  };
}
