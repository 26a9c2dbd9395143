// What a benchmark is made of, and how contenders are measured: side by side, in many short rounds, each in another order, so that
// whatever else the host does falls on all alike, what the one before has left in the caches too. A figure is the median of its rounds.

export interface Contender {
  readonly name: string;
  /** One round: the figure, in the subject's unit; or why there is none. */
  readonly round: () => number | string | Promise<number | string>;
}

/** Bounds on the project's own figure, on its ratio to another contender's, or on what it is `above` that. */
export type Target =
  | { readonly most: number; readonly of?: string }
  | { readonly below: string }
  | { readonly above: number; readonly of: string }
  | { readonly least: number; readonly of?: string };

export interface Subject {
  readonly name: string;
  readonly unit: 'ns' | 'us' | 'ms' | 'MB' | 'MB/s' | '%';
  readonly rounds: number;
  /** `superos` first, then what a user would pick instead. */
  readonly contenders: readonly Contender[];
  readonly target?: Target;
  readonly close?: () => unknown;
}

export interface Figure {
  readonly median: number;
  /** The best round. */
  readonly best: number;
}

export interface Row {
  readonly subject: string;
  readonly unit: Subject['unit'];
  readonly figures: Readonly<Record<string, Figure | string>>;
  /** To whom the ratio is. */
  readonly against: string | undefined;
  /** The median of the ratios within each round. */
  readonly ratio: number | undefined;
  readonly target: string;
  /** Undefined where there is no target, or nothing to compare with. */
  readonly met: boolean | undefined;
}

export const OURS = 'superos';
const WARM_UP_ROUNDS = 2;

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

export async function measure(subject: Subject): Promise<Row> {
  const rounds = new Map<string, number[]>(subject.contenders.map(({ name }) => [name, []]));
  const absent = new Map<string, string>();
  for (let round = -WARM_UP_ROUNDS; round < subject.rounds; round++) {
    for (const contender of ordered(subject.contenders, Math.max(0, round))) {
      if (absent.has(contender.name)) continue;
      const figure = await contender.round();
      if (typeof figure === 'string') absent.set(contender.name, figure);
      else if (round >= 0) rounds.get(contender.name)!.push(figure);
    }
  }
  await subject.close?.();
  return judge(subject, rounds, absent);
}

/** Each one first in turn; and every other time backwards, so that none comes after the same one nearly always. */
function ordered(contenders: readonly Contender[], round: number): readonly Contender[] {
  const first = round % contenders.length;
  const order = [...contenders.slice(first), ...contenders.slice(0, first)];
  return Math.floor(round / contenders.length) % 2 === 0 ? order : order.reverse();
}

function judge(subject: Subject, rounds: ReadonlyMap<string, number[]>, absent: ReadonlyMap<string, string>): Row {
  const { name, unit, target, contenders } = subject;
  const best = unit === 'MB/s' ? Math.max : Math.min;
  const figures: Record<string, Figure | string> = {};
  for (const [who, values] of rounds) figures[who] = absent.get(who) ?? { median: median(values), best: best(...values) };
  const ours = rounds.get(OURS)!;
  const named = target !== undefined && ('below' in target ? target.below : 'of' in target ? target.of : undefined);
  const against = named || contenders.map((one) => one.name).find((one) => one !== OURS && !absent.has(one));
  const theirs = against === undefined ? [] : (rounds.get(against) ?? []);
  const above = median(ours.map((value, i) => value - (theirs[i] ?? Number.NaN)));
  const ratio = theirs.length === 0 ? undefined : median(ours.map((value, i) => value / theirs[i]!));
  return {
    subject: name,
    unit,
    figures,
    against,
    ratio,
    target: describe(target, unit),
    met: met(target, median(ours), ratio, above),
  };
}

function met(target: Target | undefined, own: number, ratio: number | undefined, above: number): boolean | undefined {
  if (target === undefined) return undefined;
  if ('above' in target) return Number.isNaN(above) ? undefined : above <= target.above;
  if ('least' in target) {
    if (target.of === undefined) return own >= target.least;
    return ratio === undefined ? undefined : ratio >= target.least;
  }
  if ('below' in target) return ratio === undefined ? undefined : ratio < 1;
  if (target.of === undefined) return own <= target.most;
  return ratio === undefined ? undefined : ratio <= target.most;
}

function describe(target: Target | undefined, unit: Subject['unit']): string {
  if (target === undefined) return '';
  if ('least' in target) return target.of === undefined ? `>= ${target.least} ${unit}` : `>= ${target.least} x ${target.of}`;
  if ('above' in target) return `<= ${target.of} + ${target.above} ${unit}`;
  if ('below' in target) return `< ${target.below}`;
  if (target.of === undefined) return `<= ${target.most} ${unit}`;
  return `<= ${target.most === 1 ? '' : `${target.most} x `}${target.of}`;
}

/** Nanoseconds for each of the `count` operations that `action` does. */
export async function nanoseconds(count: number, action: () => unknown): Promise<number> {
  const start = process.hrtime.bigint();
  const pending = action();
  if (pending instanceof Promise) await pending;
  return Number(process.hrtime.bigint() - start) / count;
}
