// Random and mutated policies against the reference: fuzz-policies.js [COUNT] [SEED] [FIRST]. Fails where anything differs.
import { fuzz } from '../caps/policy/fuzzer.ts';

const [count = 1_000_000, seed = 1, first = 0] = process.argv.slice(2).map(Number);
const begunMs = performance.now();
const { texts, read, refused, decisions, actions, slowestMs, differences } = fuzz(seed, count, first, (done, found) => {
  if (done % 50_000 === 0) console.log(`${done} of ${count}, ${found.length} differences`);
});
console.log(
  `seed ${seed}, from ${first}: ${texts} texts, ${read} read, ${refused} refused; ${decisions} decisions (${JSON.stringify(actions)}); ` +
    `the slowest text took ${slowestMs.toFixed(0)} ms; ${differences.length} differences; ${((performance.now() - begunMs) / 1000).toFixed(0)} s`,
);
for (const difference of differences.slice(0, 20)) console.log(difference);
process.exitCode = differences.length === 0 ? 0 : 1;
