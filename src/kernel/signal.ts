// What signals do to a process that has not said otherwise (POSIX <signal.h>).
import type { Signal } from '../syscalls/caller.ts';

export type Disposition = 'terminate' | 'ignore' | 'stop';

const IGNORED: ReadonlySet<Signal> = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH']);
const STOPPING: ReadonlySet<Signal> = new Set(['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']);

export function disposition(signal: Signal): Disposition {
  if (IGNORED.has(signal)) return 'ignore';
  return STOPPING.has(signal) ? 'stop' : 'terminate';
}
