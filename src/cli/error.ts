// What the command line tells a person: one line on standard error, and an exit status. Whatever names or messages went into a
// line, no control character or escape sequence of theirs reaches a terminal.
import fs from 'node:fs';
import { plain } from '../kernel/printable.ts';

/** Exit statuses of SuperOS's own, as Docker and GNU timeout have them. */
export const STATUS = { ok: 0, timedOut: 124, failed: 125, notRunnable: 126, notFound: 127, trapped: 134 } as const;

/** Ends the command with `status`, and its message as the one line that says why. */
export class CommandError extends Error {
  readonly status: number;

  constructor(message: string, status: number = STATUS.failed) {
    super(message);
    this.name = 'CommandError';
    this.status = status;
  }
}

const FDS = { stdout: 1, stderr: 2 } as const;
/** How often, and how far apart, a full output that does not wait is tried again. */
const TRIES = 1000;
const PAUSE_MS = 1;

/** Writes a line at once; false where nobody reads it. It must not be used while a guest still writes. */
export function say(where: keyof typeof FDS, line: string): boolean {
  const bytes = Buffer.from(`${line}\n`);
  let tries = 0;
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(FDS[where], bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++tries === TRIES) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
  return true;
}

/** One line that says what went wrong. */
export function complain(message: string): void {
  say('stderr', `superos: ${plain(message)}`);
}
