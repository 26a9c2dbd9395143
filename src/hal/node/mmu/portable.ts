// The portable memory driver: memories are of V8's own making, images are copied, and nothing is protected or shared. Small
// memories are wiped and used again; others are the garbage collector's.
import { CopyingMmu } from '../../copying.ts';
import { CopiedImage, loadable } from '../../image.ts';
import type { Image, MemoryType, Mmu } from '../../mmu.ts';
import { Pool } from './pool.ts';

/** The most pages that V8 takes as a 64-bit memory's maximum: 16 GiB. A module may declare more; it cannot have them. */
const PAGES_MAX_I64 = 262_144;
const WASM_PAGE = 65_536;
/** Above this it costs more to wipe a memory than V8 takes to make another. */
const WIPED_BYTES_MAX = 8 * WASM_PAGE;

export class PortableMmu extends CopyingMmu implements Mmu {
  readonly #pool = new Pool();

  allocate(type: MemoryType, _image?: Image): WebAssembly.Memory | undefined {
    return this.#pool.take(type) ?? newMemory(type);
  }

  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number {
    const before = roomFor(() => (type.address === 'i64' ? Number(memory.grow(BigInt(pages))) : memory.grow(pages)));
    if (before !== undefined && pages > 0) this.grown.add(memory);
    return before ?? -1;
  }

  /** Whether it is longer than it once was. */
  hasGrown(memory: WebAssembly.Memory): boolean {
    return this.grown.has(memory);
  }

  release(memory: WebAssembly.Memory, type: MemoryType): void {
    if (this.#pool.has(memory)) throw new Error('a memory is released twice');
    const { byteLength } = memory.buffer;
    if (byteLength > WIPED_BYTES_MAX || !this.#pool.accepts(memory, type)) return;
    new Uint8Array(memory.buffer).fill(0);
    this.#pool.put(memory, type, byteLength);
  }

  seal(bytes: Uint8Array): Image | undefined {
    return roomFor(() => new CopiedImage(bytes));
  }

  load(memory: WebAssembly.Memory, image: Image): boolean {
    loadable(image).load(new Uint8Array(memory.buffer));
    return true;
  }

  trim(): void {
    this.#pool.drop();
  }
}

export function newMemory(type: MemoryType): WebAssembly.Memory | undefined {
  return roomFor(() => new WebAssembly.Memory(descriptor(type)));
}

/** V8 says that there is no room, or that a size is beyond what it can ever hold, with a RangeError. */
export function roomFor<T>(make: () => T): T | undefined {
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
