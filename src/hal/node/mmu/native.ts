// The native memory driver (Linux): images are mapped copy-on-write over memories that V8 made, a reset puts back only the pages
// that were written, and pages are protected and shared by the host's page tables. A memory on which a call of the host's failed
// is never used again; where that says that the host cannot do it at all, memories are portable from then on.
import { loadable, sealed } from '../../image.ts';
import type { Access, Image, MemoryType, Mmu, Protection, Region } from '../../mmu.ts';
import type { HostCalls } from './calls.ts';
import { MappedImage, MappedRegion, mapImage, mapRegion } from './mapped.ts';
import { Pool } from './pool.ts';
import { newMemory, type PortableMmu } from './portable.ts';
import { type Span, Spans } from './spans.ts';

const ENOMEM = 12;
/** Of one memory: each takes up to two of the host's mappings, which are bounded for all processes together. */
const SPANS_MAX = 64;
/** Of all memories of this kernel. */
const ALL_SPANS_MAX = 8192;

/** What is known of a memory. */
interface Mapped {
  readonly base: bigint;
  readonly address: number;
  readonly bytes: number;
  readonly size: bigint;
  readonly view: Uint8Array;
  readonly spans: Spans;
  image: MappedImage | undefined;
  /** A call failed: some of it may not be mapped as it should. */
  spoilt: boolean;
}

export class NativeMmu implements Mmu {
  readonly #calls: HostCalls;
  readonly #portable: PortableMmu;
  readonly #warn: (why: string) => void;
  readonly #pool = new Pool();
  readonly #mapped = new WeakMap<WebAssembly.Memory, Mapped>();
  /** Memories with a hole in V8's reservation, which something else may come to lie in: V8 must never unmap them. */
  readonly #holed: WebAssembly.Memory[] = [];
  /** Why nothing more is mapped. */
  #failure: string | undefined;
  /** Pages that the last reset found written and put back. */
  #putBack = 0;
  /** Protections and regions of all memories. */
  #spans = 0;

  /** `portable` made the memories so far, and makes them when this one fails. */
  constructor(calls: HostCalls, portable: PortableMmu, warn: (why: string) => void) {
    this.#calls = calls;
    this.#portable = portable;
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

  allocate(type: MemoryType): WebAssembly.Memory | undefined {
    const memory = this.#pool.take(type) ?? newMemory(type);
    if (memory !== undefined || this.#pool.size === 0) return memory;
    this.#pool.drop();
    return newMemory(type);
  }

  grow(memory: WebAssembly.Memory, type: MemoryType, pages: number): number {
    const before = this.#portable.grow(memory, type, pages);
    const mapped = this.#mapped.get(memory);
    if (before < 0 || mapped === undefined) return before;
    const { base, image, spans } = mapped;
    const now = this.#look(memory, image, spans);
    now.spoilt = mapped.spoilt;
    // V8 keeps a memory where it is while its reservation lasts, and makes all of it read-write.
    if (now.base !== base && (spans.list.length > 0 || image !== undefined)) throw new Error('a memory moved when it grew');
    for (const { from, to, access } of spans.list) {
      if (access === 'write') continue;
      if (!this.#calls.protect(base + BigInt(from), BigInt(to - from), access)) {
        throw new Error(`a memory that grew cannot be protected again: errno ${this.#calls.error()}`);
      }
    }
    return before;
  }

  release(memory: WebAssembly.Memory, type: MemoryType): void {
    if (this.#pool.has(memory)) throw new Error('a memory is released twice');
    if (this.#pool.accepts(memory, type) && this.reset(memory, undefined)) {
      let residentBytes = this.#putBack * this.pageBytes;
      if (!this.#pool.hasRoomFor(residentBytes)) {
        const { base, size } = this.#of(memory);
        if (!this.#calls.discard(base, size)) return;
        residentBytes = 0;
      }
      this.#pool.put(memory, type, residentBytes);
    } else this.#abandon(memory);
  }

  seal(bytes: Uint8Array): Image | undefined {
    if (this.#failure !== undefined) return this.#portable.seal(bytes);
    return mapImage(this.#calls, bytes) ?? this.#portable.seal(bytes);
  }

  load(memory: WebAssembly.Memory, image: Image): boolean {
    const source = loadable(image);
    const mapped = this.#of(memory);
    if (image.bytes > mapped.bytes || mapped.spoilt) return false;
    if (!(source instanceof MappedImage) || this.#failure !== undefined) return this.#portable.load(memory, image);
    return this.#load(memory, mapped, source);
  }

  reset(memory: WebAssembly.Memory, image: Image | undefined, keep: readonly Protection[] = []): boolean {
    this.#putBack = 0;
    const mapped = this.#of(memory);
    const { spans } = mapped;
    if (mapped.spoilt || this.#portable.hasGrown(memory)) return false;
    if (mapped.image !== image) {
      if (!this.#wipe(memory, mapped)) return false;
      return (image === undefined || this.load(memory, sealed(image))) && this.#protectAll(memory, keep);
    }
    if ((spans.list.length === 0 && keep.length === 0) || spans.are(keep)) return this.#putBackWritten(memory, mapped);
    return this.#lift(memory, mapped) && this.#putBackWritten(memory, mapped) && this.#protectAll(memory, keep);
  }

  protect(memory: WebAssembly.Memory, from: number, to: number, access: Access): boolean {
    const mapped = this.#of(memory);
    if (!this.#canMap(mapped, from, to)) return false;
    const { base } = mapped;
    if (!this.#done(memory, mapped, this.#calls.protect(base + BigInt(from), BigInt(to - from), access), 'mprotect'))
      return false;
    this.#note(mapped, (spans) => spans.protect(from, to, access));
    return true;
  }

  region(bytes: number): Region | undefined {
    if (this.#failure !== undefined || !(bytes > 0)) return undefined;
    return mapRegion(this.#calls, bytes);
  }

  map(memory: WebAssembly.Memory, at: number, region: Region, access: Access): boolean {
    const mapped = this.#of(memory);
    if (!(region instanceof MappedRegion) || !region.held || !this.#canMap(mapped, at, at + region.bytes)) return false;
    const shared = this.#calls.share(mapped.base + BigInt(at), BigInt(region.bytes), region.file.fd, access);
    if (!this.#done(memory, mapped, shared, 'mmap')) return false;
    this.#note(mapped, (spans) => spans.set(at, at + region.bytes, access, region));
    return true;
  }

  unmap(memory: WebAssembly.Memory, at: number, bytes: number, access: Access = 'none'): boolean {
    const mapped = this.#of(memory);
    if (!this.#canMap(mapped, at, at + bytes)) return false;
    const zeroed = this.#calls.zero(mapped.base + BigInt(at), BigInt(bytes), access);
    if (!this.#done(memory, mapped, zeroed, 'mmap')) return false;
    this.#note(mapped, (spans) => spans.set(at, at + bytes, access, 'zero'));
    return true;
  }

  trim(): void {
    this.#pool.drop();
  }

  #of(memory: WebAssembly.Memory): Mapped {
    return this.#mapped.get(memory) ?? this.#look(memory, undefined, new Spans());
  }

  #look(memory: WebAssembly.Memory, image: MappedImage | undefined, spans: Spans): Mapped {
    const { buffer } = memory;
    const base = this.#calls.addressOf(buffer);
    const bytes = buffer.byteLength;
    const view = new Uint8Array(buffer);
    const mapped = { base, address: Number(base), bytes, size: BigInt(bytes), view, spans, image, spoilt: false };
    this.#mapped.set(memory, mapped);
    return mapped;
  }

  #load(memory: WebAssembly.Memory, mapped: Mapped, image: MappedImage): boolean {
    const { file, size } = image;
    if (size > 0n && !this.#done(memory, mapped, this.#calls.copy(mapped.base, size, file.fd, 0n), 'mmap')) return false;
    file.hold();
    mapped.image = image;
    return true;
  }

  /** Copies back, or zeroes, what was written; where it is too much, lets the host drop it all. */
  #putBackWritten(memory: WebAssembly.Memory, mapped: Mapped): boolean {
    const { address, bytes, base, size, view, spans, image } = mapped;
    const calls = this.#calls;
    if (bytes === 0) return true;
    const ranges = calls.written(address, bytes);
    if (ranges < 0) return this.#done(memory, mapped, calls.discard(base, size), 'madvise');
    const imageBytes = image?.view.length ?? 0;
    for (let i = 0; i < ranges; i++) {
      const from = calls.from(i);
      const to = calls.to(i);
      if (spans.list.length > 0 && spans.overlaps(from, to)) {
        // Written before it was protected.
        if (!this.#done(memory, mapped, calls.discard(base + BigInt(from), BigInt(to - from)), 'madvise')) return false;
        continue;
      }
      if (from < imageBytes) view.set(image!.view.subarray(from, Math.min(to, imageBytes)), from);
      if (to > imageBytes) view.fill(0, Math.max(from, imageBytes), to);
      this.#putBack += (to - from) / calls.pageBytes;
    }
    return true;
  }

  /** Zero pages all over, of no image. */
  #wipe(memory: WebAssembly.Memory, mapped: Mapped): boolean {
    if (mapped.bytes > 0 && !this.#done(memory, mapped, this.#calls.zero(mapped.base, mapped.size, 'write'), 'mmap'))
      return false;
    this.#forget(mapped);
    return true;
  }

  /** Takes away protections and regions; behind them is again what the memory was loaded with. */
  #lift(memory: WebAssembly.Memory, mapped: Mapped): boolean {
    const { spans } = mapped;
    for (const span of spans.list) if (!this.#done(memory, mapped, this.#uncover(mapped, span), 'mmap')) return false;
    this.#spans -= spans.list.length;
    spans.clear();
    return true;
  }

  #uncover({ base, image }: Mapped, { from, to, access, backing }: Span): boolean {
    const at = base + BigInt(from);
    if (backing === undefined) return access === 'write' || this.#calls.protect(at, BigInt(to - from), 'write');
    const imageEnd = Math.max(from, Math.min(to, image?.view.length ?? 0));
    if (imageEnd < to && !this.#calls.zero(base + BigInt(imageEnd), BigInt(to - imageEnd), 'write')) return false;
    return imageEnd === from || this.#calls.copy(at, BigInt(imageEnd - from), image!.file.fd, BigInt(from));
  }

  #protectAll(memory: WebAssembly.Memory, protections: readonly Protection[]): boolean {
    for (const { from, to, access } of protections) if (!this.protect(memory, from, to, access)) return false;
    return true;
  }

  /** A memory that is nobody's any more gives its pages back now, not when the garbage collector comes. */
  #abandon(memory: WebAssembly.Memory): void {
    const mapped = this.#of(memory);
    const { base, size, image, spans, spoilt } = mapped;
    if (size > 0n && !spoilt) {
      if (image === undefined && spans.list.length === 0) this.#done(memory, mapped, this.#calls.discard(base, size), 'madvise');
      else this.#done(memory, mapped, this.#calls.zero(base, size, 'write'), 'mmap');
    }
    this.#forget(mapped);
    this.#mapped.delete(memory);
  }

  #forget(mapped: Mapped): void {
    mapped.image?.file.drop();
    mapped.image = undefined;
    this.#spans -= mapped.spans.list.length;
    mapped.spans.clear();
  }

  #canMap({ bytes, spoilt, spans }: Mapped, from: number, to: number): boolean {
    const unit = this.pageBytes;
    if (this.#failure !== undefined || spoilt || spans.list.length >= SPANS_MAX || this.#spans >= ALL_SPANS_MAX) return false;
    return from >= 0 && from < to && to <= bytes && from % unit === 0 && to % unit === 0;
  }

  #note(mapped: Mapped, change: (spans: Spans) => void): void {
    const before = mapped.spans.list.length;
    change(mapped.spans);
    this.#spans += mapped.spans.list.length - before;
  }

  /** What the host answered; where it refused, nothing may rely on the memory any more. */
  #done(memory: WebAssembly.Memory, mapped: Mapped, done: boolean, call: 'mmap' | 'mprotect' | 'madvise'): boolean {
    if (done) return true;
    const errno = this.#calls.error();
    mapped.spoilt = true;
    // Where mmap fails, nothing may be left of what was there: a hole in V8's reservation.
    if (call === 'mmap' && !this.#calls.zero(mapped.base, mapped.size, 'write')) this.#holed.push(memory);
    if (errno !== ENOMEM && this.#failure === undefined) {
      this.#failure = `${call} failed with errno ${errno}`;
      this.#pool.drop();
      this.#warn(this.#failure);
    }
    return false;
  }
}
