// Hardware for tests whose clock moves by itself.
import type { Clock } from '../../src/hal/clock.ts';
import type { Cpu } from '../../src/hal/cpu.ts';
import type { SimHal } from '../../src/hal/sim/hal.ts';

/** A clock that moves by itself, a little each time that it is looked at. */
export const ticking = (stepNs: number) => {
  let deferred = 0;
  let nowNs = 0;
  const change = (hal: SimHal): SimHal => {
    const clock: Clock = {
      monotonic: () => {
        nowNs += stepNs;
        return nowNs;
      },
      monotonicTime: () => BigInt(clock.monotonic()),
      realtime: () => hal.clock.realtime(),
      threadTime: () => nowNs,
      monotonicStepNs: 1,
      realtimeStepNs: 1,
    };
    const cpu: Cpu = {
      defer(task) {
        deferred++;
        hal.cpu.defer(task);
      },
      after: (delayNs, task) => hal.cpu.after(delayNs, task),
    };
    return { ...hal, clock, cpu };
  };
  return { change, turns: () => deferred, elapsedNs: () => nowNs };
};
