// Memories that wait for their next process: all zero, of the very type that is asked for. One that grew cannot come back, since
// none shrinks. Bounded in number, for each takes address space and mappings, and in the bytes that stay resident.
import type { MemoryType } from '../../mmu.ts';

const IDLE_MAX = 64;
const RESIDENT_BYTES_MAX = 32 * 2 ** 20;
/** So many takings and puttings decide how many were too many. */
const PERIOD = 256;
const MAXIMUM_NONE = 2 ** 20 - 1;

interface Idle {
  readonly key: number;
  readonly residentBytes: number;
}

export class Pool {
  readonly #classes = new Map<number, WebAssembly.Memory[]>();
  /** In the order in which they came. */
  readonly #idle = new Map<WebAssembly.Memory, Idle>();
  #residentBytes = 0;
  #moves = 0;
  /** The fewest that waited in this period. */
  #fewest = 0;

  get size(): number {
    return this.#idle.size;
  }

  get residentBytes(): number {
    return this.#residentBytes;
  }

  has(memory: WebAssembly.Memory): boolean {
    return this.#idle.has(memory);
  }

  /**
   * Whether it may come back. Another thread of the host's may yet hold one that is shared, and write to it late.
   */
  accepts(memory: WebAssembly.Memory, type: MemoryType): boolean {
    if (type.shared || memory.buffer.byteLength !== type.minimum * 65_536) return false;
    return this.#idle.size < IDLE_MAX && this.#residentBytes < RESIDENT_BYTES_MAX;
  }

  take(type: MemoryType): WebAssembly.Memory | undefined {
    if (type.shared) return undefined;
    this.#move();
    const memory = this.#classes.get(keyOf(type))?.pop();
    if (memory === undefined) return undefined;
    this.#residentBytes -= this.#idle.get(memory)!.residentBytes;
    this.#idle.delete(memory);
    this.#fewest = Math.min(this.#fewest, this.#idle.size);
    return memory;
  }

  put(memory: WebAssembly.Memory, type: MemoryType, residentBytes: number): void {
    const key = keyOf(type);
    const waiting = this.#classes.get(key);
    if (waiting === undefined) this.#classes.set(key, [memory]);
    else waiting.push(memory);
    this.#idle.set(memory, { key, residentBytes });
    this.#residentBytes += residentBytes;
    this.#move();
  }

  /** The garbage collector's from now on, the longest waiting first. */
  drop(count = this.#idle.size): void {
    for (const [memory, { key, residentBytes }] of [...this.#idle].slice(0, count)) {
      this.#idle.delete(memory);
      this.#residentBytes -= residentBytes;
      const waiting = this.#classes.get(key)!;
      waiting.splice(waiting.indexOf(memory), 1);
      if (waiting.length === 0) this.#classes.delete(key);
    }
  }

  /** Half of those that nobody asked for through a whole period go. */
  #move(): void {
    if (++this.#moves < PERIOD) return;
    this.#moves = 0;
    this.drop(Math.ceil(this.#fewest / 2));
    this.#fewest = this.#idle.size;
  }
}

/** One number for all that two memories of one class have in common. */
function keyOf({ minimum, maximum = MAXIMUM_NONE, address }: MemoryType): number {
  return (minimum * (MAXIMUM_NONE + 1) + Math.min(maximum, MAXIMUM_NONE)) * 2 + (address === 'i64' ? 1 : 0);
}
