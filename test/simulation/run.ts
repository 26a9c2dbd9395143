// Runs the simulations of this directory over more seeds than the tests do: node test/simulation/run.ts [SEEDS [FIRST [STEPS]]]
// Each line names a seed that went wrong, and how; the same seed goes wrong again.
import { AccountSimulation } from './accounts.ts';
import { guests } from './guests.ts';
import { SchedulerSimulation } from './scheduler.ts';

const [seeds = 100, first = 1, steps = 100_000] = process.argv.slice(2).map(Number);
const programs = await guests();
let failed = 0;

for (let seed = first; seed < first + seeds; seed++) {
  for (const simulation of [new AccountSimulation(seed, programs), new SchedulerSimulation(seed)]) {
    try {
      await simulation.run(steps);
    } catch (error) {
      failed++;
      console.error(`${simulation.constructor.name} with seed ${seed}: ${(error as Error).message}`);
    }
  }
}
console.log(`${seeds} seeds of ${steps} steps, ${failed} failures`);
if (failed > 0) process.exitCode = 1;
