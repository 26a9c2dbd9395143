// What an invoked export returned, as text and as JSON.
import type { Program } from '../runtime/program.ts';

/** One line each: integers in full, floats with the digits that tell them apart. */
export function resultLines(program: Program, name: string, results: readonly unknown[]): string[] {
  const types = program.layout.exports.find((one) => one.kind === 'function' && one.name === name)?.results ?? [];
  return results.map((value, i) => (types[i] === 'f32' ? single(value as number) : text(value)));
}

/** JSON has neither 64-bit integers nor infinities, NaN and -0: they are written as text. */
export function jsonResults(results: readonly unknown[]): unknown[] {
  return results.map((value) => (Number.isFinite(value) && !Object.is(value, -0) ? value : text(value)));
}

const SINGLE_DIGITS_MAX = 9;

/** The shortest decimal that reads back as the same 32-bit float. */
function single(value: number): string {
  if (!Number.isFinite(value) || value === 0) return text(value);
  for (let digits = 1; digits < SINGLE_DIGITS_MAX; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(SINGLE_DIGITS_MAX)));
}

const text = (value: unknown): string => (Object.is(value, -0) ? '-0' : String(value).replace('Infinity', 'inf'));
