// How large a module may be. V8 takes a gigabyte and a million functions, and seconds for each few megabytes of code that is made to
// be slow; what is beyond these bounds is refused by a look at the headers of its sections, before V8 sees it.

import { LoadError } from './errors.ts';
import { Section } from './module.ts';
import { Reader } from './reader.ts';

const MIB = 2 ** 20;
/** The largest programs known (compilers, databases, office suites) have a third of each. */
export const MODULE_BYTES_MAX = 256 * MIB;
export const CODE_BYTES_MAX = 128 * MIB;
export const FUNCTIONS_MAX = 250_000;

const HEADER_SIZE = 8;

/** What does not parse is for V8 to judge. */
export function checkBounds(source: Uint8Array): void {
  if (source.length > MODULE_BYTES_MAX) tooLarge(`has ${source.length} bytes`, MODULE_BYTES_MAX);
  if (source.length < HEADER_SIZE) return;
  const reader = new Reader(source, HEADER_SIZE);
  try {
    while (!reader.done) {
      const id = reader.u8();
      const section = reader.sub(reader.u32());
      if (id === Section.function) {
        const functions = section.u32();
        if (functions > FUNCTIONS_MAX) tooLarge(`has ${functions} functions`, FUNCTIONS_MAX);
      }
      const bytes = section.limit - section.position;
      if (id === Section.code && bytes > CODE_BYTES_MAX) tooLarge(`has ${bytes} bytes of code`, CODE_BYTES_MAX);
    }
  } catch (error) {
    if (!(error instanceof LoadError) || error.code === 'too-large') throw error;
  }
}

function tooLarge(what: string, most: number): never {
  throw new LoadError('too-large', `the module ${what}; the limit is ${most}`);
}
