// The portable memory driver: each process gets a WebAssembly.Memory of V8's own making, and a released one is the garbage
// collector's. It protects nothing.
import type { MemoryType, Mmu } from '../mmu.ts';

/** The most pages that V8 takes as a 64-bit memory's maximum: 16 GiB. A module may declare more; it cannot have them. */
const PAGES_MAX_I64 = 262_144;

class PortableMmu implements Mmu {
  readonly driver = 'portable';

  allocate(type: MemoryType): WebAssembly.Memory | undefined {
    return roomFor(() => new WebAssembly.Memory(descriptor(type)));
  }

  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number {
    const before = roomFor(() => (type.address === 'i64' ? Number(memory.grow(BigInt(pages))) : memory.grow(pages)));
    return before ?? -1;
  }

  release(_memory: WebAssembly.Memory, _type: MemoryType): void {}
}

/** V8 says that there is no room, or that a size is beyond what it can ever hold, with a RangeError. */
function roomFor<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function descriptor(type: MemoryType): WebAssembly.MemoryDescriptor {
  const { minimum, maximum, shared, address } = type;
  if (address === 'i32') return maximum === undefined ? { initial: minimum, shared } : { initial: minimum, maximum, shared };
  const initial = BigInt(minimum);
  if (maximum === undefined) return { initial, shared, address };
  return { initial, maximum: BigInt(Math.min(maximum, PAGES_MAX_I64)), shared, address };
}

export function portableMmu(): Mmu {
  return new PortableMmu();
}
