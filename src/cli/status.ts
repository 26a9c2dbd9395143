// How a guest's end becomes the command's: its exit status, and what a person is told of it.
import { plain } from '../kernel/printable.ts';
import type { ExitStatus } from '../kernel/status.ts';
import type { Signal } from '../syscalls/caller.ts';
import { STATUS } from './error.ts';

/** What shells add to the number of the signal that ended a program. */
const SIGNALLED = 128;

/** The exit status of a program that a signal ended. WASI's signals have numbers of their own; here they have the host's. */
export function ended(signal: Signal): number {
  const { signals } = process.getBuiltinModule('node:os').constants;
  return SIGNALLED + (signals[signal] ?? 0);
}

/** One line of JSON for `--json`: the exit status of the command, and the guest's. */
export const jsonStatus = (status: ExitStatus, results?: readonly unknown[]): string =>
  JSON.stringify({ status: exitCode(status), ...status, ...(results && { results }) });

/** The same for a program that could not be started. */
export const jsonFailure = (status: number, message: string): string =>
  JSON.stringify({ status, code: null, signal: null, reason: null, message: plain(message), usage: null });

/** A guest's own status is cut to eight bits, as POSIX does with what is given to `exit`; `--json` and `wait()` have all of it. */
export function exitCode({ code, signal, reason }: ExitStatus): number {
  switch (reason) {
    case 'exit':
      return (code ?? 0) & 0xff;
    case 'trap':
      return STATUS.trapped;
    case 'crash':
      return STATUS.failed;
    case 'timeout':
      return STATUS.timedOut;
    case 'signal':
      return ended(signal ?? 'SIGKILL');
    case 'policy':
      return ended('SIGSYS');
    case 'memory-limit':
    case 'cpu-limit':
      return ended('SIGKILL');
  }
}

/** What to say of an end that the guest did not choose: a line and, for a trap, the guest's frames; undefined where nothing is. */
export function epitaph(name: string, { reason, signal, message }: ExitStatus): string | undefined {
  const [first = '', ...frames] = (message ?? '').split('\n').map(plain);
  const line = (what: string) => [`superos: ${plain(name)} ${what}`, ...frames].join('\n');
  switch (reason) {
    case 'trap':
      return line(`trapped: ${first}`);
    case 'crash':
      return `superos: ${plain(name)} was ended by an error inside SuperOS, which is a bug: ${first}`;
    case 'timeout':
      return line('was ended: its time is over (--timeout)');
    case 'memory-limit':
      return line(`was ended: ${first === '' ? 'it is over its memory limit' : first} (--memory)`);
    case 'cpu-limit':
      return line(`was ended: ${first === '' ? 'it is over its CPU time' : first} (--cpu-time)`);
    case 'policy':
      return line(`was ended by policy${first === '' ? '' : `: ${first}`}`);
    case 'signal':
      return line(`was ended by ${signal}${first === '' ? '' : `: ${first}`}`);
    case 'exit':
      return undefined;
  }
}
