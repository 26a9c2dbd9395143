// A program as an object: who holds a capability on it with the right to execute may start it, without seeing its file.
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT } from './rights.ts';

/** The rights on a program. */
export const PROGRAM_RIGHT = { execute: 1 << 0, transfer: RIGHT.transfer } as const;

/** `P`: a loaded program, as the runtime has it. */
export class ProgramObject<P extends { readonly name: string } = { readonly name: string }> extends CapObject {
  readonly kind = 'program';
  readonly program: P;
  /** By which it was given; undefined where that was another way. */
  readonly path: string | undefined;

  constructor(program: P, path?: string) {
    super();
    this.program = program;
    this.path = path;
  }

  override get vocabulary(): typeof PROGRAM_RIGHT {
    return PROGRAM_RIGHT;
  }
}

/** The right to execute a program. */
export const programRoot = <P extends { readonly name: string }>(
  program: P,
  name?: string,
  path?: string,
): Capability<ProgramObject<P>> =>
  new Capability(new ProgramObject(program, path), PROGRAM_RIGHT.execute | PROGRAM_RIGHT.transfer, 0, undefined, name);
