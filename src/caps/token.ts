// A capability that is a permission and nothing else: what it allows is asked for by its kind.
import { Capability } from './capability.ts';
import { CapObject } from './object.ts';
import { RIGHT } from './rights.ts';

export class Token extends CapObject {
  readonly kind: string;

  constructor(kind: string) {
    super();
    this.kind = kind;
  }
}

/** To have memory that several threads share, and threads that share it. */
export const threadsRoot = (name = 'threads'): Capability<Token> =>
  new Capability(new Token('threads'), RIGHT.transfer, 0, undefined, name);

/** To reach the machine's terminal by its name. */
export const consoleRoot = (name = 'console'): Capability<Token> =>
  new Capability(new Token('terminal'), RIGHT.transfer, 0, undefined, name);
