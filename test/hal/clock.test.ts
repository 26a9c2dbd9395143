import { describe, expect, test, vi } from 'vitest';
import type { Clock } from '../../src/hal/clock.ts';
import { nodeClock } from '../../src/hal/node/clock.ts';
import { simHal } from '../../src/hal/sim/hal.ts';

const drivers: [string, () => Clock][] = [
  ['node', nodeClock],
  ['sim', () => simHal({ seed: 1 }).clock],
];

describe.each(drivers)('clock: %s', (_name, make) => {
  test('monotonic time is whole nanoseconds and never goes back', () => {
    const clock = make();
    let last = clock.monotonic();
    for (let i = 0; i < 10_000; i++) {
      const now = clock.monotonic();
      expect(Number.isSafeInteger(now)).toBe(true);
      if (now < last) expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });

  test('monotonic time as a 64-bit number is the same clock', () => {
    const clock = make();
    const [before, at] = [clock.monotonic(), clock.monotonicTime()];
    const [after, then] = [clock.monotonic(), clock.monotonicTime()];
    expect(Number(then - at)).toBeGreaterThanOrEqual(0);
    expect(after - before).toBeGreaterThanOrEqual(0);
    expect(Number(clock.monotonicTime() - at)).toBeGreaterThanOrEqual(after - before - Number(then - at));
  });

  test('the steps are at least a nanosecond', () => {
    const clock = make();
    expect(clock.monotonicStepNs).toBeGreaterThanOrEqual(1);
    expect(clock.realtimeStepNs).toBeGreaterThanOrEqual(1);
  });

  test('real time does not go back while the host clock does not', () => {
    const clock = make();
    let last = clock.realtime();
    for (let i = 0; i < 10_000; i++) {
      const now = clock.realtime();
      if (now < last) expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });
});

test('real time is the host clock, to the millisecond', () => {
  const clock = nodeClock();
  const before = BigInt(Date.now());
  const ns = clock.realtime();
  const after = BigInt(Date.now());
  expect(ns).toBeGreaterThanOrEqual((before - 2n) * 1_000_000n);
  expect(ns).toBeLessThanOrEqual((after + 2n) * 1_000_000n);
});

test('a host clock that is set is followed within 100 ms', async () => {
  const hrtime = vi.spyOn(process.hrtime, 'bigint');
  const now = vi.spyOn(performance, 'now');
  const date = vi.spyOn(Date, 'now');
  const epochMs = Math.floor(performance.timeOrigin);
  const setMonotonic = (ms: number) => hrtime.mockReturnValue(BigInt(ms) * 1_000_000n);
  now.mockReturnValue(1000);
  setMonotonic(1000);
  date.mockReturnValue(epochMs + 1000);
  vi.resetModules();
  const { nodeClock: clockOnMocks } = await import('../../src/hal/node/clock.ts');
  const clock = clockOnMocks();
  const toMs = (ns: bigint) => Number(ns / 1_000_000n);
  expect(toMs(clock.realtime()) - epochMs).toBeCloseTo(1000, -1);

  setMonotonic(1050);
  date.mockReturnValue(epochMs + 1050 + 3_600_000);
  expect(toMs(clock.realtime()) - epochMs).toBeCloseTo(1050, -1);
  setMonotonic(1101);
  date.mockReturnValue(epochMs + 1101 + 3_600_000);
  expect(toMs(clock.realtime())).toBe(epochMs + 1101 + 3_600_000);

  setMonotonic(1202);
  date.mockReturnValue(5);
  expect(toMs(clock.realtime())).toBe(5);
  vi.restoreAllMocks();
});

test('a thread that loses the CPU between two clocks does not take that for a host clock that was set', async () => {
  const hrtime = vi.spyOn(process.hrtime, 'bigint');
  const now = vi.spyOn(performance, 'now');
  const date = vi.spyOn(Date, 'now');
  const startMs = performance.timeOrigin;
  let ms = 1000;
  hrtime.mockImplementation(() => BigInt(ms) * 1_000_000n);
  now.mockImplementation(() => ms);
  date.mockImplementation(() => Math.floor(startMs + ms));
  vi.resetModules();
  const { nodeClock: clockOnMocks } = await import('../../src/hal/node/clock.ts');
  const clock = clockOnMocks();
  const aheadMs = () => Number(clock.realtime() / 1_000_000n) - Math.floor(startMs + ms);
  expect(Math.abs(aheadMs())).toBeLessThanOrEqual(1);
  ms += 101;
  date.mockImplementationOnce(() => {
    ms += 20;
    return Math.floor(startMs + ms);
  });
  clock.realtime();
  ms += 1;
  expect(Math.abs(aheadMs())).toBeLessThanOrEqual(1);
  vi.restoreAllMocks();
});

test('the host clock is not read in every call', () => {
  const clock = nodeClock();
  clock.realtime();
  const date = vi.spyOn(Date, 'now');
  const at = performance.now();
  for (let i = 0; i < 10_000; i++) clock.realtime();
  // More than once in 100 ms only where this thread lost the CPU just then.
  const checksMax = 10 + (performance.now() - at) / 10;
  expect(date.mock.calls.length).toBeLessThanOrEqual(checksMax);
  vi.restoreAllMocks();
});
