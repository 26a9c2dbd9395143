// Who is ended when the engine's heap fills up, on a simulated heap: whose objects live, and when that is known, is the test's to say.
import { describe, expect, test } from 'vitest';
import { simHal } from '../../src/hal/sim/hal.ts';
import { Account } from '../../src/kernel/account.ts';
import { type HeapMeter, type HeapOwner, HeapPolicy } from '../../src/kernel/heap.ts';
import { DEFAULT_LIMITS } from '../../src/kernel/limits.ts';
import type { Cause } from '../../src/kernel/status.ts';

const MB = 2 ** 20;

function machine(bound: number) {
  const hal = simHal({ seed: 1, heapBytes: bound });
  hal.heap.live = 10 * MB;
  const policy = new HeapPolicy(hal.heap, hal.clock, hal.entropy);
  return { heap: hal.heap, guest: (memory = 1000 * MB, parent?: Account) => new Guest(hal.heap, policy, memory, parent) };
}

/** A process as the policy sees it. */
class Guest implements HeapOwner {
  readonly account: Account;
  readonly #end = Promise.withResolvers<void>();
  readonly done = this.#end.promise;
  readonly kept: object[] = [];
  readonly dropped: object[] = [];
  readonly #heap: ReturnType<typeof simHal>['heap'];
  readonly #meter: HeapMeter;
  ending: Cause | undefined;

  constructor(heap: ReturnType<typeof simHal>['heap'], policy: HeapPolicy, memory: number, parent: Account | undefined) {
    this.account = new Account(parent, { ...DEFAULT_LIMITS, memory });
    this.#heap = heap;
    this.#meter = policy.open(this);
  }

  get reason(): string | undefined {
    return this.ending?.reason;
  }

  end(cause: Cause): void {
    this.ending ??= cause;
  }

  /** Allocates a megabyte at a time until it is told to unwind. */
  keep(megabytes: number): void {
    for (let i = 0; i < megabytes && this.ending === undefined; i++) {
      this.#heap.live += MB;
      this.kept.push({});
      this.#meter.allocated(MB, this.kept.at(-1)!);
    }
  }

  waste(megabytes: number): void {
    for (let i = 0; i < megabytes && this.ending === undefined; i++) {
      this.#heap.garbage += MB;
      this.dropped.push({});
      this.#meter.allocated(MB, this.dropped.at(-1)!);
    }
  }

  /** It is over, and what it kept is gone. */
  async leave(): Promise<void> {
    this.#heap.live -= this.kept.splice(0).length * MB;
    this.#end.resolve();
    await this.done;
  }

  ask(megabytes: number): number {
    return this.#meter.allocate(megabytes * MB);
  }
}

describe('a limit', () => {
  test('ends who holds more, not who makes more garbage', () => {
    const { heap, guest } = machine(1000 * MB);
    const [hoarder, waster] = [guest(50 * MB), guest(50 * MB)];
    for (let turn = 0; turn < 60; turn++) {
      hoarder.keep(1);
      waster.waste(10);
      heap.turn(waster.dropped.splice(0));
    }
    expect([hoarder.reason, waster.reason]).toEqual(['memory-limit', undefined]);
    expect(hoarder.kept.length).toBeLessThan(60);
    expect(heap.collections).toBeGreaterThan(0);
  });

  test('of a parent holds for its children together', () => {
    const { heap, guest } = machine(1000 * MB);
    const parent = new Account(undefined, { ...DEFAULT_LIMITS, memory: 50 * MB });
    const children = [guest(1000 * MB, parent), guest(1000 * MB, parent), guest(1000 * MB)];
    for (let turn = 0; turn < 30; turn++) {
      for (const child of children) child.keep(1);
      heap.turn();
    }
    expect(children.slice(0, 2).filter(({ reason }) => reason === 'memory-limit').length).toBeGreaterThan(0);
    expect(children[2]!.reason).toBe(undefined);
  });

  test('is held for an object before it is made', () => {
    const { guest } = machine(1000 * MB);
    const one = guest(50 * MB);
    expect([one.ask(49), one.reason]).toEqual([0, undefined]);
    expect([one.ask(51), one.reason]).toEqual([1, 'memory-limit']);
    expect(one.ask(1)).toBe(1);
  });
});

describe('a heap near its bound', () => {
  test('ends whoever holds most, whoever allocates', () => {
    const { heap, guest } = machine(100 * MB);
    const [hoarder, other] = [guest(), guest()];
    hoarder.keep(55);
    heap.turn();
    for (let turn = 0; turn < 20; turn++) {
      other.keep(1);
      heap.turn();
    }
    expect([hoarder.reason, other.reason]).toEqual(['memory-limit', undefined]);
  });

  test('ends at once who leaves no time', () => {
    const { heap, guest } = machine(100 * MB);
    const hoarder = guest();
    hoarder.keep(1000);
    expect(hoarder.reason).toBe('memory-limit');
    expect(heap.used()).toBeLessThan(90 * MB);
  });

  test('ends who holds most while another allocates, and the other only where nothing is left', () => {
    const { heap, guest } = machine(100 * MB);
    const [hoarder, other] = [guest(), guest()];
    hoarder.keep(70);
    other.keep(8);
    expect([hoarder.reason, other.reason]).toEqual(['memory-limit', undefined]);
    other.keep(1000);
    expect(other.reason).toBe('memory-limit');
    expect(heap.used()).toBeLessThan(98 * MB);
  });

  test('ends nobody once it is not near any more', async () => {
    const { heap, guest } = machine(100 * MB);
    const [hoarder, waster] = [guest(), guest()];
    hoarder.keep(65);
    expect(heap.collections).toBeGreaterThan(0);
    // It goes before it is known what the last collection found dead.
    await hoarder.leave();
    waster.waste(6);
    heap.turn();
    expect(waster.reason).toBeUndefined();
  });

  test('ends nobody for garbage', () => {
    const { heap, guest } = machine(100 * MB);
    const wasters = [guest(), guest()];
    for (let turn = 0; turn < 200; turn++) {
      for (const waster of wasters) waster.waste(5);
      heap.turn(wasters.flatMap(({ dropped }) => dropped.splice(0)));
    }
    expect(wasters.map(({ reason }) => reason)).toEqual([undefined, undefined]);
  });

  test("ends nobody for the host's own objects", () => {
    const { heap, guest } = machine(100 * MB);
    const one = guest();
    heap.live = 80 * MB;
    for (let turn = 0; turn < 50; turn++) {
      one.waste(1);
      heap.turn(one.dropped.splice(0));
    }
    expect(one.reason).toBe(undefined);
  });

  test('has no room for a huge object, and keeps the others', () => {
    const { heap, guest } = machine(100 * MB);
    const [asking, other] = [guest(), guest()];
    other.keep(5);
    expect(asking.ask(1000)).toBe(1);
    heap.turn();
    other.keep(5);
    heap.turn();
    expect([asking.reason, other.reason]).toEqual(['memory-limit', undefined]);
  });
});
