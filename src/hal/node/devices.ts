// What only some programs are given of this host: its directories and its network. A module of its own, for the rest start without it.
import type { Devices } from '../hal.ts';
import { cacheHome } from './cache-home.ts';
import { type NodeDiskOptions, nodeDisk } from './disk/disk.ts';
import { type NodeNetOptions, nodeNet } from './net/net.ts';

export interface NodeDevicesOptions {
  readonly disk?: NodeDiskOptions;
  readonly net?: NodeNetOptions;
}

export function nodeDevices({ disk, net }: NodeDevicesOptions): Devices {
  const caches = cacheHome();
  const protect = [...(caches === undefined ? [] : [caches]), ...(disk?.protect ?? [])];
  return { disk: nodeDisk({ ...disk, protect }), net: nodeNet(net) };
}
