// An address space: the memories and tables of one process. All their bytes are charged to its account, and given back with it.
import type { Image, MemoryType, Mmu, Protection } from '../hal/mmu.ts';
import type { Layout } from '../runtime/layout.ts';
import { GuestMemory } from '../syscalls/memory.ts';
import type { Account } from './account.ts';
import { RESOURCE, TABLE_ELEMENT_BYTES, TABLE_ELEMENTS_MAX, WASM_PAGE } from './limits.ts';

interface HeldMemory {
  readonly memory: WebAssembly.Memory;
  readonly type: MemoryType;
}

export class AddressSpace {
  /** The memory that system calls work on. */
  readonly memory = new GuestMemory();
  readonly #mmu: Mmu;
  #account: Account;
  /** Which memory that is. */
  readonly #main: number;
  #held: HeldMemory[] = [];
  /** Elements of each table. */
  #tables: number[] = [];
  /** What was charged. */
  #charged = 0;
  /** Of the first memory, as long as the process lives. */
  #guards: readonly Protection[] = [];
  /** A memory has another size than it was made with. */
  #grew = false;
  /** The most bytes of linear memory that it ever had. */
  peak = 0;

  constructor(mmu: Mmu, account: Account, { exports }: Layout) {
    this.#mmu = mmu;
    this.#account = account;
    this.#main = exports.find(({ kind, name }) => kind === 'memory' && name === 'memory')?.index ?? 0;
  }

  /** That of system calls, for what else is mapped into it; undefined where it cannot be: there is none, or its addresses are wide. */
  get mappable(): { readonly memory: WebAssembly.Memory; readonly index: number } | undefined {
    const main = this.#held[this.#main];
    return main?.type.address === 'i32' ? { memory: main.memory, index: this.#main } : undefined;
  }

  /** Bytes that are copied to put its memories back, and are all in use while they wait; the native driver bounds what is. */
  get copied(): number {
    return this.#mmu.driver === 'native' ? 0 : sum(this.#held.map(({ memory }) => memory.buffer.byteLength));
  }

  get memories(): WebAssembly.Memory[] {
    return this.#held.map(({ memory }) => memory);
  }

  /**
   * The process is over, and the memories are to serve another one: puts back what it wrote. False, and nothing is promised of
   * them, where they grew or cannot be put back.
   */
  park(images: readonly Image[]): boolean {
    if (this.#grew || !images.every((image, i) => this.#mmu.reset(this.#held[i]!.memory, image, i === 0 ? this.#guards : [])))
      return false;
    this.#charge(-this.#charged);
    return true;
  }

  /** The same memories for another process; false where its limits have no room for them. */
  renew(account: Account, tables: readonly number[]): boolean {
    this.#account = account;
    const bytes = sum(this.#held.map(({ type }) => type.minimum)) * WASM_PAGE;
    this.peak = bytes;
    this.#tables = [...tables];
    return this.#charge(bytes + sum(tables) * TABLE_ELEMENT_BYTES);
  }

  /**
   * Makes the memories, with `images` in them, and has tables of so many elements; else says what there was no room in, and has
   * none of them.
   */
  map(types: readonly MemoryType[], tables: readonly number[], images: readonly Image[] = []): 'limit' | 'host' | undefined {
    const bytes = sum(types.map(({ minimum }) => minimum)) * WASM_PAGE;
    if (!this.#charge(bytes + sum(tables) * TABLE_ELEMENT_BYTES)) return 'limit';
    this.#tables = [...tables];
    this.peak = bytes;
    for (const [i, type] of types.entries()) {
      const image = images[i];
      const memory = this.#mmu.allocate(type, image);
      if (memory !== undefined) this.#held.push({ memory, type });
      if (memory === undefined || (image !== undefined && !this.#mmu.load(memory, image))) {
        this.release();
        return 'host';
      }
    }
    const main = this.#held[this.#main];
    if (main !== undefined) this.memory.attach(main.memory.buffer);
    return undefined;
  }

  /** Makes the page at address 0 inaccessible, where so many bytes there are free; false where there is no whole page, or no way. */
  guardNull(free: number): boolean {
    const first = this.#held[0];
    // Asking the driver makes it look at the host, which takes time.
    if (first === undefined || free === 0 || free < this.#mmu.pageBytes) return false;
    const guard: Protection = { from: 0, to: this.#mmu.pageBytes, access: 'none' };
    if (!this.#mmu.protect(first.memory, guard.from, guard.to, guard.access)) return false;
    this.#guards = [guard];
    if (this.#main === 0) this.memory.protect(guard.from, guard.to, guard.access);
    return true;
  }

  /** Runs `action` while all of the memories can be read. */
  unguarded<T>(action: () => T): T {
    for (const { from, to } of this.#guards) this.#mmu.protect(this.#held[0]!.memory, from, to, 'write');
    const result = action();
    for (const { from, to, access } of this.#guards) this.#mmu.protect(this.#held[0]!.memory, from, to, access);
    return result;
  }

  /** memory.grow: the previous size in pages, or -1. */
  grow(index: number, pages: number): number {
    const held = this.#held[index];
    const bytes = pages * WASM_PAGE;
    if (held === undefined || !this.#charge(bytes)) return -1;
    const before = this.#mmu.grow(held.memory, held.type, pages);
    if (before < 0) {
      this.#charge(-bytes);
      return -1;
    }
    this.peak += bytes;
    this.#grew ||= pages > 0;
    if (index === this.#main) this.memory.attach(held.memory.buffer);
    return before;
  }

  /**
   * Whether a table may have so many elements, which it is then taken to have: V8 may still refuse, and it is asked anew each
   * time.
   */
  resizeTable(index: number, elements: number): boolean {
    const more = elements - this.#tables[index]!;
    if (sum(this.#tables) + more > TABLE_ELEMENTS_MAX || !this.#charge(more * TABLE_ELEMENT_BYTES)) return false;
    this.#tables[index] = elements;
    return true;
  }

  release(): void {
    for (const { memory, type } of this.#held) this.#mmu.release(memory, type);
    this.#held = [];
    this.#tables = [];
    this.#guards = [];
    this.#charge(-this.#charged);
    this.memory.detach();
  }

  #charge(bytes: number): boolean {
    if (bytes < 0) this.#account.release(RESOURCE.memory, -bytes);
    else if (!this.#account.charge(RESOURCE.memory, bytes)) return false;
    this.#charged += bytes;
    return true;
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
