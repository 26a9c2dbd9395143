// What is mapped into the linear memory of one process beside what it began with: regions, and pages of its own. Each lies in an
// area that its memory grew by, between pages that nobody may touch. A region is mapped by a capability derived from the one
// that the process named: when that dies, wherever it was revoked, the pages are gone at once. What the kernel may touch is told to the
// guest memory before the host is asked for anything.
import type { Audit } from '../caps/audit.ts';
import type { Capability, Holder } from '../caps/capability.ts';
import type { CapObject } from '../caps/object.ts';
import { REGION_RIGHT, type RegionObject } from '../caps/region.ts';
import type { Access, Mmu } from '../hal/mmu.ts';
import type { MemoryMapper } from '../syscalls/caller.ts';
import type { GuestMemory } from '../syscalls/memory.ts';
import { type Area, Areas } from './areas.ts';
import { detailed, isOutOfBounds, traced } from './fault.ts';
import { WASM_PAGE } from './limits.ts';
import { printable } from './printable.ts';
import type { AddressSpace } from './space.ts';
import { type Cause, crashed, trapped } from './status.ts';

/** Each takes up to four of the host's mappings. */
const PIECES_MAX = 16;

/** Whole pages of the host, none outside of an area. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly access: Access;
  /** The most that it can be made. */
  readonly most: Access;
  /** Of a region. */
  readonly capability: Capability<RegionObject> | undefined;
  /** A region that was taken away, by its name: nothing is there until it is unmapped. */
  readonly lost: string | undefined;
}

/** The process, as far as its mappings know it. */
interface Mapped {
  readonly memory: GuestMemory;
  readonly capabilities: { readonly audit: Audit | undefined };
  readonly thread: {
    /** Suspended in a call, which may go on to read and write what it checked when it began. */
    readonly inCall: boolean;
  };
  grow(index: number, pages: number): number;
  end(cause: Cause): void;
}

const ORDER: readonly Access[] = ['none', 'read', 'write'];
const exceeds = (access: Access, most: Access): boolean => ORDER.indexOf(access) > ORDER.indexOf(most);

export class Mappings implements MemoryMapper, Holder {
  readonly #process: Mapped;
  readonly #space: AddressSpace;
  readonly #mmu: Mmu;
  #made: Areas | undefined;
  /** Ascending, disjoint. */
  #pieces: Piece[] = [];
  /** Ranges that are to be inaccessible, but are zero pages until the call that is under way is over. */
  #limbo: { readonly from: number; readonly to: number }[] = [];

  constructor(process: Mapped, space: AddressSpace, mmu: Mmu) {
    this.#process = process;
    this.#space = space;
    this.#mmu = mmu;
  }

  get audit(): Audit | undefined {
    return this.#process.capabilities.audit;
  }

  /** Whether anything was ever mapped. */
  get used(): boolean {
    return this.#made !== undefined && this.#made.list.length > 0;
  }

  map(named: Capability<RegionObject>, at: number, access: Access): number | 'INVAL' | 'NOMEM' | 'NOTSUP' {
    const { mappable } = this.#space;
    if (mappable === undefined || this.#mmu.driver !== 'native') return 'NOTSUP';
    const { region } = named.object;
    const from = this.#place(region.bytes, at);
    if (typeof from !== 'number') return from;
    const to = from + region.bytes;
    const { rights } = named;
    const most = rights & REGION_RIGHT.write ? 'write' : rights & REGION_RIGHT.read ? 'read' : 'none';
    const capability = named.derive(rights, 0);
    capability.holder = this;
    this.#clear(from, to);
    this.#process.memory.protect(from, to, 'none');
    if (!this.#mmu.map(mappable.memory, from, region, access)) {
      capability.drop();
      return this.#refused();
    }
    this.#process.memory.protect(from, to, access);
    this.#add({ from, to, access, most, capability, lost: undefined });
    return from;
  }

  allocate(bytes: number, access: Access): number | 'INVAL' | 'NOMEM' | 'NOTSUP' {
    const { mappable } = this.#space;
    if (mappable === undefined || this.#mmu.driver !== 'native') return 'NOTSUP';
    if (bytes === 0) return 'INVAL';
    const length = this.#rounded(bytes);
    const from = this.#place(length, 0);
    if (typeof from !== 'number') return from;
    const to = from + length;
    if (!this.#mmu.unmap(mappable.memory, from, length, access)) return this.#refused();
    this.#process.memory.protect(from, to, access);
    this.#add({ from, to, access, most: 'write', capability: undefined, lost: undefined });
    return from;
  }

  unmap(from: number, bytes: number): 'INVAL' | 'NOMEM' | undefined {
    const to = from + this.#rounded(bytes);
    if (!this.#isAligned(from, bytes) || !this.#areas.contains(from, to)) return 'INVAL';
    // What is split in two is one more.
    if (this.#pieces.length > PIECES_MAX) return 'NOMEM';
    this.#process.memory.protect(from, to, 'none');
    if (!this.#mmu.unmap(this.#space.mappable!.memory, from, to - from)) return this.#refused();
    this.#clear(from, to);
    return undefined;
  }

  protect(from: number, bytes: number, access: Access): 'INVAL' | 'NOMEM' | 'ACCES' | undefined {
    const to = from + this.#rounded(bytes);
    if (!this.#isAligned(from, bytes)) return 'INVAL';
    const inside = this.#pieces.filter((one) => one.from < to && from < one.to);
    const covered = inside.reduce((sum, one) => sum + Math.min(one.to, to) - Math.max(one.from, from), 0);
    // POSIX: ENOMEM where nothing is mapped.
    if (covered !== to - from || this.#pieces.length + 2 > PIECES_MAX) return 'NOMEM';
    if (inside.some(({ most }) => exceeds(access, most))) return 'ACCES';
    const { memory } = this.#process;
    memory.protect(from, to, 'none');
    if (!this.#mmu.protect(this.#space.mappable!.memory, from, to, access)) return this.#refused();
    memory.protect(from, to, access);
    this.#split(from, to);
    this.#pieces = this.#pieces.map((one) => (from <= one.from && one.to <= to ? { ...one, access } : one));
    return undefined;
  }

  /** Revoked: its pages are nobody's from now on. */
  lose(capability: Capability<CapObject>): void {
    const { memory, thread } = this.#process;
    const { mappable } = this.#space;
    const { inCall } = thread;
    for (const piece of this.#pieces) {
      if (piece.capability !== capability || mappable === undefined) continue;
      const { from, to } = piece;
      memory.protect(from, to, 'none');
      // What a call that is under way still reads or writes there are zeros that nobody sees.
      if (!this.#mmu.unmap(mappable.memory, from, to - from, inCall ? 'write' : 'none')) {
        this.#process.end(crashed('a region that was taken away could not be unmapped'));
      }
      if (inCall) this.#limbo.push({ from, to });
    }
    this.#pieces = this.#pieces.map((one) =>
      one.capability === capability
        ? { ...one, access: 'none', most: 'none', capability: undefined, lost: capability.name ?? 'a region' }
        : one,
    );
  }

  /** The guest goes on: what calls could still touch, it cannot. */
  settle(): void {
    if (this.#limbo.length === 0) return;
    const { memory } = this.#space.mappable!;
    for (const { from, to } of this.#limbo) {
      if (!this.#mmu.protect(memory, from, to, 'none'))
        this.#process.end(crashed('a region that was taken away could not be made inaccessible'));
    }
    this.#limbo = [];
  }

  /** The process is over, and its memory is given back next, whatever is mapped there. */
  close(): void {
    const held = new Set(this.#pieces.map(({ capability }) => capability));
    this.#pieces = [];
    for (const one of held) one?.drop('exit');
  }

  /** Before what would end the host at a protected page: whether the guest may do it. Where not, the process ends. */
  touch(address: number, length: number, writes: boolean): boolean {
    const { memory } = this.#process;
    // Beyond its end V8 traps.
    if (address + length > memory.bytes.length) return true;
    if (writes ? memory.hasWritable(address, length) : memory.has(address, length)) return true;
    this.#process.end(trapped(traced(`memory access out of bounds: ${this.#describe(address, length, writes)}`)));
    return false;
  }

  /** The cause, with what is known of it: V8 tells of no address, so what can have been touched is told. */
  explain(cause: Cause): Cause {
    if (!this.used || !isOutOfBounds(cause)) return cause;
    const candidates = this.#pieces.filter(({ access }) => access !== 'write').map(kindOf);
    const guards = this.#areas.list.map(({ from, to }) => `before and behind ${range(from, to)}`);
    return detailed(cause, `, not mapped, or protected: ${[...candidates, `guard pages ${guards.join(', ')}`].join('; ')}`);
  }

  #describe(address: number, length: number, writes: boolean): string {
    const what = writes ? 'a write' : 'a read';
    const hit = this.#pieces.find(
      ({ from, to, access }) => from < address + length && address < to && (access === 'none' || (writes && access === 'read')),
    );
    const none = address < this.#mmu.pageBytes ? 'the null page' : 'a guard page, or one that nothing is mapped at';
    const where = hit === undefined ? none : kindOf(hit);
    return `${what} of ${length} bytes at 0x${address.toString(16)} touches ${where}`;
  }

  /** An address for so many bytes: a new area's, or `at`, which must be mapped already. */
  #place(bytes: number, at: number): number | 'INVAL' | 'NOMEM' {
    if (this.#pieces.length + 2 > PIECES_MAX) return 'NOMEM';
    if (at !== 0) return this.#isAligned(at, bytes) && this.#areas.contains(at, at + bytes) ? at : 'INVAL';
    return this.#areas.take(bytes, (area) => this.#isFree(area)) ?? this.#reserve(bytes) ?? 'NOMEM';
  }

  /** Made when it is first needed: the driver has to look at the host. */
  get #areas(): Areas {
    this.#made ??= new Areas(this.#mmu.pageBytes);
    return this.#made;
  }

  #isFree({ from, to }: Area): boolean {
    return !this.#pieces.some((one) => one.from < to && from < one.to);
  }

  /** Grows the memory by an area that nobody may touch yet. */
  #reserve(bytes: number): number | undefined {
    const { memory } = this.#process;
    const { mappable } = this.#space;
    const pages = this.#areas.pagesFor(bytes);
    if (this.#areas.full) return undefined;
    const before = this.#process.grow(mappable!.index, pages);
    if (before < 0) return undefined;
    const start = before * WASM_PAGE;
    const end = start + pages * WASM_PAGE;
    memory.protect(start, end, 'none');
    if (this.#mmu.protect(mappable!.memory, start, end, 'none')) return this.#areas.add(start, pages).from;
    memory.protect(start, end, 'write');
    this.#refused();
    return undefined;
  }

  /** The host could not. Where it may have left anything half done, the process ends. */
  #refused(): 'NOMEM' {
    if (!this.#mmu.intact(this.#space.mappable!.memory))
      this.#process.end(crashed('the host could not change what is mapped into its memory'));
    return 'NOMEM';
  }

  #rounded(bytes: number): number {
    return Math.ceil(bytes / this.#mmu.pageBytes) * this.#mmu.pageBytes;
  }

  #isAligned(from: number, bytes: number): boolean {
    return bytes > 0 && from % this.#mmu.pageBytes === 0;
  }

  #add(piece: Piece): void {
    this.#pieces = [...this.#pieces, piece].sort((a, b) => a.from - b.from);
  }

  /** No piece goes over an end of the range any more. */
  #split(from: number, to: number): void {
    for (const at of [from, to]) {
      this.#pieces = this.#pieces.flatMap((one) =>
        one.from < at && at < one.to
          ? [
              { ...one, to: at },
              { ...one, from: at },
            ]
          : [one],
      );
    }
  }

  /** Nothing is mapped there any more; a region of which nothing is left is given back. */
  #clear(from: number, to: number): void {
    this.#split(from, to);
    const gone = this.#pieces.filter((one) => from <= one.from && one.to <= to);
    this.#pieces = this.#pieces.filter((one) => !gone.includes(one));
    for (const { capability } of gone) {
      if (capability?.live && !this.#pieces.some((one) => one.capability === capability)) capability.drop();
    }
  }
}

const range = (from: number, to: number): string => `0x${from.toString(16)}-0x${to.toString(16)}`;

function kindOf({ from, to, access, capability, lost }: Piece): string {
  const where = range(from, to);
  if (lost !== undefined) return `${printable(lost)} at ${where}, which was revoked`;
  const what = capability === undefined ? 'memory' : printable(capability.name ?? 'a region');
  return `${what} at ${where}, ${access === 'none' ? 'made inaccessible' : 'which can only be read'}`;
}
