// Memories that wait for their next process, of the very type that is asked for: all zero, or holding what that process will start
// from. One that grew cannot come back, since none shrinks. Bounded in number, for each takes address space and mappings, and in the
// bytes that stay resident.
import type { MemoryType } from '../../mmu.ts';
import { Surplus } from '../../surplus.ts';

const IDLE_MAX = 64;
const RESIDENT_BYTES_MAX = 32 * 2 ** 20;
const MAXIMUM_NONE = 2 ** 20 - 1;

interface Idle {
  readonly key: number;
  /** What it holds; undefined for zeros. */
  readonly holds: object | undefined;
  readonly residentBytes: number;
}

export class Pool {
  /** By what they hold and of which type they are. */
  readonly #classes = new Map<object | undefined, Map<number, WebAssembly.Memory[]>>();
  /** In the order in which they came. */
  readonly #idle = new Map<WebAssembly.Memory, Idle>();
  readonly #dropped: (memory: WebAssembly.Memory) => void;
  #residentBytes = 0;
  readonly #surplus = new Surplus();

  /** `dropped`: told of each that no process will have any more. */
  constructor(dropped: (memory: WebAssembly.Memory) => void = () => {}) {
    this.#dropped = dropped;
  }

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

  /** One that holds this, or zeros. */
  take(type: MemoryType, holds?: object): WebAssembly.Memory | undefined {
    if (type.shared) return undefined;
    this.#moved();
    return this.#pop(this.#classes.get(holds)?.get(keyOf(type)));
  }

  /** One that holds anything. */
  takeAny(type: MemoryType): WebAssembly.Memory | undefined {
    if (type.shared) return undefined;
    const key = keyOf(type);
    for (const classes of this.#classes.values()) {
      const memory = this.#pop(classes.get(key));
      if (memory !== undefined) return memory;
    }
    return undefined;
  }

  put(memory: WebAssembly.Memory, type: MemoryType, residentBytes: number, holds?: object): void {
    const key = keyOf(type);
    const classes = this.#classes.getOrInsertComputed(holds, () => new Map());
    classes.getOrInsertComputed(key, () => []).push(memory);
    this.#idle.set(memory, { key, holds, residentBytes });
    this.#residentBytes += residentBytes;
    this.#moved();
  }

  /** The longest waiting first. */
  drop(count = this.#idle.size): void {
    for (const memory of [...this.#idle.keys().take(count)]) this.#drop(memory);
  }

  /** No process will start from this any more. */
  retire(holds: object): void {
    for (const waiting of [...(this.#classes.get(holds)?.values() ?? [])]) for (const memory of [...waiting]) this.#drop(memory);
    this.#classes.delete(holds);
  }

  #moved(): void {
    this.drop(this.#surplus.moved(this.#idle.size));
  }

  #pop(waiting: WebAssembly.Memory[] | undefined): WebAssembly.Memory | undefined {
    const memory = waiting?.pop();
    if (memory !== undefined) this.#forget(memory);
    return memory;
  }

  #drop(memory: WebAssembly.Memory): void {
    const { key, holds } = this.#forget(memory);
    const classes = this.#classes.get(holds)!;
    const waiting = classes.get(key)!;
    waiting.splice(waiting.indexOf(memory), 1);
    if (waiting.length === 0) classes.delete(key);
    this.#dropped(memory);
  }

  #forget(memory: WebAssembly.Memory): Idle {
    const idle = this.#idle.get(memory)!;
    this.#idle.delete(memory);
    this.#residentBytes -= idle.residentBytes;
    this.#surplus.left(this.#idle.size);
    return idle;
  }
}

/** One number for all that two memories of one class have in common. */
function keyOf({ minimum, maximum = MAXIMUM_NONE, address }: MemoryType): number {
  return (minimum * (MAXIMUM_NONE + 1) + Math.min(maximum, MAXIMUM_NONE)) * 2 + (address === 'i64' ? 1 : 0);
}
