// Random sequences of operations on capabilities, for as long as one likes; what the properties are is in test/caps. By hand:
//   node test/soak/capabilities.ts [SEQUENCES] [SEED]
// A sequence that breaks a promise is printed with its seed, and ends the run.
import { run } from '../caps/world.ts';

const sequences = Number(process.argv[2] ?? 5_000_000);
const first = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const LENGTH_MAX = 60;
const REPORT = 250_000;

/** xorshift32. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed | 1; ; ) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

const draw = numbers(first);
let steps = 0;
for (let i = 1; i <= sequences; i++) {
  const sequence = Array.from({ length: 5 + (draw.next().value % LENGTH_MAX) }, () => draw.next().value);
  steps += sequence.length;
  try {
    run(sequence);
  } catch (error) {
    process.stderr.write(`sequence ${i} of seed ${first}: ${JSON.stringify(sequence)}\n${(error as Error).stack}\n`);
    process.exit(1);
  }
  if (i % REPORT === 0) process.stdout.write(`${i} sequences, ${steps} steps\n`);
}
process.stdout.write(`${sequences} sequences, ${steps} steps, seed ${first}: every promise held\n`);
