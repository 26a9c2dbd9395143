// What is left of processes that came from templates and ended by themselves, for the next processes of the same kind: a cell is
// what a process ran in, and what the imports of its instances are bound to. Its memory is put back before anybody else has it. Where
// the loader has shown that memory and numeric globals are all the state of the program, its instance serves the next one too.
import type { CapTable } from '../caps/table.ts';
import type { Entries } from './execution.ts';
import type { Gate } from './policy/gate.ts';
import { isSilent, type Watch } from './policy/watch.ts';
import { isSame, type Protect } from './protection.ts';
import type { AddressSpace } from './space.ts';
import type { Template } from './template.ts';
import type { Thread } from './thread.ts';

/** An instance in which a process can begin. */
export interface Ready {
  readonly instance: WebAssembly.Instance;
  readonly entries: Entries;
  /** Puts its globals back. */
  readonly reset: () => void;
}

export interface Cell {
  readonly template: Template;
  readonly space: AddressSpace;
  readonly capabilities: CapTable;
  readonly thread: Thread;
  readonly imports: WebAssembly.Imports;
  /** Undefined where the next process makes an instance of its own. */
  readonly ready: Ready | undefined;
  readonly gate: Gate | undefined;
  /** Bytes that its processes may have: its memories are made for that. */
  readonly memoryLimit: number;
  /** Part of how its memory is mapped and its imports are bound. */
  readonly protect: Protect;
}

/** Cells that wait for the next process of one template, unless more are asked for. */
export const IDLE_MAX = 64;

export class Recycler {
  /** Those with an instance after those without. */
  readonly #idle = new Map<Template, Cell[]>();
  #size = 0;

  /** Cells that wait: each holds memories of this host. */
  get size(): number {
    return this.#size;
  }

  /** Instances that wait for the next process of a template. */
  idle(template: Template): number {
    const idle = this.#idle.get(template) ?? [];
    return idle.length - idle.filter(isBare).length;
  }

  /** One for a process that is watched so; undefined where there is none. `bare`: one without an instance. */
  take(template: Template, watch: Watch | undefined, memoryLimit: number, protect: Protect, bare: boolean): Cell | undefined {
    const idle = this.#idle.get(template);
    if (idle === undefined) return undefined;
    const at = idle.findLastIndex(
      (cell) =>
        cell.memoryLimit === memoryLimit &&
        suits(cell.gate?.watch, watch) &&
        isSame(cell.protect, protect) &&
        (!bare || isBare(cell)),
    );
    if (at < 0) return undefined;
    this.#size--;
    return idle.splice(at, 1)[0];
  }

  /** False where it is not wanted: then it is still its process's. */
  keep(cell: Cell): boolean {
    const idle = this.#idle.get(cell.template) ?? [];
    if (idle.length >= cell.template.idleMost) {
      const [least] = idle;
      if (isBare(cell) || least === undefined || !isBare(least)) return false;
      idle.shift();
      this.#size--;
      least.space.release();
    }
    this.#idle.set(cell.template, idle);
    if (isBare(cell)) idle.unshift(cell);
    else idle.push(cell);
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

const isBare = ({ ready }: Cell): boolean => ready === undefined;

/** Linked under one policy, and with nobody to tell or to ask, an instance serves none but those that are watched as little. */
const suits = (had: Watch | undefined, wanted: Watch | undefined): boolean =>
  had === undefined || wanted === undefined
    ? had === wanted
    : had.policy === wanted.policy && had.enforce === wanted.enforce && isSilent(wanted);
