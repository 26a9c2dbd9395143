// The portable memory driver: each process gets a WebAssembly.Memory of V8's own making, images are copied, and nothing is
// protected or shared. A released memory is the garbage collector's.
import { CopiedImage } from '../../image.ts';
import type { Image, MemoryType, Mmu, Region } from '../../mmu.ts';

/** The most pages that V8 takes as a 64-bit memory's maximum: 16 GiB. A module may declare more; it cannot have them. */
const PAGES_MAX_I64 = 262_144;
const WASM_PAGE = 65_536;

class PortableMmu implements Mmu {
  readonly driver = 'portable';
  readonly pageBytes = WASM_PAGE;
  readonly #grown = new WeakSet<WebAssembly.Memory>();

  allocate(type: MemoryType): WebAssembly.Memory | undefined {
    return roomFor(() => new WebAssembly.Memory(descriptor(type)));
  }

  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number {
    const before = roomFor(() => (type.address === 'i64' ? Number(memory.grow(BigInt(pages))) : memory.grow(pages)));
    if (before !== undefined && pages > 0) this.#grown.add(memory);
    return before ?? -1;
  }

  release(_memory: WebAssembly.Memory, _type: MemoryType): void {}

  seal(bytes: Uint8Array): Image | undefined {
    return roomFor(() => new CopiedImage(bytes));
  }

  load(memory: WebAssembly.Memory, image: Image): boolean {
    if (!(image instanceof CopiedImage)) return false;
    image.load(new Uint8Array(memory.buffer));
    return true;
  }

  reset(memory: WebAssembly.Memory, image: Image | undefined): boolean {
    if (this.#grown.has(memory)) return false;
    const bytes = new Uint8Array(memory.buffer);
    if (image === undefined) bytes.fill(0);
    else if (image instanceof CopiedImage) image.restore(bytes);
    else return false;
    return true;
  }

  protect(): boolean {
    return false;
  }

  region(): Region | undefined {
    return undefined;
  }

  map(): boolean {
    return false;
  }

  unmap(): boolean {
    return false;
  }

  trim(): void {}
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
