// What goes wrong for who embeds SuperOS: a code to branch on and one line to show.
import { plain } from '../kernel/printable.ts';

export type SuperosErrorCode =
  | 'not-found' // no such program or directory on this host
  | 'not-runnable' // the program is no module, or asks for what SuperOS does not give
  | 'invalid-argument'
  | 'not-supported' // this host or this version lacks it
  | 'again' // the machine is full for now
  | 'no-memory'
  | 'ended' // the process ended before it could do what was asked
  | 'closed'; // the machine has been shut down

export class SuperosError extends Error {
  readonly code: SuperosErrorCode;

  constructor(code: SuperosErrorCode, message: string, options?: ErrorOptions) {
    // Names of files and programs are in it, which are anybody's choice.
    super(plain(message), options);
    this.name = 'SuperosError';
    this.code = code;
  }
}
