// Calls that wait when what they work on is revoked: they end with BADF, and never go on with what has their number then.
import { describe, expect, test } from 'vitest';
import { Capability } from '../../src/caps/capability.ts';
import { clockRoot } from '../../src/caps/clock.ts';
import { entropyRoot } from '../../src/caps/entropy.ts';
import { Description } from '../../src/caps/object.ts';
import { RIGHT } from '../../src/caps/rights.ts';
import { CapTable } from '../../src/caps/table.ts';
import type { FileType } from '../../src/hal/disk.ts';
import type { Errno } from '../../src/hal/errno.ts';
import type { CallName } from '../../src/syscalls/table.ts';
import { replace } from './mutations.ts';
import { Bench, iovec, prober } from './probe.ts';

const ALL = 2 ** 31 - 1;

/** Nothing ever comes of it, until it is opened. */
class Silent extends Description {
  readonly kind = 'silent';
  open = false;
  uses = 0;
  readonly #woken = Promise.withResolvers<void>();

  constructor(type: FileType = 'socket-stream') {
    super(type);
  }
  wake(): void {
    this.open = true;
    this.#woken.resolve();
  }
  #use(length: number): number | Errno {
    this.uses++;
    return this.open ? length : 'AGAIN';
  }
  override read(_into: Uint8Array, _at: number, length: number): number | Errno {
    return this.#use(length);
  }
  override write(_from: Uint8Array, _at: number, length: number): number | Errno {
    return this.#use(length);
  }
  override pread(_into: Uint8Array, _at: number, length: number): number | Errno {
    return this.#use(length);
  }
  override pwrite(_from: Uint8Array, _at: number, length: number): number | Errno {
    return this.#use(length);
  }
  override accept(): Description | Errno {
    return this.#use(0) === 'AGAIN' ? 'AGAIN' : new Silent();
  }
  override ready(): Promise<void> | undefined {
    return this.open ? undefined : this.#woken.promise;
  }
}

const CALLS: readonly (readonly [name: CallName, args: readonly (number | bigint)[]])[] = [
  ['fd_read', [0, 0, 1, 64]],
  ['fd_write', [0, 0, 1, 64]],
  ['fd_pread', [0, 0, 1, 0n, 64]],
  ['fd_pwrite', [0, 0, 1, 0n, 64]],
  ['sock_recv', [0, 0, 1, 0, 64, 68]],
  ['sock_send', [0, 0, 1, 0, 64]],
  ['sock_accept', [0, 0, 64]],
];

async function waiting(name: CallName, args: readonly (number | bigint)[]) {
  const bench = new Bench();
  const root = new Capability(new Silent(), ALL, ALL);
  const process = bench.spawn(await prober(name), { descriptors: [root.derive(ALL, ALL)] });
  iovec(process, 1024, 16);
  const call = bench.begin(process, name, ...args);
  await bench.hal.timeline.advance(1000);
  expect([call.result, process.state]).toEqual([undefined, 'blocked']);
  return { bench, root, process, call };
}

describe.each(CALLS)('%s', (name, args) => {
  test('ends with BADF when its descriptor is revoked; the root works on', async () => {
    const { bench, root, process, call } = await waiting(name, args);
    const { uses } = root.object;
    root.revoke();
    await bench.hal.timeline.advance(1000);
    expect([call.result, process.capabilities.size, root.live, root.object.uses]).toEqual(['BADF', 0, true, uses]);
    root.object.open = true;
    expect(process.capabilities.insert(root.derive(ALL, ALL))).toBe(0);
    expect(await bench.call(process, name, ...args)).toBe(0);
  });

  test('never goes on with a successor in its slot', async () => {
    const { bench, root, process, call } = await waiting(name, args);
    root.revoke();
    const successor = new Silent();
    successor.open = true;
    expect(process.capabilities.insert(new Capability(successor, ALL, ALL))).toBe(0);
    await bench.hal.timeline.advance(1000);
    expect([call.result, successor.uses]).toEqual(['BADF', 0]);
  });

  test('goes on when its descriptor is only renumbered', async () => {
    const { bench, root, process, call } = await waiting(name, args);
    const { capabilities } = process;
    capabilities.insert(new Capability(new Silent(), ALL, ALL));
    expect(capabilities.renumber(0, 1)).toBe(true);
    root.object.wake();
    await bench.hal.timeline.advance(1000);
    expect(call.result).toBe(0);
  });

  test('ends when the descriptor is moved to another process', async () => {
    const { bench, process, call } = await waiting(name, args);
    const other = bench.spawn(await prober(name));
    expect(bench.kernel.transfer(process, [0], other, 'move')).toEqual([0]);
    await bench.hal.timeline.advance(1000);
    expect([call.result, other.capabilities.slots[0]?.live]).toEqual(['BADF', true]);
  });

  test('leaves nothing behind when its process is killed meanwhile', async () => {
    const { bench, root, process } = await waiting(name, args);
    process.signal('SIGKILL');
    await bench.hal.timeline.advance(1000);
    expect([process.state, process.capabilities.size]).toEqual(['terminated', 0]);
    root.revoke();
    root.drop();
    expect(root.live).toBe(false);
  });
});

describe('the tests above fail where', () => {
  const revoked = async (open: boolean) => {
    const { bench, root, call } = await waiting('fd_read', [0, 0, 1, 64]);
    root.revoke();
    // What the call would read, if it went on.
    root.object.open = open;
    await bench.hal.timeline.advance(1000);
    return call.result;
  };

  test.each([
    [
      'a call that goes on does not look at its capability',
      true,
      0,
      () => replace(CapTable.prototype, 'holds', () => () => true),
    ],
    [
      'a call does not hear of its end',
      false,
      undefined,
      () => replace(Capability.prototype, 'gone', () => () => new Promise(() => undefined)),
    ],
  ])('%s', async (_what, open, result, apply) => {
    expect(await revoked(open)).toBe('BADF');
    const mend = apply();
    try {
      expect(await revoked(open)).toBe(result);
    } finally {
      mend();
    }
  });
});

describe('poll_oneoff', () => {
  const subscribe = (
    {
      memory,
    }: {
      memory: {
        setU8(at: number, value: number): void;
        setU32(at: number, value: number): void;
        setU64(at: number, value: bigint): void;
      };
    },
    i: number,
    tag: number,
    what: number,
    ns = 0n,
  ) => {
    memory.setU64(i * 48, BigInt(i));
    memory.setU8(i * 48 + 8, tag);
    memory.setU32(i * 48 + 16, what);
    memory.setU64(i * 48 + 24, ns);
  };
  const [CLOCK, READ] = [0, 1];

  test('says BADF of the descriptor that was revoked, and of no other', async () => {
    const bench = new Bench();
    const roots = [0, 1].map(() => new Capability(new Silent(), ALL, ALL));
    const process = bench.spawn(await prober('poll_oneoff'), { descriptors: roots.map((root) => root.derive(ALL, ALL)) });
    subscribe(process, 0, READ, 0);
    subscribe(process, 1, READ, 1);
    const call = bench.begin(process, 'poll_oneoff', 0, 512, 2, 1024);
    await bench.hal.timeline.advance(1000);
    expect(call.result).toBeUndefined();
    roots[1]!.revoke();
    await bench.hal.timeline.advance(1000);
    const { memory } = process;
    expect([call.result, memory.getU32(1024), memory.getU64(512), memory.getU16(520)]).toEqual([0, 1, 1n, 8]);
  });

  test('says BADF of a clock that was revoked', async () => {
    const bench = new Bench();
    const root = clockRoot(bench.hal.clock);
    const process = bench.spawn(await prober('poll_oneoff'), { handles: [root.derive(ALL, 0)] });
    subscribe(process, 0, CLOCK, 1, 1_000_000_000n);
    const call = bench.begin(process, 'poll_oneoff', 0, 512, 1, 1024);
    await bench.hal.timeline.advance(1000);
    root.revoke();
    await bench.hal.timeline.advance(1000);
    expect([call.result, process.memory.getU16(520)]).toEqual([0, 8]);
    expect(process.thread.clock).toBeUndefined();
  });
});

test('who sleeps by a clock that is revoked wakes with BADF; without one, nobody sleeps', async () => {
  const bench = new Bench();
  const root = clockRoot(bench.hal.clock);
  const process = bench.spawn(await prober('sleep_ms'), { handles: [root.derive(ALL, 0)] });
  const call = bench.begin(process, 'sleep_ms', 1000);
  await bench.hal.timeline.advance(1000);
  expect(call.result).toBeUndefined();
  root.revoke();
  await bench.hal.timeline.advance(1000);
  expect(call.result).toBe('BADF');
  expect(await bench.call(process, 'sleep_ms', 1)).toBe('NOTCAPABLE');
});

test('randomness that is revoked while it is drawn fills no more', async () => {
  const bench = new Bench();
  let pieces = 0;
  const root = entropyRoot({
    fill: () => {
      pieces++;
      root.revoke();
    },
  });
  const process = bench.spawn(await prober('random_get'), { handles: [root.derive(RIGHT.read, 0)] });
  expect([await bench.call(process, 'random_get', 0, 3 * 2 ** 20), pieces]).toEqual(['BADF', 1]);
});
