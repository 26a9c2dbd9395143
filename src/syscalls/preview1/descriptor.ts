// Descriptors themselves: status, rights, closing, moving, preopened names, listing a directory.
import { WASI_RIGHTS } from '../../caps/rights.ts';
import type { Entry } from '../../hal/disk.ts';
import { encodeUtf8 } from '../../hal/utf8.ts';
import type { Handler } from '../dispatch.ts';
import { filetype } from './stat.ts';

/** 24 bytes: filetype u8, flags u16 at 2, rights u64 at 8 and 16. Rights above bit 29 are not WASI's. */
export const fd_fdstat_get: Handler<'fd_fdstat_get'> = ({ memory }, { object, rights, inheriting }, out) => {
  memory.setU32(out, filetype(object.type) | (object.flags << 16));
  memory.setU32(out + 4, 0);
  memory.setU32(out + 8, rights & WASI_RIGHTS);
  memory.setU32(out + 12, 0);
  memory.setU32(out + 16, inheriting & WASI_RIGHTS);
  memory.setU32(out + 20, 0);
  return undefined;
};

export const fd_fdstat_set_flags: Handler<'fd_fdstat_set_flags'> = (_caller, { object }, flags) =>
  object.setFlags(flags) as ReturnType<Handler<'fd_fdstat_set_flags'>>;

export const fd_fdstat_set_rights: Handler<'fd_fdstat_set_rights'> = (caller, fd, rights, inheriting) =>
  // What WASI has no name for stays as it is.
  fd.narrow(rights | (fd.rights & ~WASI_RIGHTS), inheriting | (fd.inheriting & ~WASI_RIGHTS))
    ? undefined
    : caller.lacks({ call: 'fd_fdstat_set_rights', by: fd, rights: (rights & ~fd.rights) | (inheriting & ~fd.inheriting) });

export const fd_close: Handler<'fd_close'> = (caller, slot) => (caller.capabilities.close(slot) ? undefined : 'BADF');
export const fd_renumber: Handler<'fd_renumber'> = (caller, from, to) =>
  caller.capabilities.renumber(from, to) ? undefined : 'BADF';

/** 8 bytes: tag u8, 0 for a directory; length of its name u32 at 4. */
export const fd_prestat_get: Handler<'fd_prestat_get'> = ({ memory }, { preopen }, out) => {
  if (preopen === undefined) return 'BADF';
  memory.setU32(out, 0);
  memory.setU32(out + 4, encodeUtf8(preopen).length);
  return undefined;
};

export const fd_prestat_dir_name: Handler<'fd_prestat_dir_name'> = ({ memory }, { preopen }, at, length) => {
  if (preopen === undefined) return 'BADF';
  const name = encodeUtf8(preopen);
  if (length < name.length) return 'NAMETOOLONG';
  memory.bytes.set(name, at);
  return undefined;
};

/**
 * Entries from `cookie` on, as many bytes as fit, the last one cut where the buffer ends: then the guest comes back with a
 * larger one. Each is 24 bytes (next cookie u64, inode u64, length of the name u32, filetype u8) and the name.
 */
export const fd_readdir: Handler<'fd_readdir'> = (caller, { object }, at, length, cookie, out) => {
  const entries = object.entries(cookie === 0);
  if (typeof entries === 'string') return entries as ReturnType<Handler<'fd_readdir'>>;
  caller.capabilities.keepListing(object, entries.length);
  let used = 0;
  for (let i = cookie; i < entries.length && used < length; i++) {
    const record = encodeEntry(entries[i]!, i + 1);
    const part = record.subarray(0, length - used);
    caller.memory.bytes.set(part, at + used);
    used += part.length;
  }
  caller.memory.setU32(out, used);
  return undefined;
};

function encodeEntry(entry: Entry, next: number): Uint8Array {
  const name = encodeUtf8(entry.name);
  const record = new Uint8Array(24 + name.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(next), true);
  view.setBigUint64(8, entry.inode, true);
  view.setUint32(16, name.length, true);
  view.setUint8(20, filetype(entry.type));
  record.set(name, 24);
  return record;
}
