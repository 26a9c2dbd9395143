// One memory of V8's as the host has it: what is mapped over it, and the calls that change that. An answer of false is the host's
// refusal, after which nothing may rely on the memory: whoever calls sees to that.
import type { Access, Protection } from '../../mmu.ts';
import type { HostCalls } from './calls.ts';
import type { MappedImage, MappedRegion } from './files.ts';
import { type Span, Spans } from './spans.ts';

/** So few pages are put back each time, whoever wrote them; of more, everything is dropped each so many resets. */
const FEW_PAGES = 16;
const RESETS_KEPT = 64;

export class MappedMemory {
  readonly #calls: HostCalls;
  readonly spans = new Spans();
  base = 0n;
  bytes = 0;
  shared = false;
  #size = 0n;
  #address = 0;
  #view: Uint8Array = new Uint8Array(0);
  image: MappedImage | undefined;
  /** It holds its image as that is, for who will load that. */
  waits = false;
  /** Of pages that the last reset put back. */
  residentBytes = 0;
  #resets = 0;
  /** A call failed: some of it may not be mapped as it should. */
  spoilt = false;

  constructor(calls: HostCalls, memory: WebAssembly.Memory) {
    this.#calls = calls;
    this.look(memory);
  }

  /** To be called after the memory grew. */
  look({ buffer }: WebAssembly.Memory): void {
    this.base = this.#calls.addressOf(buffer);
    this.bytes = buffer.byteLength;
    this.shared = buffer instanceof SharedArrayBuffer;
    this.#size = BigInt(this.bytes);
    this.#address = Number(this.base);
    this.#view = new Uint8Array(buffer);
  }

  /** Whether the memory is as long as it was when somebody looked last. */
  isAsLongAs({ buffer }: WebAssembly.Memory): boolean {
    return buffer.byteLength === this.bytes;
  }

  load(image: MappedImage): boolean {
    if (image.size > 0n && !this.#calls.copy(this.base, image.size, image.file.fd, 0n)) return false;
    image.file.hold();
    this.image = image;
    return true;
  }

  protect(from: number, to: number, access: Access): boolean {
    return this.#calls.protect(this.base + BigInt(from), BigInt(to - from), access);
  }

  share(at: number, region: MappedRegion, access: Access): boolean {
    return this.#calls.share(this.base + BigInt(at), BigInt(region.bytes), region.file.fd, access);
  }

  zero(from: number, to: number, access: Access): boolean {
    return from === to || this.#calls.zero(this.base + BigInt(from), BigInt(to - from), access);
  }

  discard(): boolean {
    return this.#calls.discard(this.base, this.#size);
  }

  /** After V8 made all of it read-write. */
  protectAgain(): boolean {
    return this.spans.list.every(({ from, to, access }) => access === 'write' || this.protect(from, to, access));
  }

  /** Takes away protections and regions; behind them is again what the memory was loaded with. */
  uncover(): boolean {
    if (!this.spans.list.every((span) => this.#uncover(span))) return false;
    this.spans.clear();
    return true;
  }

  #uncover({ from, to, access, backing }: Span): boolean {
    if (backing === undefined) return access === 'write' || this.protect(from, to, 'write');
    const imageEnd = Math.max(from, Math.min(to, this.image?.view.length ?? 0));
    if (!this.zero(imageEnd, to, 'write')) return false;
    if (imageEnd === from) return true;
    return this.#calls.copy(this.base + BigInt(from), BigInt(imageEnd - from), this.image!.file.fd, BigInt(from));
  }

  /**
   * Copies back, or zeroes, what was written: measured, that is always faster than to have the host drop it, and faster yet for the
   * next process that writes there. What is put back stays resident, and is found again each time; so all of it is dropped where
   * it is more than `residentBytesMax`, and now and then, lest what one process wrote is put back for ever.
   */
  putBackWritten(residentBytesMax: number): boolean {
    this.residentBytes = 0;
    if (this.bytes === 0) return true;
    const { pageBytes } = this.#calls;
    const ranges = this.#calls.written(this.#address, this.bytes);
    let written = 0;
    for (let i = 0; i < ranges; i++) written += this.#calls.to(i) - this.#calls.from(i);
    const stale = written > FEW_PAGES * pageBytes && ++this.#resets % RESETS_KEPT === 0;
    if (ranges < 0 || stale || written > residentBytesMax) return this.discard();
    this.residentBytes = written;
    for (let i = 0; i < ranges; i++) if (!this.#putBack(this.#calls.from(i), this.#calls.to(i))) return false;
    return true;
  }

  #putBack(from: number, to: number): boolean {
    // Written before it was protected.
    if (this.spans.overlaps(from, to)) return this.#calls.discard(this.base + BigInt(from), BigInt(to - from));
    const view = this.#view;
    const image = this.image?.view;
    const imageEnd = image?.length ?? 0;
    if (image !== undefined && from < imageEnd) view.set(image.subarray(from, Math.min(to, imageEnd)), from);
    if (to > imageEnd) view.fill(0, Math.max(from, imageEnd), to);
    return true;
  }

  /** Whether these protections, and no region, are what is there now. */
  isProtectedAs(protections: readonly Protection[]): boolean {
    return this.spans.list.length === 0 ? protections.length === 0 : this.spans.are(protections);
  }

  /** Nothing is known to be mapped any more. */
  forget(): void {
    this.image?.file.drop();
    this.image = undefined;
    this.spans.clear();
    this.residentBytes = 0;
  }
}
