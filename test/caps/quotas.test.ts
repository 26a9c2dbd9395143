// What processes hold, told from what can be seen of them, against what their accounts say: after every step, of every resource,
// and of each tree. Nothing is in use after the last exit.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Capability } from '../../src/caps/capability.ts';
import type { Description } from '../../src/caps/object.ts';
import { Account } from '../../src/kernel/account.ts';
import { SpawnError } from '../../src/kernel/error.ts';
import { PIPE_BYTES, RESOURCE, type Resource, WASM_PAGE } from '../../src/kernel/limits.ts';
import type { Process } from '../../src/kernel/process.ts';
import { replace } from './mutations.ts';
import { Bench, prober } from './probe.ts';
import { promise } from './promise.ts';

const HELD = ['processes', 'threads', 'memory', 'fds', 'pipes'] as const satisfies readonly Resource[];
type Held = Record<(typeof HELD)[number], number>;

/** Small enough that random steps reach each of them: for the first of a tree, and for each beneath it. */
const LIMITS = { processes: 5, threads: 5, memory: 400 * WASM_PAGE, fds: 14, pipes: 4 * PIPE_BYTES };
const LESS = { processes: 3, threads: 2, memory: 150 * WASM_PAGE, fds: 7, pipes: 2 * PIPE_BYTES };

const guest = prober('fd_pipe', 'fd_dup', 'fd_close', 'fd_renumber');

interface Known {
  readonly process: Process;
  readonly account: Account;
  readonly parent: Known | undefined;
  /** Both ends of each pipe that it made. */
  readonly pipes: (readonly Description[])[];
  reaped: boolean;
}

class World {
  readonly bench = new Bench();
  readonly known: Known[] = [];

  get living(): Known[] {
    return this.known.filter(({ process }) => process.ending === undefined);
  }

  async step(op: number, a: number, b: number): Promise<void> {
    const { bench, living } = this;
    const one = living[a % living.length];
    if (op === 0 || one === undefined) return this.spawn(b % 4 === 0 ? undefined : one);
    const { process } = one;
    if (op === 1) await this.pipe(one);
    else if (op === 2) await bench.call(process, 'fd_dup', b % 6, 64);
    else if (op === 3) await bench.call(process, 'fd_close', b % 6);
    else if (op === 4) await bench.call(process, 'fd_renumber', b % 6, (b >> 4) % 6);
    else if (op === 5) await process.call({ name: 'grow', args: [b % 80] });
    else if (op === 6) {
      const other = living[b % living.length]!.process;
      if (other !== process) bench.kernel.transfer(process, [(b >> 4) % 6], other, b % 2 === 0 ? 'move' : 'copy');
    } else if (op === 7) await this.kill(one);
    else if (op === 8) await this.reap(this.known[b % this.known.length]!);
  }

  async spawn(parent: Known | undefined): Promise<void> {
    try {
      const held = parent === undefined ? { limits: LIMITS } : { limits: LESS, parent: parent.process };
      const process = this.bench.spawn(await guest, held);
      this.known.push({ process, account: process.account, parent, pipes: [], reaped: false });
    } catch (error) {
      if (!(error instanceof SpawnError)) throw error;
    }
  }

  async pipe(one: Known): Promise<void> {
    const { process } = one;
    if ((await this.bench.call(process, 'fd_pipe', 64, 68)) !== 0) return;
    const { slots } = process.capabilities;
    one.pipes.push([64, 68].map((at) => slots[process.memory.getU32(at)]!.object));
  }

  async kill({ process }: Known): Promise<void> {
    process.signal('SIGKILL');
    await this.bench.hal.timeline.run();
    await process.done;
  }

  async reap(one: Known): Promise<void> {
    this.bench.kernel.reap(one.process);
    one.reaped = this.bench.kernel.process(one.process.pid) === undefined;
  }

  /** What it holds itself, by what can be seen. */
  holds({ process, pipes }: Known): Held {
    const open = new Set(this.known.flatMap((one) => one.process.capabilities.slots.map((held?: Capability) => held?.object)));
    const alive = process.status === undefined ? 1 : 0;
    return {
      processes: [...this.bench.kernel.processes].includes(process) ? 1 : 0,
      threads: alive,
      memory: process.memory.bytes.length,
      fds: process.capabilities.slots.filter((one) => one !== undefined).length,
      pipes: pipes.filter((ends) => ends.some((end) => open.has(end))).length * PIPE_BYTES,
    };
  }

  check(): void {
    const held = new Map(this.known.map((one) => [one, this.holds(one)]));
    for (const one of this.known) {
      const tree = this.known.filter((other) => descends(other, one));
      for (const resource of HELD) {
        const { used, hard } = one.account.standing(RESOURCE[resource]);
        const sum = tree.reduce((total, other) => total + held.get(other)![resource], 0);
        expect([resource, one.account.own(RESOURCE[resource]), used]).toEqual([resource, held.get(one)![resource], sum]);
        expect(used).toBeLessThanOrEqual(hard);
        const free = above(one).map(({ account }) => account.standing(RESOURCE[resource]));
        expect(one.account.room(RESOURCE[resource])).toBe(Math.min(...free.map((each) => each.hard - each.used)));
      }
    }
  }

  async finish(): Promise<void> {
    for (const one of this.living) await this.kill(one);
    for (const one of this.known) await this.reap(one);
    this.check();
    for (const { account } of this.known) for (const resource of HELD) expect(account.used(RESOURCE[resource])).toBe(0);
    expect([...this.bench.kernel.processes]).toEqual([]);
  }
}

const above = (one: Known): Known[] => [one, ...(one.parent === undefined ? [] : above(one.parent))];
const descends = (one: Known, from: Known): boolean => above(one).includes(from);

const { release, charge, add } = Account.prototype;
const keeping = (resource: Resource) => () =>
  replace(
    Account.prototype,
    'release',
    () =>
      function (this: Account, number, amount) {
        if (number !== RESOURCE[resource]) release.call(this, number, amount);
      },
  );

/** What is done to an account is done to none above it. */
const alone =
  <K extends 'add' | 'release'>(name: K, original: Account[K]) =>
  () =>
    replace(
      Account.prototype,
      name,
      () =>
        function (this: Account, resource, amount) {
          const { parent } = this;
          Object.assign(this, { parent: undefined });
          original.call(this, resource, amount);
          Object.assign(this, { parent });
        } as Account[K],
    );

promise(
  '13: what is in use and what is free add up, of every resource; nothing is in use after the last exit',
  300,
  fc.array(fc.tuple(fc.nat(8), fc.nat(2 ** 16), fc.nat(2 ** 16)), { minLength: 5, maxLength: 40, size: 'max' }),
  async (steps) => {
    const world = new World();
    await world.spawn(undefined);
    for (const [op, a, b] of steps) {
      await world.step(op, a, b);
      world.check();
    }
    await world.finish();
  },
  {
    ...Object.fromEntries(HELD.map((resource) => [`${resource} are never given back`, keeping(resource)])),
    'bounds are not looked at': () =>
      replace(
        Account.prototype,
        'charge',
        () =>
          function (this: Account, resource, amount) {
            add.call(this, resource, amount);
            return true;
          },
      ),
    'what is refused is charged all the same': () =>
      replace(
        Account.prototype,
        'charge',
        () =>
          function (this: Account, resource, amount) {
            const has = charge.call(this, resource, amount);
            if (!has) add.call(this, resource, amount);
            return has;
          },
      ),
    'who is above is not charged': alone('add', add),
    'who is above has it for good': alone('release', release),
  },
);
