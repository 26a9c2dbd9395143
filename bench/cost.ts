// What it costs to be preemptible: each program of cost/programs.ts as SuperOS rewrites it, preemptible and raw, against the bytes it
// came as, run by V8. All three have the same functions of one small host in memory (cost/host.ts), the rewritten ones on a stack that
// can be suspended, with a tick each quantum: so the figure is the cost of the rewritten code, its stack, and the tick. The start of
// a process and its input and output, which programs through `Machine` would add to it, are subjects of their own.
// V8 may inline more in a rewritten module than in its original, because the loader's stubs raise the share of small functions, by
// which V8 scales its budget for inlining: so ratios to V8 can be far below 1, and preempted against raw is given too.
// Time is that of the thread's CPU, because nothing waits here, and what else the host does then weighs less.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { load } from '../src/runtime/loader.ts';
import { PROGRAMS, type Program } from './cost/programs.ts';
import { start } from './cost/ruby.ts';
import { Tick } from './cost/tick.ts';
import { Original, Rewritten, type Run, type Task } from './cost/variant.ts';
import { median } from './subject.ts';

const ROUNDS = 11;
/** V8 compiles with full optimisation what a first run shows to be hot, on other threads; later runs are of that code. */
const WARM_UP_ROUNDS = 4;
const TIER_UP_MS = 100;
const PREEMPTED = { mean: 1.05, worst: 1.3 };
const RAW = { mean: 1.02 };

export interface Cost {
  readonly program: string;
  readonly language: string;
  /** Medians, in milliseconds. */
  readonly ms: { readonly superos: number; readonly raw: number; readonly v8: number };
  /** Medians of the ratios to V8 within each round. */
  readonly superos: number;
  readonly raw: number;
  /** Of preempted to raw: what the checks alone cost. */
  readonly checks: number;
}

/** A table of its own, and the same as data. */
export async function report(rounds = ROUNDS, names: readonly string[] = []): Promise<{ text: string; rows: readonly Cost[] }> {
  await using tick = new Tick();
  const rows: Cost[] = [];
  for (const program of PROGRAMS) {
    if (names.length > 0 && !names.includes(program.name)) continue;
    process.stderr.write(`cost: ${program.name} (${program.language})\n`);
    rows.push(await measure(program, rounds, tick));
  }
  return { text: table(rows), rows };
}

async function measure(program: Program, rounds: number, tick: Tick): Promise<Cost> {
  const bytes = readFileSync(program.file);
  const preempted = load(bytes);
  const raw = load(bytes, { raw: true });
  const contenders = [
    new Rewritten(preempted.bytes, preempted.layout, tick),
    new Rewritten(raw.bytes, raw.layout, tick),
    new Original(bytes, preempted.layout),
  ];
  const task: Task = {
    args: [program.name, ...program.args],
    input: program.input?.() ?? new Uint8Array(),
    calls: program.calls ?? start,
  };
  const times: [number[], number[], number[]] = [[], [], []];
  let outcome: string | undefined;
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const which = (i + WARM_UP_ROUNDS + round) % contenders.length;
      // What earlier runs left is not to be collected during this one.
      collect();
      const run: Run = await contenders[which]!.run(task);
      outcome ??= run.outcome;
      if (run.outcome !== outcome) throw new Error(`${program.name} does not do the same, rewritten and not`);
      if (round >= 0) times[which]!.push(run.ms);
      else await sleep(TIER_UP_MS);
    }
  }
  const [superos, without, v8] = times;
  const ratio = (ours: readonly number[], theirs: readonly number[]) => median(ours.map((ms, i) => ms / theirs[i]!));
  return {
    program: program.name,
    language: program.language,
    ms: { superos: median(superos), raw: median(without), v8: median(v8) },
    superos: ratio(superos, v8),
    raw: ratio(without, v8),
    checks: ratio(superos, without),
  };
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function table(rows: readonly Cost[]): string {
  const lines = rows.map(({ program, language, ms, superos, raw, checks }) => [
    `cost: ${program} (${language})`,
    ...[ms.superos, ms.raw, ms.v8].map((time) => `${time.toFixed(0)} ms`),
    superos.toFixed(3),
    raw.toFixed(3),
    checks.toFixed(3),
  ]);
  const head = ['program', 'superos', 'raw', 'V8', 'superos/V8', 'raw/V8', 'superos/raw'];
  const cells = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const text = cells.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[i]!))).join('  '),
  );
  text.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return [
    ...text,
    ...summary('superos/V8', rows, (row) => row.superos, PREEMPTED),
    ...summary('raw/V8', rows, (row) => row.raw, RAW),
    ...summary('superos/raw', rows, (row) => row.checks, {}),
  ].join('\n');
}

function summary(
  name: string,
  rows: readonly Cost[],
  of: (row: Cost) => number,
  target: { readonly mean?: number; readonly worst?: number },
): string[] {
  const mean = Math.exp(rows.reduce((sum, row) => sum + Math.log(of(row)), 0) / rows.length);
  const worst = rows.reduce((most, row) => (of(row) > of(most) ? row : most));
  const verdict = (value: number, most: number | undefined) =>
    most === undefined ? '' : `, target <= ${most.toFixed(2)}: ${value <= most ? 'met' : 'NOT MET'}`;
  return [
    `${name}: geometric mean of ${rows.length} programs ${mean.toFixed(3)}${verdict(mean, target.mean)}`,
    `${name}: worst ${of(worst).toFixed(3)} (${worst.program}, ${worst.language})${verdict(of(worst), target.worst)}`,
  ];
}
