// Which descriptors of the host a thread holds, for whoever has to close them when the thread is ended from outside: nothing
// that it was to do afterwards is done then. V8 ends a thread where a function begins or a loop goes round, so the record is
// written straight after the call that opened or closed, with neither in between; what another handle of Node's closes must
// not be in it.
import fs from 'node:fs';

/** Descriptors from this number on are not recorded. */
const DESCRIPTORS = 2 ** 20;

/** By number: 1 where this thread holds it. Without a recorder it has no length, and what is written to it is lost. */
export const HELD: { bytes: Uint8Array } = { bytes: new Uint8Array(0) };

export const recorder = (): SharedArrayBuffer => new SharedArrayBuffer(DESCRIPTORS);

/** This thread writes down what it holds from now on. */
export function record(into: SharedArrayBuffer): void {
  HELD.bytes = new Uint8Array(into);
}

/** Closes what a thread held that runs no more. */
export function closeHeld(recorded: SharedArrayBuffer): void {
  const bytes = new Uint8Array(recorded);
  for (let fd = bytes.indexOf(1); fd >= 0; fd = bytes.indexOf(1, fd + 1)) {
    bytes[fd] = 0;
    try {
      fs.closeSync(fd);
    } catch (error) {
      // It was closed while the thread was ended.
      if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error;
    }
  }
}
