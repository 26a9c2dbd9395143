// The memory unit: makes and takes back the linear memories of processes, starts them from images, and, where the host can,
// protects pages and shares them. Which driver it is changes speed and what is enforced, never what a guest computes.

export interface MemoryType {
  /** Pages of 64 KiB. */
  readonly minimum: number;
  readonly maximum: number | undefined;
  readonly shared: boolean;
  readonly address: 'i32' | 'i64';
}

/** What may be done to a page; `write` implies `read`. */
export type Access = 'none' | 'read' | 'write';

/** Bytes `from` up to, not including, `to`, in whole pages of the host, that are not as memory is by itself: read and written. */
export interface Protection {
  readonly from: number;
  readonly to: number;
  readonly access: Access;
}

/** What a memory starts from: immutable, without its zero pages. */
export interface Image {
  readonly bytes: number;
  /** Nothing is loaded from it any more; memories that were can still be reset to it. */
  release(): void;
}

/** Memory outside any process, to be mapped into several. */
export interface Region {
  readonly bytes: number;
  /** It is mapped no more; where it is mapped already, and in views, it stays. */
  release(): void;
}

/** One that was made here. */
export interface OwnRegion extends Region {
  /** By which drivers of other threads open it until it is released. */
  readonly handle: number;
  /** All of it, for the embedder. */
  readonly view: Uint8Array;
}

export interface Mmu {
  /** Asking for it, or for `pageBytes`, makes the driver look at the host, which costs milliseconds once. */
  readonly driver: 'portable' | 'native';
  /** Of the host: what is protected, mapped and unmapped is a multiple of it. */
  readonly pageBytes: number;
  /**
   * A memory of `minimum` zero pages, or undefined where the host has no room for it. `image`: what it is to be loaded with next;
   * until it is, nothing is promised of what is in it.
   */
  allocate(type: MemoryType, image?: Image): WebAssembly.Memory | undefined;
  /** Previous size in pages, or -1. The memory's buffer is another one afterwards; protections hold on. */
  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number;
  /**
   * Takes the memory back, whatever is mapped there. Nothing may use it afterwards, neither a stack nor a host call that is still
   * under way: the next process may have it, and finds it zero.
   */
  release(memory: WebAssembly.Memory, type: MemoryType): void;
  /** A copy of `bytes`, all of which must be readable; undefined where the host has no room for it. */
  seal(bytes: Uint8Array): Image | undefined;
  /** Fills a memory that is all zero, or was allocated for this image, and is at least as long. False: it could not, and the memory must be released. */
  load(memory: WebAssembly.Memory, image: Image): boolean;
  /**
   * Puts back what was changed since the memory was loaded with this image, or since it was all zero, regions and protections
   * included; of the latter those in `keep` hold afterwards. False: it could not (the memory
   * grew, or another thread of the host's may hold it), and the memory must be released.
   */
  reset(memory: WebAssembly.Memory, image: Image | undefined, keep?: readonly Protection[]): boolean;
  /** False: nothing protects these pages, as on every portable driver. */
  protect(memory: WebAssembly.Memory, from: number, to: number, access: Access): boolean;
  /** Zero bytes. Undefined: this driver cannot share pages, or the host has no room. */
  region(bytes: number): OwnRegion | undefined;
  /** A region that was made on any thread of this host's, by its handle; it lives on when that one is released. */
  open(handle: number, bytes: number): Region | undefined;
  /** Puts the whole region at `at`, in place of what was there. */
  map(memory: WebAssembly.Memory, at: number, region: Region, access: Access): boolean;
  /** Puts zero pages in place of what was there: nobody's but this memory's, and inaccessible unless `access` says more. */
  unmap(memory: WebAssembly.Memory, at: number, bytes: number, access?: Access): boolean;
  /** False: a call on it failed, and whoever uses it must end: its pages and protections may be gone. */
  intact(memory: WebAssembly.Memory): boolean;
  /** Gives the host what is kept for the next processes; to be called when none has started for a while. */
  trim(): void;
}
