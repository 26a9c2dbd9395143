// The embedder's side of one process: what it is told and asked, from wherever the process's kernel runs.
import type { Resource } from '../kernel/limits.ts';
import type { Question, Supervisor } from '../kernel/policy/supervisor.ts';
import { type LimitName, limitName } from './limits.ts';

export interface Attendant extends Supervisor {
  readonly onSoftLimit?: ((resource: Resource) => void) | undefined;
}

/** What an embedder said of it. */
export interface Listeners {
  readonly onSoftLimit: ((limit: LimitName) => void) | undefined;
  readonly onNotify: ((question: Question) => boolean | Promise<boolean>) | undefined;
  readonly onObserved: Supervisor['observe'];
}

export const attendantOf = ({ onSoftLimit, onNotify, onObserved }: Listeners): Attendant => ({
  onSoftLimit: onSoftLimit && ((resource) => onSoftLimit(limitName(resource))),
  // What it throws is a rejection, which is a no.
  ask: onNotify && (async (question) => onNotify(question)),
  observe: onObserved,
});

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
