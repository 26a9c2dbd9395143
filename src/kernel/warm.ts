// Cells that are made before there is a process for them, so that the next processes of a template begin at once. What is made here
// has run none of the guest's code. Where it cannot be made, processes begin as they do without.
import type { Program } from '../runtime/program.ts';
import { SpawnError } from './error.ts';
import type { Kernel } from './kernel.ts';
import type { Limits } from './limits.ts';
import { isSilent, type Watch } from './policy/watch.ts';
import type { Process } from './process.ts';
import type { Protect } from './protection.ts';
import { IDLE_MAX } from './recycler.ts';
import type { SpawnRequest } from './request.ts';
import type { Template } from './template.ts';

/** How many cells are to wait, for processes of what kind. */
export interface WarmOrder {
  readonly count: number;
  readonly limits: Limits;
  /** One number (Int32): how many wait. */
  readonly gauge: SharedArrayBuffer;
}

interface Kept {
  readonly template: Template;
  readonly count: number;
  readonly gauge: Int32Array;
  /** As the last process that was started has them: the next may well be of its kind. */
  limits: Limits;
  watch: Watch | undefined;
  protect: Protect | undefined;
  making: boolean;
  /** One was taken while another was made. */
  taken: boolean;
}

export class Warm {
  readonly #kernel: Kernel;
  readonly #kept = new Map<Program, Kept>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** From now on so many cells wait for processes of a template; with 0 those that do are given back. */
  keep(program: Program, { count, limits, gauge }: WarmOrder): void {
    if (count === 0) {
      const kept = this.#kept.get(program);
      this.forget(program);
      if (kept !== undefined) this.#kernel.recycler.drop(kept.template);
      return;
    }
    const template = program.sealed && this.#kernel.templates.of(program, program.sealed);
    if (template === undefined) return;
    template.idleMost = Math.max(IDLE_MAX, count);
    this.#kept.set(program, {
      template,
      count,
      gauge: new Int32Array(gauge),
      limits,
      watch: undefined,
      protect: undefined,
      making: false,
      taken: false,
    });
    this.changed(program);
  }

  forget(program: Program): void {
    const kept = this.#kept.get(program);
    if (kept === undefined) return;
    this.#kept.delete(program);
    kept.template.idleMost = IDLE_MAX;
    Atomics.store(kept.gauge, 0, 0);
  }

  /** A process was started. */
  spawned({ program, limits, watch, task, protect }: SpawnRequest): void {
    const kept = this.#kept.get(program);
    if (kept === undefined || task === 'prepare') return;
    kept.taken = true;
    if (watch !== undefined && !isSilent(watch)) return;
    kept.limits = limits;
    kept.watch = watch;
    kept.protect = protect;
    this.changed(program);
  }

  /** Cells of a template came or went. */
  changed(program: Program): void {
    const kept = this.#kept.get(program);
    if (kept === undefined) return;
    const idle = this.#kernel.recycler.idle(kept.template);
    Atomics.store(kept.gauge, 0, idle);
    if (kept.making || idle >= kept.count || !kept.template.preparable) return;
    kept.making = true;
    // Whoever starts processes goes first.
    this.#kernel.hal.cpu.defer(() => this.#make(program, kept));
  }

  #make(program: Program, kept: Kept): void {
    const process = this.#kept.get(program) === kept ? this.#prepare(program, kept) : undefined;
    if (process === undefined) {
      kept.making = false;
      return;
    }
    const before = this.#kernel.recycler.idle(kept.template);
    kept.taken = false;
    process.done.then(() => {
      this.#kernel.reap(process);
      kept.making = false;
      // Where it was not kept, the next would not be either: there is no room now.
      if (kept.taken || this.#kernel.recycler.idle(kept.template) > before) this.changed(program);
    });
  }

  /** Undefined where there is no room now: it is tried again when a process comes or goes. */
  #prepare(program: Program, { limits, watch, protect }: Kept): Process | undefined {
    try {
      return this.#kernel.spawn({
        program,
        args: [],
        environment: new Map(),
        descriptors: [],
        handles: [],
        limits,
        task: 'prepare',
        first: true,
        ...(watch && { watch }),
        ...(protect && { protect }),
      });
    } catch (error) {
      if (error instanceof SpawnError) return undefined;
      throw error;
    }
  }
}
