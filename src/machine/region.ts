// Regions: memory outside any process, which the embedder reads and writes, and processes map that are given it. Each is a grant,
// and what was derived from one dies with it. Its pages are the host's: every kernel opens them by their descriptor.
import { REGION_RIGHT } from '../caps/region.ts';
import type { Mmu, OwnRegion } from '../hal/mmu.ts';
import { type NodeMmu, nodeMmu } from '../hal/node/mmu/mmu.ts';
import { SuperosError } from './error.ts';
import { formatGrant } from './grammar.ts';
import type { Grant, RegionGrant } from './grants.ts';
import { parseSize } from './units.ts';

/** `map` by itself lets a process put it into its memory; `transfer`: its children get it too. `write` implies `read`. */
export type RegionRight = keyof typeof REGION_RIGHT;

export interface RegionOptions {
  /** What guests find it by, as `region:NAME`: a number by default. */
  readonly name?: string;
}

/** What a kernel is told of a region that a process is given. */
export interface RegionOrder {
  readonly name: string;
  /** Valid until every kernel has answered that the region is revoked. */
  readonly handle: number;
  readonly bytes: number;
  /** From what was made to what is given: each has at most the rights of the one before. */
  readonly line: readonly { readonly id: number; readonly rights: number }[];
}

/** What a region reaches all kernels by. */
interface Home {
  readonly next: () => number;
  readonly revoke: (ids: readonly number[]) => Promise<void>;
  /** Those that were made, and are not disposed of. */
  readonly live: Set<MemoryRegion>;
}

const RIGHTS: readonly RegionRight[] = ['read', 'write', 'map', 'transfer'];
/** What fits into a memory with the pages that guard it. */
const BYTES_MAX = 2 ** 32 - 4 * 65_536;

/** What `machine.region` makes: to be given to processes as one of their capabilities. */
export class MemoryRegion implements RegionGrant, AsyncDisposable {
  readonly region: string;
  readonly bytes: number;
  readonly rights: readonly RegionRight[];
  /** All of it. It stays when the region is disposed of, and then nobody else has it. */
  readonly view: Uint8Array;
  readonly #home: Home;
  readonly #own: OwnRegion;
  readonly #parent: MemoryRegion | undefined;
  readonly #id: number;
  readonly #derived = new Set<MemoryRegion>();
  #over = false;

  /** For `Regions` and `derive`. */
  constructor(home: Home, name: string, own: OwnRegion, rights: readonly RegionRight[], parent?: MemoryRegion) {
    this.#home = home;
    this.#id = home.next();
    this.#own = own;
    this.#parent = parent;
    this.region = name;
    this.bytes = own.bytes;
    this.view = own.view;
    this.rights = rights;
    if (parent === undefined) home.live.add(this);
  }

  /**
   * The same pages with at most these rights, besides those to map and to hand on, which stay. It is revoked with this one, and by
   * itself without this one.
   */
  derive({ rights }: { readonly rights: readonly RegionRight[] }): MemoryRegion {
    this.#mustLive();
    for (const right of rights) {
      if (!RIGHTS.includes(right)) throw new SuperosError('invalid-argument', `a right is ${RIGHTS.join(', ')}, not '${right}'`);
    }
    const wanted = [...rights, ...(rights.includes('write') ? ['read'] : []), 'map', 'transfer'];
    const left = this.rights.filter((right) => wanted.includes(right));
    const child = new MemoryRegion(this.#home, this.region, this.#own, left, this);
    this.#derived.add(child);
    return child;
  }

  /**
   * Takes it from all who were given it, with what was derived from it: once this resolves its pages are in no process any more,
   * and a touch of where they were is a trap. It can be given anew; what was derived from it cannot.
   */
  async revoke(): Promise<void> {
    this.#mustLive();
    const ids = [this.#id, ...this.#end()];
    await this.#home.revoke(ids);
  }

  /** Revokes it for good, and gives its pages back to the host once nobody has a view of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over) return;
    const ids = [this.#id, ...this.#end()];
    this.#over = true;
    if (this.#parent !== undefined) this.#parent.#derived.delete(this);
    await this.#home.revoke(ids);
    if (this.#parent !== undefined) return;
    this.#own.release();
    this.#home.live.delete(this);
  }

  /** Throws SuperosError for one that is over. */
  order(home: Home): RegionOrder {
    this.#mustLive();
    if (home !== this.#home) throw new SuperosError('invalid-argument', `${formatGrant(this)} is a region of another machine`);
    return { name: formatGrant(this), handle: this.#own.handle, bytes: this.bytes, line: this.#line() };
  }

  #line(): { id: number; rights: number }[] {
    const rights = this.rights.reduce((bits, right) => bits | REGION_RIGHT[right], 0);
    const before = this.#parent === undefined ? [] : this.#parent.#line();
    return [...before, { id: this.#id, rights }];
  }

  /** What was derived from it is over; the numbers of all these. */
  #end(): number[] {
    const derived = [...this.#derived];
    this.#derived.clear();
    return derived.flatMap((one) => {
      one.#over = true;
      return [one.#id, ...one.#end()];
    });
  }

  #mustLive(): void {
    if (this.#over) throw new SuperosError('closed', `the region ${this.region} was revoked for good`);
  }
}

/** The regions of one machine. */
export class Regions {
  readonly #mmu: Mmu & Partial<Pick<NodeMmu, 'reason'>>;
  readonly #home: Home;
  #made = 0;

  /** `revoke`: takes regions away in every kernel. */
  constructor(mmu: Mmu | undefined, revoke: Home['revoke']) {
    this.#mmu = mmu ?? nodeMmu();
    let ids = 0;
    this.#home = { next: () => ids++, revoke, live: new Set() };
  }

  /** Disposes of those that nobody has. */
  async close(): Promise<void> {
    await Promise.all([...this.#home.live].map((region) => region[Symbol.asyncDispose]()));
  }

  /** Throws SuperosError. */
  make(size: string | number, { name = String(++this.#made) }: RegionOptions): MemoryRegion {
    const bytes = parseSize(size);
    if (bytes < 1 || bytes > BYTES_MAX)
      throw new SuperosError('invalid-argument', `a region has from 1 to ${BYTES_MAX} bytes, not ${bytes}`);
    if (name === '') throw new SuperosError('invalid-argument', 'a region has a name');
    if (this.#mmu.driver !== 'native')
      throw new SuperosError(
        'not-supported',
        `this host shares no memory between processes: ${this.#mmu.reason ?? 'its driver is portable'} (see superos doctor)`,
      );
    const own = this.#mmu.region(bytes);
    if (own === undefined) throw new SuperosError('no-memory', `the host has no room for a region of ${bytes} bytes`);
    return new MemoryRegion(this.#home, name, own, RIGHTS);
  }

  /** What is told of the regions among grants, in their order. Throws SuperosError for one that is none of this machine's. */
  orders(grants: readonly Grant[]): RegionOrder[] {
    return grants.flatMap((one) => {
      if (typeof one !== 'object' || !('region' in one)) return [];
      if (one instanceof MemoryRegion) return [one.order(this.#home)];
      throw new SuperosError(
        'invalid-argument',
        `${formatGrant(one)}: a region is given as the object that region of the same machine made`,
      );
    });
  }
}
