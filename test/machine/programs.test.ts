// The loader's thread as the machine sees it, played by the test.
import { expect, test } from 'vitest';
import type { ThreadEvents } from '../../src/hal/node/thread.ts';
import { LoaderThread } from '../../src/machine/thread/programs.ts';
import type { ToLoader } from '../../src/machine/thread/protocol.ts';
import { loadProgram } from '../../src/runtime/program.ts';
import { wat } from './guests.ts';

const program = await loadProgram(await wat('(func (export "_start"))'));

class Played {
  readonly events: ThreadEvents;
  readonly orders: ToLoader[] = [];
  holds = 0;
  ended = false;

  constructor(events: ThreadEvents) {
    this.events = events;
  }
  send(order: unknown): void {
    this.orders.push(order as ToLoader);
  }
  hold(): void {
    this.holds++;
  }
  release(): void {
    this.holds--;
  }
  async end(): Promise<void> {
    this.ended = true;
  }
}

const played = (deadlineMs?: number) => {
  const threads: Played[] = [];
  const loader = new LoaderThread((events) => {
    const thread = new Played(events);
    threads.push(thread);
    return thread;
  }, deadlineMs);
  return { threads, loader };
};
const bytes = () => new Uint8Array(8);

test('programs are loaded one at a time, in order, by one thread that is held meanwhile', async () => {
  const { threads, loader } = played();
  const [first, second] = [loader.load(bytes(), {}, 'first'), loader.load(bytes(), {}, 'second')];
  expect(threads.map(({ orders, holds }) => [orders.map(({ name }) => name), holds])).toEqual([[['first'], 1]]);
  const thread = threads[0]!;
  thread.events.message({ request: thread.orders[0]!.request, program });
  expect(await first).toBe(program);
  expect([thread.orders.map(({ name }) => name), thread.holds]).toEqual([['first', 'second'], 1]);
  thread.events.message({ request: thread.orders[1]!.request, code: 'not-runnable', message: 'no module' });
  await expect(second).rejects.toMatchObject({ code: 'not-runnable', message: 'no module' });
  expect(thread.holds).toBe(0);
});

test('one that takes too long is given up with its thread, and those behind it are loaded by another', async () => {
  const { threads, loader } = played(10);
  const slow = loader.load(bytes(), {}, 'slow');
  const next = loader.load(bytes(), {}, 'next');
  await expect(slow).rejects.toMatchObject({ code: 'not-runnable', message: 'slow: loading it takes more than 0.01 s' });
  expect(threads.map(({ ended, orders }) => [ended, orders.map(({ name }) => name)])).toEqual([
    [true, ['slow']],
    [false, ['next']],
  ]);
  // What the first one says too late is nobody's answer.
  threads[0]!.events.message({ request: threads[0]!.orders[0]!.request, program });
  threads[1]!.events.message({ request: threads[1]!.orders[0]!.request, program });
  expect(await next).toBe(program);
});

test('a thread that dies takes the program it was at, and no other', async () => {
  const { threads, loader } = played();
  const [first, second] = [loader.load(bytes(), {}, 'first'), loader.load(bytes(), {}, 'second')];
  threads[0]!.events.died('out of memory');
  await expect(first).rejects.toMatchObject({ code: 'ended', message: expect.stringContaining('out of memory') });
  threads[1]!.events.message({ request: threads[1]!.orders[0]!.request, program });
  expect(await second).toBe(program);
});

test('the end of the machine is the end of all that is being loaded', async () => {
  const { threads, loader } = played();
  const loads = [loader.load(bytes(), {}, 'first'), loader.load(bytes(), {}, 'second')].map((load) =>
    expect(load).rejects.toMatchObject({ code: 'ended', message: 'the machine has been shut down' }),
  );
  await loader.close();
  await Promise.all(loads);
  expect(threads.map(({ ended }) => ended)).toEqual([true]);
});
