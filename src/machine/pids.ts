// How the kernels of a machine share the process numbers.
import type { PidShare } from '../kernel/pid.ts';

/** Threads for single processes at once. */
export const DEDICATED_MAX = 32;

/** What is left for kernel `number` of a machine with so many CPUs; the threads for single processes follow them. */
export const pidShare = (number: number, cpus: number): PidShare => ({ first: number, step: Math.max(1, cpus) + DEDICATED_MAX });
