// What programs built with agentOS's patched standard libraries import for POSIX's sake: modes of files, terminals, pipes,
// process numbers; children are in child.ts. Authority is that of the process's capabilities, as everywhere.
import type { Capability } from '../../caps/capability.ts';
import { type ClockObject, clockOf, nextStep } from '../../caps/clock.ts';
import { RIGHT } from '../../caps/rights.ts';
import type { FileStat } from '../../hal/disk.ts';
import type { Caller, Result } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import { factsOf, tell } from '../facts.ts';

/** The file types of st_mode (POSIX <sys/stat.h>), as Linux numbers them. */
const TYPE_BITS: Readonly<Record<FileStat['type'], number>> = {
  unknown: 0o010000,
  'block-device': 0o060000,
  'character-device': 0o020000,
  directory: 0o040000,
  'regular-file': 0o100000,
  'socket-dgram': 0o140000,
  'socket-stream': 0o140000,
  'symbolic-link': 0o120000,
};
const TYPE_MASK = 0o170000;
const mode = (stat: FileStat) => TYPE_BITS[stat.type] | stat.mode;

export const isatty: Handler<'isatty'> = (caller, slot, out) => {
  const capability = caller.capabilities.slots[slot];
  if (capability === undefined) return 'BADF';
  caller.memory.setU32(out, capability.object.type === 'character-device' ? 1 : 0);
  return undefined;
};

export const getpwuid: Handler<'getpwuid'> = () => 'NOENT';

export const fd_mode: Handler<'fd_mode'> = (caller, slot) => {
  const capability = caller.capabilities.slots[slot];
  if (capability === undefined || (capability.rights & RIGHT.stat) === 0) return 0;
  const stat = capability.object.stat();
  return typeof stat === 'string' ? 0 : mode(stat);
};

export const path_mode: Handler<'path_mode'> = (caller, path, follow) => {
  const found = caller.resolve(path);
  if (found === undefined || (found.capability.rights & RIGHT.pathStat) === 0) return 0;
  const stat = found.directory.stat(found.rest, follow !== 0);
  return typeof stat === 'string' ? 0 : mode(stat);
};

export const chmod: Handler<'chmod'> = (caller, path, bits) => {
  const found = caller.resolve(path);
  if (found === undefined || (found.capability.rights & RIGHT.pathSetTimes) === 0) {
    const facts = tell(caller, factsOf('chmod'), [path]);
    return caller.lacks({ call: 'chmod', facts, ...(found && { by: found.capability, rights: RIGHT.pathSetTimes }) });
  }
  // A mode taken from a link: a link's permissions never change, and what it points to is not meant.
  if ((bits & TYPE_MASK) === TYPE_BITS['symbolic-link']) return undefined;
  return found.directory.setMode(found.rest, true, bits & 0o777) as ReturnType<Handler<'chmod'>>;
};

export const fd_pipe: Handler<'fd_pipe'> = (caller, readOut, writeOut) => {
  if (caller.capabilities.room < 2) return 'MFILE';
  const pipe = caller.pipe();
  if (pipe === 'NFILE') return pipe;
  const [reader, writer] = pipe;
  caller.memory.setU32(readOut, caller.capabilities.insert(reader)!);
  caller.memory.setU32(writeOut, caller.capabilities.insert(writer)!);
  return undefined;
};

export const fd_dup: Handler<'fd_dup'> = (caller, fd, out) => {
  if (caller.capabilities.room < 1) return 'MFILE';
  caller.memory.setU32(out, caller.capabilities.insert(fd.derive(fd.rights, fd.inheriting))!);
  return undefined;
};

export const proc_getpid: Handler<'proc_getpid'> = (caller, out) => {
  caller.memory.setU32(out, caller.pid);
  return undefined;
};

export const sleep_ms: Handler<'sleep_ms'> = (caller: Caller, milliseconds) => {
  const capability = clockOf(caller.capabilities);
  if (capability === undefined) return caller.lacks({ call: 'sleep_ms', grant: 'clock' });
  const { clock } = capability.object;
  return sleep(caller, capability, nextStep(clock, clock.monotonic() + milliseconds * 1e6));
};

function sleep(caller: Caller, capability: Capability<ClockObject>, deadlineNs: number): Result<'BADF'> {
  return caller.block([capability.gone()], deadlineNs, () => {
    if (!caller.capabilities.holds(capability)) return 'BADF';
    return capability.object.clock.monotonic() < deadlineNs ? sleep(caller, capability, deadlineNs) : undefined;
  });
}
