// The areas of a memory in which things are mapped: where each lies, and which are free. Numbers only: nothing here is asked of
// the host.
import { WASM_PAGE } from './limits.ts';

const AREAS_MAX = 24;

/** From `from` to `to` something may be mapped; between these and the ends of the area no page is ever accessible. */
export interface Area {
  readonly start: number;
  readonly from: number;
  readonly to: number;
  readonly end: number;
}

export class Areas {
  readonly #pageBytes: number;
  /** Ascending. */
  #list: Area[] = [];

  /** `pageBytes`: of the host. */
  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
  }

  get list(): readonly Area[] {
    return this.#list;
  }

  get full(): boolean {
    return this.#list.length >= AREAS_MAX;
  }

  /** Pages of 64 KiB of an area for so many bytes: a page before them, and what is left of the last one behind them, are guards. */
  pagesFor(bytes: number): number {
    return 1 + Math.ceil((bytes + this.#pageBytes) / WASM_PAGE);
  }

  /** A new area, behind all others. */
  add(start: number, pages: number): Area {
    const end = start + pages * WASM_PAGE;
    const area = { start, from: start + WASM_PAGE, to: end - this.#pageBytes, end };
    this.#list.push(area);
    return area;
  }

  contains(from: number, to: number): boolean {
    return this.#list.some((area) => area.from <= from && to <= area.to);
  }

  /** Where the smallest area begins in which nothing is, if one is large enough. What is too much of it becomes another one. */
  take(bytes: number, isFree: (area: Area) => boolean): number | undefined {
    this.#join(isFree);
    const free = this.#list.filter((one) => one.to - one.from >= bytes && isFree(one));
    const best = free.sort((a, b) => a.to - a.from - (b.to - b.from))[0];
    if (best === undefined) return undefined;
    const to = best.from + bytes;
    const from = Math.ceil((to + this.#pageBytes) / WASM_PAGE) * WASM_PAGE;
    if (best.to - from >= WASM_PAGE && !this.full) {
      this.#list.splice(this.#list.indexOf(best), 1, { ...best, to, end: from }, { ...best, start: from, from });
    }
    return best.from;
  }

  /** Areas in which nothing is become one with such as lie right behind them. */
  #join(isFree: (area: Area) => boolean): void {
    const joined: Area[] = [];
    for (const area of this.#list) {
      const last = joined.at(-1);
      if (last?.end === area.start && isFree(last) && isFree(area)) {
        joined[joined.length - 1] = { ...last, to: area.to, end: area.end };
      } else joined.push(area);
    }
    this.#list = joined;
  }
}
