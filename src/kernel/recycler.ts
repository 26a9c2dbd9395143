// What is left of processes that came from templates and ended by themselves, for the next processes of the same kind: a cell is
// what a process ran in, and what the imports of its instances are bound to. Its memory is put back before anybody else has it. Where
// the loader has shown that memory and numeric globals are all the state of the program, its instance serves the next one too.
import type { CapTable } from '../caps/table.ts';
import { Surplus } from '../hal/surplus.ts';
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
  /** Of one without an instance: see AddressSpace. */
  readonly copied: number;
  readonly gate: Gate | undefined;
  /** Bytes that its processes may have: its memories are made for that. */
  readonly memoryLimit: number;
  /** Part of how its memory is mapped and its imports are bound. */
  readonly protect: Protect;
}

/** Instances that wait for the next process of one template, unless more are asked for. */
export const IDLE_MAX = 64;
/** Cells without an instance, of all templates. */
const BARE_MAX = 64;
/** Bytes that those may keep in use where all of a memory is copied. */
const BARE_BYTES_MAX = 32 * 2 ** 20;

export class Recycler {
  readonly #idle = new Map<Template, Cell[]>();
  /** Those without an instance, in the order in which they came. */
  #bare: Cell[] = [];
  readonly #surplus = new Surplus();
  #size = 0;

  /** Cells that wait: each holds memories of this host. */
  get size(): number {
    return this.#size + this.#bare.length;
  }

  /** Instances that wait for the next process of a template. */
  idle(template: Template): number {
    return this.#idle.get(template)?.length ?? 0;
  }

  /** One for a process that is watched so, with an instance where there is one. */
  take(template: Template, watch: Watch | undefined, memoryLimit: number, protect: Protect): Cell | undefined {
    const idle = this.#idle.get(template);
    const at = idle === undefined ? -1 : idle.findLastIndex((cell) => serves(cell, watch, memoryLimit, protect));
    if (idle === undefined || at < 0) return this.takeBare(template, watch, memoryLimit, protect);
    this.#size--;
    return idle.splice(at, 1)[0];
  }

  /** The same without an instance. */
  takeBare(template: Template, watch: Watch | undefined, memoryLimit: number, protect: Protect): Cell | undefined {
    const at = this.#bare.findLastIndex((cell) => cell.template === template && serves(cell, watch, memoryLimit, protect));
    if (at < 0) return undefined;
    const [cell] = this.#bare.splice(at, 1);
    this.#moved();
    return cell;
  }

  /** Whether one more of a template is wanted; `copied`: see Cell. */
  accepts(template: Template, copied: number): boolean {
    return this.idle(template) < template.idleMost && copied <= BARE_BYTES_MAX;
  }

  /** Takes over what was accepted. */
  keep(cell: Cell): void {
    if (cell.ready !== undefined) {
      this.#idle.getOrInsertComputed(cell.template, () => []).push(cell);
      this.#size++;
      return;
    }
    this.#bare.push(cell);
    while (this.#bare.length > BARE_MAX || this.#bareBytes > BARE_BYTES_MAX) release(this.#bare.splice(0, 1));
    this.#moved();
  }

  /** Gives back those of a template, or all. */
  drop(template?: Template): void {
    const dropped = template === undefined ? [...this.#idle.values()].flat() : (this.#idle.get(template) ?? []);
    if (template === undefined) this.#idle.clear();
    else this.#idle.delete(template);
    this.#size -= dropped.length;
    release(dropped);
    const bare = this.#bare;
    this.#bare = bare.filter((cell) => template !== undefined && cell.template !== template);
    release(bare.filter((cell) => !this.#bare.includes(cell)));
  }

  get #bareBytes(): number {
    return this.#bare.reduce((sum, { copied }) => sum + copied, 0);
  }

  #moved(): void {
    this.#surplus.left(this.#bare.length);
    release(this.#bare.splice(0, this.#surplus.moved(this.#bare.length)));
  }
}

function release(cells: readonly Cell[]): void {
  for (const { space } of cells) space.release();
}

const serves = (cell: Cell, watch: Watch | undefined, memoryLimit: number, protect: Protect): boolean =>
  cell.memoryLimit === memoryLimit && suits(cell.gate?.watch, watch) && isSame(cell.protect, protect);

/** Linked under one policy, and with nobody to tell or to ask, imports serve none but those that are watched as little. */
const suits = (had: Watch | undefined, wanted: Watch | undefined): boolean =>
  had === undefined || wanted === undefined
    ? had === wanted
    : had.policy === wanted.policy && had.enforce === wanted.enforce && isSilent(wanted);
