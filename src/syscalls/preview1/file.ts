// Reading and writing through descriptors, and what an open file is asked or told.
import type { Capability } from '../../caps/capability.ts';
import { type Description, FDFLAG } from '../../caps/object.ts';
import type { NewTime } from '../../hal/disk.ts';
import type { Caller, Result } from '../caller.ts';
import type { Handler } from '../dispatch.ts';
import type { Iovecs } from '../iovecs.ts';
import { writeStat } from './stat.ts';

type FileResult = ReturnType<Handler<'fd_pread'>>;
type StreamResult = ReturnType<Handler<'fd_read'>>;
type Move = 'read' | 'write';

/** Bytes that one call moves at most: it is soon over, and the process can be ended. POSIX lets any transfer be cut short. */
const PIECE = 1 << 24;

/** One element of the list, at the object's position or at `offset`. */
function moveOne(
  caller: Caller,
  object: Description,
  move: Move,
  at: number,
  length: number,
  offset: number | undefined,
): number | Exclude<Result, undefined> {
  const { bytes } = caller.memory;
  if (offset === undefined) return move === 'read' ? object.read(bytes, at, length) : object.write(bytes, at, length);
  return move === 'read' ? object.pread(bytes, at, length, offset) : object.pwrite(bytes, at, length, offset);
}

/** Moves up to `most` bytes for each element of the list until one is cut short. An error counts only where nothing was moved before it. */
function moveAll(
  caller: Caller,
  object: Description,
  move: Move,
  list: Iovecs,
  offset: number | undefined,
  most: number,
): number | Exclude<Result, undefined> {
  let done = 0;
  for (let i = 0; i < list.count; i++) {
    const length = list.length(i);
    if (length === 0) continue;
    const piece = Math.min(length, most - done);
    const moved = moveOne(caller, object, move, list.address(i), piece, offset === undefined ? undefined : offset + done);
    if (typeof moved !== 'number') return done > 0 ? done : moved;
    done += moved;
    if (moved < length) break;
  }
  return done;
}

/** Goes on with what a call that moved `done` is to answer. */
function settle(
  caller: Caller,
  fd: Capability,
  move: Move,
  list: Iovecs,
  out: number,
  offset: number | undefined,
  done: number | Exclude<Result, undefined>,
): StreamResult {
  const { object } = fd;
  if (done === 'AGAIN' && (object.flags & FDFLAG.nonblock) === 0) {
    const kept = list === caller.iovecs ? list.copy() : list;
    const ready = object.ready(move);
    return caller.block(ready === undefined ? [] : [ready, fd.gone()], undefined, () =>
      caller.capabilities.holds(fd) ? transfer(caller, fd, move, kept, out, offset) : 'BADF',
    );
  }
  if (typeof done !== 'number') return done as StreamResult;
  if (move === 'read') caller.bytesRead += done;
  else wrote(caller, object, done);
  caller.memory.setU32(out, done);
  return undefined;
}

/** Bytes that a call may write at most. */
const writable = (caller: Caller, { counted }: Description) =>
  counted === undefined ? PIECE : Math.min(PIECE, caller.account.writable(counted));

function wrote(caller: Caller, { counted }: Description, bytes: number): void {
  caller.bytesWritten += bytes;
  if (counted !== undefined) caller.account.wrote(counted, bytes);
}

function transfer(caller: Caller, fd: Capability, move: Move, list: Iovecs, out: number, offset?: number): StreamResult {
  const { object } = fd;
  const most = move === 'read' ? PIECE : writable(caller, object);
  if (most === 0 && list.bytes > 0) return caller.overflow(object.counted!);
  return settle(caller, fd, move, list, out, offset, moveAll(caller, object, move, list, offset, most));
}

export const fd_read: Handler<'fd_read'> = (caller, fd, list, out) => transfer(caller, fd, 'read', list, out);
export const fd_write: Handler<'fd_write'> = (caller, fd, list, out) => {
  const { object } = fd;
  // What nearly all calls are: few steps, so that V8 makes one piece of code of them and of what they call.
  if (list.count !== 1 || list.bytes > PIECE || !caller.account.boundless) return transfer(caller, fd, 'write', list, out);
  const done = object.write(caller.memory.bytes, list.address(0), list.bytes);
  if (typeof done !== 'number') return settle(caller, fd, 'write', list, out, undefined, done);
  wrote(caller, object, done);
  caller.memory.setU32(out, done);
  return undefined;
};
export const fd_pread: Handler<'fd_pread'> = (caller, fd, list, offset, out) =>
  offset > Number.MAX_SAFE_INTEGER ? 'INVAL' : (transfer(caller, fd, 'read', list, out, offset) as FileResult);
export const fd_pwrite: Handler<'fd_pwrite'> = (caller, fd, list, offset, out) =>
  offset > Number.MAX_SAFE_INTEGER ? 'FBIG' : (transfer(caller, fd, 'write', list, out, offset) as FileResult);

export const fd_seek: Handler<'fd_seek'> = (caller, { object }, offset, whence, out) => {
  const position = object.seek(offset, whence);
  if (typeof position !== 'number') return position as ReturnType<Handler<'fd_seek'>>;
  caller.memory.setSize(out, position);
  return undefined;
};
export const fd_tell: Handler<'fd_tell'> = (caller, fd, out) => fd_seek(caller, fd, 0, 'cur', out);

export const fd_filestat_get: Handler<'fd_filestat_get'> = (caller, { object }, out) => {
  const stat = object.stat();
  if (typeof stat === 'string') return stat as FileResult;
  writeStat(caller.memory, out, stat);
  return undefined;
};
export const fd_filestat_set_size: Handler<'fd_filestat_set_size'> = (_caller, { object }, bytes) =>
  bytes > Number.MAX_SAFE_INTEGER ? 'FBIG' : (object.setSize(bytes) as FileResult);
export const fd_filestat_set_times: Handler<'fd_filestat_set_times'> = (_caller, { object }, accessed, modified, flags) => {
  const times = newTimes(accessed, modified, flags);
  return times === 'INVAL' ? 'INVAL' : (object.setTimes(...times) as FileResult);
};
/** What is allocated counts as written, since it takes the disk's room as well. */
export const fd_allocate: Handler<'fd_allocate'> = (caller, { object }, offset, length) => {
  if (length === 0) return 'INVAL';
  if (offset + length > Number.MAX_SAFE_INTEGER) return 'FBIG';
  const { counted } = object;
  if (counted !== undefined && length > caller.account.writable(counted)) return caller.overflow(counted);
  const failed = object.allocate(offset, length) as FileResult;
  if (failed === undefined && counted !== undefined) caller.account.wrote(counted, length);
  return failed;
};
export const fd_advise: Handler<'fd_advise'> = (_caller, { object }, offset, length, advice) =>
  offset + length > Number.MAX_SAFE_INTEGER ? 'INVAL' : (object.advise(offset, length, advice) as FileResult);
export const fd_sync: Handler<'fd_sync'> = (_caller, { object }) => object.sync(false) as FileResult;
export const fd_datasync: Handler<'fd_datasync'> = (_caller, { object }) => object.sync(true) as FileResult;

/** WASI `fstflags`: each time is given, or now, or left; asking for both is INVAL. */
export function newTimes(accessed: bigint, modified: bigint, flags: number): [NewTime, NewTime] | 'INVAL' {
  if ((flags & 3) === 3 || (flags & 12) === 12) return 'INVAL';
  return [flags & 1 ? accessed : flags & 2 ? 'now' : 'keep', flags & 4 ? modified : flags & 8 ? 'now' : 'keep'];
}
