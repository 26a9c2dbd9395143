// Simulated memory unit: real memories, out of a budget of pages that can run out, and does at random moments. Images are
// copies, and nothing is protected or shared.
import { CopyingMmu } from '../copying.ts';
import { CopiedImage, dataRuns, loadable } from '../image.ts';
import type { Image, MemoryType, Mmu, Protection } from '../mmu.ts';
import type { Random } from './random.ts';

export class SimMmu extends CopyingMmu implements Mmu {
  readonly #random: Random;
  readonly #failure: number;
  #pagesFree: number;
  readonly #live = new Set<WebAssembly.Memory>();
  #images = 0;

  constructor(pages: number, failure: number, random: Random) {
    super();
    this.#pagesFree = pages;
    this.#failure = failure;
    this.#random = random;
  }

  /** Memories not yet released: none after the last process, or the kernel leaks. */
  get live(): number {
    return this.#live.size;
  }

  /** Images not yet released. */
  get images(): number {
    return this.#images;
  }

  get pagesFree(): number {
    return this.#pagesFree;
  }

  allocate(type: MemoryType): WebAssembly.Memory | undefined {
    if (!this.#take(type.minimum)) return undefined;
    const memory = new WebAssembly.Memory(descriptor(type));
    this.#live.add(memory);
    return memory;
  }

  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number {
    if (!this.#live.has(memory)) throw new Error('a released memory is grown');
    const before = pagesOf(memory);
    if (before + pages > (type.maximum ?? 65_536) || !this.#take(pages)) return -1;
    if (type.address === 'i64') memory.grow(BigInt(pages));
    else memory.grow(pages);
    if (pages > 0) this.grown.add(memory);
    return before;
  }

  release(memory: WebAssembly.Memory, _type: MemoryType): void {
    if (!this.#live.delete(memory)) throw new Error('a memory is released twice');
    this.#pagesFree += pagesOf(memory);
  }

  seal(bytes: Uint8Array): Image | undefined {
    if (this.#random.chance(this.#failure)) return undefined;
    this.#images++;
    return new CopiedImage(bytes, () => this.#images--);
  }

  load(memory: WebAssembly.Memory, image: Image): boolean {
    if (!this.#live.has(memory)) throw new Error('a released memory is loaded');
    const source = loadable(image);
    const bytes = new Uint8Array(memory.buffer);
    if (!dataRuns(bytes).next().done) throw new Error('a memory that is not zero is loaded');
    if (this.#random.chance(this.#failure)) return false;
    source.load(bytes);
    return true;
  }

  override reset(memory: WebAssembly.Memory, image: Image | undefined, keep?: readonly Protection[]): boolean {
    if (!this.#live.has(memory)) throw new Error('a released memory is reset');
    return super.reset(memory, image, keep) && !this.#random.chance(this.#failure);
  }

  trim(): void {}

  #take(pages: number): boolean {
    if (pages > this.#pagesFree || this.#random.chance(this.#failure)) return false;
    this.#pagesFree -= pages;
    return true;
  }
}

function pagesOf(memory: WebAssembly.Memory): number {
  return memory.buffer.byteLength / 65_536;
}

function descriptor({ minimum, maximum, shared, address }: MemoryType): WebAssembly.MemoryDescriptor {
  const wide = address === 'i64';
  const initial = wide ? BigInt(minimum) : minimum;
  // Simulated machines are small; a shared memory must name a maximum that V8 can reserve.
  const most = Math.min(maximum ?? 65_536, 65_536);
  return { initial, maximum: wide ? BigInt(most) : most, shared, ...(wide ? { address } : {}) };
}
