// A coarse clock shows less, in every way that a guest can ask for the time.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CoarseClock, clockRoot } from '../../src/caps/clock.ts';
import type { Clock } from '../../src/hal/clock.ts';
import type { Process } from '../../src/kernel/process.ts';
import { Bench, prober } from './probe.ts';

const MS = 1_000_000;

/** It stands still until it is set, and each reading of it has its own zero. */
class StillClock implements Clock {
  readonly monotonicStepNs = 1;
  readonly realtimeStepNs = 1;
  now = 0;
  monotonic(): number {
    return this.now;
  }
  monotonicTime(): bigint {
    return BigInt(this.now) + 123_456_789n;
  }
  realtime(): bigint {
    return BigInt(this.now) + 1_767_225_600_000_777_777n;
  }
  threadTime(): number {
    return this.now / 3;
  }
}

describe('a coarse clock', () => {
  const clock = new StillClock();
  const coarse = new CoarseClock(clock);
  const read = (now: number) => {
    clock.now = now;
    return [coarse.monotonic(), coarse.monotonicTime(), coarse.realtime()] as const;
  };

  test('shows whole steps, never what is to come, and says so', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), (now) => {
        const [monotonic, time, real] = read(now);
        for (const shown of [BigInt(monotonic), time, real]) expect(shown % BigInt(MS)).toBe(0n);
        for (const [shown, exact] of [
          [BigInt(monotonic), BigInt(clock.monotonic())],
          [time, clock.monotonicTime()],
          [real, clock.realtime()],
        ] as const) {
          expect(exact - shown).toBeGreaterThanOrEqual(0n);
          expect(exact - shown).toBeLessThan(2n * BigInt(MS));
        }
        expect(coarse.threadTime() % MS).toBe(0);
      }),
    );
    expect([coarse.monotonicStepNs, coarse.realtimeStepNs]).toEqual([MS, MS]);
  });

  test('all its readings move at the same moments, and never back', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.nat(3 * MS), (start, later) => {
        const [first, second] = [read(start), read(start + later)];
        expect(second.map((shown, i) => shown >= first[i]!)).toEqual([true, true, true]);
        const moved = second.map((shown, i) => shown !== first[i]);
        expect(new Set(moved).size).toBe(1);
      }),
    );
  });
});

describe('with a coarse clock a guest', () => {
  const setUp = async () => {
    const bench = new Bench();
    const process = bench.spawn(await prober('clock_time_get', 'clock_res_get', 'poll_oneoff', 'sleep_ms'), {
      handles: [clockRoot(new CoarseClock(bench.hal.clock))],
    });
    return { bench, process };
  };

  test('reads whole milliseconds off every clock, CPU time included, and their true step', async () => {
    const { bench, process } = await setUp();
    for (const ns of [1, 999_999, 1, 12_345_678]) {
      await bench.hal.timeline.advance(ns);
      for (const id of [0, 1, 2, 3]) {
        expect(await bench.call(process, 'clock_time_get', id, 0n, 64)).toBe(0);
        expect(process.memory.getU64(64) % BigInt(MS)).toBe(0n);
        expect(await bench.call(process, 'clock_res_get', id, 64)).toBe(0);
        expect(process.memory.getU64(64)).toBe(BigInt(MS));
      }
    }
  });

  const subscribe = ({ memory }: Process, i: number, ns: bigint, absolute = false) => {
    memory.setU64(i * 48, BigInt(i));
    memory.setU8(i * 48 + 8, 0);
    memory.setU32(i * 48 + 16, 1);
    memory.setU64(i * 48 + 24, ns);
    memory.setU16(i * 48 + 40, absolute ? 1 : 0);
  };

  test('learns nothing finer from timers: those of one millisecond come together, at its end', async () => {
    const { bench, process } = await setUp();
    for (const start of [100_000, 350_000, 999_000]) {
      await bench.hal.timeline.advance(MS - (bench.hal.timeline.nowNs % MS) + start);
      for (let i = 0; i < 9; i++) subscribe(process, i, BigInt((i + 1) * 100_000));
      const call = bench.begin(process, 'poll_oneoff', 0, 1024, 9, 2048);
      await bench.hal.timeline.advance(MS - (bench.hal.timeline.nowNs % MS) - 1);
      expect(call.result).toBeUndefined();
      await bench.hal.timeline.advance(1);
      expect([call.result, process.memory.getU32(2048)]).toEqual([0, 9]);
    }
  });

  test('sleeps until a step, not to a moment between', async () => {
    const { bench, process } = await setUp();
    await bench.hal.timeline.advance(300_000);
    const call = bench.begin(process, 'sleep_ms', 2);
    await bench.hal.timeline.advance(2 * MS - 300_000 - 1);
    expect(call.result).toBeUndefined();
    await bench.hal.timeline.advance(1);
    expect(call.result).toBe(0);
    await bench.call(process, 'clock_time_get', 1, 0n, 64);
    subscribe(process, 0, process.memory.getU64(64) + 1n, true);
    const absolute = bench.begin(process, 'poll_oneoff', 0, 1024, 1, 2048);
    await bench.hal.timeline.advance(900_000);
    expect(absolute.result).toBeUndefined();
    await bench.hal.timeline.advance(100_000);
    expect(absolute.result).toBe(0);
  });
});
