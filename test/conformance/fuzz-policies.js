// Random and mutated policies against the reference: fuzz-policies.js [COUNT] [SEED] [FIRST]. Fails where anything differs, where a
// text takes long, and where one takes for ever: texts are read on other threads, and this one looks on.
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { fuzz } from '../caps/policy/fuzzer.ts';

const PIECE = 1000;
/** What a piece of so many texts takes at most, some hundred times more than it does. */
const PIECE_MS = 120_000;

if (isMainThread) await main();
else {
  const { seed, first, end, done } = workerData;
  for (let at = first; at < end; at += PIECE) {
    parentPort.postMessage(fuzz(seed, Math.min(PIECE, end - at), at, (texts) => Atomics.store(done, 0, at + texts)));
    beat(done);
  }
}

function beat(done) {
  Atomics.add(done, 1, 1);
  Atomics.notify(done, 1);
}

async function main() {
  const [count = 1_000_000, seed = 1, first = 0] = process.argv.slice(2).map(Number);
  const begunMs = performance.now();
  const total = { texts: 0, read: 0, refused: 0, decisions: 0, actions: {}, slowestMs: 0, differences: [] };
  let told = 0;
  const add = ({ slowestMs, actions, differences, ...counts }) => {
    for (const [name, amount] of Object.entries(counts)) total[name] += amount;
    for (const [name, amount] of Object.entries(actions)) total.actions[name] = (total.actions[name] ?? 0) + amount;
    total.slowestMs = Math.max(total.slowestMs, slowestMs);
    total.differences.push(...differences);
    if (total.texts < told + 50_000) return;
    told = total.texts;
    console.log(`${total.texts} of ${count}, ${total.differences.length} differences`);
  };
  const threads = Math.min(availableParallelism(), Math.ceil(count / PIECE));
  const share = Math.ceil(count / threads);
  const ranges = Array.from({ length: threads }, (_, i) => [first + i * share, first + Math.min(count, (i + 1) * share)]);
  await Promise.all(ranges.map(([from, end]) => range({ seed, first: from, end }, add)));
  const { texts, read, refused, decisions, actions, slowestMs, differences } = total;
  console.log(
    `seed ${seed}, from ${first}: ${texts} texts, ${read} read, ${refused} refused; ${decisions} decisions (${JSON.stringify(actions)}); ` +
      `the slowest text took ${slowestMs.toFixed(0)} ms; ${differences.length} differences; ${((performance.now() - begunMs) / 1000).toFixed(0)} s`,
  );
  for (const difference of differences.slice(0, 20)) console.log(difference);
  if (texts < count) console.log(`${count - texts} texts were not come to`);
  process.exitCode = differences.length === 0 && texts === count ? 0 : 1;
}

/** Resolves when a thread has done these, or was ended because it came no further. */
async function range({ seed, first, end }, add) {
  // The text that it is at, and pieces that it has done.
  const done = new Int32Array(new SharedArrayBuffer(8));
  done[0] = first;
  const worker = new Worker(new URL(import.meta.url), { workerData: { seed, first, end, done } });
  let over = false;
  const exit = once(worker, 'exit').then(() => {
    over = true;
    beat(done);
  });
  worker.on('message', add);
  worker.on('error', (error) => console.log(`seed ${seed} text ${Atomics.load(done, 0)} ended its thread: ${error.stack}`));
  while (!over) {
    const next = Atomics.waitAsync(done, 1, Atomics.load(done, 1), PIECE_MS);
    if (over || (await next.value) !== 'timed-out') continue;
    console.log(`seed ${seed} text ${Atomics.load(done, 0)} takes for ever`);
    void worker.terminate();
    break;
  }
  await exit;
}
