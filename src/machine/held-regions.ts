// The regions that a kernel was told of: from each, what its processes are given is derived, so that it is taken from all of them
// at once. Nothing here maps anything.
import type { Capability } from '../caps/capability.ts';
import { RegionObject, regionRoot } from '../caps/region.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { SuperosError } from './error.ts';
import type { RegionOrder } from './region.ts';

class HeldRegions {
  readonly #kernel: Kernel;
  readonly #held = new Map<number, Capability<RegionObject>>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** A root for a process that is given it. Throws SuperosError. */
  grant(order: RegionOrder): Capability<RegionObject> {
    const [first, ...derived] = order.line;
    let held = this.#held.get(first!.id) ?? this.#open(order, first!);
    for (const { id, rights } of derived) {
      const child = this.#held.get(id) ?? held.derive(rights, 0);
      this.#held.set(id, child);
      held = child;
    }
    return held.derive(held.rights, 0);
  }

  revoke(ids: readonly number[]): void {
    for (const id of ids) {
      const held = this.#held.get(id);
      this.#held.delete(id);
      held?.revoke();
      held?.drop('revoke');
    }
  }

  #open({ handle, bytes, name }: RegionOrder, { id, rights }: RegionOrder['line'][number]): Capability<RegionObject> {
    const region = this.#kernel.hal.mmu.open(handle, bytes);
    if (region === undefined) throw new SuperosError('not-supported', `${name} cannot be mapped here`);
    const root = regionRoot(new RegionObject(region), rights, name);
    this.#held.set(id, root);
    return root;
  }
}

const regions = new WeakMap<Kernel, HeldRegions>();

export const heldRegions = (kernel: Kernel): HeldRegions => regions.getOrInsertComputed(kernel, () => new HeldRegions(kernel));
