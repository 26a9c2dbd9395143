// Templates: a program that was run to a point, and stands still there. Processes start from it as if each had come so far
// itself. It holds no capability, and nothing of who it was made by but what the program has in its own memory.
import type { Image } from '../hal/mmu.ts';
import type { Program } from '../runtime/program.ts';
import type { Cell } from './cell.ts';
import type { Watch } from './policy/gate.ts';

export interface Template {
  readonly program: Program;
  /** Of each memory: its size, and what is in it. */
  readonly memories: readonly { readonly pages: number; readonly image: Image }[];
  /** Elements of each table. */
  readonly tables: readonly number[];
  /** Puts globals and tables of an instance to where the program stands. */
  readonly restore: (instance: WebAssembly.Instance) => void;
  /** Whether what one process ran in can serve the next: the loader says so, and nothing is bound to the process alone. */
  readonly recyclable: boolean;
}

/** Cells that wait for the next process of one template. */
const IDLE_MAX = 64;

/** What is left of processes that came from templates and ended by themselves, for the next ones. */
export class Recycler {
  readonly #idle = new Map<Template, Cell[]>();
  #size = 0;

  /** Cells that wait: each holds memories of this host. */
  get size(): number {
    return this.#size;
  }

  /** One for a process that is watched so; undefined where there is none. */
  take(template: Template, watch: Watch | undefined, memoryLimit: number): Cell | undefined {
    const idle = this.#idle.get(template);
    const at = idle?.findLastIndex((cell) => cell.memoryLimit === memoryLimit && suits(cell.gate?.watch, watch)) ?? -1;
    if (at < 0) return undefined;
    this.#size--;
    return idle!.splice(at, 1)[0];
  }

  /** False where it is not wanted: then it is still its process's. */
  keep(cell: Cell): boolean {
    const idle = this.#idle.get(cell.template) ?? [];
    if (idle.length >= IDLE_MAX) return false;
    this.#idle.set(cell.template, idle);
    idle.push(cell);
    this.#size++;
    return true;
  }

  /** Gives back those of a template, or all. */
  drop(template?: Template): void {
    const dropped = template === undefined ? [...this.#idle.values()].flat() : (this.#idle.get(template) ?? []);
    if (template === undefined) this.#idle.clear();
    else this.#idle.delete(template);
    this.#size -= dropped.length;
    for (const { space } of dropped) space.release();
  }
}

/** Linked under one policy, an instance serves none but those under the same. */
const suits = (had: Watch | undefined, wanted: Watch | undefined): boolean =>
  had?.policy === wanted?.policy && (had === undefined) === (wanted === undefined) && had?.enforce === wanted?.enforce;
