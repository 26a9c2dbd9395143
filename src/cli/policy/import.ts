// `superos policy import`: a policy from a seccomp profile, to standard output or a new file.

import { VOCABULARY } from '../../syscalls/vocabulary.ts';
import { CommandError, complain, STATUS, say } from '../error.ts';
import { readText } from '../file.ts';
import { writeNew } from './output.ts';
import { importSeccomp } from './seccomp.ts';

/** Profiles have some tens of kilobytes. */
const BYTES_MAX = 2 ** 24;

/** The exit status. */
export function importProfile(path: string, { output }: { readonly output?: string }): number {
  const text = readText(path, BYTES_MAX);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const why = text.trim() === '' ? 'it is empty' : (error as Error).message;
    throw new CommandError(`${path} is not JSON: ${why}`);
  }
  const { text: policy, told } = importSeccomp(json, path, VOCABULARY);
  if (output === undefined) say('stdout', policy.trimEnd());
  else writeNew(output, policy);
  for (const one of told) complain(one);
  return STATUS.ok;
}
