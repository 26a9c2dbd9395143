// Limits as people write them, and as the kernel takes them.
import type { Standing } from '../kernel/account.ts';
import { type Limits, RESOURCES, type Resource } from '../kernel/limits.ts';
import { SuperosError } from './error.ts';
import { parseSize, parseTime } from './units.ts';

/** One bound; or two, the soft one at most the hard one. Infinity is no bound. */
export type Bound<T extends string | number> = T | { readonly soft: T; readonly hard: T };

/** Bounds of a process together with all that descend from it. Sizes are such as `64m`, times such as `2s`; a number is bytes or milliseconds. */
export interface LimitOptions {
  /** Linear memory. */
  readonly memory?: Bound<string | number>;
  /** Time by the clock on the wall. */
  readonly timeout?: string | number;
  /** CPU time: SIGXCPU at a soft bound, the end at the hard one. */
  readonly cpuTime?: Bound<string | number>;
  readonly processes?: Bound<number>;
  readonly threads?: Bound<number>;
  /** Open descriptors. */
  readonly fds?: Bound<number>;
  /** The buffers of pipes. */
  readonly pipes?: Bound<string | number>;
  /** Bytes written to standard output and error. Beyond it a process gets SIGXFSZ. */
  readonly output?: Bound<string | number>;
  /** Bytes written to files. Beyond it a process gets SIGXFSZ. */
  readonly written?: Bound<string | number>;
}

/** Those that were said. Throws SuperosError. */
export function parseLimits(options: LimitOptions): Partial<Limits> {
  const hard: Partial<Record<Resource, number>> = {};
  const soft: Partial<Record<Resource, number>> = {};
  const { memory, timeout, cpuTime, processes, threads, fds, pipes, output, written } = options;
  function bound<T extends string | number>(resource: Resource, given: Bound<T> | undefined, parse: (value: T) => number): void {
    if (given === undefined) return;
    const two = typeof given === 'object';
    hard[resource] = parse(two ? given.hard : given);
    if (!two) return;
    soft[resource] = parse(given.soft);
    if (soft[resource] > hard[resource]!)
      throw new SuperosError(
        'invalid-argument',
        `the soft limit is at most the hard one: ${given.soft} is more than ${given.hard}`,
      );
  }
  bound('memory', memory, size);
  bound('cpuNs', cpuTime, time);
  bound('processes', processes, count('processes'));
  bound('threads', threads, count('threads'));
  bound('fds', fds, count('descriptors'));
  bound('pipes', pipes, size);
  bound('output', output, size);
  bound('written', written, size);
  return {
    ...hard,
    ...(timeout === undefined ? {} : { timeoutNs: time(timeout) }),
    ...(Object.keys(soft).length === 0 ? {} : { soft }),
  };
}

/** One bound as a number: bytes, milliseconds, or a count. Throws SuperosError. */
export function parseLimit(name: string, written: string | number): number {
  const parse = ({ memory: size, pipes: size, output: size, written: size, timeout: time, cpuTime: time } as const)[name];
  if (parse === size) return size(written);
  if (parse === time) return time(written) / NS_PER_MS;
  return count(name)(typeof written === 'string' && /^\d+$/.test(written) ? Number(written) : (written as number));
}

/** What is said later replaces what was said of the same resource before, the soft bound too. */
export function mergeLimits(before: Partial<Limits>, after: Partial<Limits>): Partial<Limits> {
  const soft = { ...before.soft };
  for (const resource of RESOURCES) if (after[resource] !== undefined) delete soft[resource];
  return { ...before, ...after, soft: { ...soft, ...after.soft } };
}

/** The bounds of a process as `limits` takes them, and what it and all that descend from it use: bytes, counts, milliseconds. */
export interface ProcessLimits extends Readonly<Record<LimitName, Standing>> {
  readonly timeout: number | undefined;
}
export type LimitName = Exclude<Resource, 'cpuNs'> | 'cpuTime';

export function processLimits(
  { cpuNs, ...rest }: Readonly<Record<Resource, Standing>>,
  timeoutNs: number | undefined,
): ProcessLimits {
  const cpuTime = { soft: cpuNs.soft / 1e6, hard: cpuNs.hard / 1e6, used: cpuNs.used / 1e6, peak: cpuNs.peak / 1e6 };
  return { ...rest, cpuTime, timeout: timeoutNs === undefined ? undefined : timeoutNs / 1e6 };
}

export const limitName = (resource: Resource): LimitName => (resource === 'cpuNs' ? 'cpuTime' : resource);

const NS_PER_MS = 1e6;
const NONE = Number.POSITIVE_INFINITY;
const size = (given: string | number) => (given === NONE ? NONE : parseSize(given));
const time = (given: string | number) => (given === NONE ? NONE : parseTime(given, 'ms'));
const count = (what: string) => (given: number) => {
  if (given === NONE || (Number.isInteger(given) && given >= 0)) return given;
  throw new SuperosError('invalid-argument', `a number of ${what} is expected, not ${given}`);
};
