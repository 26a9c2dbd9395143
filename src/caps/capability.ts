// A capability: the right to use an object, in one place at a time. Capabilities form trees: whatever was derived from one, or
// opened through it, is beneath it, has no right that it has not, and dies when it is revoked. Nothing here ever adds a right.
import type { Audit } from './audit.ts';
import type { CapObject, Description } from './object.ts';

/** Why a capability died. */
export type End = 'drop' | 'revoke' | 'exit';

/** Where a capability is: a process's table, or a parcel on its way. */
export interface Holder {
  /** Who is told of what becomes of the capabilities here; undefined where nobody is. */
  readonly audit: Audit | undefined;
  /** A capability that is here has died. Must not throw. */
  lose(capability: Capability<CapObject>, why: End): void;
}

/** Held by the kernel alone, or by nobody any more. */
const NOWHERE = -1;

export class Capability<T extends CapObject = Description> {
  readonly object: T;
  /** Bits of the object's kind, such as RIGHT. */
  rights: number;
  /** What a capability on an object opened through this one can have at most. */
  inheriting: number;
  /** The name under which a directory was given to the process, if it was. */
  readonly preopen: string | undefined;
  /** The grant that it came from, as text. */
  readonly name: string | undefined;
  /** False from the moment that it is dropped or revoked: no call works on it any more. */
  live = true;
  /** Set by holders only, as is `place`: its number there. */
  holder: Holder | undefined;
  place = NOWHERE;

  // The tree, by links within. One that was dropped stays as a joint while it has two children or more, so that dropping
  // takes the same time whatever is beneath; there are fewer joints than capabilities.
  #parent: Capability<CapObject> | undefined;
  #child: Capability<CapObject> | undefined;
  #previous: Capability<CapObject> | undefined;
  #next: Capability<CapObject> | undefined;
  #gone: PromiseWithResolvers<void> | undefined;

  /** A root, which takes over the reference to `object` that its caller has. */
  constructor(object: T, rights: number, inheriting = 0, preopen?: string, name?: string) {
    this.object = object;
    this.rights = rights;
    this.inheriting = inheriting;
    this.preopen = preopen;
    this.name = name;
  }

  /** A child on the same object, with at most these rights. Throws on a dead one. */
  derive(rights: number, inheriting: number): Capability<T> {
    this.#mustLive();
    const child = new Capability<T>(
      this.object.retain(),
      this.rights & rights,
      this.inheriting & inheriting,
      this.preopen,
      this.name,
    );
    this.#adopt(child);
    const same = child.rights === this.rights && child.inheriting === this.inheriting;
    this.holder?.audit?.capability(same ? 'duplicate' : 'derive', child, `from ${this.place}`);
    return child;
  }

  /**
   * A child on an object that was obtained through this one, with at most the rights that `inheriting` allows. The reference
   * to `object` is taken over; throws on a dead capability, and then it is released. `preopen`: as the constructor has it.
   */
  open<O extends CapObject>(object: O, rights: number, inheriting: number, preopen?: string): Capability<O> {
    if (!this.live) object.release();
    this.#mustLive();
    const child = new Capability<O>(object, this.inheriting & rights, this.inheriting & inheriting, preopen, this.name);
    this.#adopt(child);
    this.holder?.audit?.capability('open', child, `from ${this.place}`);
    return child;
  }

  /** Gives up rights for good; false, and nothing changed, where that would add one. */
  narrow(rights: number, inheriting: number): boolean {
    if ((rights & ~this.rights) !== 0 || (inheriting & ~this.inheriting) !== 0) return false;
    this.rights = rights;
    this.inheriting = inheriting;
    this.holder?.audit?.capability('derive', this, 'narrowed');
    return true;
  }

  /**
   * Kills every descendant, wherever it is held; this one goes on working. Even where releasing an object throws, all are
   * dead and released; then throws what the first threw.
   */
  revoke(): void {
    if (!this.live || this.#child === undefined) return;
    const beneath: Capability<CapObject>[] = [];
    for (let one = this.#child as Capability<CapObject> | undefined; one !== undefined; one = one.#next) beneath.push(one);
    for (const dead of beneath) {
      for (let one = dead.#child; one !== undefined; one = one.#next) beneath.push(one);
    }
    this.#child = undefined;
    // All are dead before the first object goes: what an object does at its end finds none of them working.
    const objects: CapObject[] = [];
    for (const one of beneath) {
      one.#parent = one.#child = one.#previous = one.#next = undefined;
      if (!one.live) continue;
      one.#die('revoke');
      objects.push(one.object);
    }
    releaseAll(objects);
  }

  /** Gives this one up; its children become its parent's. */
  drop(why: End = 'drop'): void {
    if (!this.live) return;
    this.#die(why);
    this.#prune();
    this.object.release();
  }

  /** Settles when it dies, or leaves the place where it is. Calls that are suspended wait for it, then ask their table whether it `holds` it. */
  gone(): Promise<void> {
    if (!this.live) return Promise.resolve();
    this.#gone ??= Promise.withResolvers<void>();
    return this.#gone.promise;
  }

  /** For holders: takes it out of the place where it is. */
  leave(): void {
    this.holder = undefined;
    this.place = NOWHERE;
    this.#gone?.resolve();
    this.#gone = undefined;
  }

  #die(why: End): void {
    this.live = false;
    this.holder?.lose(this, why);
    this.leave();
  }

  #mustLive(): void {
    if (!this.live) throw new Error('a dead capability was used');
  }

  #adopt(child: Capability<CapObject>): void {
    child.#parent = this;
    child.#next = this.#child;
    if (this.#child !== undefined) this.#child.#previous = child;
    this.#child = child;
  }

  /** Takes what is dead out of the tree, or makes it a joint. */
  #prune(): void {
    const only = this.#child;
    if (only !== undefined && only.#next !== undefined) return;
    const parent = this.#parent;
    if (only !== undefined) this.#replace(only);
    else this.#unlink();
    // A joint that has one child left joins nothing.
    if (only === undefined && parent !== undefined && !parent.live) parent.#prune();
  }

  #unlink(): void {
    if (this.#next !== undefined) this.#next.#previous = this.#previous;
    if (this.#previous !== undefined) this.#previous.#next = this.#next;
    else if (this.#parent !== undefined) this.#parent.#child = this.#next;
    this.#parent = this.#previous = this.#next = undefined;
  }

  /** Its only child takes its place. */
  #replace(only: Capability<CapObject>): void {
    only.#parent = this.#parent;
    only.#previous = this.#previous;
    only.#next = this.#next;
    if (this.#next !== undefined) this.#next.#previous = only;
    if (this.#previous !== undefined) this.#previous.#next = only;
    else if (this.#parent !== undefined) this.#parent.#child = only;
    this.#parent = this.#child = this.#previous = this.#next = undefined;
  }
}

/** Releases each, even where one throws; then throws what the first threw. */
function releaseAll(objects: readonly CapObject[]): void {
  const failures: unknown[] = [];
  for (const object of objects) {
    try {
      object.release();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
