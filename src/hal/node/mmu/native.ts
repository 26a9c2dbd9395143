// The native memory driver (Linux): images are mapped copy-on-write over memories that V8 made, a reset puts back only the pages
// that were written, and pages are protected and shared by the host's page tables. A memory on which a call of the host's failed
// is never used again; where that says that the host cannot do it at all, memories are portable from then on.
import { loadable, sealed } from '../../image.ts';
import type { Access, Image, MemoryType, Mmu, OwnRegion, Protection, Region } from '../../mmu.ts';
import type { HostCalls } from './calls.ts';
import { MappedImage, MappedRegion, mapImage, mapRegion, openRegion } from './files.ts';
import { type Mappings, PER_IMAGE, PER_MEMORY, PER_SPAN } from './mappings.ts';
import { MappedMemory } from './memory.ts';
import { Pool } from './pool.ts';
import { newMemory, type PortableMmu } from './portable.ts';

const ENOMEM = 12;
/** Of one memory: all are put back after each growth. */
const SPANS_MAX = 64;
/** That resets leave behind in all memories together; beyond it they drop everything. */
const RESIDENT_BYTES_MAX = 128 * 2 ** 20;

export class NativeMmu implements Mmu {
  readonly #calls: HostCalls;
  readonly #portable: PortableMmu;
  readonly #mappings: Mappings;
  readonly #warn: (why: string) => void;
  readonly #pool = new Pool((memory) => this.#abandon(memory));
  readonly #mapped = new WeakMap<WebAssembly.Memory, MappedMemory>();
  /** Memories with a hole in V8's reservation, which something else may come to lie in: V8 must never unmap them. */
  readonly #holed: WebAssembly.Memory[] = [];
  /** Why nothing more is mapped. */
  #failure: string | undefined;
  /** That resets left, of all memories together. */
  #residentBytes = 0;

  /** `portable` made the memories so far, and makes them when this one fails. */
  constructor(calls: HostCalls, portable: PortableMmu, mappings: Mappings, warn: (why: string) => void) {
    this.#calls = calls;
    this.#portable = portable;
    this.#mappings = mappings;
    this.#warn = warn;
  }

  get driver(): 'native' | 'portable' {
    return this.#failure === undefined ? 'native' : 'portable';
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  get pageBytes(): number {
    return this.#calls.pageBytes;
  }

  allocate(type: MemoryType, image?: Image): WebAssembly.Memory | undefined {
    if (!this.#mappings.leaves(PER_MEMORY)) return undefined;
    const ready = image instanceof MappedImage ? this.#pool.take(type, image) : undefined;
    if (ready !== undefined) {
      this.#of(ready).waits = true;
      return ready;
    }
    const memory = this.#pool.take(type) ?? this.#cleared(type) ?? newMemory(type);
    if (memory !== undefined || this.#pool.size === 0) return memory;
    this.#pool.drop();
    return newMemory(type);
  }

  /** One that waits with an image, without it. */
  #cleared(type: MemoryType): WebAssembly.Memory | undefined {
    const memory = this.#pool.takeAny(type);
    if (memory === undefined || this.reset(memory, undefined)) return memory;
    this.#abandon(memory);
    return undefined;
  }

  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number {
    const before = this.#portable.grow(memory, type, pages);
    const mapped = this.#mapped.get(memory);
    if (before < 0 || mapped === undefined) return before;
    const { base } = mapped;
    mapped.look(memory);
    // V8 keeps a memory where it is while its reservation lasts, and makes all of it read-write.
    if (mapped.base !== base) throw new Error('a memory moved when it grew');
    if (!mapped.protectAgain()) throw new Error(`a memory that grew cannot be protected again: errno ${this.#calls.error()}`);
    return before;
  }

  release(memory: WebAssembly.Memory, type: MemoryType): void {
    if (this.#pool.has(memory)) throw new Error('a memory is released twice');
    const mapped = this.#of(memory);
    mapped.waits = false;
    // The next process that starts from the same image finds all but what was written to where it is.
    const image = mapped.image?.held === true && this.#failure === undefined ? mapped.image : undefined;
    if (this.#pool.accepts(memory, type) && this.reset(memory, image)) {
      this.#pool.put(memory, type, mapped.residentBytes, image);
    } else this.#abandon(memory);
  }

  seal(bytes: Uint8Array): Image | undefined {
    if (this.#failure !== undefined || !this.#mappings.leaves(PER_MEMORY)) return this.#portable.seal(bytes);
    const released = (image: MappedImage) => this.#pool.retire(image);
    return mapImage(this.#calls, bytes, this.#mappings, released) ?? this.#portable.seal(bytes);
  }

  load(memory: WebAssembly.Memory, image: Image): boolean {
    const source = loadable(image);
    const mapped = this.#of(memory);
    if (image.bytes > mapped.bytes || mapped.spoilt) return false;
    if (mapped.waits) {
      mapped.waits = false;
      if (mapped.image === source) return true;
      throw new Error('a memory that was allocated for one image is loaded with another');
    }
    if (!(source instanceof MappedImage) || this.#failure !== undefined || !this.#mappings.leaves(PER_IMAGE)) {
      return this.#portable.load(memory, image);
    }
    if (!this.#done(memory, mapped, mapped.load(source), 'mmap')) return false;
    this.#mappings.add(PER_IMAGE);
    return true;
  }

  reset(memory: WebAssembly.Memory, image: Image | undefined, keep: readonly Protection[] = []): boolean {
    const mapped = this.#of(memory);
    if (mapped.spoilt || mapped.shared || this.#portable.hasGrown(memory) || !mapped.isAsLongAs(memory)) return false;
    if (mapped.image !== image) {
      if (!this.#done(memory, mapped, mapped.zero(0, mapped.bytes, 'write'), 'mmap')) return false;
      this.#forget(mapped);
      return (image === undefined || this.load(memory, sealed(image))) && this.#protectAll(memory, keep);
    }
    if (mapped.isProtectedAs(keep)) return this.#putBackWritten(memory, mapped);
    const spans = mapped.spans.list.length;
    if (!this.#done(memory, mapped, mapped.uncover(), 'mmap')) return false;
    this.#mappings.add(-spans * PER_SPAN);
    return this.#putBackWritten(memory, mapped) && this.#protectAll(memory, keep);
  }

  protect(memory: WebAssembly.Memory, from: number, to: number, access: Access): boolean {
    const mapped = this.#of(memory);
    if (!this.#mayMap(mapped, from, to)) return false;
    if (!this.#done(memory, mapped, mapped.protect(from, to, access), 'mprotect')) return false;
    this.#mappings.add(mapped.spans.protect(from, to, access) * PER_SPAN);
    return true;
  }

  region(bytes: number): OwnRegion | undefined {
    if (this.#failure !== undefined || !(bytes > 0) || !this.#mappings.leaves(PER_MEMORY)) return undefined;
    return mapRegion(this.#calls, bytes, this.#mappings);
  }

  open(handle: number, bytes: number): Region | undefined {
    return this.#failure === undefined ? openRegion(this.#calls, handle, bytes, this.#mappings) : undefined;
  }

  map(memory: WebAssembly.Memory, at: number, region: Region, access: Access): boolean {
    const mapped = this.#of(memory);
    if (!(region instanceof MappedRegion) || !region.held || !this.#mayMap(mapped, at, at + region.bytes)) return false;
    if (!this.#done(memory, mapped, mapped.share(at, region, access), 'mmap')) return false;
    this.#mappings.add(mapped.spans.set(at, at + region.bytes, access, region) * PER_SPAN);
    return true;
  }

  unmap(memory: WebAssembly.Memory, at: number, bytes: number, access: Access = 'none'): boolean {
    const mapped = this.#of(memory);
    // However many there are: a region that is taken away must go, and its place takes no more than it did.
    const replaces = mapped.spans.list.some(({ from, to }) => from === at && to === at + bytes);
    if (!this.#mayMap(mapped, at, at + bytes, !replaces)) return false;
    if (!this.#done(memory, mapped, mapped.zero(at, at + bytes, access), 'mmap')) return false;
    this.#mappings.add(mapped.spans.set(at, at + bytes, access, 'zero') * PER_SPAN);
    return true;
  }

  intact(memory: WebAssembly.Memory): boolean {
    return this.#mapped.get(memory)?.spoilt !== true;
  }

  trim(): void {
    this.#pool.drop();
  }

  #of(memory: WebAssembly.Memory): MappedMemory {
    let mapped = this.#mapped.get(memory);
    if (mapped === undefined) {
      mapped = new MappedMemory(this.#calls, memory);
      this.#mapped.set(memory, mapped);
    }
    return mapped;
  }

  #putBackWritten(memory: WebAssembly.Memory, mapped: MappedMemory): boolean {
    this.#residentBytes -= mapped.residentBytes;
    const done = mapped.putBackWritten(RESIDENT_BYTES_MAX - this.#residentBytes);
    this.#residentBytes += mapped.residentBytes;
    return this.#done(memory, mapped, done, 'madvise');
  }

  #protectAll(memory: WebAssembly.Memory, protections: readonly Protection[]): boolean {
    return protections.every(({ from, to, access }) => this.protect(memory, from, to, access));
  }

  /** A memory that is nobody's any more gives its pages back now, not when the garbage collector comes. */
  #abandon(memory: WebAssembly.Memory): void {
    const mapped = this.#of(memory);
    if (mapped.bytes > 0 && !mapped.spoilt) {
      const bare = mapped.image === undefined && mapped.spans.list.length === 0;
      if (bare) this.#done(memory, mapped, mapped.discard(), 'madvise');
      else this.#done(memory, mapped, mapped.zero(0, mapped.bytes, 'write'), 'mmap');
    }
    this.#forget(mapped);
    this.#mapped.delete(memory);
  }

  #forget(mapped: MappedMemory): void {
    this.#residentBytes -= mapped.residentBytes;
    this.#mappings.add(-mapped.spans.list.length * PER_SPAN - (mapped.image === undefined ? 0 : PER_IMAGE));
    mapped.forget();
  }

  #mayMap({ bytes, spoilt, spans }: MappedMemory, from: number, to: number, bounded = true): boolean {
    const unit = this.pageBytes;
    if (this.#failure !== undefined || spoilt) return false;
    if (bounded && (spans.list.length >= SPANS_MAX || !this.#mappings.leaves(PER_SPAN))) return false;
    return from >= 0 && from < to && to <= bytes && from % unit === 0 && to % unit === 0;
  }

  /** What the host answered; where it refused, nothing may rely on the memory any more. */
  #done(memory: WebAssembly.Memory, mapped: MappedMemory, done: boolean, call: 'mmap' | 'mprotect' | 'madvise'): boolean {
    if (done) return true;
    const errno = this.#calls.error();
    mapped.spoilt = true;
    // Where mmap fails, nothing may be left of what was there: a hole in V8's reservation.
    if (call === 'mmap' && !mapped.zero(0, mapped.bytes, 'write')) this.#holed.push(memory);
    if (errno !== ENOMEM && this.#failure === undefined) {
      this.#failure = `${call} failed with errno ${errno}`;
      this.#pool.drop();
      this.#warn(this.#failure);
    }
    return false;
  }
}
