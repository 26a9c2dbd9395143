// A process's table of capabilities. The guest holds only an index; what a call works on is the capability that the index
// named when the call began, so that a slot reused meanwhile never serves it.
import type { Description } from './object.ts';

/** A right to use an object. Never widened: derive only takes rights away. */
export class Capability {
  readonly object: Description;
  /** Bits of RIGHT. */
  rights: number;
  /** What a descriptor opened through this one can have at most. */
  inheriting: number;
  /** The name under which a directory was given to the process, if it was. */
  readonly preopen: string | undefined;

  constructor(object: Description, rights: number, inheriting = 0, preopen?: string) {
    this.object = object;
    this.rights = rights;
    this.inheriting = inheriting;
    this.preopen = preopen;
  }

  /** Another capability on the same object with at most these rights. */
  derive(rights: number, inheriting: number): Capability {
    return new Capability(this.object.retain() as Description, this.rights & rights, this.inheriting & inheriting, this.preopen);
  }

  /** Gives up rights for good; false, and nothing changed, where that would add one. */
  narrow(rights: number, inheriting: number): boolean {
    if ((rights & ~this.rights) !== 0 || (inheriting & ~this.inheriting) !== 0) return false;
    this.rights = rights;
    this.inheriting = inheriting;
    return true;
  }
}

/** What is asked before a descriptor is taken, and told of each that is given back. */
export interface Quota {
  readonly room: number;
  take(): void;
  give(): void;
}

/** Entries that the listings of one table's directories hold together, at about 50 bytes of the host each. */
const LISTED_MAX = 200_000;

export class CapTable {
  /** By descriptor. Read by the dispatcher, changed here only. */
  readonly slots: (Capability | undefined)[] = [];
  readonly #max: number;
  readonly #quota: Quota | undefined;
  /** How many entries each listing that goes on holds, the latest last. */
  readonly #listings = new Map<Description, number>();
  #listed = 0;
  #lowest = 0;
  #used = 0;

  constructor(max: number, quota?: Quota) {
    this.#max = max;
    this.#quota = quota;
  }

  get size(): number {
    return this.#used;
  }

  get room(): number {
    return Math.min(this.#max - this.#used, this.#quota?.room ?? this.#max);
  }

  /** The lowest free descriptor, which it takes over; undefined when the table is full (the caller keeps the capability). */
  insert(capability: Capability): number | undefined {
    if (this.room < 1) return undefined;
    let slot = this.#lowest;
    while (this.slots[slot] !== undefined) slot++;
    this.slots[slot] = capability;
    this.#lowest = slot + 1;
    this.#used++;
    this.#quota?.take();
    return slot;
  }

  close(slot: number): boolean {
    const capability = this.slots[slot];
    if (capability === undefined) return false;
    this.#clear(slot);
    this.#forget(capability.object);
    capability.object.release();
    return true;
  }

  /** POSIX dup2 and WASI fd_renumber: `to` is closed and becomes `from`. Both must be open; onto itself changes nothing. */
  renumber(from: number, to: number): boolean {
    const moved = this.slots[from];
    const replaced = this.slots[to];
    if (moved === undefined || replaced === undefined) return false;
    if (from === to) return true;
    this.slots[to] = moved;
    this.#clear(from);
    this.#forget(replaced.object);
    replaced.object.release();
    return true;
  }

  /** A directory keeps so many entries for a listing that goes on: beyond what all may keep, the oldest ones are forgotten. */
  keepListing(object: Description, entries: number): void {
    this.#listed += entries - (this.#listings.get(object) ?? 0);
    this.#listings.delete(object);
    this.#listings.set(object, entries);
    for (const oldest of this.#listings.keys()) {
      if (this.#listed <= LISTED_MAX || oldest === object) return;
      this.#forget(oldest);
    }
  }

  /** Closes every slot, even where closing one throws; then throws what the first threw. */
  closeAll(): void {
    const failures: unknown[] = [];
    for (let slot = this.slots.length - 1; slot >= 0; slot--) {
      try {
        this.close(slot);
      } catch (error) {
        failures.push(error);
      }
    }
    this.slots.length = 0;
    if (failures.length > 0) throw failures[0];
  }

  #forget(object: Description): void {
    const entries = this.#listings.get(object);
    if (entries === undefined) return;
    this.#listings.delete(object);
    this.#listed -= entries;
    object.forgetEntries();
  }

  #clear(slot: number): void {
    this.slots[slot] = undefined;
    this.#used--;
    this.#quota?.give();
    if (slot < this.#lowest) this.#lowest = slot;
  }
}
