// Children in the POSIX way, as programs import it from `host_process`: strings that end with NUL, descriptors by number, a
// status as wait(2) has it. Which program may be started, and which process signalled, is decided by capabilities.
import { PATH_MAX } from '../../caps/path.ts';
import type { Facts } from '../../caps/policy/policy.ts';
import { PROCESS_RIGHT, type ProcessObject } from '../../caps/process.ts';
import { RIGHT } from '../../caps/rights.ts';
import type { Capability } from '../../caps/table.ts';
import { decodeUtf8 } from '../../hal/utf8.ts';
import { ARGUMENT_BYTES_MAX, type Caller, type ChildRequest, type Place, type Signal } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import { SIGNALS } from '../table.ts';

/** Linux numbers the signals from 16 on otherwise than WASI does: here 17 is CHLD, as in their libc. */
export const POSIX_SIGNALS: readonly (Signal | undefined)[] = SIGNALS.map((signal, number) =>
  signal === 'NONE' ? undefined : number < 16 ? signal : number === 16 ? undefined : SIGNALS[number - 1],
) as (Signal | undefined)[];

/** What it is about to start a child in a directory: that is opened to read. */
export const entering = ({ path, through }: Place): Facts => ({ paths: [path], kind: through.object.kind, access: 'read' });

const INHERITED = 0xffff_ffff;
/** Numbers of standard streams: given to a child, they stay the parent's too. */
const STREAMS = 3;
const ANY = 0xffff_ffff;

/** Arguments and variables together: each takes more of the kernel than its bytes. */
const STRINGS_MAX = 65_536;

/** How many strings there are, each with its NUL; the last one need not have it. */
function count(bytes: Uint8Array, at: number, length: number): number {
  let strings = length === 0 || bytes[at + length - 1] === 0 ? 0 : 1;
  for (let i = at; i < at + length; i++) if (bytes[i] === 0) strings++;
  return strings;
}

function strings(caller: Caller, at: number, length: number): string[] | undefined {
  const text = decodeUtf8(caller.memory.bytes, at, length);
  if (text === undefined) return undefined;
  const parts = text.split('\0');
  if (parts.at(-1) === '') parts.pop();
  return parts;
}

/**
 * A stream that is a pipe under a number above 2 is the child's alone afterwards: programs built for this interface do not close
 * it, and would wait for its end for ever. Nothing is copied of what is too long, or for a program that may not be started. A
 * working directory is one that is opened for the child: a policy says of it what it says of `path_open`.
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
  const { memory, capabilities, offspring } = caller;
  if (argvLength + envpLength > ARGUMENT_BYTES_MAX) return '2BIG';
  if (count(memory.bytes, argv, argvLength) + count(memory.bytes, envp, envpLength) > STRINGS_MAX) return '2BIG';
  if (cwdLength > PATH_MAX) return 'NAMETOOLONG';
  const args = strings(caller, argv, argvLength);
  if (args === undefined) return 'ILSEQ';
  if (args.length === 0) return 'INVAL';
  const program = offspring.program(args[0]!);
  if (program === undefined) return caller.lacks({ call: 'proc_spawn', grant: `program:${args[0]}` });
  const environment = strings(caller, envp, envpLength);
  const path = decodeUtf8(memory.bytes, cwdAt, cwdLength);
  if (environment === undefined || path === undefined) return 'ILSEQ';
  const slotsGiven = [stdin, stdout, stderr].map((slot, stream) => (slot === INHERITED ? stream : slot));
  const cwd = offspring.place(path);
  if (typeof cwd === 'string') return cwd;
  const start = () => spawn(caller, { program, args, environment, cwd }, slotsGiven, out);
  if (cwd === undefined) return start();
  // A policy may take its time: what is used may be gone by then.
  const goOn = () => (capabilities.holds(program) && capabilities.holds(cwd.through) ? start() : 'BADF');
  return caller.review('path_open', entering(cwd), goOn) as ReturnType<Handler<'proc_spawn'>>;
};

function spawn(
  caller: Caller,
  request: Omit<ChildRequest, 'streams'>,
  slotsGiven: readonly number[],
  out: number,
): ReturnType<Handler<'proc_spawn'>> {
  const { memory, capabilities, offspring } = caller;
  const streams: Capability[] = [];
  for (const slot of slotsGiven) {
    const capability = capabilities.slots[slot];
    if (capability === undefined) return 'BADF';
    if ((capability.rights & RIGHT.transfer) === 0)
      return caller.lacks({ call: 'proc_spawn', by: capability, rights: RIGHT.transfer });
    streams.push(capability);
  }
  const pid = offspring.spawn({ ...request, streams });
  if (typeof pid === 'string') return pid;
  for (const [i, slot] of slotsGiven.entries())
    if (slot >= STREAMS && streams[i]?.object.kind === 'pipe') capabilities.close(slot);
  memory.setU32(out, pid);
  return undefined;
}

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
