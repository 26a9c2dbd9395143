// What was refused, told at the end of a run: which call, and the change to a policy, or the grant, that would allow it.

import type { Refusal } from '../kernel/policy/supervisor.ts';
import { plain } from '../kernel/printable.ts';
import { factsText } from './ask.ts';

/** Lines that a person is told; `--json` has all. */
const TOLD_MAX = 10;

export function refusalLines(program: string, refused: readonly Refusal[], enforced: boolean): string[] {
  const lines = refused.slice(0, TOLD_MAX).map(({ call, facts, place, count, remedy, program: other = program }) => {
    const times = count === 1 ? '' : `, ${count} times`;
    // Policies can be told without being enforced; capabilities cannot.
    const verb = enforced || place === undefined ? 'was refused' : 'would have been refused';
    return `superos: ${plain(`${other} ${verb} ${call}${factsText(facts)}${times}; to allow it, ${remedy}`)}`;
  });
  const more = refused.length - TOLD_MAX;
  return more > 0 ? [...lines, `superos: and ${more} more; --json has all`] : lines;
}
