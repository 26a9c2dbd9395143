// Networks to test, each with two machines on it, and what a caller that waits does.
import type { Errno } from '../../src/hal/errno.ts';
import type { Net } from '../../src/hal/net.ts';
import { nodeNet } from '../../src/hal/node/net/net.ts';
import type { Faults } from '../../src/hal/sim/faults.ts';
import { type SimHal, simHal } from '../../src/hal/sim/hal.ts';

export interface TestNet {
  readonly net: Net;
  /** Lets `promise` settle. */
  wait<T>(promise: Promise<T>): Promise<T>;
}

export const onNode = (): TestNet => ({ net: nodeNet(), wait: (promise) => promise });

export function simulated(seed: number, faults: Partial<Faults> = {}): TestNet & { readonly hal: SimHal } {
  const hal = simHal({ seed, faults, shuffle: true });
  const wait = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false;
    const done = promise.finally(() => {
      settled = true;
    });
    await hal.timeline.runUntil(() => settled);
    return done;
  };
  return { net: hal.net, hal, wait };
}

/** Tries until the answer is not AGAIN. */
export async function until<T>(
  { wait }: TestNet,
  socket: { ready(event: 'read' | 'write'): Promise<void> | undefined },
  event: 'read' | 'write',
  attempt: () => T,
): Promise<T> {
  for (;;) {
    const result = attempt();
    if (result !== 'AGAIN') return result;
    const ready = socket.ready(event);
    if (ready !== undefined) await wait(ready);
  }
}

export const failed = <T>(result: T | Errno): result is Errno => typeof result === 'string';
