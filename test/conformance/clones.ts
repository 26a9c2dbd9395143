// Instances captured as soon as they have started, and clones that take their place: what the core suite and generated programs then do
// must be what they do without. It counts what can be captured, and what can be recycled.

import { isDeepStrictEqual } from 'node:util';
import type { Layout } from '../../src/runtime/loader.ts';
import { capture, resetter, restore } from '../../src/runtime/snapshot.ts';
import { decodeSnapshot, encodeSnapshot } from '../../src/runtime/snapshot-file.ts';

const PROGRAM = 'one of the suite';

/** Counts of equal texts. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(text: string): void {
    this.#counts.set(text, (this.#counts.get(text) ?? 0) + 1);
  }

  get total(): number {
    return this.#counts.values().reduce((sum, count) => sum + count, 0);
  }

  lines(): string[] {
    const sorted = [...this.#counts].sort(([, a], [, b]) => b - a);
    return sorted.map(([text, count]) => `  ${count} ${text}`);
  }
}

/** The same reason for all places. */
const generally = (reason: string): string => reason.replaceAll(/\d+/g, 'N');

/** What is in the exported tables, as far as JavaScript may see it. */
function elementsOf({ exports }: WebAssembly.Instance): unknown[] {
  const seen: unknown[] = [];
  for (const table of Object.values(exports)) {
    if (!(table instanceof WebAssembly.Table)) continue;
    // The length of a table of 64 bits is a BigInt.
    const length: unknown = table.length;
    for (let at = 0; at < Number(length); at++) {
      try {
        seen.push(table.get((typeof length === 'bigint' ? BigInt(at) : at) as number));
      } catch (error) {
        // Exceptions cannot be seen.
        if (!(error instanceof TypeError)) throw error;
      }
    }
  }
  return seen;
}

export interface Replaced {
  readonly instance: WebAssembly.Instance;
  /** Where the layout says that it can be: makes the instance a new one again, and is false where it cannot, because a memory grew. */
  readonly recycle: (() => boolean) | undefined;
}

export class Clones {
  readonly #failures: string[] = [];
  readonly #refused = new Tally();
  readonly #fixed = new Tally();
  #captured = 0;
  #recyclable = 0;
  #recycled = 0;
  #elements = 0;
  #replayed = 0;

  /** Takes the memories of `original` over into a clone, which `make` instantiates; or gives `original` where it cannot be captured. */
  replace(
    original: WebAssembly.Instance,
    layout: Layout,
    memories: readonly WebAssembly.Memory[],
    make: () => WebAssembly.Instance,
  ): Replaced {
    const snapshot = capture(original, layout, PROGRAM);
    if (typeof snapshot === 'string') {
      this.#refused.add(generally(snapshot));
      return { instance: original, recycle: undefined };
    }
    this.#captured++;
    const decoded = decodeSnapshot(encodeSnapshot(snapshot), PROGRAM);
    // Twice, because the first restoring finds out what the second knows.
    restore(make(), layout, decoded);
    const instance = make();
    restore(instance, layout, decoded);
    if (!isDeepStrictEqual(capture(instance, layout, PROGRAM), snapshot))
      this.#failures.push('a clone differs from what was captured');
    if (layout.recycle !== true) {
      this.#fixed.add(generally(layout.recycle!));
      return { instance, recycle: undefined };
    }
    this.#recyclable++;
    const reset = resetter(instance, layout, decoded);
    const images = memories.map(({ buffer }) => new Uint8Array(buffer).slice());
    const elements = elementsOf(instance);
    const recycle = () => {
      if (memories.some(({ buffer }, i) => buffer.byteLength !== images[i]!.length)) return false;
      reset();
      for (const [i, { buffer }] of memories.entries()) new Uint8Array(buffer).set(images[i]!);
      const now = elementsOf(instance);
      if (!isDeepStrictEqual(capture(instance, layout, PROGRAM), snapshot)) this.#failures.push('globals differ after recycling');
      if (now.length !== elements.length || now.some((element, i) => element !== elements[i]))
        this.#failures.push('tables differ after recycling');
      this.#elements += now.length;
      this.#recycled++;
      return true;
    };
    return { instance, recycle };
  }

  /** What a recycled instance did again, and whether it was the same. */
  replay(what: string, first: string, again: string): void {
    this.#replayed++;
    if (first !== again) this.#failures.push(`${what}: '${again}' by a recycled instance instead of '${first}'`);
  }

  get failures(): readonly string[] {
    return this.#failures;
  }

  report(): string {
    return [
      `instances captured: ${this.#captured}, refused: ${this.#refused.total}`,
      ...this.#refused.lines(),
      `of those captured, recyclable: ${this.#recyclable}, not: ${this.#fixed.total}`,
      ...this.#fixed.lines(),
      `recycled: ${this.#recycled} instances; compared: their globals, ${this.#elements} elements of tables, ` +
        `${this.#replayed} actions done again; failed: ${this.#failures.length}`,
      ...this.#failures.slice(0, 20).map((failure) => `  ${failure}`),
    ].join('\n');
  }
}
