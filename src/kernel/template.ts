// Templates: programs that were run to a point, and stand still there. Processes start from one as if each had come so far
// itself. It holds no capability, and nothing of who it was made by but what the program has in its own memory.
import type { Image, Mmu } from '../hal/mmu.ts';
import type { ExportLayout } from '../runtime/layout.ts';
import type { Program, Sealed } from '../runtime/program.ts';
import { capture, resetter, restore } from '../runtime/snapshot.ts';
import type { Process } from './process.ts';
import { IDLE_MAX } from './recycler.ts';

/** Descriptors that a process has from the start are its starter's affair; these are the standard streams. */
const STREAMS = 3;

export interface Template {
  /** Of each memory, what is in it. */
  readonly images: readonly Image[];
  /** Of each memory, its size in pages. */
  readonly pages: readonly number[];
  /** Elements of each table. */
  readonly tables: readonly number[];
  /** Whether the instance of one process can serve the next: the loader says so, and it is preparable. */
  readonly recyclable: boolean;
  /** Whether what an instance is linked to is bound to no process alone: it can be made before there is one, and imports serve many. */
  readonly preparable: boolean;
  /** The program has a function that is to be called first in every process. */
  readonly reseeds: boolean;
  /** Cells that wait for its processes at most. */
  idleMost: number;
  /** Puts globals and tables of a new instance to where the program stands. */
  restore(instance: WebAssembly.Instance): void;
  /** Makes what puts back the globals of an instance that served a process. */
  resetter(instance: WebAssembly.Instance): () => void;
}

/** What a process has come to, as plain data; or why that cannot be told. To be asked of a reactor between calls. */
export function seal(
  process: Process,
  instance: WebAssembly.Instance | undefined,
  memories: readonly WebAssembly.Memory[],
): Sealed | string {
  const { program, capabilities, offspring } = process;
  if (instance === undefined) return 'it has not begun';
  if (offspring.confines) return 'it has put its children under a policy, which is of this process alone';
  const opened = capabilities.slots.findIndex((one, slot) => slot >= STREAMS && one !== undefined && one.preopen === undefined);
  if (opened >= 0) return `descriptor ${opened}, which it opened, is of this process alone: it is to be closed before`;
  const state = capture(instance, program.layout, program.hash ?? program.name);
  if (typeof state === 'string') return state;
  return { state, memories: memories.map(({ buffer }) => shared(new Uint8Array(buffer))) };
}

/** A copy that threads can share. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

const PAGE = 65_536;

/** By which a program sets up anew what must differ between processes: keys, seeds, identifiers that it drew before. */
export const RESEED = 'superos_reseed';

const isReseed = ({ kind, name, params, results }: ExportLayout): boolean =>
  kind === 'function' && name === RESEED && (params ?? []).length + (results ?? []).length === 0;

/** The templates of one kernel, each made when a process is first to start from it. */
export class Templates {
  readonly #mmu: Mmu;
  readonly #made = new Map<Program, Template>();

  constructor(mmu: Mmu) {
    this.#mmu = mmu;
  }

  /** Undefined where the host has no room for it. */
  of(program: Program, { state, memories }: Sealed): Template | undefined {
    const made = this.#made.get(program);
    if (made !== undefined) return made;
    const images: Image[] = [];
    for (const bytes of memories) {
      const image = this.#mmu.seal(bytes);
      if (image === undefined) {
        for (const one of images) one.release();
        return undefined;
      }
      images.push(image);
    }
    const { layout } = program;
    const meterless = layout.heapBytes === undefined;
    const template: Template = {
      images,
      pages: memories.map(({ length }) => length / PAGE),
      tables: layout.tables.map(({ minimum }, i) => Math.max(minimum, state.tables[i]?.length ?? 0)),
      recyclable: layout.recycle === true && meterless,
      preparable: meterless,
      reseeds: layout.exports.some(isReseed),
      idleMost: IDLE_MAX,
      restore: (instance) => restore(instance, layout, state),
      resetter: (instance) => resetter(instance, layout, state),
    };
    this.#made.set(program, template);
    return template;
  }

  /** Gives back all. */
  close(): void {
    for (const program of this.#made.keys()) this.forget(program);
  }

  /** Gives back what was made of a program: the template, if there was one, for whoever holds something of it. */
  forget(program: Program): Template | undefined {
    const made = this.#made.get(program);
    this.#made.delete(program);
    // What still runs leaves nothing to anybody.
    if (made !== undefined) made.idleMost = 0;
    for (const image of made?.images ?? []) image.release();
    return made;
  }
}
