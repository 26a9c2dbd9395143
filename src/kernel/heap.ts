// Who holds how much of the engine's heap, and who is ended before it is full. A program tells what it allocates, with a sample of its
// objects; what it holds is estimated from the samples that live, and is never more than the heap has grown since it came. Nobody is
// ended for garbage: before that it is collected, which takes at most a twentieth of the time.
import type { Clock } from '../hal/clock.ts';
import type { Entropy } from '../hal/entropy.ts';
import type { Heap } from '../hal/heap.ts';
import type { Account } from './account.ts';
import { HEAP_BATCH, HEAP_FULL, HEAP_LAST, HEAP_NEAR, RESOURCE, TABLE_ELEMENT_BYTES } from './limits.ts';
import { type Cause, stopped } from './status.ts';

/** Of the time, a collection for a limit's sake takes one part in so many. */
const PAUSE_FACTOR = 20;
/** Of the heap, what is allocated between two collections that are made because it is near its bound. */
const NEAR_STEP = 1 / 64;
const MIB = 2 ** 20;
/** Bytes. */
const FAR_BEYOND = 16 * MIB;
/** Bytes that one beyond its limit may allocate before it is looked at again, however long collections take. */
const PATIENCE = 64 * MIB;

/** What the heap must know of a process. */
export interface HeapOwner {
  readonly ending: Cause | undefined;
  readonly account: Account;
  readonly done: Promise<unknown>;
  end(cause: Cause): void;
}

/** What one process holds. */
class Share {
  readonly owner: HeapOwner;
  /** Bytes that samples stand for: those that live, and those found dead by a collection that has not told yet. */
  sampled = 0;
  /** Bytes of which there are no samples: exceptions. */
  unsampled = 0;
  /** Of both, those told since the last collection. */
  fresh = 0;
  /** The heap's use when it came, or the least since. */
  baseline: number;
  /** The collection after which it was beyond its limit, unless the samples prove otherwise; 0: none. */
  suspect = 0;
  /** Told since then. */
  since = 0;

  constructor(owner: HeapOwner, baseline: number) {
    this.owner = owner;
    this.baseline = baseline;
  }
}

/** A process's end of it, as the loader's meter pass calls it. */
export interface HeapMeter {
  /** Whether there is room for an object of so many bytes: 0, or 1 where the process is to unwind. */
  allocate(bytes: number): number;
  /** So many bytes were allocated since the last call, `object` as the last, unless it is null. Bytes until the next; negative: unwind. */
  allocated(bytes: number, object: object | null): number;
}

export class HeapPolicy {
  readonly #heap: Heap;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #shares = new Set<Share>();
  readonly #random = new Uint8Array(4);
  /** The least that was ever in use. */
  #floor = Number.POSITIVE_INFINITY;
  #collections = 0;
  /** What the last collection found dead is not known yet. */
  #unsettled = false;
  /** Bytes told since the last collection. */
  #fresh = 0;
  /** The heap was near its bound after the last collection. */
  #crowded = false;
  /** Until then nothing is collected for a limit's sake. */
  #quietUntilNs = 0;

  constructor(heap: Heap, clock: Clock, entropy: Entropy) {
    this.#heap = heap;
    this.#clock = clock;
    this.#entropy = entropy;
  }

  /** For a process that allocates, until it has ended. */
  open(owner: HeapOwner): HeapMeter {
    const used = this.#heap.used();
    const share = new Share(owner, used);
    this.#floor = Math.min(this.#floor, used);
    this.#shares.add(share);
    void owner.done.then(() => this.#shares.delete(share));
    return {
      allocate: (bytes) => (owner.ending === undefined && this.#admit(share, bytes) ? 0 : 1),
      allocated: (bytes, object) => {
        if (owner.ending !== undefined) return -1;
        this.#fresh += bytes;
        share.fresh += bytes;
        share.since += bytes;
        if (object === null) share.unsampled += bytes;
        else {
          share.sampled += bytes;
          this.#heap.watch(object, () => {
            share.sampled -= bytes;
          });
        }
        return this.#admit(share, 0) ? this.#batch() : -1;
      },
    };
  }

  /** Whether so many elements of tables, of which no process tells, may be allocated. */
  hasRoomFor(elements: number): boolean {
    const bytes = elements * TABLE_ELEMENT_BYTES;
    if (bytes < MIB || !this.#isNear(bytes)) return true;
    if (this.#clock.monotonic() >= this.#quietUntilNs) this.#collect();
    return !this.#isNear(bytes);
  }

  /** Random, so that a program does not know which of its objects are samples. */
  #batch(): number {
    this.#entropy.fill(this.#random, 0, 4);
    const [a, b, c] = this.#random as unknown as [number, number, number];
    return HEAP_BATCH / 2 + (((a << 16) | (b << 8) | c) % HEAP_BATCH);
  }

  #isNear(wanted: number): boolean {
    return this.#heap.used() + wanted > this.#heap.bound * HEAP_NEAR;
  }

  /** False where the process is to end, and has been told. */
  #admit(share: Share, wanted: number): boolean {
    if (this.#isNear(wanted) && !this.#relieve(share, wanted)) return false;
    return !this.#isBeyond(share, wanted) || this.#pardon(share, wanted);
  }

  /** The heap is near its bound. Garbage is collected; if that is not enough, whoever holds most is ended. */
  #relieve(share: Share, wanted: number): boolean {
    const { bound } = this.#heap;
    const full = () => this.#heap.used() + wanted > bound * HEAP_FULL;
    const due = this.#fresh > bound * NEAR_STEP && (!this.#unsettled || full());
    if (!due && wanted === 0) return true;
    this.#collect();
    if (!this.#isNear(wanted)) return true;
    this.#crowded = this.#isNear(0);
    // There is time to wait for the samples, which are known after a turn of the event loop.
    if (!full()) return true;
    // One that is ending takes its objects with it, as soon as it has its turn.
    const leaving = [...this.#shares].some(({ owner }) => owner.ending !== undefined);
    const victim = leaving ? undefined : this.#largest(share, wanted);
    if (victim !== undefined) this.#evict(victim, victim === share ? wanted : 0);
    if (victim === share) return false;
    if (this.#heap.used() + wanted < bound * HEAP_LAST) return true;
    this.#evict(share, wanted);
    return false;
  }

  /** It may hold too much, or garbage is all that it has too much of. */
  #pardon(share: Share, wanted: number): boolean {
    if (share.suspect > 0 && wanted === 0 && !this.#isFarBeyond(share)) return true;
    if (this.#clock.monotonic() < this.#quietUntilNs && wanted === 0 && share.fresh < PATIENCE) return true;
    this.#collect();
    if (!this.#isBeyond(share, wanted)) return true;
    share.suspect = this.#collections;
    share.since = 0;
    if (wanted === 0 && !this.#isFarBeyond(share)) return true;
    this.#stop(share, wanted);
    return false;
  }

  /** So far beyond its limit that the samples are not waited for. Where it is not alone, the heap's growth may be another's. */
  #isFarBeyond(share: Share): boolean {
    return this.#shares.size === 1 && this.#isBeyond(share, -FAR_BEYOND);
  }

  /** What is known is as it was at collection `number`: no guest has run since. */
  #settle(number: number): void {
    // Others may have had the heap collected since: what a suspect held at its own collection is known all the same.
    for (const share of this.#shares) {
      if (share.suspect === 0 || share.suspect > number) continue;
      share.suspect = 0;
      if (share.owner.ending === undefined && this.#isBeyond(share, -share.since)) this.#stop(share, -share.since);
    }
    if (number !== this.#collections) return;
    this.#unsettled = false;
    const crowded = this.#crowded && this.#isNear(0);
    this.#crowded = false;
    // Whoever held most may have gone, and left no more than others have made since.
    if (!crowded) return;
    if ([...this.#shares].some(({ owner }) => owner.ending !== undefined)) return;
    const victim = this.#largest(undefined, 0);
    if (victim !== undefined) this.#evict(victim, 0);
  }

  /** Whether an account has not enough memory for what its processes hold here and `wanted`. */
  #isBeyond({ owner }: Share, wanted: number): boolean {
    const used = this.#heap.used();
    let all = wanted;
    for (const one of this.#shares) all += this.#held(one, used);
    if (all <= owner.account.room(RESOURCE.memory)) return false;
    for (let account: Account | undefined = owner.account; account !== undefined; account = account.parent) {
      let held = wanted;
      for (const one of this.#shares) if (descends(one.owner.account, account)) held += this.#held(one, used);
      const { hard, used: other } = account.standing(RESOURCE.memory);
      if (held > hard - other) return true;
    }
    return false;
  }

  /** The most that it may hold, when so much of the heap is used. */
  #held(share: Share, used: number): number {
    return Math.min(share.sampled + share.unsampled, Math.max(0, used - share.baseline));
  }

  /**
   * The process that holds most, `wanted` counted with what `asking` holds; undefined where the heap is full of what none of them
   * holds: the host's own, or what one that has just ended has left.
   */
  #largest(asking: Share | undefined, wanted: number): Share | undefined {
    const used = this.#heap.used();
    const grown = used + wanted - this.#floor;
    let rest = used - this.#floor;
    for (const { sampled } of this.#shares) rest -= sampled;
    rest = Math.max(0, rest);
    let largest: Share | undefined;
    let most = grown / (2 * this.#shares.size);
    for (const one of this.#shares) {
      if (one.owner.ending !== undefined) continue;
      const sampled = one.sampled + Math.min(one.unsampled, rest);
      const held = Math.min(sampled, this.#held(one, used)) + (one === asking ? wanted : 0);
      if (held > most) [largest, most] = [one, held];
    }
    return largest;
  }

  #evict(share: Share, wanted: number): void {
    const held = mib(this.#held(share, this.#heap.used()));
    const bound = mib(this.#heap.bound);
    const what =
      wanted > MIB
        ? `the host's heap of ${bound} MiB has no room for an object of ${mib(wanted)} MiB`
        : `the host's heap of ${bound} MiB is nearly full, ${held} MiB of it with its GC objects`;
    share.owner.end(stopped('memory-limit', what));
  }

  #stop(share: Share, wanted: number): void {
    const held = mib(this.#held(share, this.#heap.used()) + wanted);
    const { hard } = share.owner.account.standing(RESOURCE.memory);
    share.owner.end(stopped('memory-limit', `its GC objects take ${held} MiB; the limit of all its memory is ${mib(hard)} MiB`));
  }

  #collect(): void {
    const number = ++this.#collections;
    this.#unsettled = true;
    const beforeNs = this.#clock.monotonic();
    this.#heap.settle(() => this.#settle(number));
    const afterNs = this.#clock.monotonic();
    this.#quietUntilNs = afterNs + (afterNs - beforeNs) * PAUSE_FACTOR;
    this.#fresh = 0;
    this.#crowded = false;
    const used = this.#heap.used();
    this.#floor = Math.min(this.#floor, used);
    for (const share of this.#shares) {
      share.fresh = 0;
      share.baseline = Math.min(share.baseline, used);
    }
  }
}

function descends(account: Account, from: Account): boolean {
  for (let one: Account | undefined = account; one !== undefined; one = one.parent) if (one === from) return true;
  return false;
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0);
