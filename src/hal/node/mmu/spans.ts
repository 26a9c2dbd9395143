// Which bytes of a memory are not as they are by themselves: protected, a region's, or cut off from the image. Sorted, disjoint,
// and nothing that is told twice.
import type { Access, Protection } from '../../mmu.ts';
import type { MappedRegion } from './files.ts';

/** What is behind pages: a region, zeros of their own, or, undefined, what the memory was loaded with. */
export type Backing = MappedRegion | 'zero' | undefined;

export interface Span extends Protection {
  readonly backing: Backing;
}

export class Spans {
  #list: Span[] = [];

  get list(): readonly Span[] {
    return this.#list;
  }

  /** By how many they are more now. What stays of the others around it keeps its backing. */
  set(from: number, to: number, access: Access, backing: Backing): number {
    const before = this.#list.length;
    const outside = this.#outside(from, to);
    if (access !== 'write' || backing !== undefined) outside.push({ from, to, access, backing });
    this.#replace(outside);
    return this.#list.length - before;
  }

  /** By how many they are more now. */
  protect(from: number, to: number, access: Access): number {
    const before = this.#list.length;
    const inside = this.#list
      .filter((span) => span.from < to && from < span.to)
      .map((span) => ({ ...span, from: Math.max(span.from, from), to: Math.min(span.to, to) }));
    this.set(from, to, access, undefined);
    for (const span of inside) if (span.backing !== undefined) this.set(span.from, span.to, access, span.backing);
    return this.#list.length - before;
  }

  clear(): void {
    this.#list = [];
  }

  overlaps(from: number, to: number): boolean {
    for (const span of this.#list) if (span.from < to && from < span.to) return true;
    return false;
  }

  /** Whether it is these protections and nothing else. */
  are(protections: readonly Protection[]): boolean {
    return (
      protections.length === this.#list.length &&
      this.#list.every((span, i) => {
        const { from, to, access } = protections[i]!;
        return span.backing === undefined && span.from === from && span.to === to && span.access === access;
      })
    );
  }

  #outside(from: number, to: number): Span[] {
    return this.#list.flatMap((span) => {
      if (span.to <= from || to <= span.from) return [span];
      const left = span.from < from ? [{ ...span, to: from }] : [];
      return span.to > to ? [...left, { ...span, from: to }] : left;
    });
  }

  /** Neighbours of one kind become one; two parts of a region never do, since each starts somewhere in it. */
  #replace(spans: Span[]): void {
    spans.sort((a, b) => a.from - b.from);
    const list: Span[] = [];
    for (const span of spans) {
      const last = list.at(-1);
      const joins =
        last?.to === span.from &&
        last.access === span.access &&
        last.backing === span.backing &&
        typeof span.backing !== 'object';
      if (joins) list[list.length - 1] = { ...last, to: span.to };
      else list.push(span);
    }
    this.#list = list;
  }
}
