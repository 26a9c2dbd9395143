// Images and regions as unnamed files of the host. Their views lie in memories of V8's own, so that its garbage collector, and the
// end of a thread, unmap them; the files are closed when nothing will be mapped from them any more.
import fs from 'node:fs';
import { dataRuns, SealedImage } from '../../image.ts';
import type { OwnRegion, Region } from '../../mmu.ts';
import type { HostCalls } from './calls.ts';
import { type Mappings, PER_MEMORY } from './mappings.ts';
import { roomFor } from './portable.ts';

const WASM_PAGE = 65_536;
const PAGES_MAX_I32 = 65_536;

/** A file that lives while it is held, by its owner or by a memory that it is mapped into. */
class File {
  readonly fd: number;
  readonly #calls: HostCalls;
  readonly #mappings: Mappings;
  readonly #viewed: boolean;
  #holders = 1;

  constructor(calls: HostCalls, mappings: Mappings, fd: number, viewed = true) {
    this.#calls = calls;
    this.#mappings = mappings;
    this.#viewed = viewed;
    this.fd = fd;
    if (viewed) mappings.add(PER_MEMORY);
  }

  hold(): void {
    this.#holders++;
  }

  drop(): void {
    if (--this.#holders > 0) return;
    this.#calls.close(this.fd);
    if (this.#viewed) this.#mappings.add(-PER_MEMORY);
  }
}

export class MappedImage extends SealedImage {
  readonly bytes: number;
  readonly file: File;
  /** The image up to its last page that is not zero; never written to. */
  readonly view: Uint8Array;
  readonly size: bigint;
  readonly #released: (image: MappedImage) => void;

  /** `released`: told before the file is let go of. */
  constructor(file: File, bytes: number, view: Uint8Array, released: (image: MappedImage) => void) {
    super();
    this.file = file;
    this.bytes = bytes;
    this.view = view;
    this.size = BigInt(view.length);
    this.#released = released;
  }

  load(into: Uint8Array): void {
    for (const { from, to } of dataRuns(this.view)) into.set(this.view.subarray(from, to), from);
  }

  restore(into: Uint8Array): void {
    into.set(this.view);
    into.fill(0, this.view.length);
  }

  protected override released(): void {
    this.#released(this);
    this.file.drop();
  }
}

export class MappedRegion implements Region {
  readonly bytes: number;
  readonly file: File;
  #held = true;

  constructor(file: File, bytes: number) {
    this.file = file;
    this.bytes = bytes;
  }

  get held(): boolean {
    return this.#held;
  }

  release(): void {
    if (!this.#held) throw new Error('a region is released twice');
    this.#held = false;
    this.file.drop();
  }
}

class ViewedRegion extends MappedRegion implements OwnRegion {
  readonly view: Uint8Array;

  constructor(file: File, view: Uint8Array) {
    super(file, view.length);
    this.view = view;
  }

  get handle(): number {
    return this.file.fd;
  }
}

/** Undefined where the host has no room. */
export function mapImage(
  calls: HostCalls,
  bytes: Uint8Array,
  mappings: Mappings,
  released: (image: MappedImage) => void,
): MappedImage | undefined {
  const runs = [...dataRuns(bytes, calls.pageBytes)];
  const length = roundUp(runs.at(-1)?.to ?? 0, calls.pageBytes);
  const fd = calls.file(length);
  if (fd === undefined) return undefined;
  const view = writeRuns(fd, bytes, runs) && calls.seal(fd) ? viewOf(calls, fd, length, false) : undefined;
  if (view === undefined) calls.close(fd);
  return view && new MappedImage(new File(calls, mappings, fd), bytes.length, view, released);
}

export function mapRegion(calls: HostCalls, bytes: number, mappings: Mappings): OwnRegion | undefined {
  const length = roundUp(bytes, calls.pageBytes);
  const fd = calls.file(length);
  if (fd === undefined) return undefined;
  const view = viewOf(calls, fd, length, true);
  if (view === undefined) calls.close(fd);
  return view && new ViewedRegion(new File(calls, mappings, fd), view);
}

export function openRegion(calls: HostCalls, handle: number, bytes: number, mappings: Mappings): Region | undefined {
  const length = roundUp(bytes, calls.pageBytes);
  const fd = calls.duplicate(handle, length);
  return fd === undefined ? undefined : new MappedRegion(new File(calls, mappings, fd, false), length);
}

function writeRuns(fd: number, bytes: Uint8Array, runs: readonly { from: number; to: number }[]): boolean {
  try {
    for (const { from, to } of runs) {
      for (let at = from; at < to; ) at += fs.writeSync(fd, bytes, at, to - at, at);
    }
    return true;
  } catch {
    // The host is out of memory for files of this kind: it says ENOSPC, ENOMEM or EFBIG.
    return false;
  }
}

function viewOf(calls: HostCalls, fd: number, length: number, written: boolean): Uint8Array | undefined {
  const pages = Math.ceil(length / WASM_PAGE);
  const wide = pages > PAGES_MAX_I32;
  const memory = roomFor(
    () =>
      new WebAssembly.Memory(
        wide ? { initial: BigInt(pages), maximum: BigInt(pages), address: 'i64' } : { initial: pages, maximum: pages },
      ),
  );
  if (memory === undefined) return undefined;
  const at = calls.addressOf(memory.buffer);
  const size = BigInt(length);
  if (length > 0 && !(written ? calls.share(at, size, fd, 'write') : calls.show(at, size, fd))) return undefined;
  return new Uint8Array(memory.buffer, 0, length);
}

const roundUp = (bytes: number, unit: number): number => Math.ceil(bytes / unit) * unit;
