// Which programs a policy is for.
import { nameGlob, pathGlob } from './glob.ts';
import type { Policy, Target } from './policy.ts';

export interface Program {
  /** Absolute; undefined for one that came as bytes. */
  readonly path: string | undefined;
  /** Of its bytes, lower case. */
  readonly sha256: string;
}

/** A policy that names no program is for any. */
export const isFor = (policy: Policy, program: Program): boolean => policy.for?.some((target) => fits(target, program)) ?? true;

function fits({ program, sha256 }: Target, { path, sha256: found }: Program): boolean {
  return (program === undefined || (path !== undefined && named(program, path))) && (sha256 === undefined || sha256 === found);
}

const named = (pattern: string, path: string) =>
  pattern.startsWith('/') ? pathGlob(pattern)(path) : nameGlob(pattern)(path.slice(path.lastIndexOf('/') + 1));
