// The embedder's side of one process: what it is told and asked, from wherever the process's kernel runs.
import type { Resource } from '../kernel/limits.ts';
import type { Supervisor } from '../kernel/policy/supervisor.ts';

export interface Attendant extends Supervisor {
  readonly onSoftLimit?: ((resource: Resource) => void) | undefined;
}

/** Which of these there are: what a kernel on a thread has to tell and to ask. */
export interface Attended {
  readonly softLimits: boolean;
  readonly asks: boolean;
  readonly observes: boolean;
}

export const attended = ({ onSoftLimit, ask, observe }: Attendant): Attended => ({
  softLimits: onSoftLimit !== undefined,
  asks: ask !== undefined,
  observes: observe !== undefined,
});
