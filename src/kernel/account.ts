// Accounts: what a process and all that descend from it hold and have used, against their bounds. A charge counts against the
// account of every ancestor, and is refused where any of them has no room for it, with nothing changed.
//
// An account outlives its process, as a control group of Linux does: while a descendant or a pipe of it lives, that goes on
// counting against it and all above it. What is held is given back exactly; what was used (bytes, CPU time) never is.
import type { Counted } from '../caps/object.ts';
import type { Writing } from '../syscalls/caller.ts';
import { type Limits, RESOURCE, RESOURCES, type Resource, type ResourceNumber } from './limits.ts';

/** Where a resource has its five numbers: own and total use, the most that total ever was, soft and hard bound. */
const OWN = 0;
const USED = 1;
const PEAK = 2;
const SOFT = 3;
const HARD = 4;
const WIDTH = 5;

const CPU = RESOURCE.cpuNs * WIDTH;
const OUTPUT = RESOURCE.output * WIDTH;
const WRITTEN = RESOURCE.written * WIDTH;
/** A copy of it is an array of doubles side by side on V8's heap, made ten times faster than a Float64Array. */
const BLANK: readonly number[] = Array.from({ length: RESOURCES.length * WIDTH }, () => Number.MIN_VALUE);

/** getrlimit and getrusage in one; bytes, counts, nanoseconds. */
export interface Standing {
  readonly soft: number;
  readonly hard: number;
  /** By the process and all that descend from it. */
  readonly used: number;
  readonly peak: number;
}

/**
 * Accounts with bytes that are not charged yet. Where nothing bounds what is written, that is done once somebody asks: a write is
 * to touch little memory, since the host's kernel has taken the caches.
 */
const slates = new Set<Account>();

export class Account implements Writing {
  readonly parent: Account | undefined;
  readonly #cells = BLANK.slice();
  readonly boundless: boolean;
  /** Bytes written to each, not charged yet. */
  #output = 0;
  #files = 0;
  #slated = false;
  /** Told when use goes beyond a soft bound that is below the hard one. */
  holder: { exceeded(resource: Resource): void } | undefined;

  constructor(parent: Account | undefined, limits: Limits) {
    this.parent = parent;
    const cells = this.#cells;
    for (let number = 0; number < RESOURCES.length; number++) {
      const resource = RESOURCES[number]!;
      const hard = limits[resource];
      const at = number * WIDTH;
      cells[at + OWN] = 0;
      cells[at + USED] = 0;
      cells[at + PEAK] = 0;
      cells[at + SOFT] = Math.min(limits.soft?.[resource] ?? hard, hard);
      cells[at + HARD] = hard;
    }
    const least = Math.min(cells[OUTPUT + SOFT]!, cells[WRITTEN + SOFT]!);
    this.boundless = least === Number.POSITIVE_INFINITY && (parent === undefined || parent.boundless);
  }

  /** By the process itself. */
  own(resource: ResourceNumber): number {
    return this.#cells[resource * WIDTH + OWN]!;
  }
  /** By the process and all that descend from it. */
  used(resource: ResourceNumber): number {
    for (const one of slates) one.#settle();
    return this.#cells[resource * WIDTH + USED]!;
  }
  standing(resource: ResourceNumber): Standing {
    const at = resource * WIDTH;
    const cells = this.#cells;
    const used = this.used(resource);
    return { soft: cells[at + SOFT]!, hard: cells[at + HARD]!, used, peak: cells[at + PEAK]! };
  }

  /** What may still be charged. */
  room(resource: ResourceNumber): number {
    const at = resource * WIDTH;
    let room = Number.POSITIVE_INFINITY;
    for (let one: Account | undefined = this; one !== undefined; one = one.parent) {
      room = Math.min(room, one.#cells[at + HARD]! - one.#cells[at + USED]!);
    }
    return Math.max(0, room);
  }

  /** False, and nothing changed, where one of the accounts has no room for it. */
  charge(resource: ResourceNumber, amount: number): boolean {
    if (amount > this.room(resource)) return false;
    this.add(resource, amount);
    return true;
  }

  /** Charges what has been used already. */
  add(resource: ResourceNumber, amount: number): void {
    const at = resource * WIDTH;
    this.#cells[at + OWN]! += amount;
    for (let one: Account | undefined = this; one !== undefined; one = one.parent) {
      const cells = one.#cells;
      const before = cells[at + USED]!;
      const after = before + amount;
      cells[at + USED] = after;
      if (after > cells[at + PEAK]!) cells[at + PEAK] = after;
      const soft = cells[at + SOFT]!;
      if (before <= soft && after > soft && soft < cells[at + HARD]!) one.holder?.exceeded(RESOURCES[resource]!);
    }
  }

  /** Gives back what was charged to this account. */
  release(resource: ResourceNumber, amount: number): void {
    const at = resource * WIDTH;
    if (amount > this.#cells[at + OWN]!)
      throw new Error(`${amount} of ${RESOURCES[resource]} are given back, but fewer are held`);
    this.#cells[at + OWN]! -= amount;
    for (let one: Account | undefined = this; one !== undefined; one = one.parent) one.#cells[at + USED]! -= amount;
  }

  writable(what: Counted): number {
    return this.room(RESOURCE[what]);
  }
  wrote(what: Counted, bytes: number): void {
    if (!this.boundless) this.add(RESOURCE[what], bytes);
    else {
      if (!this.#slated) slates.add(this);
      this.#slated = true;
      if (what === 'written') this.#files += bytes;
      else this.#output += bytes;
    }
  }
  #settle(): void {
    this.add(RESOURCE.output, this.#output);
    this.add(RESOURCE.written, this.#files);
    this.#output = 0;
    this.#files = 0;
    this.#slated = false;
    slates.delete(this);
  }

  /** Its process has ended: descendants may keep the account for long. */
  close(): void {
    if (this.#slated) this.#settle();
    this.holder = undefined;
  }

  hold(bytes: number): (() => void) | undefined {
    return this.charge(RESOURCE.pipes, bytes) ? () => this.release(RESOURCE.pipes, bytes) : undefined;
  }

  /** CPU time until the next bound is reached, at least 1 ns: a soft one not passed yet, or a hard one. */
  get cpuLeftNs(): number {
    let left = Number.POSITIVE_INFINITY;
    for (let one: Account | undefined = this; one !== undefined; one = one.parent) {
      const used = one.#cells[CPU + USED]!;
      const soft = one.#cells[CPU + SOFT]!;
      left = Math.min(left, (used <= soft ? soft : one.#cells[CPU + HARD]!) - used);
    }
    return Math.max(1, left);
  }

  /** The CPU time that this account or one above it allows, where all of it is used up. */
  get cpuSpentNs(): number | undefined {
    for (let one: Account | undefined = this; one !== undefined; one = one.parent) {
      if (one.#cells[CPU + USED]! >= one.#cells[CPU + HARD]!) return one.#cells[CPU + HARD]!;
    }
    return undefined;
  }
}
