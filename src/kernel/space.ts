// An address space: the memories of one process. All their pages are charged to its account, and given back with it.
import type { MemoryType, Mmu } from '../hal/mmu.ts';
import { GuestMemory } from '../syscalls/memory.ts';
import type { Account } from './account.ts';
import { RESOURCE, WASM_PAGE } from './limits.ts';

interface HeldMemory {
  readonly memory: WebAssembly.Memory;
  readonly type: MemoryType;
}

export class AddressSpace {
  /** The memory that system calls work on. */
  readonly memory = new GuestMemory();
  readonly #mmu: Mmu;
  readonly #account: Account;
  /** Which memory that is. */
  readonly #main: number;
  #held: HeldMemory[] = [];
  #bytes = 0;
  /** The most bytes that it ever had. */
  peak = 0;

  constructor(mmu: Mmu, account: Account, main: number) {
    this.#mmu = mmu;
    this.#account = account;
    this.#main = main;
  }

  get memories(): WebAssembly.Memory[] {
    return this.#held.map(({ memory }) => memory);
  }

  /** Makes the memories; else says what there was no room in, and has none of them. */
  map(types: readonly MemoryType[]): 'limit' | 'host' | undefined {
    const bytes = types.reduce((sum, { minimum }) => sum + minimum, 0) * WASM_PAGE;
    if (!this.#account.charge(RESOURCE.memory, bytes)) return 'limit';
    this.#bytes = bytes;
    this.peak = bytes;
    for (const type of types) {
      const memory = this.#mmu.allocate(type);
      if (memory === undefined) {
        this.release();
        return 'host';
      }
      this.#held.push({ memory, type });
    }
    const main = this.#held[this.#main];
    if (main !== undefined) this.memory.attach(main.memory.buffer);
    return undefined;
  }

  /** memory.grow: the previous size in pages, or -1. */
  grow(index: number, pages: number): number {
    const held = this.#held[index];
    const bytes = pages * WASM_PAGE;
    if (held === undefined || !this.#account.charge(RESOURCE.memory, bytes)) return -1;
    const before = this.#mmu.grow(held.memory, held.type, pages);
    if (before < 0) {
      this.#account.release(RESOURCE.memory, bytes);
      return -1;
    }
    this.#bytes += bytes;
    this.peak = this.#bytes;
    if (index === this.#main) this.memory.attach(held.memory.buffer);
    return before;
  }

  release(): void {
    for (const { memory, type } of this.#held) this.#mmu.release(memory, type);
    this.#held = [];
    this.#account.release(RESOURCE.memory, this.#bytes);
    this.#bytes = 0;
    this.memory.detach();
  }
}
