// What a policy means for a child that is started under it, beside its calls: whoever reads policies has worked it out.
import type { Policy } from '../../caps/policy/policy.ts';
import type { Program } from '../../runtime/program.ts';
import type { Limits } from '../limits.ts';

export interface Confinement {
  readonly policy: Policy;
  /** Whether the policy is for this program: no other can be started under it. */
  fits(program: Program): boolean;
  /** Whether the child gets what came of this grant; `path`: what the process calls it, if it is a directory. */
  gives(grant: string | undefined, path: string | undefined): boolean;
  /** Of each bound the lesser. */
  limits(given: Limits): Limits;
  /** With the variables that the policy sets. */
  environment(given: ReadonlyMap<string, string>): ReadonlyMap<string, string>;
}
