// Generated modules, rewritten against original: fuzz.js [COUNT] [SEED] [FIRST]. Says what was compared; fails where anything differs.
import { differential } from './differential.ts';

const [count = 10_000, seed = 1, first = 0] = process.argv.slice(2).map(Number);
const begunMs = performance.now();
const report = await differential(seed, count, {
  first,
  progress: (done) => {
    if (done > 0 && done % 1000 === 0) console.log(`${done} of ${count}`);
  },
});
const { modules, refused, calls, traps, exhausted, attended, differences } = report;
console.log(
  `seed ${seed}, from ${first}: ${modules} modules (${refused} that V8 refuses), ${calls} lines compared for each of three epochs, ${traps} traps, ` +
    `${exhausted} ran out of stack, ${attended} calls of the kernel; ${differences.length} differences; ${((performance.now() - begunMs) / 1000).toFixed(0)} s`,
);
for (const difference of differences.slice(0, 20)) console.log(`  ${difference}`);
process.exitCode = differences.length === 0 ? 0 : 1;
