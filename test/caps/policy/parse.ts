// Reads policies as the machine does, from texts in memory.
import fs from 'node:fs';
import path from 'node:path';
import type { ParseOptions } from '../../../src/caps/policy/language.ts';
import { policyLanguage } from '../../../src/caps/policy/language.ts';
import type { Policy } from '../../../src/caps/policy/policy.ts';
import { checkGrant } from '../../../src/machine/grammar.ts';
import { parseLimit } from '../../../src/machine/limits.ts';
import { VOCABULARY } from '../../../src/syscalls/vocabulary.ts';

const READY = path.join(import.meta.dirname, '../../../policies');

export const language = await policyLanguage(VOCABULARY);

export const readyNames = fs
  .readdirSync(READY)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.replace(/\.yaml$/, ''));
const readyFile = (name: string) => path.join(READY, `${name}.yaml`);
export const readyText = (name: string) => fs.readFileSync(readyFile(name), 'utf8');

export function options(files: Record<string, string> = {}): ParseOptions {
  return {
    file: 'policy.yaml',
    ready: readyNames,
    load: (name) => {
      if (files[name] !== undefined) return { file: name, text: files[name] };
      return readyNames.includes(name) ? { file: `${name}.yaml`, text: readyText(name), shipped: readyFile(name) } : undefined;
    },
    grant: checkGrant,
    limit: parseLimit,
  };
}

export const parse = (text: string, files?: Record<string, string>): Policy => language.parse(text, options(files));
/** Of the body of `process`, each line indented by two. */
export const parseBody = (body: string): Policy => parse(`process:\n${body.replace(/^/gm, '  ')}`);

/** What is said of a text that is wrong. */
export function complaint(text: string, files?: Record<string, string>): string {
  try {
    parse(text, files);
  } catch (error) {
    return error instanceof Error && error.name === 'PolicyError'
      ? error.message
      : `thrown: ${error instanceof Error ? error.stack : error}`;
  }
  return 'nothing';
}
