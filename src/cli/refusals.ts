// What is told at the end of a run: calls that were refused, with the change to a policy, or the grant, that would allow them, and calls
// that a policy logs.

import type { Logged, Refusal } from '../kernel/policy/supervisor.ts';
import { plain } from '../kernel/printable.ts';
import { factsText } from './ask.ts';

/** Lines that a person is told; `--json` has all. */
const TOLD_MAX = 10;

export function refusalLines(program: string, refused: readonly Refusal[], enforced: boolean): string[] {
  return first(refused, ({ call, facts, place, count, remedy, program: other = program }) => {
    // Policies can be told without being enforced; capabilities cannot.
    const verb = enforced || place === undefined ? 'was refused' : 'would have been refused';
    return `${other} ${verb} ${call}${factsText(facts)}${times(count)}; to allow it, ${remedy}`;
  });
}

export const loggedLines = (program: string, logged: readonly Logged[]): string[] =>
  first(
    logged,
    ({ call, facts, place, count, program: other = program }) =>
      `${other} called ${call}${factsText(facts)}${times(count)}, which ${place.file}:${place.line} logs`,
  );

const times = (count: number): string => (count === 1 ? '' : `, ${count} times`);

function first<T>(entries: readonly T[], text: (entry: T) => string): string[] {
  const lines = entries.slice(0, TOLD_MAX).map((one) => `superos: ${plain(text(one))}`);
  const more = entries.length - TOLD_MAX;
  return more > 0 ? [...lines, `superos: and ${more} more; --json has all`] : lines;
}
