// Clocks and randomness: only with the capability for them.
import { BLOCKED, type Caller, type Result } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import { CLOCKS } from '../table.ts';

// By number, not by name: a call takes little longer than reading the clock.
const REALTIME = CLOCKS.indexOf('realtime');
const MONOTONIC = CLOCKS.indexOf('monotonic');

const roundDown = (ns: number, stepNs: number): number => ns - (ns % stepNs);

export const clock_time_get: Handler<'clock_time_get'> = (caller, id, _precision, out) => {
  const { clock, memory } = caller;
  if (clock === undefined)
    return caller.lacks({ call: 'clock_time_get', grant: 'clock', facts: { clock: CLOCKS[id] ?? 'none' } });
  if (id === MONOTONIC) memory.setU64(out, clock.monotonicTime());
  else if (id === REALTIME) memory.setU64(out, clock.realtime());
  else if (id < CLOCKS.length) memory.setSize(out, roundDown(caller.cpuTime(), clock.monotonicStepNs));
  else return 'INVAL';
  return undefined;
};

export const clock_res_get: Handler<'clock_res_get'> = (caller, id, out) => {
  if (caller.clock === undefined) return caller.lacks({ call: 'clock_res_get', grant: 'clock', facts: { clock: id } });
  caller.memory.setSize(out, id === 'realtime' ? caller.clock.realtimeStepNs : caller.clock.monotonicStepNs);
  return undefined;
};

/** Bytes drawn between two looks at whether the process is still to go on. */
const RANDOM_PIECE = 1 << 20;

export const random_get: Handler<'random_get'> = (caller, at, length) => {
  if (caller.entropy === undefined) return caller.lacks({ call: 'random_get', grant: 'random', facts: { size: length } });
  return fill(caller, at, length);
};

function fill(caller: Caller, at: number, length: number): Result<'BADF'> {
  if (caller.entropy === undefined) return 'BADF';
  const piece = Math.min(length, RANDOM_PIECE);
  caller.entropy.fill(caller.memory.bytes, at, piece);
  if (length === piece) return undefined;
  caller.block([], undefined, () => fill(caller, at + piece, length - piece));
  return BLOCKED;
}
