// The memory unit: makes and takes back the linear memories of processes.

export interface MemoryType {
  /** Pages of 64 KiB. */
  readonly minimum: number;
  readonly maximum: number | undefined;
  readonly shared: boolean;
  readonly address: 'i32' | 'i64';
}

export interface Mmu {
  readonly driver: 'portable' | 'native';
  /** A memory of `minimum` zero pages, or undefined where the host has no room for it. */
  allocate(type: MemoryType): WebAssembly.Memory | undefined;
  /** Previous size in pages, or -1. The memory's buffer is another one afterwards. */
  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number;
  /** Takes the memory back. Nothing may use it afterwards. */
  release(memory: WebAssembly.Memory, type: MemoryType): void;
}
