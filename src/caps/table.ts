// A process's table of capabilities, in two spaces of numbers: descriptors, and handles for what is no descriptor. The guest
// holds only a number; what a call works on is the capability that the number named when the call began, so that a slot
// reused meanwhile never serves it.
import type { Audit } from './audit.ts';
import type { Capability, End, Holder } from './capability.ts';
import { HANDLE_BASE, Handles } from './handles.ts';
import type { CapObject, Description } from './object.ts';

export { Capability } from './capability.ts';

/** What is asked before a descriptor is taken, and told of each that is given back. */
export interface Quota {
  readonly room: number;
  take(): void;
  give(): void;
}

/** Entries that the listings of one table's directories hold together, at about 50 bytes of the host each. */
const LISTED_MAX = 200_000;

export class CapTable implements Holder {
  /** By descriptor. Read by the dispatcher, changed here only. */
  readonly slots: (Capability | undefined)[] = [];
  /** Set once, where somebody audits. */
  audit: Audit | undefined;
  /** Told of each handle that comes or goes, by the kind of its object: who keeps what `find` gave asks anew. */
  watcher: { changed(kind: string): void } | undefined;
  #max: number;
  #quota: Quota | undefined;
  #handles = new Handles();
  /** How many entries each listing that goes on holds, the latest last. */
  readonly #listings = new Map<Description, number>();
  #listed = 0;
  #lowest = 0;
  #used = 0;

  constructor(max: number, quota?: Quota) {
    this.#max = max;
    this.#quota = quota;
  }

  /** An empty table for another process: it numbers from the start, as if there had been none before. */
  renew(max: number, quota?: Quota): void {
    if (this.#used + this.#handles.size > 0) throw new Error('a table that holds something was to be renewed');
    this.#max = max;
    this.#quota = quota;
    this.#handles = new Handles();
    this.#lowest = 0;
    this.audit = undefined;
  }

  /** Descriptors. */
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
    capability.holder = this;
    capability.place = slot;
    this.#lowest = slot + 1;
    this.#used++;
    this.#quota?.take();
    return slot;
  }

  close(slot: number): boolean {
    const capability = this.slots[slot];
    capability?.drop();
    return capability !== undefined;
  }

  /** POSIX dup2 and WASI fd_renumber: `to` is closed and becomes `from`. Both must be open; onto itself changes nothing. */
  renumber(from: number, to: number): boolean {
    const moved = this.slots[from];
    const replaced = this.slots[to];
    if (moved === undefined || replaced === undefined) return false;
    if (from === to) return true;
    this.slots[to] = moved;
    moved.place = to;
    this.slots[from] = replaced;
    replaced.place = from;
    replaced.drop();
    return true;
  }

  /** A new handle for a capability, which it takes over; undefined where there is no room (the caller keeps the capability). */
  insertHandle(capability: Capability<CapObject>): number | undefined {
    const handle = this.#handles.insert(capability);
    if (handle === undefined) return undefined;
    capability.holder = this;
    capability.place = handle;
    this.watcher?.changed(capability.object.kind);
    return handle;
  }

  /** What a handle names; undefined for any other number. */
  lookup(handle: number): Capability<CapObject> | undefined {
    return this.#handles.lookup(handle);
  }

  closeHandle(handle: number): boolean {
    const capability = this.#handles.lookup(handle);
    capability?.drop();
    return capability !== undefined;
  }

  /** Handles that are free. */
  get handleRoom(): number {
    return this.#handles.room;
  }

  /** What is under handles. */
  get handles(): Iterable<Capability<CapObject>> {
    return this.#handles;
  }

  /** The first capability under a handle that is of this kind, and of which `predicate` holds. `T` must be the kind's class. */
  find<T extends CapObject>(kind: T['kind'], predicate?: (capability: Capability<T>) => boolean): Capability<T> | undefined {
    return this.#handles.places.find((one) => one?.object.kind === kind && predicate?.(one as Capability<T>) !== false) as
      | Capability<T>
      | undefined;
  }

  /** Whether a call that began on this capability may go on: it is alive and still here. */
  holds(capability: Capability<CapObject>): boolean {
    return capability.holder === this;
  }

  /** Takes a capability out, alive. */
  take(capability: Capability<CapObject>): void {
    this.#clear(capability);
    capability.leave();
  }

  lose(capability: Capability<CapObject>, why: End): void {
    this.audit?.capability(why === 'revoke' ? 'revoke' : 'drop', capability, why);
    this.#clear(capability);
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

  /** The process is over: drops all, even where dropping one throws; then throws what the first threw. */
  closeAll(): void {
    const failures: unknown[] = [];
    for (const places of [this.slots, this.#handles.places]) {
      for (let i = places.length - 1; i >= 0; i--) {
        try {
          places[i]?.drop('exit');
        } catch (error) {
          failures.push(error);
        }
      }
    }
    // To set its length takes V8 longer than to drop what is there.
    while (this.slots.length > 0) this.slots.pop();
    if (failures.length > 0) throw failures[0];
  }

  #forget(object: Description): void {
    const entries = this.#listings.get(object);
    if (entries === undefined) return;
    this.#listings.delete(object);
    this.#listed -= entries;
    object.forgetEntries();
  }

  #clear({ place, object }: Capability<CapObject>): void {
    if (place >= HANDLE_BASE) {
      this.#handles.remove(place);
      this.watcher?.changed(object.kind);
      return;
    }
    this.slots[place] = undefined;
    this.#used--;
    this.#quota?.give();
    if (place < this.#lowest) this.#lowest = place;
    this.#forget(object as Description);
  }
}
