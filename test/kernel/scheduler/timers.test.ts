import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { simHal } from '../../../src/hal/sim/hal.ts';
import { Timers } from '../../../src/kernel/scheduler/timers.ts';

const fresh = () => {
  const { clock, cpu, timeline } = simHal({ seed: 1 });
  return { timers: new Timers(clock, cpu), timeline };
};

describe('timers', () => {
  test('fire in order, at their time, and those that are cancelled never', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ dueNs: fc.integer({ min: 0, max: 50 }), cancelled: fc.boolean() }), { maxLength: 100 }),
        async (wanted) => {
          const { timers, timeline } = fresh();
          const fired: number[] = [];
          const alarms = wanted.map(({ dueNs }) =>
            timers.at(dueNs, () => {
              expect(timeline.nowNs).toBe(dueNs);
              fired.push(dueNs);
            }),
          );
          for (const [i, { cancelled }] of wanted.entries()) if (cancelled) alarms[i]!.cancel();
          await timeline.run();
          const expected = wanted.filter(({ cancelled }) => !cancelled).map(({ dueNs }) => dueNs);
          expect(fired).toEqual(expected.sort((a, b) => a - b));
        },
      ),
    );
  });

  test('one may set and cancel others while it fires', async () => {
    const { timers, timeline } = fresh();
    const fired: string[] = [];
    const late = timers.at(20, () => fired.push('late'));
    timers.at(10, () => {
      fired.push('first');
      late.cancel();
      timers.at(10, () => fired.push('at once'));
      timers.at(15, () => fired.push('second'));
    });
    await timeline.run();
    expect([fired, timeline.nowNs]).toEqual([['first', 'at once', 'second'], 15]);
  });

  test('keep the host awake only while one is pending', async () => {
    const { timers, timeline } = fresh();
    for (let i = 0; i < 1000; i++) timers.at(1e9 + i, () => expect.unreachable()).cancel();
    await timeline.run();
    expect(timeline.nowNs).toBe(0);
  });

  test('one cancelled twice, or after it fired, changes nothing', async () => {
    const { timers, timeline } = fresh();
    let fired = 0;
    const first = timers.at(5, () => fired++);
    timers.at(7, () => fired++);
    await timeline.advance(5);
    first.cancel();
    first.cancel();
    await timeline.run();
    expect(fired).toBe(2);
  });
});
