// The CPU that a kernel runs on, as far as a kernel sees it: turns of the host's event loop, and alarms.

export interface Alarm {
  cancel(): void;
}

export interface Cpu {
  /** Runs `task` once the host has served what it has pending: timers, input, signals. */
  defer(task: () => void): void;
  /** Runs `task` after `delayNs` nanoseconds, never earlier. An alarm keeps the host's event loop alive. */
  after(delayNs: number, task: () => void): Alarm;
}
