// The tick of this host: a thread that sets the word of each kernel that asked for it, and sleeps while none does.
import { expect, test } from 'vitest';
import { nodeTick } from '../../src/hal/node/tick.ts';

const EPOCH = 0;
const ARMED = 1;
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function ticked(words: Int32Array): Promise<void> {
  while (Atomics.load(words, EPOCH) === 0) await turn();
}

test('a kernel that asks is ticked once, and again when it asks again', async () => {
  const tick = nodeTick(undefined, 1);
  tick.start();
  const { words } = tick;
  for (let i = 0; i < 3; i++) {
    tick.acknowledge();
    await ticked(words);
    expect(Atomics.load(words, ARMED)).toBe(0);
  }
  tick.close();
});

test('whoever asks while the thread falls asleep is ticked all the same', async () => {
  const [one, other] = [nodeTick(undefined, 1), nodeTick(undefined, 1)];
  one.start();
  other.start();
  // It falls asleep 200 ms after the last tick: each round asks a little later than the one before, across that moment.
  for (let round = 0; round < 16; round++) {
    one.acknowledge();
    await ticked(one.words);
    const until = performance.now() + 194 + round;
    while (performance.now() < until) await turn();
    other.acknowledge();
    await ticked(other.words);
  }
  one.close();
  other.close();
});

test('one that was closed starts nothing any more', () => {
  const tick = nodeTick(undefined, 1);
  tick.close();
  tick.start();
  tick.arm();
  expect(tick.words[ARMED]).toBe(0);
});
