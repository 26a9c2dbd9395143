// A region of memory as an object: pages that live outside any process, and are mapped into those that may.
import type { Region } from '../hal/mmu.ts';
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT } from './rights.ts';

/** The rights on a region, at the bit numbers that guests use. */
export const REGION_RIGHT = { read: 1 << 0, write: 1 << 1, map: 1 << 2, transfer: RIGHT.transfer } as const;

/** All that there are. */
export const REGION_RIGHTS = REGION_RIGHT.read | REGION_RIGHT.write | REGION_RIGHT.map | REGION_RIGHT.transfer;

export class RegionObject extends CapObject {
  readonly kind = 'region';
  readonly region: Region;

  /** Takes over the region. */
  constructor(region: Region) {
    super();
    this.region = region;
  }

  override get vocabulary(): typeof REGION_RIGHT {
    return REGION_RIGHT;
  }

  protected override destroy(): void {
    this.region.release();
  }
}

export const regionRoot = (object: RegionObject, rights: number, name: string): Capability<RegionObject> =>
  new Capability(object, rights, 0, undefined, name);
