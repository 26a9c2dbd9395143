// Calls on the process itself.
import type { Signal } from '../caller.ts';
import type { Handler } from '../dispatch.ts';

export const proc_exit: Handler<'proc_exit'> = (caller, code) => caller.exit(code);

export const proc_raise: Handler<'proc_raise'> = (caller, signal) =>
  (signal === 'NONE' ? undefined : caller.raise(signal satisfies Signal)) as ReturnType<Handler<'proc_raise'>>;

export const sched_yield: Handler<'sched_yield'> = (caller) => caller.yield();
