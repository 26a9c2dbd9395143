// The embedder's side of one process: what it is told and asked, from wherever the process's kernel runs.
import type { Resource } from '../kernel/limits.ts';
import type { Question as Asked, Observer, Supervisor } from '../kernel/policy/supervisor.ts';
import { type LimitName, limitName } from './limits.ts';

export interface Attendant extends Supervisor {
  readonly onSoftLimit?: ((resource: Resource) => void) | undefined;
}

/** A call that waits for a decision. */
export interface Question extends Asked {
  /** Aborted where the answer is not waited for any longer: the process has ended, or what it wanted to use is gone. */
  readonly signal: AbortSignal;
}

/** What an embedder said of it. */
export interface Listeners {
  readonly onSoftLimit: ((limit: LimitName) => void) | undefined;
  readonly onNotify: ((question: Question) => boolean | Promise<boolean>) | undefined;
  readonly onObserved: Observer | undefined;
}

export const attendantOf = ({ onSoftLimit, onNotify, onObserved }: Listeners): Attendant => ({
  onSoftLimit: onSoftLimit && ((resource) => tell(onSoftLimit, limitName(resource))),
  // What it throws is a rejection, which is a no.
  ask:
    onNotify &&
    (async (question, withdrawn) => {
      const controller = new AbortController();
      withdrawn.then(() => controller.abort());
      return onNotify({ ...question, signal: controller.signal });
    }),
  observe: onObserved && ((observations, by) => tell(onObserved, observations, by)),
});

/** What a listener throws is an error of the embedder's, in a turn of its own: it keeps nothing of ours from being done. */
function tell<A extends readonly unknown[]>(listener: (...args: A) => void, ...args: A): void {
  try {
    listener(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
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
