// Children in the POSIX way, as programs import it from `host_process`: strings that end with NUL, descriptors by number, a
// status as wait(2) has it. Which program may be started, and which process signalled, is decided by capabilities.
import { PROCESS_RIGHT, type ProcessObject } from '../../caps/process.ts';
import { RIGHT } from '../../caps/rights.ts';
import type { Capability } from '../../caps/table.ts';
import { decodeUtf8 } from '../../hal/utf8.ts';
import type { Caller, Signal } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import { SIGNALS } from '../table.ts';

/** Linux numbers the signals from 16 on otherwise than WASI does: here 17 is CHLD, as in their libc. */
export const POSIX_SIGNALS: readonly (Signal | undefined)[] = SIGNALS.map((signal, number) =>
  signal === 'NONE' ? undefined : number < 16 ? signal : number === 16 ? undefined : SIGNALS[number - 1],
) as (Signal | undefined)[];

const INHERITED = 0xffff_ffff;
/** Numbers of standard streams: given to a child, they stay the parent's too. */
const STREAMS = 3;
const ANY = 0xffff_ffff;

/** Strings that each end with NUL; the last one need not. */
function strings(caller: Caller, at: number, length: number): string[] | undefined {
  const text = decodeUtf8(caller.memory.bytes, at, length);
  if (text === undefined) return undefined;
  const parts = text.split('\0');
  if (parts.at(-1) === '') parts.pop();
  return parts;
}

/**
 * A stream that is a pipe under a number above 2 is the child's alone afterwards: programs built for this interface do not close
 * it, and would wait for its end for ever.
 */
export const proc_spawn: Handler<'proc_spawn'> = (
  caller,
  argv,
  argvLength,
  envp,
  envpLength,
  stdin,
  stdout,
  stderr,
  cwdAt,
  cwdLength,
  out,
) => {
  const args = strings(caller, argv, argvLength);
  const environment = strings(caller, envp, envpLength);
  const cwd = decodeUtf8(caller.memory.bytes, cwdAt, cwdLength);
  if (args === undefined || environment === undefined || cwd === undefined) return 'ILSEQ';
  if (args.length === 0) return 'INVAL';
  const { slots } = caller.capabilities;
  const given: Capability[] = [];
  const slotsGiven = [stdin, stdout, stderr].map((slot, stream) => (slot === INHERITED ? stream : slot));
  for (const slot of slotsGiven) {
    const capability = slots[slot];
    if (capability === undefined) return 'BADF';
    if ((capability.rights & RIGHT.transfer) === 0) return 'NOTCAPABLE';
    given.push(capability);
  }
  const pid = caller.offspring.spawn({ args, environment, streams: given, cwd });
  if (typeof pid === 'string') return pid;
  for (const [i, slot] of slotsGiven.entries())
    if (slot >= STREAMS && given[i]?.object.kind === 'pipe') caller.capabilities.close(slot);
  caller.memory.setU32(out, pid);
  return undefined;
};

/** This interface has no way to say that no child has ended yet: the call waits, whatever its options. */
export const proc_waitpid: Handler<'proc_waitpid'> = (caller, pid, _options, out) => wait(caller, pid, out);

function wait(caller: Caller, pid: number, out: number): ReturnType<Handler<'proc_waitpid'>> {
  const found = caller.offspring.wait(pid === ANY ? undefined : pid);
  if (found === 'CHILD') return found;
  if ('waiting' in found) return caller.block(found.waiting, undefined, () => wait(caller, pid, out));
  const { code, signal } = found;
  // POSIX leaves the layout to each system; this one is that of all.
  caller.memory.setU32(out, code === null ? POSIX_SIGNALS.indexOf(signal) : (code & 0xff) << 8);
  return undefined;
}

/** A process reaches itself, and those that it holds a capability on. */
export const proc_kill: Handler<'proc_kill'> = (caller, pid, number) => {
  const mayBe = ({ object, rights }: Capability<ProcessObject>) => object.number === pid && (rights & PROCESS_RIGHT.signal) !== 0;
  const other = pid === caller.pid ? undefined : caller.capabilities.find<ProcessObject>('process', mayBe)?.object;
  if (pid !== caller.pid && other?.over !== false) return 'SRCH';
  if (number === 0) return undefined;
  const signal = POSIX_SIGNALS[number];
  if (signal === undefined) return 'INVAL';
  return (other === undefined ? caller.raise(signal) : other.signal(signal)) as ReturnType<Handler<'proc_kill'>>;
};
