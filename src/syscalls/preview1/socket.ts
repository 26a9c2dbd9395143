// Sockets. A descriptor that is no socket is NOTSOCK, whatever its rights.
import type { Capability } from '../../caps/capability.ts';
import { FDFLAG } from '../../caps/object.ts';
import { RIGHT, streamRights } from '../../caps/rights.ts';
import type { Handler } from '../dispatch.ts';
import { fd_read, fd_write } from './file.ts';

type SocketResult = ReturnType<Handler<'sock_recv'>>;

const isSocket = ({ object }: Capability) => object.type === 'socket-stream' || object.type === 'socket-dgram';

export const sock_accept: Handler<'sock_accept'> = (caller, fd, flags, out) => {
  if (!isSocket(fd)) return 'NOTSOCK';
  if ((fd.rights & RIGHT.accept) === 0) return 'NOTCAPABLE';
  if (caller.capabilities.room < 1) return 'MFILE';
  const accepted = fd.object.accept();
  if (accepted === 'AGAIN' && (fd.object.flags & FDFLAG.nonblock) === 0) {
    const ready = fd.object.ready('read');
    return caller.block(ready === undefined ? [] : [ready, fd.gone()], undefined, () =>
      caller.capabilities.holds(fd) ? sock_accept(caller, fd, flags, out) : 'BADF',
    );
  }
  if (typeof accepted === 'string') return accepted as ReturnType<Handler<'sock_accept'>>;
  accepted.flags = flags;
  caller.memory.setU32(out, caller.capabilities.insert(fd.open(accepted, streamRights(false) | RIGHT.shutdown, 0))!);
  return undefined;
};

export const sock_recv: Handler<'sock_recv'> = (caller, fd, list, flags, out, outFlags) => {
  if (!isSocket(fd)) return 'NOTSOCK';
  if ((fd.rights & RIGHT.read) === 0) return 'NOTCAPABLE';
  if (flags !== 0) return 'NOTSUP';
  caller.memory.setU16(outFlags, 0);
  return fd_read(caller, fd, list, out) as SocketResult;
};

export const sock_send: Handler<'sock_send'> = (caller, fd, list, _flags, out) => {
  if (!isSocket(fd)) return 'NOTSOCK';
  if ((fd.rights & RIGHT.write) === 0) return 'NOTCAPABLE';
  return fd_write(caller, fd, list, out) as SocketResult;
};

export const sock_shutdown: Handler<'sock_shutdown'> = (_caller, fd, how) => {
  if (!isSocket(fd)) return 'NOTSOCK';
  if ((fd.rights & RIGHT.shutdown) === 0) return 'NOTCAPABLE';
  if (how === 0) return 'INVAL';
  return fd.object.shutdown((how & 1) !== 0, (how & 2) !== 0) as ReturnType<Handler<'sock_shutdown'>>;
};
