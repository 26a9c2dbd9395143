import { describe, expect, test } from 'vitest';
import type { Cpu } from '../../src/hal/cpu.ts';
import { nodeClock } from '../../src/hal/node/clock.ts';
import { nodeCpu } from '../../src/hal/node/cpu.ts';
import { simHal } from '../../src/hal/sim/hal.ts';

interface Bench {
  cpu: Cpu;
  now(): number;
  /** Lets the machine run until `done`. */
  until(done: Promise<void>): Promise<void>;
}

const drivers: [string, () => Bench][] = [
  [
    'node',
    () => {
      const clock = nodeClock();
      return { cpu: nodeCpu(), now: () => clock.monotonic(), until: (done) => done };
    },
  ],
  [
    'sim',
    () => {
      const { cpu, clock, timeline } = simHal({ seed: 3 });
      const until = async (done: Promise<void>) => {
        await timeline.run();
        await done;
      };
      return { cpu, now: () => clock.monotonic(), until };
    },
  ],
];

describe.each(drivers)('cpu: %s', (_name, make) => {
  test('a deferred task runs later, in order', async () => {
    const { cpu, until } = make();
    const order: number[] = [];
    const done = new Promise<void>((resolve) => {
      for (let i = 0; i < 5; i++) cpu.defer(() => order.push(i));
      cpu.defer(resolve);
    });
    expect(order).toEqual([]);
    await until(done);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  test.each([0, 1, 999_999, 1_000_001, 3_500_000, 20_000_000])('an alarm of %i ns is never early', async (delayNs) => {
    const { cpu, now, until } = make();
    const from = now();
    let at = 0;
    await until(
      new Promise((resolve) => {
        cpu.after(delayNs, () => {
          at = now();
          resolve();
        });
      }),
    );
    expect(at - from).toBeGreaterThanOrEqual(delayNs);
  });

  test('an alarm set after a long computation is not early either', async () => {
    const { cpu, now, until } = make();
    await until(new Promise((resolve) => cpu.defer(resolve)));
    for (const end = performance.now() + 20; performance.now() < end; );
    const from = now();
    let at = 0;
    await until(
      new Promise((resolve) => {
        cpu.after(5e6, () => {
          at = now();
          resolve();
        });
      }),
    );
    expect(at - from).toBeGreaterThanOrEqual(5e6);
  });

  test('a cancelled alarm does not ring, twice cancelled neither', async () => {
    const { cpu, until } = make();
    let rang = false;
    const alarm = cpu.after(1e6, () => {
      rang = true;
    });
    alarm.cancel();
    alarm.cancel();
    await until(new Promise((resolve) => cpu.after(5e6, resolve)));
    expect(rang).toBe(false);
  });

  test('an alarm of years neither rings at once nor warns', async () => {
    const { cpu, until } = make();
    let rang = false;
    const alarm = cpu.after(100 * 365 * 86_400e9, () => {
      rang = true;
    });
    if (_name === 'node') {
      await until(new Promise((resolve) => cpu.after(5e6, resolve)));
      expect(rang).toBe(false);
    }
    alarm.cancel();
  });
});

test('simulated time passes only with events', async () => {
  const { cpu, clock, timeline } = simHal({ seed: 1 });
  const log: string[] = [];
  cpu.after(2000, () => log.push(`b ${clock.monotonic()}`));
  cpu.after(1000, () => log.push(`a ${clock.monotonic()}`));
  cpu.after(9000, () => log.push(`c ${clock.monotonic()}`));
  await timeline.advance(5000);
  expect(log).toEqual(['a 1000', 'b 2000']);
  expect(clock.monotonic()).toBe(5000);
  expect(await timeline.runUntil(() => log.length === 3)).toBe(true);
  expect(clock.monotonic()).toBe(9000);
  expect(await timeline.runUntil(() => log.length === 4)).toBe(false);
});

test('events of one moment happen in an order that the seed decides', async () => {
  const order = async (seed: number, shuffle: boolean) => {
    const { cpu, timeline } = simHal({ seed, shuffle });
    const log: number[] = [];
    for (let i = 0; i < 20; i++) cpu.defer(() => log.push(i));
    await timeline.run();
    return log.join();
  };
  const inOrder = Array.from({ length: 20 }, (_, i) => i).join();
  expect(await order(1, false)).toBe(inOrder);
  expect(await order(1, true)).not.toBe(inOrder);
  expect(await order(1, true)).toBe(await order(1, true));
  expect(await order(1, true)).not.toBe(await order(2, true));
});

test('many events come out in time order', async () => {
  const { cpu, clock, timeline, entropy } = simHal({ seed: 5 });
  const delays = new Uint16Array(2000);
  entropy.fill(new Uint8Array(delays.buffer), 0, delays.byteLength);
  let last = 0;
  let count = 0;
  for (const delay of delays) {
    cpu.after(delay, () => {
      if (clock.monotonic() !== delay || delay < last) expect(delay).toBe(clock.monotonic());
      last = delay;
      count++;
    });
  }
  await timeline.run();
  expect(count).toBe(2000);
});
