// Branch hints (`metadata.code.branch_hint`): offsets of branches inside bodies, with the likely direction of each. The walk tells
// where each hinted instruction went. A malformed section is dropped.

import { LoadError } from './errors.ts';
import type { CustomSection, Module } from './module.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/**
 * Twice the offset from the start of the body, local declarations included, and one more where the branch is likely: a module has
 * a hundred thousand, and no object for any.
 */
export type Hint = number;

export const hintOf = (offset: number, likely: boolean): Hint => 2 * offset + (likely ? 1 : 0);
export const offsetOf = (hint: Hint): number => Math.floor(hint / 2);
export const isLikely = (hint: Hint): boolean => hint % 2 === 1;

/** Hints by original function index, ascending offsets. */
export type FunctionHints = Map<number, Hint[]>;

export function readHints(module: Module, custom: CustomSection | undefined): FunctionHints {
  const hints: FunctionHints = new Map();
  if (custom === undefined) return hints;
  const reader = new Reader(module.source, custom.content, custom.end);
  try {
    for (let left = reader.count(2); left > 0; left--) {
      const index = reader.u32();
      if (index < module.importedFunctions || index >= module.functions.length || hints.has(index))
        reader.fail('hinted function');
      const list: Hint[] = [];
      for (let branches = reader.count(3); branches > 0; branches--) {
        const offset = reader.u32();
        const size = reader.u32();
        const value = reader.u8();
        if (size !== 1 || value > 1 || hintOf(offset, false) <= (list.at(-1) ?? -1)) reader.fail('branch hint');
        list.push(hintOf(offset, value === 1));
      }
      hints.set(index, list);
    }
    return hints;
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return new Map();
  }
}

/** Hints by new function index. */
export class HintWriter {
  readonly #functions: { index: number; hints: readonly Hint[] }[] = [];

  add(index: number, hints: readonly Hint[]): void {
    if (hints.length > 0) this.#functions.push({ index, hints });
  }

  /** The content of the section after its name; undefined where there is no hint. */
  content(): Writer | undefined {
    if (this.#functions.length === 0) return undefined;
    const out = new Writer(1024).u32(this.#functions.length);
    for (const { index, hints } of this.#functions.sort((a, b) => a.index - b.index)) {
      out.u32(index).u32(hints.length);
      for (const hint of hints)
        out
          .u32(offsetOf(hint))
          .u8(1)
          .u8(isLikely(hint) ? 1 : 0);
    }
    return out;
  }
}
