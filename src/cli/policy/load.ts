// Policies as commands name them: a file, a policy that SuperOS brings, or `-` for standard input.
import type { Policy } from '../../caps/policy/policy.ts';
import { PolicyError, type Problem } from '../../caps/policy/source.ts';
import { SuperosError } from '../../machine/error.ts';
import { readPolicy } from '../../machine/policy.ts';
import { CommandError } from '../error.ts';
import { readText } from '../file.ts';

/** The longest text that is read; the language itself bounds a policy further. */
const BYTES_MAX = 2 ** 24;

/** A policy that is in no file yet. */
export interface Text {
  readonly text: string;
  readonly file: string;
}

/** The policy, or all that is wrong with it. Throws CommandError where it cannot be read. */
export async function examine(source: string | Text): Promise<Policy | readonly Problem[]> {
  try {
    return await readPolicy(source === '-' ? { text: readText(source, BYTES_MAX), file: source } : source);
  } catch (error) {
    if (!(error instanceof SuperosError)) throw error;
    if (error.cause instanceof PolicyError) return error.cause.problems;
    throw new CommandError(error.message);
  }
}

/** Throws CommandError: it cannot be read, or is not valid. */
export async function load(source: string | Text): Promise<Policy> {
  const found = await examine(source);
  if ('layers' in found) return found;
  const [first, ...more] = found;
  const { place, message } = first!;
  const others = more.length === 0 ? '' : ` (and ${more.length} more: see superos policy check)`;
  throw new CommandError(`${place.file}:${place.line}:${place.column}: ${message}${others}`);
}
