// The memory driver of this host: portable until something needs more, then native where the host can. A machine that never does
// loads no node:ffi, which its start would pay for.
import type { Access, Image, MemoryType, Mmu, OwnRegion, Protection, Region } from '../../mmu.ts';
import { nodeHost } from '../host.ts';
import type { HostCalls } from './calls.ts';
import { detect } from './detect.ts';
import { Mappings, PER_MEMORY } from './mappings.ts';
import { NativeMmu } from './native.ts';
import { PortableMmu } from './portable.ts';

/** Memories given back by so many processes: what native ones save from here on is more than looking at the host costs. */
const RELEASES = 64;

let found: HostCalls | string | undefined;

/** One look, and one descriptor, for all machines of a thread. */
function hostCalls(): HostCalls | string {
  found ??= detect();
  return found;
}

export class NodeMmu implements Mmu {
  readonly #portable = new PortableMmu();
  readonly #mappings: Mappings;
  #native: NativeMmu | undefined;
  #why: string | undefined;
  #looked = false;
  /** What serves memories that nothing special is asked of. */
  #plain: PortableMmu | NativeMmu = this.#portable;
  #releases = 0;

  constructor(processesMax: () => number) {
    this.#mappings = new Mappings(processesMax);
  }

  get driver(): 'portable' | 'native' {
    return this.#best().driver;
  }

  get pageBytes(): number {
    return this.#best().pageBytes;
  }

  /** Why it is not native. */
  get reason(): string | undefined {
    this.#best();
    return this.#why ?? this.#native?.failure;
  }

  allocate(type: MemoryType, image?: Image): WebAssembly.Memory | undefined {
    const memory = this.#plain.allocate(type, image);
    if (memory !== undefined) this.#mappings.add(PER_MEMORY);
    return memory;
  }

  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number {
    return this.#plain.grow(memory, type, pages);
  }

  release(memory: WebAssembly.Memory, type: MemoryType): void {
    if (++this.#releases === RELEASES) this.#best();
    this.#plain.release(memory, type);
    this.#mappings.add(-PER_MEMORY);
  }

  seal(bytes: Uint8Array): Image | undefined {
    return this.#best().seal(bytes);
  }

  load(memory: WebAssembly.Memory, image: Image): boolean {
    return this.#plain.load(memory, image);
  }

  reset(memory: WebAssembly.Memory, image: Image | undefined, keep?: readonly Protection[]): boolean {
    return this.#plain.reset(memory, image, keep);
  }

  protect(memory: WebAssembly.Memory, from: number, to: number, access: Access): boolean {
    return this.#best().protect(memory, from, to, access);
  }

  region(bytes: number): OwnRegion | undefined {
    return this.#best().region(bytes);
  }

  open(handle: number, bytes: number): Region | undefined {
    return this.#best().open(handle, bytes);
  }

  map(memory: WebAssembly.Memory, at: number, region: Region, access: Access): boolean {
    return this.#best().map(memory, at, region, access);
  }

  unmap(memory: WebAssembly.Memory, at: number, bytes: number, access?: Access): boolean {
    return this.#best().unmap(memory, at, bytes, access);
  }

  intact(memory: WebAssembly.Memory): boolean {
    return this.#plain.intact(memory);
  }

  trim(): void {
    this.#plain.trim();
  }

  #best(): PortableMmu | NativeMmu {
    if (this.#looked) return this.#plain;
    this.#looked = true;
    const calls = hostCalls();
    if (typeof calls === 'string') this.#why = calls;
    else {
      this.#portable.trim();
      this.#native = new NativeMmu(calls, this.#portable, this.#mappings, warn);
      this.#plain = this.#native;
    }
    return this.#plain;
  }
}

function warn(why: string): void {
  process.emitWarning(`memory is portable from now on, without protected pages: ${why}`, { code: 'SUPEROS_MMU' });
}

/** `processesMax` is how many processes this host holds; it is asked when memories become native. */
export function nodeMmu(processesMax: () => number = () => nodeHost().processesMax): NodeMmu {
  return new NodeMmu(processesMax);
}
