// A process as an object that others hold capabilities on: to signal it, wait for it, look at it.
import type { Errno } from '../hal/errno.ts';
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT } from './rights.ts';

/** The rights on a process. */
export const PROCESS_RIGHT = { signal: 1 << 0, wait: 1 << 1, inspect: 1 << 2, transfer: RIGHT.transfer } as const;

/** What the kernel offers of a process. `S`: the signals, `X`: what is left of one that has ended. */
export interface Subject<S extends string = string, X = unknown> {
  /** By which those know it that are in its namespace. */
  readonly number: number;
  /** Undefined until it has ended. */
  readonly status: X | undefined;
  /** Resolves once it has. */
  readonly done: Promise<X>;
  /** NOTSUP for what cannot be done to a process. Ends one that does not expect the signal. */
  signal(signal: S): Errno | undefined | symbol;
}

/** It names the process, not its number: once that has ended, no other is meant. */
export class ProcessObject extends CapObject {
  readonly kind = 'process';
  readonly #subject: Subject;

  constructor(subject: Subject) {
    super();
    this.#subject = subject;
  }

  override get vocabulary(): typeof PROCESS_RIGHT {
    return PROCESS_RIGHT;
  }

  get number(): number {
    return this.#subject.number;
  }
  get over(): boolean {
    return this.#subject.status !== undefined;
  }
  get done(): Promise<unknown> {
    return this.#subject.done;
  }
  signal(signal: string): Errno | undefined | symbol {
    return this.#subject.signal(signal);
  }
}

/** All rights on a process. */
export const processRoot = (subject: Subject, name?: string): Capability<ProcessObject> =>
  new Capability(
    new ProcessObject(subject),
    PROCESS_RIGHT.signal | PROCESS_RIGHT.wait | PROCESS_RIGHT.inspect | PROCESS_RIGHT.transfer,
    0,
    undefined,
    name,
  );
